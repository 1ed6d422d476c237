"""The hands of the installation: takes due tasks, and anchors the journal at every tick.

Runs as a thread of `bigloop serve` or as `bigloop worker`, in any number on any number of hosts:
tasks are leased by `archive.tasks`, and an anchor that another process just made leaves nothing to
do for ours. Ticks are real time; when tasks are due is legal time.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.exc import IntegrityError

from archive.journal import service as journal
from archive.office import Office
from archive.tasks.service import Handler, Worker

TASKS_BETWEEN_ANCHORS_MAX = 100
"""So many tasks are done in a row before the clock is looked at again."""
STOP_SECONDS_MAX = 10
_log = logging.getLogger("bigloop.worker")


def worker_name() -> str:
    """Names this process among all workers."""
    return f"{socket.gethostname()}:{os.getpid()}"


def anchor_once(office: Office) -> bool:
    """One tick; whether we anchored anything. Of two processes that tick at once, one does."""
    try:
        with office.write() as tx:
            return journal.anchor(tx.db, tx.log, tx.now) is not None
    except IntegrityError:
        return False


@dataclass
class Hands:
    """Works until told to stop. A failure outside a task (a lost database) is logged and tried
    again after the next poll."""

    office: Office
    handlers: Mapping[str, Handler]
    poll_seconds: int
    anchor_seconds: int
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `stop`."""
        worker = Worker(self.office, self.handlers, worker_name())
        monotonic = self.office.clock.monotonic
        anchored_at = monotonic()
        while not self._stop.is_set():
            try:
                busy = self._work(worker)
                if monotonic() - anchored_at >= self.anchor_seconds:
                    anchored_at = monotonic()
                    anchor_once(self.office)
            except Exception:
                _log.exception("the worker failed; it tries again")
                busy = False
            if not busy:
                self._stop.wait(self.poll_seconds)

    def _work(self, worker: Worker) -> bool:
        for _ in range(TASKS_BETWEEN_ANCHORS_MAX):
            if self._stop.is_set() or not worker.run_one():
                return False
        return True

    def stop(self) -> None:
        """Let `run` end after the task in hand; may be called from a signal handler."""
        self._stop.set()


@contextmanager
def in_a_thread(hands: Hands) -> Iterator[None]:
    """Work in a thread while the block runs."""
    thread = threading.Thread(target=hands.run, name="bigloop-worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        hands.stop()
        thread.join(STOP_SECONDS_MAX)
