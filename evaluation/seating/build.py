"""From requests, stations and confirmed seats to a `Problem`; pure.

`check_requests` collects every fault of the requests. `build` makes the problem; `refresh` gives the
same problem with what is free, who is pinned and who is busy as things stand *now*: a plan is
confirmed against that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from archive.errors import Faults
from evaluation.seating.booking import BookedSeat, taken, without
from evaluation.seating.numbers import Numbers
from evaluation.seating.problem import (
    SEATS_MAX,
    STAYS_MAX,
    Committee,
    Group,
    Moved,
    Pinned,
    Place,
    Problem,
    Seat,
    SeatKey,
    SeatRequest,
)
from evaluation.stations.slots import day_of, days_touched, holds_night, is_run
from evaluation.stations.station import Capacity, GroupKey, StationGroup
from trading.divisions import Place as Point
from trading.divisions import whole_kilometres, yunnan
from trading.parties.party import Centre

SEED_BYTES_MAX = 64
PREFECTURE_DIGITS = 4
COUNTY = 3
DEGREES_NEAR = 5
"""No two points this far apart in latitude are within the limit: spares the exact distance."""


def check_requests(
    requests: Sequence[SeatRequest],
    slots: Sequence[int],
    numbers: Numbers,
    faults: Faults,
    abroad: Sequence[Centre] = (),
) -> None:
    """Add every fault of the requests; `slots` are those of the days planned for. `abroad`: centres of
    other provinces whose seats may be asked for by name."""
    if not 0 < len(requests) <= SEATS_MAX:
        faults.add("", "evaluation.seat.count", count=len(requests), count_max=SEATS_MAX)
    times = Counter(request.key for request in requests)
    in_session = Counter(request.session_id for request in requests)
    first: dict[str, SeatRequest] = {}
    window = set(slots)
    homes: list[Point] = [one for one in yunnan().values() if one.level == COUNTY]
    homes += abroad
    _check_booked_twice(requests, faults)
    for index, request in enumerate(requests):
        place = f"/{index}"
        who = {"session": request.session_id, "expert": request.expert_id}
        if times[request.key] > 1:
            faults.add(place, "evaluation.seat.asked_twice", **who)
        if len(request.stays) > STAYS_MAX:
            faults.add(f"{place}/or_else", "evaluation.seat.stays", stays_max=STAYS_MAX, **who)
        for stay in request.stays:
            if not is_run(stay) or not window.issuperset(stay):
                faults.add(f"{place}/slots", "evaluation.seat.slots", **who)
                continue
            if holds_night(stay) and not request.overnight:
                faults.add(f"{place}/overnight", "evaluation.seat.night_unsaid", **who)
            if days_touched(stay) > numbers.stay_days_max:
                faults.add(
                    f"{place}/slots",
                    "evaluation.seat.stay",
                    rule="seating.stay_days_max",
                    days_max=numbers.stay_days_max,
                    **who,
                )
        if not (-180 <= request.lon <= 180 and -90 <= request.lat <= 90):
            faults.add(place, "evaluation.seat.home", **who)
        elif not any(
            abs(request.lat - home.lat) < DEGREES_NEAR
            and whole_kilometres(request, home) <= numbers.home_kilometres_max
            for home in homes
        ):
            faults.add(
                place,
                "evaluation.seat.home_outside",
                rule="seating.home_kilometres_max",
                kilometres=numbers.home_kilometres_max,
                **who,
            )
        if request.travel_minutes < 0:
            faults.add(f"{place}/travel_minutes", "evaluation.seat.travel", **who)
        if request.host_centre_id in request.guests:
            faults.add(f"{place}/guests", "evaluation.seat.host_is_guest", **who)
        if request.members < in_session[request.session_id]:
            faults.add(
                f"{place}/members", "evaluation.seat.members", members=request.members, **who
            )
        if _session_facts(first.setdefault(request.session_id, request)) != _session_facts(request):
            faults.add(place, "evaluation.seat.session_differs", session=request.session_id)


def _check_booked_twice(requests: Sequence[SeatRequest], faults: Faults) -> None:
    """An expert whose sessions must overlap, whatever start is chosen."""
    held: dict[str, list[tuple[int, SeatRequest]]] = defaultdict(list)
    for index, request in enumerate(requests):
        for _, other in held[request.expert_id]:
            if other.session_id != request.session_id and all(
                not set(mine).isdisjoint(theirs) for mine in request.stays for theirs in other.stays
            ):
                faults.add(
                    f"/{index}",
                    "evaluation.seat.booked_twice",
                    expert=request.expert_id,
                    session=request.session_id,
                    other=other.session_id,
                )
        held[request.expert_id].append((index, request))


def check_open(
    requests: Sequence[SeatRequest],
    groups: Sequence[StationGroup],
    faults: Faults,
) -> None:
    """Add every window in which no centre at all is open. Where all are open and none has a station
    left, nothing is wrong with the window: its seats stay unseated, with a reason."""
    asked = {stay: index for index, request in enumerate(requests) for stay in request.stays}
    for stay, index in sorted(asked.items()):
        if not any(all(group.opening.holds(slot) for slot in stay) for group in groups):
            faults.add(
                f"/{index}/slots",
                "evaluation.seat.nothing_open",
                session=requests[index].session_id,
                first=day_of(stay[0]).isoformat(),
            )


def _session_facts(request: SeatRequest) -> tuple[object, ...]:
    return (
        request.members,
        request.host_centre_id,
        request.tenderer_uscc,
        request.tenderer_division,
        request.or_else,
        tuple(sorted(set(request.forbidden))),
        tuple(sorted(set(request.guests))),
    )


def build(
    requests: Sequence[SeatRequest],
    *,
    groups: Sequence[StationGroup],
    capacity: Capacity,
    centres: Sequence[Centre],
    booked: Sequence[BookedSeat],
    moved: Iterable[SeatKey],
    numbers: Numbers,
    seed: bytes,
    keeps_reserve: bool = True,
    abroad: Sequence[Centre] = (),
) -> Problem:
    """The problem of checked requests. `booked`: all confirmed seats in these slots and of these
    sessions; those in `moved` are given up and do not count. `keeps_reserve`: what `capacity` is.
    `abroad`: centres of other provinces; those that no request names are left out."""
    gone = set(moved)
    given_up = tuple(sorted(Moved(*seat.key, seat.id) for seat in booked if seat.key in gone))
    current = {seat.key: seat.centre_id for seat in booked if seat.key in gone}
    kept = without(booked, gone)
    slots = tuple(sorted({slot for r in requests for stay in r.stays for slot in stay}))
    named = {guest for request in requests for guest in request.guests}
    away = {centre.id: centre for centre in abroad if centre.id in named}
    by_id = {centre.id: centre for centre in centres} | away
    present = [group for group in groups if group.centre_id in by_id]
    places = tuple(
        replace(place, abroad=place.centre_id in away)
        for place in _places(present, by_id, kept, slots, len(requests))
    )
    committees = {
        request.session_id: Committee(
            session_id=request.session_id,
            members=request.members,
            host_centre_id=request.host_centre_id,
            tenderer_uscc=request.tenderer_uscc,
            tenderer_division=(
                request.tenderer_division if numbers.is_tenderer_county_barred else ""
            ),
            forbidden=tuple(sorted(set(request.forbidden))),
            guests=tuple(sorted(set(request.guests))),
        )
        for request in requests
    }
    ways = [by_id[place.centre_id] for place in places]
    everywhere = tuple(range(len(ways)))
    seats = tuple(
        Seat(
            session_id=request.session_id,
            expert_id=request.expert_id,
            stays=request.stays,
            needs=request.needs,
            overnight=request.overnight,
            employer_uscc=request.employer_uscc,
            near=everywhere,
            minutes=tuple(numbers.minutes(whole_kilometres(request, way)) for way in ways),
            reach=request.travel_minutes or numbers.limits.travel_minutes,
            current=current.get(request.key, ""),
        )
        for request in sorted(requests, key=lambda request: request.key)
    )
    draft = Problem(
        slots=slots,
        places=places,
        groups=tuple(
            Group(group.centre_id, group.equipment, (0,) * len(slots))
            for group in sorted(present, key=lambda group: group.key)
        ),
        committees=tuple(committees[session] for session in sorted(committees)),
        seats=seats,
        pinned=(),
        moved=given_up,
        weights=numbers.weights,
        limits=numbers.limits,
        seed=seed,
        rules=numbers.rules,
        keeps_reserve=keeps_reserve,
    )
    return refresh(draft, capacity, booked)


def refresh(problem: Problem, capacity: Capacity, booked: Sequence[BookedSeat]) -> Problem:
    """The problem with its free stations, pinned seats and busy experts as `capacity` and `booked`
    have them."""
    kept = without(booked, [one.key for one in problem.moved])
    used = taken(kept)
    sessions = {committee.session_id for committee in problem.committees}
    known = {place.centre_id for place in problem.places}
    busy: dict[str, set[int]] = defaultdict(set)
    for seat in kept:
        busy[seat.expert_id].update(seat.slots)
    window = set(problem.slots)
    return replace(
        problem,
        groups=tuple(
            replace(group, free=_free(group.key, problem.slots, capacity, used))
            for group in problem.groups
        ),
        pinned=tuple(
            Pinned(seat.session_id, seat.expert_id, seat.centre_id)
            for seat in sorted(kept, key=lambda seat: seat.key)
            if seat.session_id in sessions and seat.centre_id in known
        ),
        seats=tuple(
            replace(seat, busy=tuple(sorted(busy[seat.expert_id] & window)))
            for seat in problem.seats
        ),
    )


def _free(
    key: GroupKey,
    slots: Sequence[int],
    capacity: Capacity,
    used: Counter[tuple[GroupKey, int]],
) -> tuple[int, ...]:
    return tuple(max(0, capacity.of(key, slot) - used[key, slot]) for slot in slots)


def _places(
    groups: Sequence[StationGroup],
    centres: dict[str, Centre],
    kept: Sequence[BookedSeat],
    slots: Sequence[int],
    seats: int,
) -> tuple[Place, ...]:
    """The centres that have stations, each with its load and its fair share of all seats, by its
    part of all stations, rounded up."""
    window = set(slots)
    load = Counter(seat.centre_id for seat in kept if not window.isdisjoint(seat.slots))
    stations: Counter[str] = Counter()
    overnight: dict[str, bool] = {}
    for group in groups:
        stations[group.centre_id] += group.stations
        overnight[group.centre_id] = group.overnight
    everything = sum(stations.values())
    demand = seats + sum(load[centre_id] for centre_id in stations)
    return tuple(
        Place(
            centre_id=centre_id,
            division=centres[centre_id].division_code,
            prefecture=centres[centre_id].division_code[:PREFECTURE_DIGITS],
            operator_uscc=centres[centre_id].operator_uscc,
            overnight=overnight[centre_id],
            load=load[centre_id],
            fair=-(-demand * stations[centre_id] // everything),
        )
        for centre_id in sorted(stations)
    )
