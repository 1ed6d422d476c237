"""A province in which a review goes on, served in this process, so that a test can act as everybody
else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fastapi import FastAPI

from api.app import create_app
from api.demo import people
from api.identity import service as identity
from api.identity.accounts import Account
from archive.actor import SYSTEM, Actor, Role
from archive.custody import Custodian
from archive.office import Office
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Member, Stage
from tests.support.playing import province_at
from tests.support.servers import free_port
from tests.support.serving import served
from trading.projects import service as projects

PASSWORD = "demo-demo-demo"


@dataclass
class Reviewing:
    """The served province. Accounts: `expert` (first member), `second`, `supervisor`, `elsewhere`
    (another department's), `stranger` (an
    expert of no committee)."""

    office: Office
    url: str
    session_id: str
    custodian: Custodian
    app: FastAPI

    @property
    def session(self) -> Session:
        with self.office.read() as db:
            return sessions.session(db, self.session_id)

    def session_of(self, lot_id: str) -> Session:
        with self.office.read() as db:
            found = sessions.session_of_lot(db, lot_id)
        assert found is not None
        return found

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
def reviewing(run_folder: Path, folder: Path) -> Iterator[Reviewing]:
    """A province in which the first committee reviews, served."""
    with province_at(run_folder, Stage.REVIEWING, folder, free_port()) as at:
        url = f"http://127.0.0.1:{at.settings.port}"
        app = create_app(at.office, at.settings, at.custodian)
        made = Reviewing(at.office, url, at.session.id, at.custodian, app)
        _open_accounts(at.office, made.members, at.session.lot_id)
        with served(app, at.settings.port):
            yield made


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
