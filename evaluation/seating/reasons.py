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


def why_unseated(
    problem: Problem, given: Sequence[Assignment], seat: Seat, stay: int = 0
) -> Reason:
    """The reason, for a seat that `given` leaves out while its session takes `stay`. Its parameters hold session, expert and,
    where there is one, the nearest centre with a free station (`nearest`, `minutes`)."""
    who: dict[str, Param] = {"session": seat.session_id, "expert": seat.expert_id}
    if is_busy(seat, stay):
        return Reason("evaluation.seat.none_busy", who)
    if _clashes(problem, given, seat, stay):
        return Reason("evaluation.seat.none_clash", who)
    ways = dict(zip(seat.near, seat.minutes, strict=True))
    limit = min(problem.limits.travel_minutes, seat.reach)
    left = [(place, ways.get(index, limit + 1)) for index, place in enumerate(problem.places)]
    used = _used(problem, given)
    nearest = _nearest_free(problem, used, seat, stay)
    steps: list[tuple[str, Test, dict[str, Param]]] = [
        (
            "evaluation.seat.none_equipped",
            lambda place, _: _has_class(problem, seat, place),
            {"needed": seat.needs.name},
        ),
        ("evaluation.seat.none_overnight", lambda place, _: _holds(seat, stay, place), {}),
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
            lambda place, _: _has_room(problem, used, seat, stay, place),
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


def _holds(seat: Seat, stay: int, place: Place) -> bool:
    return place.overnight or not seat.stays_overnight(stay)


def _has_room(
    problem: Problem, used: Counter[tuple[str, int, int]], seat: Seat, stay: int, place: Place
) -> bool:
    for index in problem.groups_in[place.centre_id]:
        group = problem.groups[index]
        if group.equipment >= seat.needs and all(
            group.free[problem.slot_index[slot]] > used[group.centre_id, int(group.equipment), slot]
            for slot in seat.stays[stay]
        ):
            return True
    return False


def _used(problem: Problem, given: Sequence[Assignment]) -> Counter[tuple[str, int, int]]:
    used: Counter[tuple[str, int, int]] = Counter()
    for seat in given:
        for slot in problem.seat_of[seat.key].stays[seat.stay]:
            used[seat.centre_id, int(seat.equipment), slot] += 1
    return used


def _clashes(problem: Problem, given: Sequence[Assignment], seat: Seat, stay: int) -> bool:
    return any(
        other.expert_id == seat.expert_id
        and not set(problem.seat_of[other.key].stays[other.stay]).isdisjoint(seat.stays[stay])
        for other in given
    )


def _nearest_free(
    problem: Problem, used: Counter[tuple[str, int, int]], seat: Seat, stay: int
) -> dict[str, Param]:
    """The nearest centre with a free station that suits, among all whose way is known; `-` where
    none is."""
    found = [
        (minutes, problem.places[index].centre_id)
        for index, minutes in zip(seat.near, seat.minutes, strict=True)
        if _holds(seat, stay, problem.places[index])
        and not barred_by(problem, seat, problem.places[index])
        and _has_room(problem, used, seat, stay, problem.places[index])
    ]
    if not found:
        return {"nearest": "-", "minutes": 0}
    minutes, centre_id = min(found)
    return {"nearest": centre_id, "minutes": minutes}
