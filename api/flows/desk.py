"""What staff have on the desk of one lot: the lot, its draw, its seats and its session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from api.flows import drawing, seating
from api.flows.reach import Reach, reach
from archive.actor import Actor
from archive.errors import Kind, Reason, Refusal
from archive.office import Tx
from evaluation.session import service as sessions
from evaluation.session.session import Session as Review
from experts.draws import service as draws
from experts.draws.basis.service import Supply
from experts.draws.request import ENDED_WITHOUT
from experts.draws.service import Asking, Call, Draw
from experts.invitations.calls import service as telephone
from experts.invitations.calls.service import Doubt
from experts.trustees import service as trustees
from trading.acting import must_serve
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.projects.stages import Stage


@dataclass(frozen=True)
class Desk:
    """`draw` is the newest, whatever became of it; `committee` members sit now of `wanted`, and
    `seated` of them have a station."""

    lot: Lot
    draw: Draw | None
    wanted: int
    committee: int
    seated: int
    review: Review | None

    @property
    def has_ended(self) -> bool:
        """Whether the newest draw ended without a committee, so that another may be asked for."""
        return self.draw is not None and self.draw.state in ENDED_WITHOUT

    @property
    def is_anew(self) -> bool:
        """Whether the lot was opened already, so that a draw now needs another hour."""
        return self.lot.stage in drawing.AGAIN


def desk(db: Session, actor: Actor, lot_id: str) -> Desk:
    """The desk of a lot for staff of its centre; FORBIDDEN for others."""
    lot = own_lot(db, actor, lot_id)
    made = draws.draws_of_lot(db, lot_id)
    draw = made[-1] if made else None
    members = len(draws.committee(db, draw.id)) if draw else 0
    waiting = len(seating.unseated(db, draw.id)) if draw else 0
    return Desk(
        lot=lot,
        draw=draw,
        wanted=sum(lot.committee.quotas.values()),
        committee=members,
        seated=members - waiting,
        review=sessions.session_of_lot(db, lot_id),
    )


def own_lot(db: Session, actor: Actor, lot_id: str) -> Lot:
    """A lot of the actor's centre; FORBIDDEN for staff of another."""
    lot = projects.lot(db, lot_id)
    must_serve(actor, lot.centre_id)
    return lot


# --- The draw -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Course:
    """How a draw goes, without an expert's name: the trustees asked and what they are called, the calls
    by rank, how many of them are answered how, and the replies that did not count."""

    asking: Asking | None
    trustees: Mapping[str, str]
    calls: tuple[Call, ...]
    answers: Counter[str]
    doubts: tuple[Doubt, ...] = ()


def course(db: Session, draw: Draw | None) -> Course:
    """The course of a draw so far; of none, nothing."""
    if draw is None:
        return Course(None, {}, (), Counter())
    calls = draws.calls(db, draw.id)
    now = Counter(call.answer or "OPEN" for call in calls if call.round == draw.round)
    called = {one.id: one.name for one in trustees.trustees(db)}
    doubts = telephone.doubts(db, draw.id)
    return Course(draws.asking_of(db, draw.id), called, calls, now, doubts)


@dataclass(frozen=True)
class Outlook:
    """What a draw would find now: numbers by specialty, what speaks against it, and for a lot that
    names guest centres who could sit there."""

    supplies: tuple[Supply, ...]
    against: tuple[Reason, ...]
    reach: Reach | None = None


def outlook(
    db: Session, now: datetime, desk: Desk, wish: drawing.Wish = drawing.PLAIN
) -> Outlook | None:
    """The outlook of a lot whose draw may still be asked for; None before its notice."""
    lot = desk.lot
    if lot.notice is None or not (desk.draw is None or desk.has_ended):
        return None
    if lot.stage is not Stage.NOTICED and not desk.is_anew:
        return None
    if desk.is_anew and wish.evaluation_at is None:
        return Outlook((), ())
    try:
        found = draws.feasibility(db, now, drawing.request_of(db, lot.id, "", wish))
        at = wish.evaluation_at or lot.notice.evaluation_at
        near = reach(db, lot, at, found.supplies)
    except Refusal as refusal:
        faults = tuple(Reason(fault.code, fault.params) for fault in refusal.faults)
        return Outlook((), faults or (refusal.reason,))
    return Outlook(found.supplies, (found.shortage,) if found.shortage else (), near)


def request_draw(tx: Tx, actor: Actor, lot_id: str, wish: drawing.Wish = drawing.PLAIN) -> Draw:
    """Ask for the draw of a lot, or for another after one that ended without a committee."""
    held = desk(tx.db, actor, lot_id)
    replaces = held.draw.id if held.draw is not None and held.has_ended else ""
    return drawing.request(tx, actor, lot_id, replaces, wish)


def own_draw(db: Session, actor: Actor, lot_id: str) -> Draw:
    """The draw that counts for a lot of the actor's centre."""
    own_lot(db, actor, lot_id)
    return drawing.current(db, lot_id)


# --- Stations of the committee --------------------------------------------------------------


def substitute_unseated(tx: Tx, actor: Actor, lot_id: str) -> int:
    """Replace the members for whom no station was found by the next ranks; how many. CONFLICT where
    everybody has a station, or somebody who has none reviews already: he goes for a statutory cause
    alone (条例 第四十八条), not for a night that his venue cannot hold (docs/decisions/0012)."""
    draw = own_draw(tx.db, actor, lot_id)
    absent = [member.expert_id for member in seating.unseated(tx.db, draw.id)]
    if not absent:
        raise Refusal("api.desk.all_seated", {}, Kind.CONFLICT)
    review = sessions.session_of_lot(tx.db, lot_id)
    sitting = review.state.sitting if review is not None else ()
    begun = [m.seat_code for m in sitting if m.is_admitted and m.expert_id in set(absent)]
    if begun:
        params = {"seats": ", ".join(sorted(begun))}
        raise Refusal("api.desk.reviews_already", params, Kind.CONFLICT)
    drawing.substitute_absent(tx, actor, lot_id, absent)
    return len(absent)
