"""Group commit: writes that come while another is being committed share the next transaction.

The disk decides how many commits there are in a second (a few hundred), not how much stands in one. So
what waits for a commit is gathered: one transaction, one lock of each stream's head, one flush to the
disk, one wake-up of the readers. Whoever waits is answered after that commit and never before; where it
fails, everybody in it is told so, and nothing of it is there. One work that is refused takes none of the
others with it.

Works are done in the order of their keys, and of one key in the order in which they came: two processes
that lock the rows behind the keys cannot wait for each other in a circle. A work must not flush the record
itself. No time is waited for company: a lone work is committed at once.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from archive.errors import Kind, Refusal
from archive.journal.entry import Entry
from archive.office import Office, Tx

BATCH_MAX = 200
WAITING_MAX = 2000
STOP_SECONDS_MAX = 10
_log = logging.getLogger("bigloop.record")

T = TypeVar("T")


@dataclass(frozen=True)
class Written(Generic[T]):
    """What a work gave, and the entries that it put on the record, in order."""

    value: T
    entries: tuple[Entry, ...]


@dataclass(frozen=True, eq=False)
class _Waiting:
    key: str
    work: Callable[[Tx], Any]
    answer: Future[Written[Any]] = field(default_factory=Future)


class GroupCommit:
    """The writer of one process. A thread runs while something waits, and only then."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._thread: threading.Thread | None = None

    def write(self, key: str, work: Callable[[Tx], T]) -> Future[Written[T]]:
        """Do `work` in the next transaction; the future is settled after its commit, or with what the
        work refused. Refuses UNAVAILABLE where too many wait."""
        waiting = _Waiting(key, work)
        with self._lock:
            if len(self._waiting) >= WAITING_MAX:
                raise Refusal("api.record.full", {"waiting_max": WAITING_MAX}, Kind.UNAVAILABLE)
            self._waiting.append(waiting)
            if self._thread is None:
                name = "bigloop-group-commit"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()
        return waiting.answer

    def close(self) -> None:
        """Returns when everybody was answered."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(STOP_SECONDS_MAX)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                count = min(BATCH_MAX, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(count)]
            self._commit(
                sorted(
                    (each for each in batch if each.answer.set_running_or_notify_cancel()),
                    key=lambda each: each.key,
                )
            )

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        done: list[tuple[_Waiting, Any, int]] = []
        failed: list[tuple[_Waiting, Exception]] = []
        try:
            with self._office.write() as tx:
                for each in batch:
                    try:
                        with tx.part() as part:
                            value = each.work(tx)
                        done.append((each, value, part.recorded))
                    except Exception as error:
                        failed.append((each, error))
                entries = iter(tx.flush_record())
                answers = [
                    (each, Written(value, tuple(next(entries) for _ in range(count))))
                    for each, value, count in done
                ]
        except (TypeError, ValueError) as error:
            # An entry that has no form, which shows only when all are written: whose it is shows when each is alone.
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
            else:
                for each in batch:
                    self._commit([each])
            return
        except Exception:
            _log.exception("a commit of %d writes failed", len(batch))
            for each in batch:
                # Each his own: an exception raised in several places collects all their tracebacks.
                each.answer.set_exception(Refusal("api.record.failed", {}, Kind.UNAVAILABLE))
            return
        for each, written in answers:
            each.answer.set_result(written)
        for each, cause in failed:
            each.answer.set_exception(cause)
