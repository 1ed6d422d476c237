"""When a day goes wrong: what a centre's staff may report, and the new plan as they see it before one
of them confirms it.

Staff report what is wrong in their own house or with a session that they host. The change concerns
the whole province; who reads it sees the centres and times of all seats that would move, and names
only for the lots of his own centre.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from api.flows import replanning
from api.flows.places import names as names_of_places
from api.flows.seating import to_plan
from archive.actor import Actor
from archive.errors import Kind, Reason, Refusal
from archive.office import Tx
from archive.vault import Vault
from evaluation.accounts.quality import quality
from evaluation.seating import service as seating
from evaluation.seating.problem import SeatKey
from evaluation.seating.proposals import service as proposals
from evaluation.seating.proposals.service import Proposal
from evaluation.seating.proposals.trouble import Trouble
from evaluation.seating.replan import Move, concerned
from evaluation.seating.service import ConfirmedPlan
from evaluation.stations import service as stations
from evaluation.stations.faults import FaultClock, fault_clock
from evaluation.stations.slots import SLOTS_A_DAY, day_of, slot_at
from experts.draws import service as draws
from trading.acting import must_serve
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.rules.book import book

DAYS_AHEAD = 3


@dataclass(frozen=True)
class Choices:
    """What may be reported: the centre's booths, its sessions that have seats to come or want some, and
    the slots from now on."""

    centres: tuple[tuple[str, str], ...]
    booths: tuple[tuple[str, str], ...]
    sessions: tuple[tuple[str, str], ...]
    slots: tuple[int, ...]


@dataclass(frozen=True)
class SeatMove:
    """A seat that would be elsewhere, at another time, new, or gone. `seat`, `lot`: of one's own lots
    only. Centres by name, empty where there is none; `minutes` is the new way."""

    lot: str
    seat: str
    before: str
    after: str
    slots_before: tuple[int, ...]
    slots_after: tuple[int, ...]
    minutes: int
    reason: Reason | None = None


@dataclass(frozen=True)
class Change:
    """A proposal. `told`: how many sessions, experts and centres hear of it once it is confirmed.
    `clock`: what the fault's hours say, where it is a fault. `may_…`: for who reads."""

    id: str
    state: str
    trouble: Trouble
    where: str
    lot: str
    proposed_at: datetime
    lapses_at: datetime
    decided_at: datetime | None
    decided_by: str
    plan_id: str
    stays: int
    moved: tuple[SeatMove, ...]
    placed: tuple[SeatMove, ...]
    lost: tuple[SeatMove, ...]
    told: tuple[int, int, int]
    unseated: int
    proven: bool
    gap_permille: int
    mean_minutes: int
    clock: FaultClock | None
    may_decide: bool
    may_ask_again: bool

    @property
    def again(self) -> Mapping[str, str | int]:
        """The form that asks for the same once more, for when the day has moved on meanwhile."""
        it = self.trouble
        said = {"kind": str(it.kind), "reason": it.reason, "label": it.label}
        said |= {"centre_id": it.centre_id, "session_id": it.session_id}
        return {**said, "first": it.first, "last": it.until - 1}


def choices(db: Session, actor: Actor, now: datetime) -> Choices:
    """What the actor may report."""
    first = slot_at(now)
    last = first + DAYS_AHEAD * SLOTS_A_DAY
    booths = sorted(
        (label, label)
        for group in stations.groups(db)
        if group.centre_id == actor.centre_id
        for label in group.labels
    )
    held = {s.session_id for s in seating.seats_in(db, first, last)}
    ahead = [day_of(first) + timedelta(days=n) for n in range(DAYS_AHEAD + 1)]
    held |= {draw.id for day in ahead for _, draw in to_plan(db, day)}  # urgent ones have no seats
    found = []
    for session in sorted(held):
        lot = lot_of(db, session)
        if actor.centre_id in ("", lot.centre_id):
            found.append((session, lot.name))
    centres = [
        pair for pair in sorted(names_of_places(db).items()) if actor.centre_id in ("", pair[0])
    ]
    slots = tuple(range(first, last))
    return Choices(tuple(centres), tuple(booths), tuple(sorted(found, key=lambda x: x[1])), slots)


def lot_of(db: Session, session_id: str) -> Lot:
    """The lot that a session judges."""
    return projects.lot(db, draws.draw(db, session_id).lot_id)


def ask(tx: Tx, actor: Actor, trouble: Trouble) -> tuple[str, str]:
    """Report what is wrong; the ids of the task and of the proposal that it makes. FORBIDDEN for
    another's house or session."""
    trouble.check()
    _must_serve(tx.db, actor, trouble)
    return replanning.ask(tx, actor, trouble)


def accept(tx: Tx, actor: Actor, proposal_id: str) -> ConfirmedPlan:
    """Make a proposal the plan."""
    _must_serve(tx.db, actor, proposals.proposal(tx.db, tx.vault, proposal_id).trouble)
    return replanning.accept(tx, actor, proposal_id)


def withdraw(tx: Tx, actor: Actor, proposal_id: str) -> None:
    """Put a proposal aside."""
    _must_serve(tx.db, actor, proposals.proposal(tx.db, tx.vault, proposal_id).trouble)
    proposals.withdraw(tx, actor, proposal_id)


