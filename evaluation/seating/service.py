"""Seat plans at work: problem, confirmation, release, re-planning.

    problem = problem_for(db, requests, on_days=days, seed=seed)      # reading
    plan = model.solve(problem)                                       # in a worker, no database
    confirmed = confirm_plan(tx, actor, problem, plan)                # checked against *now*

Who planned on stations that another has confirmed meanwhile is refused as a whole. Entries: the plan
on `plan/<id>` with its document, and on each `session/<id>` its own seats and nobody else's. The
booth is drawn at check-in (`evaluation.seating.checkin`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Fault, Faults, Kind, Reason, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Tx
from evaluation.seating import build, check, queries
from evaluation.seating.booking import BookedSeat, CentreSeat, Overbooked, taken
from evaluation.seating.numbers import numbers_of
from evaluation.seating.plan import Plan, Unseated, document
from evaluation.seating.problem import Problem, SeatKey, SeatRequest
from evaluation.seating.tables import PlanRow, SeatRow
from evaluation.stations import service as stations
from evaluation.stations.slots import day_of, slots_on
from trading.parties import service as parties
from trading.rules.book import RuleBook, book

PROVINCE = "53"
"""The region whose rules a plan follows, unless the caller says another."""

RULE_THAT_BITES = {
    "evaluation.seat.none_near": "seating.travel_minutes_max",
    "evaluation.seat.none_dispersed": "seating.centre_members_max",
    "evaluation.seat.none_free": "stations.reserve_permille",
    "evaluation.seat.none_allowed": "seating.tenderer_county_barred",
}


@dataclass(frozen=True)
class ConfirmedPlan:
    """A plan on the record. `seats` by session and expert; prices in milli (1/1000 minute)."""

    id: str
    seats: tuple[BookedSeat, ...]
    unseated: tuple[Unseated, ...]
    objective: int
    bound: int
    method: str
    document: DocumentRef


def problem_for(
    db: Session,
    requests: Sequence[SeatRequest],
    *,
    on_days: Iterable[date],
    seed: bytes,
    region: str = PROVINCE,
    rules: RuleBook | None = None,
) -> Problem:
    """The problem of seats that nobody has yet. What is confirmed stays where it is.

    Refuses INVALID with every fault of the requests, CONFLICT where one of them is seated already.
    """
    return _problem(db, requests, on_days, seed, region, rules, may_move=False)


def replan(
    db: Session,
    requests: Sequence[SeatRequest],
    *,
    on_days: Iterable[date],
    seed: bytes,
    pinned: Collection[SeatKey] = (),
    region: str = PROVINCE,
    rules: RuleBook | None = None,
) -> Problem:
    """The problem of changed seats only: the confirmed seats of these requests are given up when
    the plan is confirmed, unless `pinned` names them; everybody else keeps place."""
    held = set(pinned)
    wanted = [request for request in requests if request.key not in held]
    return _problem(db, wanted, on_days, seed, region, rules, may_move=True)


def _problem(
    db: Session,
    requests: Sequence[SeatRequest],
    on_days: Iterable[date],
    seed: bytes,
    region: str,
    rules: RuleBook | None,
    *,
    may_move: bool,
) -> Problem:
    source = rules or book()
    slots = slots_on(on_days)
    faults = Faults("evaluation.seat.invalid")
    if not slots or not 0 < len(seed) <= build.SEED_BYTES_MAX:
        faults.add("", "evaluation.seat.days_or_seed", bytes_max=build.SEED_BYTES_MAX)
        faults.refuse()
    numbers = numbers_of(source, day_of(slots[0]), region)
    build.check_requests(requests, slots, numbers, faults)
    faults.refuse()
    booked = _booked(db, slots, {request.session_id for request in requests})
    seated = {seat.key for seat in booked}
    moved = sorted({request.key for request in requests} & seated)
    if moved and not may_move:
        raise Refusal(
            "evaluation.seat.seated_already",
            {"session": moved[0].session_id, "expert": moved[0].expert_id},
            Kind.CONFLICT,
        )
    used = sorted({slot for request in requests for slot in request.slots})
    return build.build(
        requests,
        groups=stations.groups(db),
        capacity=stations.capacity_in(db, used, source),
        centres=parties.centres(db),
        booked=booked,
        moved=moved,
        numbers=numbers,
        seed=seed,
    )


def _booked(db: Session, slots: Sequence[int], sessions: Collection[str]) -> list[BookedSeat]:
    return [row.to_domain() for row in queries.live_in(db, min(slots), max(slots), sessions)]


def confirm_plan(
    tx: Tx,
    actor: Actor,
    problem: Problem,
    plan: Plan,
    *,
    require_all: bool = False,
    rules: RuleBook | None = None,
) -> ConfirmedPlan:
    """Give the seats of a plan, all or none.

    The checker runs here, inside the transaction, with all groups locked, against what is free and
    who is busy now. Refuses INVALID where the plan breaks a rule by itself, CONFLICT where somebody
    else was faster, and with `require_all` the reason of the first seat that could not be given.
    """
    actor.must_be(Role.STAFF, Role.SYSTEM)
    if plan.problem_digest != problem.digest:
        raise Refusal("evaluation.seat.other_problem", {}, Kind.CONFLICT)
    _refuse_breaches(check.violations(problem, plan))
    if require_all and plan.unseated:
        reason = plan.unseated[0].reason
        rule = RULE_THAT_BITES.get(reason.code, "")
        raise Refusal(reason.code, reason.params, Kind.CONFLICT, rule=rule)
    stations.lock_all(tx.db)
    now_held = _booked(tx.db, problem.slots, problem.committee_of)
    capacity = stations.capacity_in(tx.db, problem.slots, rules)
    broken = check.violations(build.refresh(problem, capacity, now_held), plan)
    if broken:
        raise _taken_meanwhile(len(broken), broken[0].code)
    plan_id = tx.new_id()
    ref = tx.keep("plan.json", document(problem, plan))
    queries.add(tx.db, _plan_row(tx, actor, plan_id, plan, ref))
    _give_up(tx, actor, problem.moved, plan_id)
    rows = [_seat_row(tx, plan_id, problem, plan, index) for index in range(len(plan.assignments))]
    try:
        queries.insert_seats(tx.db, rows)
    except IntegrityError as error:
        raise _taken_meanwhile(1, "evaluation.seat.busy") from error
    confirmed = ConfirmedPlan(
        plan_id,
        tuple(sorted((row.to_domain() for row in rows), key=lambda seat: seat.key)),
        plan.unseated,
        plan.objective,
        plan.bound,
        str(plan.method),
        ref,
    )
    _record(tx, actor, problem, confirmed)
    return confirmed


def _refuse_breaches(broken: Sequence[Reason]) -> None:
    if broken:
        raise Refusal(
            "evaluation.seat.plan_breaks_rules",
            {"count": len(broken)},
            faults=tuple(Fault("/seats", reason.code, reason.params) for reason in broken),
        )


def _taken_meanwhile(count: int, code: str) -> Refusal:
    return Refusal("evaluation.seat.taken_meanwhile", {"count": count, "rule": code}, Kind.CONFLICT)


def _plan_row(tx: Tx, actor: Actor, plan_id: str, plan: Plan, ref: DocumentRef) -> PlanRow:
    return PlanRow(
        id=plan_id,
        confirmed_at=tx.now,
        confirmed_by=actor.id,
        problem_sha256=plan.problem_digest,
        document_sha256=ref.sha256,
        document_bytes=ref.bytes,
        seats=len(plan.assignments),
        unseated=len(plan.unseated),
        objective=plan.objective,
        bound=plan.bound,
        method=str(plan.method),
    )


def _seat_row(tx: Tx, plan_id: str, problem: Problem, plan: Plan, index: int) -> SeatRow:
    given = plan.assignments[index]
    slots = problem.seat_of[given.key].slots
    return SeatRow(
        id=tx.new_id(),
        plan_id=plan_id,
        session_id=given.session_id,
        expert_id=given.expert_id,
        centre_id=given.centre_id,
        equipment=int(given.equipment),
        first_slot=slots[0],
        last_slot=slots[-1],
    )


def _give_up(tx: Tx, actor: Actor, moved: Sequence[SeatKey], plan_id: str) -> None:
    for key in moved:
        rows = [
            row
            for row in queries.live_of_session(tx.db, key.session_id)
            if row.expert_id == key.expert_id
        ]
        _release(tx, actor, key.session_id, rows, plan_id)


def _record(tx: Tx, actor: Actor, problem: Problem, plan: ConfirmedPlan) -> None:
    tx.record(
        f"plan/{plan.id}",
        "evaluation:plan:confirmed",
        actor,
        {
            "problem": problem.digest,
            "seats": len(plan.seats),
            "unseated": len(plan.unseated),
            "objective": plan.objective,
            "bound": plan.bound,
            "method": plan.method,
        },
        (plan.document,),
    )
    seats: dict[str, list[dict[str, object]]] = defaultdict(list)
    missing: dict[str, list[dict[str, object]]] = defaultdict(list)
    for seat in plan.seats:
        seats[seat.session_id].append(_seat_json(seat))
    for unseated in plan.unseated:
        missing[unseated.session_id].append(
            {"expert": unseated.expert_id, "reason": unseated.reason.code}
        )
    for session in sorted({*seats, *missing}):
        tx.record(
            f"session/{session}",
            "evaluation:seats:confirmed",
            actor,
            {
                "plan": plan.id,
                "seats": seats[session],
                "unseated": missing[session],
                "rules": list(problem.rules),
            },
        )


def _seat_json(seat: BookedSeat) -> dict[str, object]:
    return {
        "seat": seat.id,
        "expert": seat.expert_id,
        "centre": seat.centre_id,
        "equipment": seat.equipment.name,
        "first_slot": seat.slots[0],
        "last_slot": seat.slots[-1],
    }


def seats_of(db: Session, session_id: str) -> tuple[BookedSeat, ...]:
    """The live seats of a session, by expert."""
    return tuple(row.to_domain() for row in queries.live_of_session(db, session_id))


def seats_at(db: Session, centre_id: str, on_days: Iterable[date]) -> tuple[CentreSeat, ...]:
    """What a centre sees of the seats it gives: no session, no expert."""
    slots = slots_on(on_days)
    if not slots:
        return ()
    seats = [r.to_domain() for r in queries.live_in_centre(db, centre_id, slots[0], slots[-1])]
    return tuple(CentreSeat(seat.id, seat.equipment, seat.slots, seat.label) for seat in seats)


def overbooked(db: Session, on_days: Iterable[date]) -> tuple[Overbooked, ...]:
    """Where closures have left fewer booths than confirmed seats, the reserve used up, and whose
    sessions sit there; for `replan`."""
    slots = slots_on(on_days)
    seats = _booked(db, slots, ()) if slots else []
    capacity = stations.open_in(db, slots)
    found = []
    for (group, slot), count in sorted(taken(seats).items()):
        if slot in slots and count > capacity.of(group, slot):
            sessions = {s.session_id for s in seats if s.group == group and slot in s.slots}
            found.append(
                Overbooked(
                    group.centre_id,
                    group.equipment,
                    slot,
                    capacity.of(group, slot),
                    count,
                    tuple(sorted(sessions)),
                )
            )
    return tuple(found)


def release_seats(
    tx: Tx, actor: Actor, session_id: str, expert_id: str | None = None
) -> tuple[BookedSeat, ...]:
    """Give back the seats of a session, or of one expert of it. Refuses NOT_FOUND for none."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    rows = [
        row
        for row in queries.live_of_session(tx.db, session_id)
        if expert_id is None or row.expert_id == expert_id
    ]
    if not rows:
        raise _no_seat(session_id, expert_id or "-")
    return _release(tx, actor, session_id, rows)


def _release(
    tx: Tx, actor: Actor, session_id: str, rows: Sequence[SeatRow], plan_id: str = ""
) -> tuple[BookedSeat, ...]:
    queries.release(tx.db, rows, tx.now)
    if rows:
        ids = [row.id for row in rows]
        experts = [row.expert_id for row in rows]
        tx.record(
            f"session/{session_id}",
            "evaluation:seats:released",
            actor,
            {"seats": ids, "experts": experts, "for_plan": plan_id},
        )
    return tuple(row.to_domain() for row in rows)


def _no_seat(session_id: str, expert_id: str) -> Refusal:
    return Refusal(
        "evaluation.seat.none", {"session": session_id, "expert": expert_id}, Kind.NOT_FOUND
    )
