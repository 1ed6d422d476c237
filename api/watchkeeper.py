"""The keeper of the watch: a thread that looks at every session each second, under fenced leases.

Any number of processes may run one; each session is kept by one of them at a time. One that is killed
is followed by another when its lease ends. Real time (the host's clock) is for the leases; what is due is
judged by legal time. A step of the host's clock against the monotonic one is recorded.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.outside_witness import Asker
from api.outsiders import Outside, outsiders_of
from api.settings import Settings
from api.worker import worker_name
from archive.clock import Clock, SystemClock
from archive.errors import Refusal
from archive.office import Office
from evaluation.witness.keeping import service as keeping
from evaluation.witness.outside import service as outside
from evaluation.witness.watch import Watch

ROUND_SECONDS = 1.0
DEMO_HOLDER = "demo"
STEP_MIN = timedelta(seconds=2)
UNKEPT_MIN = timedelta(seconds=10)
"""A lease that nobody held for so long is recorded; a takeover at once is nothing to tell."""
OUTSIDE_SECONDS = 60.0
OVER_MAX = timedelta(days=30)
"""For so long after a session outside witnesses that were away are asked to cosign its last checkpoint."""
OVER_AT_ONCE = 20
STOP_SECONDS_MAX = 10
_log = logging.getLogger("bigloop.watch")


@dataclass
class Keeper:
    """`holder` names this process among all; `host` is real time."""

    office: Office
    holder: str
    outsiders: tuple[Outside, ...] = ()
    host: Clock = field(default_factory=SystemClock)
    _watches: dict[str, Watch] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)
    _askers: list[Asker] = field(default_factory=list)
    _before: tuple[datetime, float] | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._askers = [Asker(self.office, one) for one in self.outsiders]

    def run(self) -> None:
        """Until `stop`. A lost database is logged, and tried again in the next round."""
        while not self._stop.wait(ROUND_SECONDS):
            try:
                self.round()
            except Exception:
                _log.exception("a round of the watch failed; it goes on")

    def stop(self) -> None:
        self._stop.set()

    def round(self) -> int:
        """Look at every session once; how many are kept here."""
        step = self._step()
        real_now = self.host.now()
        with self.office.read() as db:
            wanted = keeping.sessions_to_keep(db, self.holder, real_now)
        for session_id in set(self._watches) - set(wanted):
            del self._watches[session_id]
        for session_id in wanted:
            if self._stop.is_set():
                break
            self._keep(session_id, step)
        self._ask_outside_of_those_over()
        return len(self._watches)

    def _keep(self, session_id: str, step: timedelta) -> None:
        watch = self._watches.get(session_id)
        try:
            if watch is None:
                with self.office.read() as db:
                    watch = keeping.begin(db, session_id)
            with self.office.write() as tx:
                real_now = self.host.now()
                lease = keeping.take(tx, session_id, self.holder, real_now)
                if lease is None:
                    self._watches.pop(session_id, None)
                    return
                if step:
                    keeping.report_step(tx, lease, watch.host, step, real_now)
                elif lease.lapsed >= UNKEPT_MIN and self.holder != DEMO_HOLDER:
                    # In a demonstration others prolong it in legal time.
                    keeping.report_unkept(tx, lease, watch.host, real_now)
                keeping.keep(tx, lease, watch, real_now)
            self._watches[session_id] = watch
        except Refusal as refusal:
            # The lease was lost between two steps: another keeps this session now.
            _log.info("watch of %s: %s", session_id, refusal.code)
            self._watches.pop(session_id, None)
            return
        self._ask_outside(session_id)

    def _ask_outside(self, session_id: str) -> None:
        if self._is_minute_over(session_id):
            for asker in self._askers:
                asker.wish(session_id)

    def _ask_outside_of_those_over(self) -> None:
        """A session that is over is kept by nobody: each process has its last checkpoint cosigned where it is not.
        Asked twice, a witness gives a second line, and the first is kept."""
        if not self._askers or not self._is_minute_over(""):
            return
        # A demonstration's leases are in legal time, too.
        now, legal = self.host.now(), self.office.clock.now()
        since, until = min(now, legal) - OVER_MAX, max(now, legal)
        for asker in self._askers:
            with self.office.read() as db:
                behind = outside.not_to_the_end(db, asker.name, since, until)
            # Not all at once: those of this night wait behind them.
            for session_id in random.sample(behind, min(len(behind), OVER_AT_ONCE)):
                asker.wish(session_id)

    def wait_for_outsiders(self, seconds: float) -> None:
        """Returns when all of them were asked, or each after so long."""
        for asker in self._askers:
            asker.wait(seconds)

    def _is_minute_over(self, what: str) -> bool:
        now = self.host.monotonic()
        is_over = now - self._asked.get(what, -OUTSIDE_SECONDS) >= OUTSIDE_SECONDS
        if is_over:
            self._asked[what] = now
        return is_over

    def _step(self) -> timedelta:
        """How far the host's clock was set since the last round; zero below the limit."""
        now, steady = self.host.now(), self.host.monotonic()
        before, self._before = self._before, (now, steady)
        if before is None:
            return timedelta()
        step = (now - before[0]) - timedelta(seconds=steady - before[1])
        return step if abs(step) > STEP_MIN else timedelta()


def keeper_of(office: Office, settings: Settings) -> Keeper:
    """The keeper of this process. In a demonstration its people and the thread keep one watch."""
    holder = DEMO_HOLDER if settings.is_demo else f"{worker_name()}:{office.entropy.bytes(4).hex()}"
    return Keeper(office, holder, outsiders_of(settings.outside_witnesses))


@contextmanager
def keeping_in_a_thread(keeper: Keeper) -> Iterator[None]:
    """Keep watch in a thread while the block runs."""
    thread = threading.Thread(target=keeper.run, name="bigloop-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        keeper.stop()
        thread.join(STOP_SECONDS_MAX)
