"""Why a seat could not be given: the rule that bites, and where the nearest free station is.

The rules are asked in order, from what no planner can change (class of equipment, nights, distance,
barred centres) to what another plan might (capacity, dispersal, clashes). The first that leaves no
centre is the answer. The nearest free station is sought among the centres that are not barred,
however far.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from archive.errors import Param, Reason
from evaluation.seating.plan import Assignment
from evaluation.seating.problem import Place, Problem, Seat, barred_by, is_busy

Test = Callable[[Place, int], bool]


def why_unseated(problem: Problem, given: Sequence[Assignment], seat: Seat) -> Reason:
    """The reason, for a seat that `given` leaves out. Its parameters hold session, expert and,
    where there is one, the nearest centre with a free station (`nearest`, `minutes`)."""
    who: dict[str, Param] = {"session": seat.session_id, "expert": seat.expert_id}
    if is_busy(seat):
        return Reason("evaluation.seat.none_busy", who)
    if _clashes(problem, given, seat):
        return Reason("evaluation.seat.none_clash", who)
    left = list(zip(problem.places, seat.minutes, strict=True))
    limit = problem.limits.travel_minutes
    used = _used(problem, given)
    nearest = _nearest_free(problem, used, seat)
    steps: list[tuple[str, Test, dict[str, Param]]] = [
        (
            "evaluation.seat.none_equipped",
            lambda place, _: _has_class(problem, seat, place),
            {"needed": seat.needs.name},
        ),
        ("evaluation.seat.none_overnight", lambda place, _: _holds(seat, place), {}),
        (
            "evaluation.seat.none_near",
            lambda _, minutes: minutes <= limit,
            {"minutes_max": limit},
        ),
        (
            "evaluation.seat.none_allowed",
            lambda place, _: not barred_by(problem, seat, place),
            {},
        ),
        (
            "evaluation.seat.none_free",
            lambda place, _: _has_room(problem, used, seat, place),
            {},
        ),
    ]
    for code, test, params in steps:
        left = [(place, minutes) for place, minutes in left if test(place, minutes)]
        if not left:
            return Reason(code, {**who, **params, **nearest})
    return Reason("evaluation.seat.none_dispersed", {**who, **nearest})


def _has_class(problem: Problem, seat: Seat, place: Place) -> bool:
    groups = problem.groups_in[place.centre_id]
    return any(problem.groups[group].equipment >= seat.needs for group in groups)


def _holds(seat: Seat, place: Place) -> bool:
    return place.overnight or not seat.holds_night


def _has_room(
    problem: Problem, used: Counter[tuple[str, int, int]], seat: Seat, place: Place
) -> bool:
    for index in problem.groups_in[place.centre_id]:
        group = problem.groups[index]
        if group.equipment >= seat.needs and all(
            group.free[problem.slot_index[slot]] > used[group.centre_id, int(group.equipment), slot]
            for slot in seat.slots
        ):
            return True
    return False


def _used(problem: Problem, given: Sequence[Assignment]) -> Counter[tuple[str, int, int]]:
    used: Counter[tuple[str, int, int]] = Counter()
    for seat in given:
        for slot in problem.seat_of[seat.key].slots:
            used[seat.centre_id, int(seat.equipment), slot] += 1
    return used


def _clashes(problem: Problem, given: Sequence[Assignment], seat: Seat) -> bool:
    return any(
        other.expert_id == seat.expert_id
        and not set(problem.seat_of[other.key].slots).isdisjoint(seat.slots)
        for other in given
    )


def _nearest_free(
    problem: Problem, used: Counter[tuple[str, int, int]], seat: Seat
) -> dict[str, Param]:
    """The nearest centre with a free station that suits, whatever the way; `-` where none is."""
    found = [
        (minutes, place.centre_id)
        for place, minutes in zip(problem.places, seat.minutes, strict=True)
        if _holds(seat, place)
        and not barred_by(problem, seat, place)
        and _has_room(problem, used, seat, place)
    ]
    if not found:
        return {"nearest": "-", "minutes": 0}
    minutes, centre_id = min(found)
    return {"nearest": centre_id, "minutes": minutes}
