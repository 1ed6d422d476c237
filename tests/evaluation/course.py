"""The course of a session in tests: the same steps on the bare machine and through the service."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Protocol

import pytest

from archive.actor import Actor, Role
from archive.errors import Fault, Refusal
from archive.office import Office
from archive.words import Language, render
from evaluation.criteria import Method, parse_method
from evaluation.pricing import Bid
from evaluation.session import commands as c
from evaluation.session import service, synthetic
from evaluation.session.machine import apply
from evaluation.session.rules import rules_on
from evaluation.session.session import Seat, SessionPlan
from evaluation.session.state import Event, Facts, PauseKind, SealFinding, SheetFacts, Stage, State
from evaluation.sheets import service as sheets
from tests.builders import CENTRE, START, SUPERVISOR
from trading.identifiers import make_uscc
from trading.money import Money
from trading.regime import Regime

HOST = Actor("host-1", frozenset({Role.STAFF}), centre_id=CENTRE)
HOST_2 = Actor("host-2", frozenset({Role.STAFF}), centre_id=CENTRE)
WITNESS = Actor("witness-1", frozenset({Role.STAFF}), centre_id="532300")
TENDERER = Actor("agency-1", frozenset({Role.TENDERER}), party_id="91532901000000000X")
DAY = date(2026, 10, 21)
RULES = rules_on(DAY, Regime.ZTB, CENTRE)
SEATS: tuple[Seat, ...] = (
    ("S1", "expert-1", "532901"),
    ("S2", "expert-2", "532922"),
    ("S3", "expert-3", "532922"),
    ("S4", "expert-4", "530100"),
    ("S5", "expert-5", "532300"),
)
BIDDERS = tuple(make_uscc(f"9153290100000{n:04d}") for n in range(1, 6))
PRICES = (98_000_000, 95_500_000, 99_999_999, 91_234_567, 97_000_000)
BIDS = tuple(Bid(b, Money(p)) for b, p in zip(BIDDERS, PRICES, strict=True))
CEILING = Money(100_000_000)


def sha(label: str) -> str:
    return synthetic.digest(b"test", label)


def method() -> Method:
    return parse_method(synthetic.method_json(b"1"), Regime.ZTB)


def member(expert_id: str) -> Actor:
    return Actor(f"account-{expert_id}", frozenset({Role.EXPERT}), party_id=expert_id)


def staff(centre_id: str, number: int = 1) -> Actor:
    return Actor(f"staff-{centre_id}-{number}", frozenset({Role.STAFF}), centre_id=centre_id)


def bare_state(*, overnight: bool = True, starts_at: datetime | None = None) -> State:
    return State(
        session_id="session-1",
        lot_id="lot-1",
        host=CENTRE,
        regime=Regime.ZTB,
        ruled_on=DAY,
        starts_at=starts_at,
        is_overnight_planned=overnight,
        members=plan().seats(),
    )


def plan(*, overnight: bool = True) -> SessionPlan:
    return SessionPlan(
        lot_id="lot-1",
        draw_id="draw-1",
        centre_id=CENTRE,
        regime=Regime.ZTB,
        criteria=synthetic.method_json(b"1"),
        members=SEATS,
        overnight=overnight,
    )


class Driver(Protocol):
    @property
    def state(self) -> State: ...

    def do(self, by: Actor, command: c.Command) -> None: ...
    def draft(self, expert_id: str) -> str: ...
    def pass_time(self, time: timedelta) -> None: ...
    def fill(self) -> None: ...


@dataclass
class Bare:
    """The machine alone; `facts` are what a shell would have read."""

    state: State
    now: datetime = START
    facts: Facts = field(default_factory=Facts)
    events: list[Event] = field(default_factory=list)

    def do(self, by: Actor, command: c.Command) -> None:
        self.state, events = apply(self.state, command, by, self.now, RULES, self.facts)
        self.events += events

    def draft(self, expert_id: str) -> str:
        return self.facts.sheets[expert_id].digest

    def pass_time(self, time: timedelta) -> None:
        self.now += time

    def fill(self) -> None:
        found = {m.expert_id: SheetFacts(sha(f"sheet {m.expert_id}")) for m in self.state.sitting}
        self.facts = replace(self.facts, sheets=found, report=sha("report"))


@dataclass
class Served:
    """A session in an office, moved through the service."""

    office: Office
    id: str = ""

    def begin(self, plan: SessionPlan) -> None:
        with self.office.write() as tx:
            self.id = service.schedule(tx, HOST, plan).id

    @property
    def state(self) -> State:
        with self.office.read() as db:
            return service.session(db, self.id).state

    def do(self, by: Actor, command: c.Command) -> None:
        with self.office.write() as tx:
            service.act(tx, by, self.id, command)

    def draft(self, expert_id: str) -> str:
        with self.office.read() as db:
            return sheets.sheet(db, self.id, expert_id).sheet.digest

    def pass_time(self, time: timedelta) -> None:
        clock = self.office.clock
        clock.move_to(clock.now() + time)  # type: ignore[attr-defined]

    def fill(self) -> None:
        bidders = [bid.bidder for bid in self.state.bids]
        for seat in self.state.sitting:
            scores = synthetic.scores(b"1", method(), bidders, seat.seat_code)
            with self.office.write() as tx:
                sheets.save_cells(tx, member(seat.expert_id), self.id, seat.expert_id, scores)


def arrive_one(d: Driver, expert_id: str, centre_id: str) -> None:
    d.do(member(expert_id), c.ReadDiscipline(expert_id, sha("discipline")))
    d.do(staff(centre_id), c.CheckIn(expert_id, sha(f"identity {expert_id}")))
    d.do(member(expert_id), c.SignRecusal(expert_id, False, sha(f"recusal {expert_id}")))


def arrive(d: Driver) -> None:
    """SCHEDULED → REVIEWING."""
    d.do(HOST, c.OpenCheckIn())
    k = synthetic.drawn_k(b"1", method())
    d.do(HOST, c.EnterBids(BIDS, CEILING, k))
    for _, expert_id, centre_id in SEATS:
        arrive_one(d, expert_id, centre_id)
    d.do(HOST, c.BeginReview())


def pause(d: Driver) -> None:
    """REVIEWING → SEALING."""
    d.do(TENDERER, c.RequestPause(PauseKind.PLANNED, "evening"))
    d.do(SUPERVISOR, c.ApprovePause())
    for m in d.state.sitting:
        d.do(member(m.expert_id), c.LockSheet(m.expert_id, d.draft(m.expert_id)))


def seal_all(d: Driver) -> None:
    """SEALING → SEALED_OVERNIGHT."""
    night = len(d.state.nights)
    for venue in d.state.night.venues:
        d.do(staff(venue), c.Seal(venue, f"YN-{night}-{venue}", sha(f"photo {venue}")))
        d.do(SUPERVISOR, c.WitnessSeal(venue, f"YN-{night}-{venue}"))


def sleep(d: Driver) -> None:
    """Three rounds of presence checks until the morning."""
    rounds = {m.expert_id: 0 for m in d.state.sitting}
    for _ in range(3):
        d.pass_time(timedelta(hours=3, minutes=30))
        for m in d.state.sitting:
            rounds[m.expert_id] += 1
            d.do(staff(m.centre_id), c.CheckPresence(m.expert_id, rounds[m.expert_id], True))
    d.pass_time(timedelta(hours=3))


def unseal_all(d: Driver) -> None:
    night = len(d.state.nights)
    for seal in d.state.night.seals:
        number, venue = f"YN-{night}-{seal.centre_id}", seal.centre_id
        d.do(staff(venue, 2), c.Unseal(venue, number, sha(f"morning {venue}"), SealFinding.INTACT))
        d.do(WITNESS, c.WitnessUnseal(venue, number, SealFinding.INTACT))


def resume(d: Driver) -> None:
    """UNSEALING → REVIEWING."""
    for m in d.state.sitting:
        if not m.is_rechecked:
            identity = sha(f"identity {m.expert_id}")
            d.do(staff(m.centre_id), c.RecheckIdentity(m.expert_id, identity))
    d.do(HOST, c.Resume())


def spend_night(d: Driver) -> None:
    pause(d)
    seal_all(d)
    sleep(d)
    unseal_all(d)
    resume(d)


def submit_all(d: Driver) -> None:
    """REVIEWING → SCORED."""
    for m in d.state.sitting:
        d.do(member(m.expert_id), c.SubmitScores(m.expert_id, d.draft(m.expert_id)))


def sign_all(d: Driver) -> None:
    """SCORED → REPORTED: the last member dissents, the one before says nothing."""
    d.do(HOST, c.FileReport())
    report = d.state.report
    *signers, silent, dissenter = d.state.sitting
    for m in signers:
        d.do(member(m.expert_id), c.SignReport(m.expert_id, report))
    d.do(HOST_2, c.RecordSilence(silent.expert_id))
    reasons = sha("reasons")
    d.do(member(dissenter.expert_id), c.DissentReport(dissenter.expert_id, report, reasons))


def normal_night(d: Driver) -> None:
    """SCHEDULED → CLOSED with one night."""
    arrive(d)
    d.fill()
    spend_night(d)
    submit_all(d)
    sign_all(d)
    d.do(HOST, c.Close())


def refused(d: Driver, by: Actor, command: c.Command) -> Refusal:
    """The refusal of a command, which changed nothing and can be said in both languages."""
    before = d.state
    with pytest.raises(Refusal) as caught:
        d.do(by, command)
    assert d.state == before
    assert_said(caught.value)
    return caught.value


def assert_said(refusal: Refusal) -> None:
    everything: list[Refusal | Fault] = [refusal, *refusal.faults]
    for said in everything:
        for language in Language:
            assert not render(said, language).startswith("["), said


def bare_at(stage: Stage) -> Bare:
    """A bare session with one night planned, driven to a stage of the normal course."""
    d = Bare(bare_state())
    if stage is Stage.SCHEDULED:
        return d
    if stage is Stage.CHECK_IN:
        d.do(HOST, c.OpenCheckIn())
        return d
    arrive(d)
    d.fill()
    if stage in (Stage.PAUSE_REQUESTED, Stage.PAUSE_APPROVED):
        d.do(TENDERER, c.RequestPause(PauseKind.PLANNED, "evening"))
        if stage is Stage.PAUSE_APPROVED:
            d.do(SUPERVISOR, c.ApprovePause())
    elif stage is Stage.SEALING:
        pause(d)
    elif stage is Stage.SEALED_OVERNIGHT:
        pause(d)
        seal_all(d)
    elif stage is Stage.UNSEALING:
        pause(d)
        seal_all(d)
        sleep(d)
        unseal_all(d)
    elif stage in (Stage.SCORED, Stage.REPORTED, Stage.CLOSED):
        submit_all(d)
        if stage is not Stage.SCORED:
            sign_all(d)
        if stage is Stage.CLOSED:
            d.do(HOST, c.Close())
    elif stage is Stage.INCIDENT:
        from evaluation.session.state import IncidentKind

        d.do(HOST, c.ReportIncident(IncidentKind.FAULT, "power"))
    elif stage is Stage.VOID:
        d.do(SUPERVISOR, c.VoidSession("test"))
    assert d.state.stage is stage
    return d
