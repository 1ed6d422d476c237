"""Seat plans at work: problem, confirmation, release, re-planning.

    problem = problem_for(db, requests, on_days=days, seed=seed)      # reading
    plan = solve(problem)                                             # in a worker, no database
    confirmed = confirm_plan(tx, actor, problem, plan)                # checked against *now*

Who planned on stations that another has confirmed meanwhile is refused as a whole. Entries: the plan
on `plan/<id>` with its document, and on each `session/<id>` its own seats and nobody else's. The
booth is drawn at check-in (`evaluation.seating.checkin`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Fault, Faults, Kind, Reason, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Tx
from evaluation.seating import build, check, queries
from evaluation.seating.booking import (
    BookedSeat,
    CentreSeat,
    Overbooked,
    is_running,
    taken,
)
from evaluation.seating.numbers import check_numbers, numbers_of
from evaluation.seating.plan import Assignment, Plan, Unseated, document
from evaluation.seating.problem import Moved, Problem, SeatKey, SeatRequest
from evaluation.seating.tables import PlanRow, SeatRow
from evaluation.stations import service as stations
from evaluation.stations.slots import day_of, slot_at, slots_on
from evaluation.stations.station import Capacity, Closure
from evaluation.venues import service as venues
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


@dataclass(frozen=True)
class PlanLine:
    """A confirmed plan in a list; `document_sha256` is in the vault."""

    id: str
    at: datetime
    by: str
    seats: int
    unseated: int
    objective: int
    bound: int
    method: str
    document_sha256: str

    @property
    def gap_permille(self) -> int:
        """How much more than the bound it costs at most, in thousandths."""
        return (self.objective - self.bound) * 1000 // max(1, self.bound)


def plan(db: Session, plan_id: str) -> PlanLine:
    """A confirmed plan; refuses NOT_FOUND."""
    row = queries.plan(db, plan_id)
    if row is None:
        raise Refusal("evaluation.seat.plan_unknown", {"plan": plan_id[:40]}, Kind.NOT_FOUND)
    return _line(row)


def plans(db: Session, count: int) -> tuple[PlanLine, ...]:
    """The newest confirmed plans, the newest first."""
    return tuple(_line(row) for row in queries.plans(db, count))


def _line(row: PlanRow) -> PlanLine:
    return PlanLine(
        row.id,
        row.confirmed_at,
        row.confirmed_by,
        row.seats,
        row.unseated,
        row.objective,
        row.bound,
        row.method,
        row.document_sha256,
    )


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
    desk = _Desk(db, requests, on_days, seed, region, rules or book())
    for key in sorted({request.key for request in requests} & desk.seated):
        raise Refusal(
            "evaluation.seat.seated_already",
            {"session": key.session_id, "expert": key.expert_id},
            Kind.CONFLICT,
        )
    return desk.problem(frozenset())


def replan(
    db: Session,
    requests: Sequence[SeatRequest],
    *,
    on_days: Iterable[date],
    seed: bytes,
    given_up: Collection[SeatKey] = (),
    and_closed: Sequence[Closure] = (),
    keeps_reserve: bool = True,
    region: str = PROVINCE,
    rules: RuleBook | None = None,
) -> Problem:
    """The problem of a day that has changed: the confirmed seats of these requests are given up when
    the plan is confirmed, but each pays the stay tax for leaving its centre; everybody else keeps
    place. `given_up`: confirmed seats that nobody wants any more.
    `and_closed`: closures not yet on the record. Without `keeps_reserve` the stations kept for
    faults may be used."""
    desk = _Desk(db, requests, on_days, seed, region, rules or book(), and_closed, keeps_reserve)
    moved = {request.key for request in requests} | set(given_up)
    return desk.problem(moved & desk.seated)


class _Desk:
    """What a problem is made of, read and checked."""

    def __init__(
        self,
        db: Session,
        requests: Sequence[SeatRequest],
        on_days: Iterable[date],
        seed: bytes,
        region: str,
        rules: RuleBook,
        and_closed: Sequence[Closure] = (),
        keeps_reserve: bool = True,
    ) -> None:
        slots = slots_on(on_days)
        faults = Faults("evaluation.seat.invalid")
        if not slots or not 0 < len(seed) <= build.SEED_BYTES_MAX:
            faults.add("", "evaluation.seat.days_or_seed", bytes_max=build.SEED_BYTES_MAX)
            faults.refuse()
        self.numbers = numbers_of(rules, day_of(slots[0]), region)
        check_numbers(self.numbers.weights, self.numbers.limits, faults)
        self.abroad = venues.centres_abroad(db)
        build.check_requests(requests, slots, self.numbers, faults, self.abroad)
        faults.refuse()
        self.booked = _booked(db, slots, {request.session_id for request in requests})
        self.seated = {seat.key for seat in self.booked}
        used = sorted({slot for r in requests for stay in r.stays for slot in stay})
        self.groups = stations.groups(db)
        build.check_open(requests, self.groups, faults)
        faults.refuse()
        self.capacity = _capacity(db, used, rules, and_closed, keeps_reserve)
        self.requests, self.seed, self.keeps_reserve = requests, seed, keeps_reserve
        self.centres = parties.centres(db)

    def problem(self, moved: Iterable[SeatKey]) -> Problem:
        return build.build(
            self.requests,
            groups=self.groups,
            capacity=self.capacity,
            centres=self.centres,
            booked=self.booked,
            moved=moved,
            numbers=self.numbers,
            seed=self.seed,
            keeps_reserve=self.keeps_reserve,
            abroad=self.abroad,
        )


def _capacity(
    db: Session,
    slots: Sequence[int],
    rules: RuleBook | None,
    and_closed: Sequence[Closure] = (),
    keeps_reserve: bool = True,
) -> Capacity:
    """What may be given out; of a venue of another province nothing outside its agreement."""
    found = stations.capacity_in(
        db, slots, rules, and_closed=and_closed, keeps_reserve=keeps_reserve
    )
    abroad = {venue.id: venue for venue in venues.abroad(db)}
    if not abroad:
        return found
    return Capacity(
        {
            (group, slot): free
            for (group, slot), free in found.free.items()
            if group.centre_id not in abroad
            or abroad[group.centre_id].is_offered(day_of(slot), venues.PROVINCE)
        }
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
    capacity = _capacity(tx.db, problem.slots, rules, keeps_reserve=problem.keeps_reserve)
    broken = check.violations(build.refresh(problem, capacity, now_held), plan)
    if broken:
        raise _taken_meanwhile(len(broken), broken[0].code)
    plan_id = tx.new_id()
    ref = tx.keep("plan.json", document(problem, plan))
    queries.add(tx.db, _plan_row(tx, actor, plan_id, plan, ref))
    wanted = [_seat_row(tx, plan_id, problem, given) for given in plan.assignments]
    before = _before(tx, problem.moved)
    now_slot = slot_at(tx.now)
    for row in wanted:
        _join(before.get(SeatKey(row.session_id, row.expert_id)), row, now_slot)
    kept = _give_up(tx, actor, problem.moved, wanted, plan_id)
    rows = [row for row in wanted if SeatKey(row.session_id, row.expert_id) not in kept]
    for row in rows:
        _stay_at_the_booth(tx.db, before.get(SeatKey(row.session_id, row.expert_id)), row)
    try:
        queries.insert_seats(tx.db, rows)
    except IntegrityError as error:
        raise _taken_meanwhile(1, "evaluation.seat.busy") from error
    seats = [*kept.values(), *(row.to_domain() for row in rows)]
    confirmed = ConfirmedPlan(
        plan_id,
        tuple(sorted(seats, key=lambda seat: seat.key)),
        plan.unseated,
        plan.objective,
        plan.bound,
        str(plan.method),
        ref,
    )
    _record(tx, actor, problem, confirmed, set(kept))
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


def _seat_row(tx: Tx, plan_id: str, problem: Problem, given: Assignment) -> SeatRow:
    slots = problem.seat_of[given.key].stays[given.stay]
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


def _before(tx: Tx, moved: Sequence[Moved]) -> dict[SeatKey, SeatRow]:
    """The live seats that are planned anew."""
    ids = {one.seat_id for one in moved}
    sessions = sorted({one.session_id for one in moved})
    rows = [row for name in sessions for row in queries.live_of_session(tx.db, name)]
    return {SeatKey(row.session_id, row.expert_id): row for row in rows if row.id in ids}


def _same_group(old: SeatRow, new: SeatRow) -> bool:
    return (old.centre_id, old.equipment) == (new.centre_id, new.equipment)


def _join(old: SeatRow | None, new: SeatRow, now_slot: int) -> None:
    """Of a stay that runs only what is left was planned anew: where it goes on in the same group it is
    one stay, from its beginning."""
    if old is None or not _same_group(old, new) or new.first_slot > old.last_slot + 1:
        return
    if is_running(old.to_domain(), now_slot):
        new.first_slot = min(new.first_slot, old.first_slot)


def _stay_at_the_booth(db: Session, old: SeatRow | None, new: SeatRow) -> None:
    """Who sits in a booth already stays in it when his stay gets longer, unless the booth is closed
    or promised to somebody for the rest; then another is drawn when he asks."""
    if old is None or old.checked_in_at is None or not _same_group(old, new):
        return
    group = old.to_domain().group
    more = tuple(range(min(old.last_slot + 1, new.last_slot), new.last_slot + 1))
    others = queries.live_in_group(db, group, more[0], more[-1])
    is_promised = any(row.label == old.label for row in others)
    if not is_promised and old.label in stations.open_booths(db, group, more):
        new.label, new.draw, new.checked_in_at = old.label, old.draw, old.checked_in_at


def _give_up(
    tx: Tx, actor: Actor, moved: Sequence[Moved], wanted: Sequence[SeatRow], plan_id: str
) -> dict[SeatKey, BookedSeat]:
    """Release the seats that are planned anew, session by session, but for those that the plan leaves
    as they are; these are returned. CONFLICT where one of them is not the seat any more that the
    planner saw: somebody else has planned it meanwhile."""
    by_session: dict[str, set[str]] = defaultdict(set)
    for one in moved:
        by_session[one.session_id].add(one.seat_id)
    new = {_place_of(row) for row in wanted}
    kept: dict[SeatKey, BookedSeat] = {}
    for session, ids in sorted(by_session.items()):
        rows = [row for row in queries.live_of_session(tx.db, session) if row.id in ids]
        if len(rows) != len(ids):
            raise Refusal("evaluation.seat.planned_meanwhile", {"session": session}, Kind.CONFLICT)
        staying = [row.to_domain() for row in rows if _place_of(row) in new]
        kept |= {seat.key: seat for seat in staying}
        _release(tx, actor, session, [row for row in rows if _place_of(row) not in new], plan_id)
    return kept


def _place_of(row: SeatRow) -> tuple[object, ...]:
    place = row.centre_id, row.equipment, row.first_slot, row.last_slot
    return row.session_id, row.expert_id, *place


def _record(
    tx: Tx, actor: Actor, problem: Problem, plan: ConfirmedPlan, kept: Collection[SeatKey]
) -> None:
    """The plan on its own stream, and on each session's what is new there: a session that nothing
    changes for hears nothing."""
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
        if seat.key in kept:
            continue
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


def seats_in(db: Session, first: int, last: int) -> tuple[BookedSeat, ...]:
    """All live seats that touch the slots from `first` to `last`, by session and expert."""
    return tuple(row.to_domain() for row in queries.live_in(db, first, last))


def name_seats(tx: Tx, actor: Actor, session_id: str, expert_of: Mapping[str, str]) -> None:
    """Put experts' ids in the place of the names under which their seats were planned; seats that
    are not named here keep theirs. CONFLICT where somebody holds another seat at that time."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    rows = [r for r in queries.live_of_session(tx.db, session_id) if r.expert_id in expert_of]
    if not rows:
        return
    try:
        queries.rename(tx.db, rows, expert_of)
    except IntegrityError as error:
        raise _taken_meanwhile(1, "evaluation.seat.busy") from error
    named = [{"seat": row.id, "expert": row.expert_id} for row in rows]
    tx.record(f"session/{session_id}", "evaluation:seats:named", actor, {"seats": named})


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


def end_seats(tx: Tx, actor: Actor, session_id: str) -> None:
    """Nobody sits for a session any more: seats that have not begun are given back, and of those that
    run what is left after this slot. What was used stays as it was."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    now_slot = slot_at(tx.now)
    rows = queries.live_of_session(tx.db, session_id)
    _release(tx, actor, session_id, [row for row in rows if row.first_slot > now_slot])
    running = [row for row in rows if row.first_slot <= now_slot < row.last_slot]
    if running:
        queries.shorten(tx.db, running, now_slot)
        said = {"seats": [row.id for row in running], "experts": [row.expert_id for row in running]}
        tx.record(f"session/{session_id}", "evaluation:seats:shortened", actor, said)


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
