"""A province in which a review goes on: played by the demonstration's own people up to the hour at
which the committee begins, then served in this process, so that a test can act as everybody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

import uvicorn

from api.app import create_app
from api.demo import people
from api.demo.acts.table import ACTS, first_acts
from api.demo.once import opened, settings_of
from api.demo.play import Play
from api.handlers import handlers
from api.identity import service as identity
from api.identity.accounts import Account
from api.office import open_custodian
from archive.actor import SYSTEM, Actor, Role
from archive.clock import DrivenClock
from archive.office import Office
from archive.tasks import service as tasks
from archive.tasks.service import Worker
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Member, Stage
from tests.support.servers import free_port
from trading.projects import service as projects

DAY = date(2026, 10, 21)
POOL = 1500
STEPS_MAX = 2000
READY_SECONDS = 20.0
PASSWORD = "demo-demo-demo"


@dataclass
class Reviewing:
    """The served province. Accounts: `expert` (first member), `second`, `supervisor`, `elsewhere`
    (another department's), `stranger` (an
    expert of no committee)."""

    office: Office
    url: str
    session_id: str

    @property
    def session(self) -> Session:
        with self.office.read() as db:
            return sessions.session(db, self.session_id)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        return tuple(m for m in self.session.state.sitting if not m.is_representative)

    @property
    def staff(self) -> Actor:
        return people.staff(self.session.centre_id)

    def do(self, by: Actor, command: c.Command) -> None:
        with self.office.write() as tx:
            sessions.act(tx, by, self.session_id, command)


@contextmanager
def reviewing(folder: Path) -> Iterator[Reviewing]:
    """Play until the first committee reviews, and serve."""
    settings = settings_of(folder, "", port=free_port())
    clock = DrivenClock(datetime(2000, 1, 1, tzinfo=UTC))
    with opened(settings, clock, 1) as office:
        custodian = open_custodian(settings, office)
        play = Play(office, custodian, 1, DAY, 1, POOL)
        clock.move_to(play.starts_at)
        play.set_up(first_acts(play))
        known = {**handlers(custodian, settings.dossiers), **play.handlers(ACTS)}
        session = _play(office, clock, Worker(office, known, "test"))
        made = Reviewing(office, f"http://127.0.0.1:{settings.port}", session.id)
        _open_accounts(office, made.members, session.lot_id)
        app = create_app(office, settings, custodian)
        server = uvicorn.Server(
            uvicorn.Config(
                app, port=settings.port, log_config=None, ws_max_size=256 * 1024,
                timeout_graceful_shutdown=1,
            )
        )  # fmt: skip
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        until = time.monotonic() + READY_SECONDS
        while not server.started:
            assert thread.is_alive(), "the server ended at its start"
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.01)
        with _ended(server, thread):
            yield made


@contextmanager
def _ended(server: uvicorn.Server, thread: threading.Thread) -> Iterator[None]:
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


def _play(office: Office, clock: DrivenClock, worker: Worker) -> Session:
    for _ in range(STEPS_MAX):
        with office.read() as db:
            found = sessions.sessions(db, stages=[Stage.REVIEWING])
            due = tasks.next_due(db)
        if found:
            return found[0]
        if not worker.run_one():
            assert due is not None, "the play is over"
            clock.move_to(max(due, clock.now()))
    raise AssertionError("no session came so far")


def _open_accounts(office: Office, members: tuple[Member, ...], lot_id: str) -> None:
    with office.read() as db:
        supervisor = projects.lot(db, lot_id).supervisor_uscc
    experts = {
        "expert": members[0].expert_id,
        "second": members[1].expert_id,
        "leaver": members[-1].expert_id,
        "stranger": "E0",
    }
    for name, expert_id in experts.items():
        open_account(office, name, Role.EXPERT, expert_id)
    open_account(office, "supervisor", Role.SUPERVISOR, supervisor)
    open_account(office, "elsewhere", Role.SUPERVISOR, "S0")


def open_account(
    office: Office, name: str, role: Role, party: str = "", *, centre: str = ""
) -> None:
    with office.write() as tx:
        account = Account(name, frozenset({role}), centre_id=centre, party_id=party)
        identity.create_account(tx, SYSTEM, account, PASSWORD)
