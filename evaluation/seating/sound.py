"""Whether a problem is one at all: what comes from outside, or from a file, is looked at as a whole
before anybody plans with it, and every fault is told at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from archive.errors import Faults
from evaluation.seating.numbers import check_numbers
from evaluation.seating.problem import SEATS_MAX, STAYS_MAX, Problem, Seat
from evaluation.stations.slots import is_run

MINUTES_MAX = 10_000


def check_problem(problem: Problem, faults: Faults) -> None:
    """Add every fault: numbers that contradict each other, negative capacities, names that occur
    twice or not at all, stays that are no runs, ways that lead nowhere."""
    check_numbers(problem.weights, problem.limits, faults)
    if not 0 < len(problem.seats) <= SEATS_MAX:
        faults.add("/seats", "evaluation.seat.count", count=len(problem.seats), count_max=SEATS_MAX)
    for name, keys in {
        "places": [place.centre_id for place in problem.places],
        "groups": [str(group.key) for group in problem.groups],
        "committees": [committee.session_id for committee in problem.committees],
        "seats": [str(seat.key) for seat in problem.seats],
    }.items():
        for key, times in Counter(keys).items():
            if times > 1:
                faults.add(f"/{name}", "evaluation.seat.named_twice", name=key, times=times)
    if list(problem.slots) != sorted(set(problem.slots)):
        faults.add("/slots", "evaluation.seat.slots_order")
    known = {place.centre_id for place in problem.places}
    for index, group in enumerate(problem.groups):
        if group.centre_id not in known:
            faults.add(f"/groups/{index}", "evaluation.seat.unknown_centre", group=str(group.key))
        if len(group.free) != len(problem.slots) or any(free < 0 for free in group.free):
            faults.add(
                f"/groups/{index}/free",
                "evaluation.seat.capacity_negative",
                group=str(group.key),
            )
    for index, place in enumerate(problem.places):
        if place.load < 0 or place.fair < 0:
            faults.add(
                f"/places/{index}", "evaluation.seat.capacity_negative", group=place.centre_id
            )
    sizes: dict[str, int] = {}
    for index, seat in enumerate(problem.seats):
        session, expert = seat.session_id, seat.expert_id
        for code in _seat_faults(problem, seat):
            faults.add(f"/seats/{index}", code, session=session, expert=expert)
        if sizes.setdefault(seat.session_id, len(seat.stays)) != len(seat.stays):
            faults.add(
                f"/seats/{index}/stays",
                "evaluation.seat.stays_differ",
                session=session,
                expert=expert,
            )


def _seat_faults(problem: Problem, seat: Seat) -> Iterator[str]:
    if seat.session_id not in problem.committee_of:
        yield "evaluation.seat.no_session"
    runs = all(is_run(stay) and set(stay) <= problem.slot_index.keys() for stay in seat.stays)
    if not 0 < len(seat.stays) <= STAYS_MAX or not runs:
        yield "evaluation.seat.slots"
    ways = list(seat.near)
    if (
        len(ways) != len(seat.minutes)
        or ways != sorted(set(ways))
        or any(not 0 <= place < len(problem.places) for place in ways)
        or any(not 0 <= minutes <= MINUTES_MAX for minutes in seat.minutes)
        or seat.reach < 0
    ):
        yield "evaluation.seat.ways"
