"""An installation whose clock the test drives, for pages of a centre's staff, and the acts of everybody
else in it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

from fastapi import FastAPI
from playwright.sync_api import FilePayload, Page
from starlette.testclient import TestClient

from api.app import create_app
from api.demo.province import Province
from api.desks.telephony.gateway import HttpGateway
from api.flows import drawing, seating
from api.handlers import handlers
from api.identity import service as identity
from api.identity.accounts import Account
from api.office import open_custodian
from api.settings import Environment, Settings
from archive import sealing
from archive.actor import SYSTEM, Actor, Role
from archive.clock import SHANGHAI
from archive.entropy import SeededEntropy
from archive.office import Office
from archive.tasks.service import Worker
from deposits.cash.bank import NoBank
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session import synthetic
from evaluation.sheets import service as sheets
from evaluation.venues import service as venues
from experts.draws import service as draws
from experts.draws.request import State
from experts.invitations.calls import service as calls
from experts.pool import service as pool
from tests.builders import make_office
from tests.support.servers import Server, Servers
from tests.support.serving import served
from trading.awards import service as awards
from trading.divisions import yunnan
from trading.lodging import service as lodging
from trading.lodging.bid import Bid
from trading.money import Money
from trading.opening import service as opening
from trading.parties.party import OrganisationKind
from trading.projects import service as projects

PASSWORD = "demo-demo-demo"
SECRET = b"a secret of two sides, for tests only"
LIVE_MS = 20_000
"""So long a page may take to hear that something moved, on a machine with other work."""
SPECIALTY = "A080302"
"""The one most experts of the small pool have."""
PDF: FilePayload = {
    "name": "示例.pdf",
    "mimeType": "application/pdf",
    "buffer": "示例文书".encode(),
}


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


@dataclass
class House:
    """An installation with a small province, served at `url`, and its people's acts."""

    office: Office
    app: FastAPI
    settings: Settings
    province: Province
    url: str
    folder: Path
    run_server: Servers
    telephony: Server
    halves: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def centre(self) -> str:
        return next(c.id for c in self.province.parties.centres if c.id.startswith("5329"))

    @cached_property
    def guests(self) -> tuple[str, str]:
        """A centre of the next prefecture and a venue beyond the border, the lot's guests (副场)."""
        centres = (c.id for c in self.province.parties.centres)
        return next(c for c in centres if c.startswith("5307")), "510000-1"

    @cached_property
    def tenderer(self) -> str:
        return self.province.cast.tenderers["5329"][0]

    @cached_property
    def supervisor(self) -> str:
        return self.province.cast.supervisors["5329"][0]

    @cached_property
    def host(self) -> Actor:
        return Actor("staff", frozenset({Role.STAFF}), centre_id=self.centre)

    @property
    def watch(self) -> Actor:
        """The supervisor whom the project names."""
        return Actor("supervisor-1", frozenset({Role.SUPERVISOR}), party_id=self.supervisor)

    def now(self, moment: datetime) -> None:
        self.office.clock.move_to(moment)  # type: ignore[attr-defined]

    def account(self, name: str, role: Role, centre: str = "", party: str = "") -> None:
        with self.office.write() as tx:
            account = Account(name, frozenset({role}), centre_id=centre, party_id=party)
            identity.create_account(tx, SYSTEM, account, PASSWORD)

    def client(self, name: str) -> TestClient:
        client = TestClient(self.app, raise_server_exceptions=False)
        answer = client.post("/api/sign-in", json={"account": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return client

    def work(self) -> None:
        """Do what is due, as the worker does; messages go to the telephony desk, another process."""
        custodian, dossiers = self.app.state.shell.custodian, self.settings.dossiers
        gateway = HttpGateway(f"{self.telephony.url}/orders", SECRET)
        known = handlers(custodian, dossiers, NoBank(), gateway)
        Worker(self.office, known, "test").run_all_due()

    def messages(self) -> Counter[tuple[str, str]]:
        """(number, words) of all short messages that the desk has been asked to send."""
        with closing(sqlite3.connect(self.folder / "desk" / "telephony.db")) as db:
            return Counter(db.execute("SELECT line, text FROM desk_order WHERE kind = 'MESSAGE'"))

    @property
    def lot(self) -> str:
        with self.office.read() as db:
            return projects.lots(db, centre_id=self.centre)[0].id

    def come_near(self, draw_id: str) -> str:
        """The venue beyond the border corrects its entry: it lies where a member lives, whose id is
        returned; he will sit there."""
        with self.office.write() as tx:
            member = draws.committee(tx.db, draw_id)[0]
            home = yunnan()[pool.expert(tx.db, member.expert_id).home_division]
            entry = venues.entry(tx.db, self.guests[1])
            assert entry is not None
            venues.publish(tx, SYSTEM, [replace(entry, lon=home.lon, lat=home.lat)])
        return member.expert_id

    # --- Others' acts ---------------------------------------------------------------------

    def trustees_answer(self, draw_id: str, count: int) -> None:
        """The first `count` of those who are still awaited."""
        with self.office.write() as tx:
            asked = draws.asking_of(tx.db, draw_id)
            awaited = {one.id for one in asked.trustees if not one.has_answered}
            holders = [one for one in self.province.trustees if one.id in awaited]
            for holder in holders[:count]:
                proof = holder.answer(asked.request_hash, asked.number)
                draws.give_output(tx, draw_id, holder.id, proof)

    def all_accept(self, draw_id: str) -> None:
        with self.office.write() as tx:
            for invited in draws.invited(tx.db, draw_id):
                draws.answer(tx, SYSTEM, draw_id, invited.expert_id, accepted=True)

    def lodge(self, lot_id: str) -> None:
        """Three companies lodge their bids."""
        companies = self.province.parties.of_kind(OrganisationKind.COMPANY)[:3]
        key = self.app.state.shell.custodian.public_key(f"lot/{lot_id}")
        cells = []
        for number, company in enumerate(companies):
            bid = Bid(lot_id, company.uscc, Money.yuan(4_500_000 + 50_000 * number), 120, "合格")
            made = sealing.seal(
                key, f"lot/{lot_id}", "bid", company.uscc, 1, bid.to_bytes(),
                SeededEntropy(company.uscc.encode()),
            )  # fmt: skip
            self.halves[company.uscc] = made.bidder_half
            cells.append(made.cell)
        with self.office.write() as tx:
            lodging.lodge(tx, cells)

    def hand_in(self, lot_id: str, uscc: str) -> None:
        bidder = Actor(f"bidder-{uscc}", frozenset({Role.BIDDER}), party_id=uscc)
        with self.office.write() as tx:
            opening.submit_half(tx, bidder, lot_id, uscc, self.halves[uscc])

    def seat_all(self, lot_id: str) -> None:
        """Seat whoever the opening brought in, calling further ranks where there must be."""
        for _ in range(5):
            with self.office.read() as db:
                draw = drawing.current(db, lot_id)
            if draw.state is State.INVITING:
                self.all_accept(draw.id)
                with self.office.write() as tx:
                    draws.settle(tx, self.host, draw.id)
                continue
            with self.office.write() as tx:
                absent = seating.reseat(tx, self.host, lot_id)
                if not absent:
                    return
                drawing.substitute_absent(tx, self.host, lot_id, absent)
        raise AssertionError("no station for the committee")

    def arrive(self, session_id: str, but: str) -> None:
        """Everybody reads, is identified and signs; the identity of seat `but` is left to staff."""
        with self.office.write() as tx:
            for member in sessions.session(tx.db, session_id).state.sitting:
                person, own = member.expert_id, _member(member.expert_id)
                mark = synthetic.digest(b"test", person)
                sessions.act(tx, own, session_id, c.ReadDiscipline(person, mark))
                if member.seat_code != but:
                    escort = Actor(f"e-{member.centre_id}", self.host.roles, member.centre_id)
                    sessions.act(tx, escort, session_id, c.CheckIn(person, mark))
                if member.seat_code != but:
                    sessions.act(tx, own, session_id, c.SignRecusal(person, False, mark))

    def sign_recusal(self, session_id: str, person: str) -> None:
        with self.office.write() as tx:
            command = c.SignRecusal(person, False, synthetic.digest(b"test", person))
            sessions.act(tx, _member(person), session_id, command)

    def score(self, session_id: str) -> None:
        with self.office.write() as tx:
            session = sessions.session(tx.db, session_id)
            bidders = sheets.valid_bidders(session.state, session.rules)
            for member in session.state.sitting:
                person, own = member.expert_id, _member(member.expert_id)
                cells = synthetic.scores(b"test", session.method, bidders, member.seat_code)
                sheets.save_cells(tx, own, session_id, person, cells)
                digest = sheets.sheet(tx.db, session_id, person).sheet.digest
                sessions.act(tx, own, session_id, c.SubmitScores(person, digest))

    def sign(self, session_id: str) -> None:
        with self.office.write() as tx:
            session = sessions.session(tx.db, session_id)
            for member in session.state.sitting:
                command = c.SignReport(member.expert_id, session.state.report)
                sessions.act(tx, _member(member.expert_id), session_id, command)

    def award_and_sign(self, lot_id: str) -> None:
        own = Actor("tenderer-1", frozenset({Role.TENDERER}), party_id=self.tenderer)
        with self.office.read() as db:
            days = awards.publication(db, lot_id).publicity
        self.now(days.ends_at + timedelta(days=1, hours=10))
        with self.office.write() as tx:
            price = awards.award(tx, own, lot_id, 1).winner.price
        with self.office.write() as tx:
            awards.sign_contract(tx, own, lot_id, price, "示例合同".encode())


def _member(person: str) -> Actor:
    return Actor(f"expert-{person}", frozenset({Role.EXPERT}), party_id=person)


@contextmanager
def opened(folder: Path, database_url: str) -> Iterator[House]:
    """A house with its staff, served; its telephony desk is a process of its own."""
    settings = Settings(
        environment=Environment.DEMO,
        data=folder / "data",
        database_url=database_url,
    )
    settings.dossiers.mkdir(parents=True, exist_ok=True)
    (folder / "shared.key").write_bytes(SECRET)
    run_server = Servers(folder)
    office = make_office(folder, settings.url, start=at(10, 21, 9))
    app = create_app(office, settings, open_custodian(settings, office))
    province = Province(1, date(2026, 10, 20), 2_000)
    with office.write() as tx:
        province.install(tx)
        calls.set_lines(tx, SYSTEM, {expert.id: line(expert.id) for expert in province.experts})
    with served(app) as url:
        telephony = start_telephony(run_server, folder)
        made = House(office, app, settings, province, url, folder, run_server, telephony)
        made.account("staff", Role.STAFF, made.centre)
        made.account("staff-2", Role.STAFF, made.centre)
        made.account("watch", Role.SUPERVISOR, party=made.supervisor)
        yield made
    run_server.end()
    office.connections.dispose()


def line(expert_id: str) -> str:
    """An invented number."""
    return f"000{int(expert_id[1:]):08d}"


def start_telephony(run_server: Servers, folder: Path, port: int | None = None) -> Server:
    """The desk that calls and sends messages, on the books it has."""
    words = ["desk", "telephony", "--data", str(folder / "desk"), "--driven"]
    words += ["--key", str(folder / "shared.key"), "--replies", "http://127.0.0.1:9/replies"]
    return run_server(*words, ready="/health", port=port)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def sign_in_again(page: Page, house: House, account: str, path: str) -> Page:
    """The same window with another person."""
    page.context.clear_cookies()
    page.goto(f"{house.url}/sign-in")
    page.locator("#account").fill(account)
    page.locator("#password").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.locator("header button[type=submit]").wait_for()
    page.goto(house.url + path)
    return page
