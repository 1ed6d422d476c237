"""The demonstration's own people, played up to where a test begins to act.

Whole days take their time; so the province up to a stage is played once in a run, for all its
workers, and each test has a copy of the folder.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from api.demo.acts.table import ACTS, first_acts
from api.demo.once import opened, settings_of
from api.demo.play import Play
from api.handlers import handlers
from api.office import open_custodian
from api.settings import Settings
from archive.clock import DrivenClock
from archive.custody import Custodian
from archive.office import Office
from archive.tasks import service as tasks
from archive.tasks.service import Worker
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Stage

DAY = date(2026, 10, 21)
POOL = 1_500
SEED = 1
STEPS_MAX = 3_000


@dataclass
class Stagehand:
    """Runs a play up to where a test wants to act."""

    office: Office
    clock: DrivenClock
    worker: Worker

    def until(self, reached: Callable[[], bool]) -> None:
        for _ in range(STEPS_MAX):
            if reached():
                return
            if self.worker.run_one():
                continue
            with self.office.read() as db:
                due, failed = tasks.next_due(db), tasks.failed(db)
            assert failed == [], "somebody of the play was refused"
            assert due is not None, "the play is over"
            self.clock.move_to(max(due, self.clock.now()))
        raise AssertionError("did not come so far")


@dataclass(frozen=True)
class Province:
    """A copy of the province at a stage. `session`: the first that has come to it."""

    office: Office
    clock: DrivenClock
    settings: Settings
    custodian: Custodian
    session: Session


def first_session(office: Office, stage: Stage) -> Session | None:
    with office.read() as db:
        return next(iter(sessions.sessions(db, stages=[stage])), None)


def _play(folder: Path, stage: Stage) -> datetime:
    """Play one session's day into `folder` until it is at `stage`; when that was."""
    settings = settings_of(folder, "")
    clock = DrivenClock(datetime(2000, 1, 1, tzinfo=UTC))
    with opened(settings, clock, SEED) as office:
        play = Play(office, open_custodian(settings, office), SEED, DAY, 1, POOL)
        clock.move_to(play.starts_at)
        play.set_up(first_acts(play))
        known = {**handlers(play.custodian, settings.dossiers), **play.handlers(ACTS)}
        hand = Stagehand(office, clock, Worker(office, known, "test"))
        hand.until(lambda: first_session(office, stage) is not None)
        return clock.now()


def _kept(base: Path, stage: Stage) -> tuple[Path, datetime]:
    """The folder at `stage`, played by whoever of the run's workers comes first."""
    folder, said = base / f"at-{stage.value}", base / f"at-{stage.value}.txt"
    with (base / f"at-{stage.value}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            said.write_text(_play(folder, stage).isoformat())
    return folder, datetime.fromisoformat(said.read_text())


@contextmanager
def province_at(base: Path, stage: Stage, folder: Path, port: int) -> Iterator[Province]:
    """A province of one's own at `stage`, in `folder`. `base`: the folder of the run."""
    played, moment = _kept(base, stage)
    shutil.copytree(played, folder, dirs_exist_ok=True)
    settings = settings_of(folder, "", port=port)
    clock = DrivenClock(datetime(2000, 1, 1, tzinfo=UTC))
    # Another seed: the ids and keys that the play has drawn do not come again.
    with opened(settings, clock, f"{SEED} again") as office:
        clock.move_to(moment)
        session = first_session(office, stage)
        assert session is not None
        yield Province(office, clock, settings, open_custodian(settings, office), session)
