"""The lodging desk (投递窗口): what arrives within one tick becomes one padded batch.

A batch of one would tell when somebody lodged. So the desk keeps what arrives in memory, writes it
together at the end of the tick (ends of ticks are the same for all processes of a machine), and
answers everybody afterwards: a receipt means that the cell is committed, and a process that dies
before the commit has acknowledged nothing. Which lot a cell is for is known here, in memory,
until its deadline was looked at again with the legal time of the batch; it is neither stored nor
logged (docs/decisions/0003). Every process has a desk of its own.

Not here: who may lodge, and what a cell is; the route has judged both.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from archive.errors import Kind, Refusal
from archive.office import Office
from trading.lodging import service as lodging

STOP_SECONDS_MAX = 10
_log = logging.getLogger("bigloop.lodging")


@dataclass(frozen=True)
class Receipt:
    """What a sender is told: the moment of his batch, and a signed note over his cell's digest."""

    tick: datetime
    note: str


@dataclass(frozen=True, eq=False)
class _Waiting:
    lot_id: str
    cell: bytes
    answer: Future[Receipt] = field(default_factory=Future)


class LodgingDesk:
    """`tick_seconds` is real time; 0 writes at once what is there. At most `waiting_max` cells wait
    for a batch. A thread runs while something waits, and only then."""

    def __init__(self, office: Office, tick_seconds: float, waiting_max: int) -> None:
        self._office = office
        self._tick_seconds = tick_seconds
        self._waiting_max = waiting_max
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()

    def take(self, lot_id: str, cell: bytes) -> Future[Receipt]:
        """Take a cell; the future is settled after the commit of its batch, or with the Refusal.

        Refuses UNAVAILABLE where too many wait. Who cancels the future in time lodges nothing.
        """
        waiting = _Waiting(lot_id, cell)
        with self._lock:
            if len(self._waiting) >= self._waiting_max:
                raise Refusal(
                    "api.lodging.full", {"waiting_max": self._waiting_max}, Kind.UNAVAILABLE
                )
            self._waiting.append(waiting)
            if self._thread is None:
                name = "bigloop-lodging"
                self._thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._thread.start()
        return waiting.answer

    def hurry(self) -> None:
        """From now on end no tick late: the server is about to stop, and people wait."""
        self._hurry.set()

    def close(self) -> None:
        """Write what waits; returns when everybody was answered."""
        self.hurry()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(STOP_SECONDS_MAX)
        self._hurry.clear()

    def _work(self) -> None:
        while True:
            self._hurry.wait(self._until_tick())
            with self._lock:
                batch, self._waiting = self._waiting, []
            self._write([each for each in batch if each.answer.set_running_or_notify_cancel()])
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return

    def _until_tick(self) -> float:
        if not self._tick_seconds:
            return 0.0
        return self._tick_seconds - self._office.clock.monotonic() % self._tick_seconds

    def _write(self, batch: Sequence[_Waiting]) -> None:
        """One transaction, then the answers. The answers are made before the commit, because
        nothing may fail between it and them."""
        if not batch:
            return
        answers: list[Callable[[], None]] = []
        try:
            with self._office.write() as tx:
                lodging.begin(tx)
                shut = _shut_lots(tx.db, tx.now, {each.lot_id for each in batch})
                taken = [each for each in batch if each.lot_id not in shut]
                if taken:
                    lodged = lodging.lodge(tx, [each.cell for each in taken])
                    for each, note in zip(taken, lodged.receipts, strict=True):
                        answers.append(_settled(each, Receipt(lodged.tick, note)))
                for each in batch:
                    if each.lot_id in shut:
                        answers.append(_refused(each, shut[each.lot_id]))
        except Refusal as refusal:
            answers = [_refused(each, refusal) for each in batch]
        except Exception:
            _log.exception("a batch of %d lodgings failed", len(batch))
            failed = Refusal("api.lodging.failed", {}, Kind.UNAVAILABLE)
            answers = [_refused(each, failed) for each in batch]
        for answer in answers:
            answer()


def _shut_lots(db: Session, now: datetime, lot_ids: set[str]) -> dict[str, Refusal]:
    """The lots for which nothing may be lodged at `now`, and why."""
    found: dict[str, Refusal] = {}
    for lot_id in sorted(lot_ids):
        try:
            lodging.check_lodging_open(db, now, lot_id)
        except Refusal as refusal:
            found[lot_id] = refusal
    return found


def _settled(waiting: _Waiting, receipt: Receipt) -> Callable[[], None]:
    return lambda: waiting.answer.set_result(receipt)


def _refused(waiting: _Waiting, refusal: Refusal) -> Callable[[], None]:
    # Each his own: an exception that is raised in several places collects all their tracebacks.
    own = Refusal(
        refusal.code, refusal.params, refusal.kind, rule=refusal.rule, faults=refusal.faults
    )
    return lambda: waiting.answer.set_exception(own)
