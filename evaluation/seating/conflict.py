"""Which rules collide, when a committee cannot be seated as a whole.

The other committees stay as the plan has them. The question "can every member have a seat?" goes to
CP-SAT under all rules; where the answer is no, each rule is dropped in turn and the question asked
again. A rule without which the answer is still no is left out for good; what remains is a set of
rules of which none can be spared. One of several, perhaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from archive.errors import Param, Reason
from evaluation.seating.plan import Plan
from evaluation.seating.problem import Problem, Seat, barred_by, is_busy

SECONDS_MAX = 5
RULES = (
    "capacity",
    "way",
    "equipment",
    "overnight",
    "barred",
    "centre_members",
    "prefecture_members",
    "clash",
)
"""In the order in which they are dropped: of two rules that say the same, the later is named."""


@dataclass(frozen=True)
class Conflict:
    """Rules of which none can be spared, for a session: without any one of them everybody could be
    seated. Empty where everybody can be. `is_certain`: the solver came to an end each time."""

    session_id: str
    rules: tuple[str, ...]
    is_certain: bool

    def reasons(self) -> tuple[Reason, ...]:
        """The words: one line that they collide, one for each rule."""
        who: dict[str, Param] = {"session": self.session_id}
        if not self.rules:
            return (Reason("evaluation.seat.conflict_none", who),)
        lines = [Reason(f"evaluation.seat.conflict_{rule}", who) for rule in self.rules]
        return (Reason("evaluation.seat.conflict", {**who, "rules": len(self.rules)}), *lines)


def conflict(problem: Problem, plan: Plan, session_id: str) -> Conflict:
    """The collision that keeps a session from being seated as a whole."""
    certain = True

    def can_seat(rules: tuple[str, ...]) -> bool:
        nonlocal certain
        answer, proven = _ask(problem, plan, session_id, rules)
        certain = certain and proven
        return answer

    kept: tuple[str, ...] = RULES
    if can_seat(kept):
        return Conflict(session_id, (), certain)
    for rule in RULES:
        fewer = tuple(one for one in kept if one != rule)
        if not can_seat(fewer):
            kept = fewer
    return Conflict(session_id, kept, certain)


def _ask(
    problem: Problem, plan: Plan, session_id: str, rules: tuple[str, ...]
) -> tuple[bool, bool]:
    """Whether every member of the session can have a seat under `rules`, and whether that is sure."""
    from ortools.sat.python import cp_model

    model: Any = cp_model.CpModel()
    taken, held = _others(problem, plan, session_id)
    stay = next((a.stay for a in plan.assignments if a.session_id == session_id), 0)
    used: dict[tuple[int, int], list[Any]] = defaultdict(list)
    in_centre: dict[str, list[Any]] = defaultdict(list)
    in_prefecture: dict[str, list[Any]] = defaultdict(list)
    for seat in (one for one in problem.seats if one.session_id == session_id):
        choices = []
        for index in _groups(problem, seat, stay, rules, held):
            var = model.new_bool_var("")
            choices.append(var)
            place = problem.places[problem.place_index[problem.groups[index].centre_id]]
            in_centre[place.centre_id].append(var)
            in_prefecture[place.prefecture].append(var)
            for slot in seat.stays[stay]:
                used[index, slot].append(var)
        if not choices:
            return False, True
        model.add_exactly_one(choices)
    if "capacity" in rules:
        for (index, slot), chosen in used.items():
            free = problem.groups[index].free[problem.slot_index[slot]] - taken[index, slot]
            model.add(sum(chosen) <= max(0, free))
    _disperse(model, problem, session_id, rules, in_centre, in_prefecture)
    solver: Any = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = SECONDS_MAX
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    return status in (cp_model.OPTIMAL, cp_model.FEASIBLE), status != cp_model.UNKNOWN


def _disperse(
    model: Any,
    problem: Problem,
    session_id: str,
    rules: tuple[str, ...],
    in_centre: dict[str, list[Any]],
    in_prefecture: dict[str, list[Any]],
) -> None:
    committee = problem.committee_of[session_id]
    pins = [pin.centre_id for pin in problem.pinned if pin.session_id == session_id]
    prefectures = [problem.places[problem.place_index[pin]].prefecture for pin in pins]
    if "centre_members" in rules:
        for centre, chosen in in_centre.items():
            most = problem.centre_most(committee, centre)
            model.add(sum(chosen) <= max(0, most - pins.count(centre)))
    if "prefecture_members" in rules:
        for prefecture, chosen in in_prefecture.items():
            most = problem.prefecture_most(committee, prefecture)
            model.add(sum(chosen) <= max(0, most - prefectures.count(prefecture)))


def _others(
    problem: Problem, plan: Plan, session_id: str
) -> tuple[dict[tuple[int, int], int], dict[str, set[int]]]:
    """What the other committees take: stations by (group, slot), and experts' slots."""
    index = {group.key: number for number, group in enumerate(problem.groups)}
    taken: dict[tuple[int, int], int] = defaultdict(int)
    held: dict[str, set[int]] = defaultdict(set)
    for given in plan.assignments:
        if given.session_id != session_id:
            slots = problem.seat_of[given.key].stays[given.stay]
            held[given.expert_id].update(slots)
            for slot in slots:
                taken[index[given.group], slot] += 1
    return taken, held


def _groups(
    problem: Problem, seat: Seat, stay: int, rules: tuple[str, ...], held: dict[str, set[int]]
) -> list[int]:
    """The groups that `rules` leave to the seat by itself."""
    slots = seat.stays[stay]
    if "clash" in rules and (
        is_busy(seat, stay) or not held.get(seat.expert_id, set()).isdisjoint(slots)
    ):
        return []
    limit = min(seat.reach, problem.limits.travel_minutes)
    ways = dict(zip(seat.near, seat.minutes, strict=True))
    tests: dict[str, Callable[[int], bool]] = {
        "way": lambda place: ways.get(place, limit + 1) <= limit,
        "overnight": lambda place: (
            problem.places[place].overnight or not seat.stays_overnight(stay)
        ),
        "barred": lambda place: not barred_by(problem, seat, problem.places[place]),
    }
    found = []
    for number, group in enumerate(problem.groups):
        place = problem.place_index[group.centre_id]
        if "equipment" in rules and group.equipment < seat.needs:
            continue
        if all(tests[rule](place) for rule in rules if rule in tests):
            found.append(number)
    return found
