"""Small seating problems for tests: two or three objects, every number in sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from evaluation.seating import build
from evaluation.seating.numbers import numbers_of
from evaluation.seating.plan import Assignment, Method, Plan
from evaluation.seating.problem import (
    Committee,
    Group,
    Limits,
    Pinned,
    Place,
    Problem,
    Seat,
    SeatRequest,
    Weights,
)
from evaluation.stations.slots import Part, days_from, slot_of, slots_on
from evaluation.stations.station import Capacity, Equipment, StationGroup, Venue, capacity_of
from evaluation.synthetic import seat_requests, venues
from trading.rules.book import book
from trading.synthetic import centres

DAY = date(2026, 10, 21)
AM, PM, NIGHT = (slot_of(DAY, part) for part in Part)
HOST, NEAR, FAR, OTHER = "530102", "532901", "532922", "530900"
BASIC, DUAL, CAD = Equipment

WEIGHTS = Weights(
    second_member=25_000,
    same_prefecture=10_000,
    load=(4_000, 12_000, 30_000),
    unseated=5_000_000,
    amplitude=0,
    elsewhere=1_000_000,
)
LIMITS = Limits(
    travel_minutes=180,
    centre_free=1,
    centre_max=2,
    prefecture_share=3,
    prefecture_permille=1000,
    solve_seconds=30,
    gap_ppm=0,
)
PLACES = (
    Place(HOST, HOST, "5301", "USCC-HOST", True, 0, 9),
    Place(OTHER, OTHER, "5309", "USCC-OTHER", False, 0, 9),
    Place(NEAR, NEAR, "5329", "USCC-NEAR", True, 0, 9),
    Place(FAR, FAR, "5329", "USCC-FAR", False, 0, 9),
)
"""In the order of their ids; NEAR and FAR lie in one prefecture."""


def seat(
    expert: str = "E1",
    session: str = "S1",
    minutes: tuple[int, ...] = (10, 40, 20, 30),
    slots: tuple[int, ...] = (AM,),
    needs: Equipment = BASIC,
    overnight: bool = False,
    employer: str = "",
    busy: tuple[int, ...] = (),
    or_else: tuple[tuple[int, ...], ...] = (),
    current: str = "",
    reach: int = 180,
) -> Seat:
    """`minutes` to HOST, OTHER, NEAR, FAR."""
    near = tuple(range(len(minutes)))
    stays = (slots, *or_else)
    return Seat(
        session, expert, stays, needs, overnight, employer, near, minutes, reach, busy, current
    )


def committee(
    session: str = "S1",
    members: int = 3,
    forbidden: tuple[str, ...] = (),
    guests: tuple[str, ...] = (),
    **facts: str,
) -> Committee:
    return Committee(
        session,
        members,
        facts.get("host", HOST),
        facts.get("tenderer", ""),
        facts.get("county", ""),
        forbidden,
        guests,
    )


def problem(
    seats: Sequence[Seat],
    committees: Sequence[Committee] = (),
    free: Mapping[tuple[str, Equipment], int | tuple[int, ...]] | None = None,
    places: Sequence[Place] = PLACES,
    pinned: Sequence[Pinned] = (),
    weights: Weights = WEIGHTS,
    limits: Limits = LIMITS,
    seed: bytes = b"seed",
) -> Problem:
    """Basic stations, two in each centre, unless `free` says how many (for each slot)."""
    slots = tuple(sorted({slot for one in seats for stay in one.stays for slot in stay}))
    stock = free or {(place.centre_id, BASIC): 2 for place in places}
    sessions = sorted({one.session_id for one in seats})
    return Problem(
        slots=slots,
        places=tuple(places),
        groups=tuple(
            Group(centre, equipment, count if isinstance(count, tuple) else (count,) * len(slots))
            for (centre, equipment), count in sorted(stock.items())
        ),
        committees=tuple(committees) or tuple(committee(session) for session in sessions),
        seats=tuple(sorted(seats, key=lambda one: one.key)),
        pinned=tuple(pinned),
        moved=(),
        weights=weights,
        limits=limits,
        seed=seed,
    )


def plan_of(
    problem: Problem, *rows: tuple[str, str, str] | tuple[str, str, str, Equipment]
) -> Plan:
    """A plan by hand: (session, expert, centre, class)."""
    given = tuple(
        Assignment(row[0], row[1], row[2], row[3] if len(row) == 4 else BASIC) for row in rows
    )
    return Plan(problem.digest, given, (), 0, 0, (), Method.SEARCH)


def with_limits(problem: Problem, **changes: int) -> Problem:
    return replace(problem, limits=replace(problem.limits, **changes))


def groups_of(stock: Sequence[Venue]) -> list[StationGroup]:
    return [
        StationGroup(
            venue.centre_id,
            equipment,
            venue.overnight,
            tuple(sorted(x for r in venue.rooms if r.equipment is equipment for x in r.labels)),
        )
        for venue in stock
        for equipment in sorted({room.equipment for room in venue.rooms})
    ]


def province_day(
    seed: bytes, sessions: int, percent_free: int = 100, requests: Sequence[SeatRequest] = ()
) -> Problem:
    """A day of the synthetic province; `percent_free` of the stations are not taken otherwise."""
    places = centres()
    groups = groups_of(venues(b"stations", places))
    slots = slots_on(days_from(DAY, 2))
    free = {
        (group.key, slot): count * percent_free // 100
        for group in groups
        for slot, count in capacity_of(
            group, [], {}, slots, reserve_permille=50, stay_days_max=3
        ).items()
    }
    return build.build(
        requests or seat_requests(seed, places, DAY, sessions),
        groups=groups,
        capacity=Capacity(free),
        centres=places,
        booked=[],
        moved=[],
        numbers=numbers_of(book(), DAY, "53"),
        seed=seed,
    )
