"""Seats for committees: who was drawn, where they live, and the lots they judge become one problem
for the planner; its plan is confirmed in one piece.

Plans are on the record before names may be known, so they hold none: a seat stands under a keyed name
of its day (`experts.invitations.names`), travel is counted from the seat of government of the expert's
county, and an employer is told only where it operates a centre. When the session is scheduled its seats
get the ids of those who sit there (`name_seats`).

A session has the id of the draw that made its committee, so seats can be planned, and their people
told, before the session itself is scheduled.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from api.flows import drawing
from api.flows.names import PLACES_TASK
from archive.actor import SYSTEM, Actor
from archive.clock import SHANGHAI
from archive.office import Office, Tx
from archive.tasks.service import Cancelled, Long, Run, Write, enqueue
from evaluation.seating import service as seating
from evaluation.seating import solver
from evaluation.seating.booking import BookedSeat
from evaluation.seating.plan import Plan
from evaluation.seating.problem import Problem, SeatRequest
from evaluation.seating.solve import solve
from evaluation.seating.solver import Watch
from evaluation.stations.slots import day_of, slot_at, stay
from evaluation.stations.station import Equipment
from experts.draws import service as draws
from experts.draws.request import State
from experts.draws.service import Draw, Member
from experts.pool import service as pool
from trading.divisions import yunnan
from trading.parties import service as parties
from trading.parties.party import Organisation
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.projects.stages import Stage
from trading.regime import ProjectKind

NEEDS: Mapping[ProjectKind, Equipment] = {
    ProjectKind.WORKS: Equipment.DUAL,
    ProjectKind.WATER_WORKS: Equipment.DUAL,
    ProjectKind.DESIGN: Equipment.CAD,
}
"""What a review of this kind needs at least; drawings want a second screen. Others: basic."""

BEAT_SECONDS = 2
"""A solve says so often how far it is; well within a lease."""


def requests_of(
    db: Session, lot: Lot, draw: Draw, only: Collection[str] | None = None
) -> list[SeatRequest]:
    """A request for each seated expert of a draw, or for those in `only` (names of seats)."""
    assert lot.notice is not None, "drawn for a noticed lot"
    slots = stay(slot_at(lot.notice.evaluation_at), lot.slots)
    members = draws.committee(db, draw.id)
    tenderer = parties.organisation(db, lot.tenderer_uscc)
    operators = {centre.operator_uscc for centre in parties.centres(db)}
    found = []
    for member in members:
        if only is not None and member.seat not in only:
            continue
        expert = pool.expert(db, member.expert_id)
        size = len(members) + lot.committee.representatives
        asked = request_for(lot, tenderer, slots, size, draw.id, member.seat, expert.home_division)
        employer = expert.employer_uscc if expert.employer_uscc in operators else ""
        found.append(replace(asked, employer_uscc=employer))
    return found


def request_for(
    lot: Lot,
    tenderer: Organisation,
    slots: tuple[int, ...],
    members: int,
    session_id: str,
    name: str,
    county: str,
) -> SeatRequest:
    """What a lot asks for somebody who lives in a county."""
    home = yunnan()[county]
    return SeatRequest(
        session_id=session_id,
        expert_id=name,
        lon=home.lon,
        lat=home.lat,
        employer_uscc="",
        slots=slots,
        members=members,
        host_centre_id=lot.centre_id,
        tenderer_uscc=lot.tenderer_uscc,
        tenderer_division=tenderer.division_code,
        needs=NEEDS.get(lot.kind, Equipment.BASIC),
        overnight=lot.overnight_expected,
        guests=lot.guests,
    )


def to_plan(db: Session, day: date) -> list[tuple[Lot, Draw]]:
    """The lots reviewed from `day` on whose committee is complete and has no seats yet."""
    found = []
    for lot in projects.lots(db):
        if lot.stage is not Stage.NOTICED and lot.stage not in drawing.AGAIN:
            continue
        if lot.notice is None or lot.notice.evaluation_at.astimezone(SHANGHAI).date() != day:
            continue
        drawn = [d for d in draws.draws_of_lot(db, lot.id) if d.state is State.SEATED]
        if drawn and not seating.seats_of(db, drawn[-1].id):
            found.append((lot, drawn[-1]))
    return found


def seed_of(drawn: Iterable[Draw]) -> bytes:
    """The seed of a plan: a hash of the draws it serves. It is fixed by the draws' own shares, so
    whoever plans cannot choose it, and anybody can recompute it."""
    heads = "".join(f"{draw.id} {draw.head}\n" for draw in sorted(drawn, key=lambda d: d.id))
    return hashlib.sha256(b"bigloop.plan.seed.v1\x00" + heads.encode()).digest()


def plan_day(office: Office, args: Mapping[str, Any], run: Run) -> Write:
    """Task: seat all committees of a day. Solves without a transaction, then confirms; seats that
    nobody could be given stay on the plan with their reason, and the host's staff see them."""
    day = date.fromisoformat(args["day"])
    with office.read() as db:
        wanted = to_plan(db, day)
        requests = [r for lot, draw in wanted for r in requests_of(db, lot, draw)]
        if not requests:
            return lambda tx: None
        problem = seating.problem_for(
            db, requests, on_days=days_of(requests), seed=seed_of(draw for _, draw in wanted)
        )
    plan = watched(problem, run)

    def write(tx: Tx) -> None:
        confirmed = seating.confirm_plan(tx, SYSTEM, problem, plan)
        tell_places(tx, {seat.session_id for seat in confirmed.seats})

    return write


