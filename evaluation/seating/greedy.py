"""The instant fall-back: one seat after the other, each in the cheapest group that is still left.

Seats with the fewest groups go first, ties by id. Every rule is kept; the price is not the best:
on a province's day about twice it. Used when the solver gave nothing in time, and the plan says so.

Its certificate is the weakest honest one: no seat costs less than its own cheapest group, or than
not being given.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from evaluation.seating import check
from evaluation.seating.plan import Assignment, Method, Plan, Unseated
from evaluation.seating.problem import (
    Place,
    Problem,
    Seat,
    SeatKey,
    allowed_groups,
    arc_cost,
)
from evaluation.seating.reasons import why_unseated


@dataclass
class _Board:
    """What is taken so far."""

    problem: Problem
    used: Counter[tuple[int, int]] = field(default_factory=Counter)
    in_centre: Counter[tuple[str, str]] = field(default_factory=Counter)
    in_prefecture: Counter[tuple[str, str]] = field(default_factory=Counter)
    load: Counter[str] = field(default_factory=Counter)
    held: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        for pin in self.problem.pinned:
            place = self.problem.places[self.problem.place_index[pin.centre_id]]
            self.in_centre[pin.session_id, pin.centre_id] += 1
            self.in_prefecture[pin.session_id, place.prefecture] += 1

    def price(self, seat: Seat, group_index: int) -> int | None:
        """What this seat costs in this group now; None where a rule forbids it."""
        problem, limits = self.problem, self.problem.limits
        group = problem.groups[group_index]
        place = problem.places[problem.place_index[group.centre_id]]
        for slot in seat.slots:
            free = group.free[problem.slot_index[slot]]
            if self.used[group_index, slot] >= free or (seat.expert_id, slot) in self.held:
                return None
        members = problem.committee_of[seat.session_id].members
        here = self.in_centre[seat.session_id, place.centre_id]
        near = self.in_prefecture[seat.session_id, place.prefecture]
        if here >= limits.centre_max or near >= limits.prefecture_max_of(members):
            return None
        cost = arc_cost(problem, seat, group) + self._load_price(place)
        if here >= limits.centre_free:
            cost += problem.weights.second_member
        if near >= limits.prefecture_free_of(members):
            cost += problem.weights.same_prefecture
        return cost

    def _load_price(self, place: Place) -> int:
        prices = (0, *self.problem.weights.load)
        taken = place.load + self.load[place.centre_id]
        shares = taken // place.fair if place.fair else len(prices)
        return prices[min(shares, len(prices) - 1)]

    def take(self, seat: Seat, group_index: int) -> Assignment:
        group = self.problem.groups[group_index]
        place = self.problem.places[self.problem.place_index[group.centre_id]]
        for slot in seat.slots:
            self.used[group_index, slot] += 1
            self.held.add((seat.expert_id, slot))
        self.in_centre[seat.session_id, place.centre_id] += 1
        self.in_prefecture[seat.session_id, place.prefecture] += 1
        self.load[place.centre_id] += 1
        return Assignment(seat.session_id, seat.expert_id, group.centre_id, group.equipment)


def plan(problem: Problem) -> Plan:
    """A plan that keeps every rule, at once."""
    board = _Board(problem)
    choices = {seat.key: allowed_groups(problem, seat) for seat in problem.seats}
    given: list[Assignment] = []
    missing: list[Seat] = []
    for seat in sorted(problem.seats, key=lambda seat: (len(choices[seat.key]), seat.key)):
        prices = ((board.price(seat, group), group) for group in choices[seat.key])
        best = min(((price, group) for price, group in prices if price is not None), default=None)
        if best is None or best[0] >= problem.weights.unseated:
            missing.append(seat)
        else:
            given.append(board.take(seat, best[1]))
    assignments = tuple(sorted(given, key=lambda assignment: assignment.key))
    unseated = tuple(
        Unseated(seat.session_id, seat.expert_id, why_unseated(problem, assignments, seat))
        for seat in sorted(missing, key=lambda seat: seat.key)
    )
    floors = _floors(problem, choices)
    draft = Plan(
        problem_digest=problem.digest,
        assignments=assignments,
        unseated=unseated,
        objective=0,
        bound=sum(value for _, value in floors),
        certificate=floors,
        method=Method.GREEDY,
    )
    return replace(draft, objective=check.objective(problem, draft))


def _floors(problem: Problem, choices: dict[SeatKey, list[int]]) -> tuple[tuple[str, int], ...]:
    floors = []
    for seat in problem.seats:
        costs = [arc_cost(problem, seat, problem.groups[g]) for g in choices[seat.key]]
        floors.append((f"seat:{seat.key}", min([*costs, problem.weights.unseated])))
    return tuple(sorted(floor for floor in floors if floor[1]))