def _must_serve(db: Session, actor: Actor, trouble: Trouble) -> None:
    if trouble.closes:
        must_serve(actor, trouble.centre_id)
    else:
        must_serve(actor, lot_of(db, trouble.session_id).centre_id)


def change(
    db: Session, vault: Vault, actor: Actor, proposal_id: str, now: datetime
) -> Change | None:
    """A proposal as the actor may see it; None while nobody has made it yet."""
    try:
        made = proposals.proposal(db, vault, proposal_id)
    except Refusal as refusal:
        if refusal.kind is not Kind.NOT_FOUND:
            raise
        return None
    return _change(db, actor, made, now)


def changes(db: Session, vault: Vault, actor: Actor, state: str, now: datetime) -> list[Change]:
    """The newest proposals of a state, the newest first."""
    return [_change(db, actor, made, now) for made in proposals.proposals(db, vault, state)]


def _change(db: Session, actor: Actor, made: Proposal, now: datetime) -> Change:
    names = _Names(db, actor, made)
    difference, trouble = made.difference, made.trouble
    reasons = {seat.key: seat.reason for seat in made.plan.unseated}
    found = quality(made.problem, made.plan)
    try:
        _must_serve(db, actor, trouble)
        serves = True
    except Refusal:
        serves = False
    gap = (made.plan.objective - made.plan.bound) * 1000 // max(1, made.plan.bound)
    return Change(
        id=made.id,
        state=made.state,
        trouble=trouble,
        where=names.centre(trouble.centre_id),
        lot=lot_of(db, trouble.session_id).name if trouble.session_id else "",
        proposed_at=made.proposed_at,
        lapses_at=made.lapses_at,
        decided_at=made.decided_at,
        decided_by=made.decided_by,
        plan_id=made.plan_id,
        stays=difference.stays,
        moved=tuple(names.move(move) for move in difference.moved),
        placed=tuple(names.placed(seat.key, seat.centre_id) for seat in difference.placed),
        lost=tuple(names.lost(key, reasons.get(key)) for key in difference.lost),
        told=(
            len(difference.sessions),
            len(difference.experts),
            len(concerned(made.problem, difference)),
        ),
        unseated=len(made.plan.unseated),
        proven=made.plan.is_proven,
        gap_permille=gap,
        mean_minutes=found.mean_minutes,
        clock=_clock(db, made, now),
        may_decide=serves and made.may_be_decided(now),
        may_ask_again=serves and made.state in ("PROPOSED", "LAPSED"),
    )


def _clock(db: Session, made: Proposal, now: datetime) -> FaultClock | None:
    """The clock of a fault for the session concerned that begins first."""
    if not made.trouble.closes:
        return None
    notices = [lot_of(db, session).notice for session in made.difference.sessions]
    begins = [notice.evaluation_at for notice in notices if notice is not None]
    if not begins:
        return None
    dealt_with = made.decided_at if made.state != "LAPSED" else None
    return fault_clock(book(), min(begins), made.proposed_at, now, dealt_with)


class _Names:
    """Centres by name; lots and seats by name where they are the reader's."""

    def __init__(self, db: Session, actor: Actor, made: Proposal) -> None:
        self._db, self._actor, self._made = db, actor, made
        self._centres = names_of_places(db)
        self._known: dict[str, tuple[str, dict[str, str]]] = {}

    def centre(self, centre_id: str) -> str:
        return self._centres.get(centre_id, centre_id)

    def of(self, key: SeatKey) -> tuple[str, str]:
        """Lot and seat, empty for those of others."""
        if key.session_id not in self._known:
            lot = lot_of(self._db, key.session_id)
            is_own = self._actor.centre_id in ("", lot.centre_id)
            committee = draws.committee(self._db, key.session_id) if is_own else ()
            codes = {member.seat: member.seat_code for member in committee}
            self._known[key.session_id] = (lot.name if is_own else "", codes)
        lot_name, codes = self._known[key.session_id]
        return lot_name, codes.get(key.expert_id, "")

    def move(self, move: Move) -> SeatMove:
        return SeatMove(
            *self.of(move.key),
            self.centre(move.before),
            self.centre(move.after),
            move.slots_before,
            move.slots_after,
            self._minutes(move.key, move.after),
        )

    def placed(self, key: SeatKey, centre_id: str) -> SeatMove:
        slots = self._made.problem.seat_of[key].stays[0]
        minutes = self._minutes(key, centre_id)
        return SeatMove(*self.of(key), "", self.centre(centre_id), (), slots, minutes)

    def lost(self, key: SeatKey, reason: Reason | None) -> SeatMove:
        seat = self._made.problem.seat_of[key]
        lot, code = self.of(key)
        if reason is not None:
            params = {**reason.params, "expert": code or "-", "session": lot or "-"}
            nearest = str(params.get("nearest", ""))
            reason = Reason(reason.code, {**params, "nearest": self.centre(nearest)})
        return SeatMove(lot, code, self.centre(seat.current), "", seat.stays[0], (), 0, reason)

    def _minutes(self, key: SeatKey, centre_id: str) -> int:
        problem = self._made.problem
        return problem.seat_of[key].minutes_to(problem.place_index[centre_id]) or 0