PLAN_DAY = Long(plan_day)


def watched(problem: Problem, run: Run) -> Plan:
    """Solve within a task: it says how far it is, keeps its lease, and ends when it is called off."""
    watch = Watch()
    done = threading.Event()

    def beat() -> None:
        while not done.wait(BEAT_SECONDS):
            if not run.says(watch.stage):
                watch.cancel()

    teller = threading.Thread(target=beat, name="bigloop-solve", daemon=True)
    teller.start()
    try:
        return solve(problem, watch=watch)
    except solver.Cancelled as error:
        raise Cancelled from error
    finally:
        done.set()
        teller.join()


def tell_places(
    tx: Tx, draw_ids: Iterable[str], lost: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Have the members of these committees told where their seats are, and those who have lost theirs
    (by draw, under the names of the seats) that they have (`api.flows.calling`)."""
    for draw_id in sorted(draw_ids):
        gone = sorted((lost or {}).get(draw_id, ()))
        enqueue(tx, PLACES_TASK, {"draw": draw_id, **({"lost": gone} if gone else {})})


def reseat(tx: Tx, actor: Actor, lot_id: str) -> tuple[str, ...]:
    """Seat those members of a lot's committee who have no seat, everybody else staying where he is;
    give back the seats of those who left. The problem is small: it is solved within the transaction.

    Returns the experts for whom no station is left under the rules, as the confirmed plan lists them
    with their reasons; they have to be substituted (`drawing.substitute_absent`).
    """
    lot = projects.lot(tx.db, lot_id)
    draw = drawing.current(tx.db, lot_id)
    members = draws.committee(tx.db, draw.id)
    expert_of = {member.seat: member.expert_id for member in members}
    seats = seating.seats_of(tx.db, draw.id)
    held = {seat.expert_id for seat in seat_of(members, seats).values()}
    for gone in sorted({seat.expert_id for seat in seats} - held):
        seating.release_seats(tx, actor, draw.id, gone)
    waiting = {m.seat for m in members if held.isdisjoint((m.seat, m.expert_id))}
    requests = requests_of(tx.db, lot, draw, only=waiting)
    if not requests:
        return ()
    problem = seating.problem_for(tx.db, requests, on_days=days_of(requests), seed=seed_of([draw]))
    plan = seating.confirm_plan(tx, actor, problem, solve(problem))
    tell_places(tx, {draw.id})
    return tuple(expert_of[each.expert_id] for each in plan.unseated)


def seat_of(members: Iterable[Member], seats: Iterable[BookedSeat]) -> Mapping[str, BookedSeat]:
    """The seat of each member who has one, by expert: named already, or not yet."""
    under = {seat.expert_id: seat for seat in seats}
    found = {m.expert_id: under.get(m.expert_id, under.get(m.seat)) for m in members}
    return {expert: seat for expert, seat in found.items() if seat is not None}


def unseated(db: Session, draw_id: str) -> list[Member]:
    """The members of a committee who have no seat."""
    members = draws.committee(db, draw_id)
    seated = seat_of(members, seating.seats_of(db, draw_id))
    return [member for member in members if member.expert_id not in seated]


def name_seats(tx: Tx, actor: Actor, draw: Draw) -> Mapping[str, str]:
    """Give the seats of a committee the ids of those who sit there; centre by expert. From here on
    the session needs them, and its rows hold them."""
    names = {member.seat: member.expert_id for member in draws.committee(tx.db, draw.id)}
    seating.name_seats(tx, actor, draw.id, names)
    return {seat.expert_id: seat.centre_id for seat in seating.seats_of(tx.db, draw.id)}


def days_of(requests: Iterable[SeatRequest]) -> list[date]:
    """The days that the requests touch, and those between them."""
    slots = [slot for request in requests for slot in request.slots]
    first, last = day_of(min(slots)), day_of(max(slots))
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
