"""The auditor: how far from the best can a plan be, and is it the only one as good? Solver-free and in
exact whole numbers; it shares no line with the planner's model, so that neither hides the other's
mistakes. That the plan keeps every rule, and what it costs, is `evaluation.seating.check`'s part.

Every allowed (seat, stay, group) is listed anew (an *arc*); the columns are the arcs, the seats not
given, the starts, and what dispersal and load add. The bounds are weak duality: with y the numbers
of a certificate by rows, r = c − Aᵀy and d the upper bounds,

    no plan costs less than   y·b + Σ min(0, r)·d.

Level 1 is the cost. Where it is met, columns with r > 0 are 0 in every best plan, those with r < 0
full, and rows with y < 0 tight. On what stays open, level 2 does the same for the sum of ties, and
level 3 for minus the number of columns that the plan does not use: above −1, there is no other plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from evaluation.seating.plan import Plan
from evaluation.seating.problem import MILLI, Problem, allowed_groups, load_pieces, lot, taxes

DUAL_MAX = 2**52
Row: TypeAlias = tuple[Any, ...]
"""The kind of a row and its indices."""
Duals: TypeAlias = Mapping[Row, int]


@dataclass(frozen=True)
class Audit:
    """`bound`: no plan costs less. `is_unique`: proven that no other plan costs as little with as
    small a sum of ties."""

    bound: int
    is_unique: bool


class Tables:
    """A problem as tables of numbers; whatever a name stands for is looked up here."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        index = {c.session_id: i for i, c in enumerate(problem.committees)}
        experts = sorted({seat.expert_id for seat in problem.seats})
        areas = sorted({place.prefecture for place in problem.places})
        self.names = {"centre": [*problem.place_index], "prefecture": areas}
        self.area = {kind: {n: i for i, n in enumerate(of)} for kind, of in self.names.items()}
        self.session, self.expert = index, {name: i for i, name in enumerate(experts)}
        self.seat = {str(seat.key): i for i, seat in enumerate(problem.seats)}
        self.area_of = ints([self.area["prefecture"][place.prefecture] for place in problem.places])
        self.group = {str(group.key): i for i, group in enumerate(problem.groups)}
        self.session_of = ints([index[seat.session_id] for seat in problem.seats])
        self.expert_of = ints([self.expert[seat.expert_id] for seat in problem.seats])
        self.stays = max((len(seat.stays) for seat in problem.seats), default=1)
        self.offered = np.zeros((len(index), self.stays), dtype=bool)  # where there is a choice
        for session, seat in zip(self.session_of.tolist(), problem.seats, strict=True):
            self.offered[session, : len(seat.stays)] = len(seat.stays) > 1
        self.sitting: dict[tuple[str, int, int], int] = {}
        for pin in problem.pinned:
            place = problem.place_index[pin.centre_id]
            for kind, at in (("centre", place), ("prefecture", int(self.area_of[place]))):
                key = (kind, index[pin.session_id], at)
                self.sitting[key] = self.sitting.get(key, 0) + 1
        self.arcs = np.asfortranarray(ints(list(self._arcs())).reshape(-1, 7))  # by column

    def _arcs(self) -> Any:
        """(seat, stay, group, place, first slot, last slot, cost), sorted."""
        problem, weights = self.problem, self.problem.weights
        for number, seat in enumerate(problem.seats):
            ways = dict(zip(seat.near, seat.minutes, strict=True))
            for a, stay in enumerate(seat.stays):
                ends = problem.slot_index[stay[0]], problem.slot_index[stay[-1]]
                for g in allowed_groups(problem, seat, a):
                    group = problem.groups[g]
                    place = problem.place_index[group.centre_id]
                    extra = lot(problem, seat, group).extra if weights.amplitude else 0
                    cost = ways[place] * MILLI + taxes(problem, seat, group) + extra
                    yield number, a, g, place, *ends, cost

    def room(self, kind: str, session: int, area: int) -> tuple[int, int]:
        """How many more members may sit in an area: free of price, and at all."""
        limits, who = self.problem.limits, self.problem.committees[session]
        free, most_of = limits.centre_free, self.problem.centre_most
        if kind == "prefecture":
            free, most_of = limits.prefecture_free_of(who.members), self.problem.prefecture_most
        most = most_of(who, self.names[kind][area])
        before = self.sitting.get((kind, session, area), 0)
        return min(max(0, most - before), max(0, free - before)), max(0, most - before)

    def pieces(self, place: int) -> list[tuple[int, int]]:
        return load_pieces(self.problem, self.problem.places[place], len(self.seat))


def ints(values: Sequence[Any]) -> Any:
    return np.array(values, dtype=np.int64)


def audit(problem: Problem, plan: Plan, tables: Any = None, levels: Any = None) -> Audit:
    """Judge a plan that keeps the rules. ValueError, KeyError, TypeError or IndexError where its
    certificates are none. `tables`, `levels`: what was read before, for those who measure."""
    tables = tables or Tables(problem)
    named = (plan.certificate, plan.ties, plan.alone)
    levels = levels or [rows_of(tables, dict(each)) for each in named]
    extras = _extras(tables, levels)
    arcs, seats = len(tables.arcs), len(tables.seat) * tables.stays
    decisions = arcs + seats + len(tables.session) * tables.stays
    price = np.zeros(decisions + len(extras), dtype=np.int64)
    price[:arcs], price[arcs : arcs + seats] = tables.arcs[:, 6], problem.weights.unseated
    price[decisions:] = [extra[1] for extra in extras]
    most = np.ones_like(price)
    most[arcs + seats : decisions] = tables.offered.ravel()
    most[decisions:] = [extra[2] for extra in extras]
    opened, full = most > 0, np.zeros(len(price), dtype=bool)
    tight: set[Row] = set()
    value, proven = plan.objective, []
    for level, duals in enumerate(levels):
        if any(
            y > 0 and row[0] not in ("seat", "start") and row not in tight
            for row, y in duals.items()
        ):
            raise ValueError("a positive number on a row with ≤")
        left, rhs = _reduced(tables, duals, price, extras)
        counted = np.flatnonzero((opened & (left < 0)) | full)
        below = zip(left[counted].tolist(), most[counted].tolist(), strict=True)
        proven.append(rhs + sum(r * d for r, d in below))
        if level == 2 or proven[level] != value:
            break
        full, opened = full | (opened & (left < 0)), opened & (left == 0)
        tight |= {row for row, y in duals.items() if y < 0}
        price = np.zeros_like(price)
        if level == 0:
            which = np.flatnonzero(opened[:arcs])
            pairs = tables.arcs[which][:, [0, 2]].tolist()
            price[which] = [lot(problem, problem.seats[s], problem.groups[g]).tie for s, g in pairs]
            value = sum(price[opened & _used(tables, plan, len(price))].tolist())
        else:
            others = opened & ~_used(tables, plan, len(price))
            others[decisions:] = False
            price[others], value = -1, 0
    return Audit(proven[0], len(proven) == 3 and proven[2] > -1)


def _used(tables: Tables, plan: Plan, size: int) -> Any:
    """Which columns the plan uses, of arcs, seats not given and starts."""
    used, arcs = np.zeros(size, dtype=bool), len(tables.arcs)
    first, starts = arcs + len(tables.seat) * tables.stays, {}
    wanted = np.zeros((len(tables.seat), tables.stays), np.int64) - 1
    for given in plan.assignments:
        wanted[tables.seat[str(given.key)], given.stay] = tables.group[str(given.group)]
        starts[tables.session[given.session_id]] = given.stay
    used[:arcs] = wanted[tables.arcs[:, 0], tables.arcs[:, 1]] == tables.arcs[:, 2]
    for missing in plan.unseated:
        stay = starts.get(tables.session[missing.session_id], 0)
        used[arcs + tables.seat[str(missing.key)] * tables.stays + stay] = True
    used[[first + session * tables.stays + stay for session, stay in starts.items()]] = True
    return used


def rows_of(tables: Tables, named: Mapping[str, int]) -> dict[Row, int]:
    """A certificate by rows instead of names."""
    found: dict[Row, int] = {}
    for name, y in named.items():
        if type(y) is not int or abs(y) > DUAL_MAX:
            raise TypeError("a certificate is of whole numbers below 2^52")
        kind, _, rest = name.partition(":")
        who, _, number = rest.rpartition(":")
        if kind == "start":
            row: Row = (kind, tables.session[rest])
        elif kind == "load":
            row = (kind, tables.problem.place_index[rest])
        elif kind == "seat":
            row = (kind, tables.seat[who], int(number))
        elif kind in ("capacity", "clash"):
            owner = (tables.group if kind == "capacity" else tables.expert)[who]
            row = (kind, owner, tables.problem.slot_index[int(number)])
        else:
            session, _, area = who.rpartition(":")
            row = (kind, tables.session[session], tables.area[kind][area], int(number))
        found[row] = y
    return found


def _extras(tables: Tables, levels: Sequence[Duals]) -> list[tuple[Row, int, int]]:
    """The priced columns (row, price, at most) of all rows that a certificate names; others are never
    worth a price."""
    weights, found = tables.problem.weights, []
    for row in sorted(
        {row for duals in levels for row in duals if row[0] in ("load", *tables.area)}
    ):
        if row[0] == "load":
            found += [(row, price, size) for size, price in tables.pieces(row[1]) if price]
        else:
            free, left = tables.room(*row[:3])
            price = weights.second_member if row[0] == "centre" else weights.same_prefecture
            found.append((row, price, left - free))
    return found


def _reduced(
    tables: Tables, duals: Duals, price: Any, extras: Sequence[tuple[Row, int, int]]
) -> tuple[Any, int]:
    """c − Aᵀy of all columns, and y·b."""
    problem, stays, rhs = tables.problem, tables.stays, 0
    slots, width = len(problem.slots) + 1, {kind: len(tables.area[kind]) for kind in tables.area}
    dispersed: dict[str, dict[int, int]] = {kind: {} for kind in tables.area}
    by = {
        "seat": np.zeros((len(tables.seat), stays), np.int64),
        "load": np.zeros(len(problem.places), np.int64),
        "capacity": np.zeros((len(problem.groups), slots), np.int64),
        "clash": np.zeros((len(tables.expert), slots), np.int64),
    }
    start = np.zeros((len(tables.session), stays), np.int64)
    for row, y in duals.items():
        kind, i, stay, most = row[0], row[1], row[-1], 1
        session = tables.session_of[i] if kind == "seat" else i
        if kind in tables.area:
            most = tables.room(*row[:3])[0]
            dispersed[kind][(i * stays + stay) * width[kind] + row[2]] = y
        elif kind == "start":
            start[i] += y
        elif kind == "load":
            most = sum(size for size, at in tables.pieces(i) if not at)
            by[kind][i] = y
        elif kind == "seat":
            by[kind][i, stay] = y
        else:
            most = problem.groups[i].free[row[2]] if kind == "capacity" else 1
            by[kind][i, row[2] + 1] = y
        if kind in ("seat", *tables.area) and tables.offered[session, stay]:
            start[session, stay] -= y * most
        else:
            rhs += y * most
    seat, a, group, place, first, last, _ = tables.arcs.T
    capacity, clash = np.cumsum(by["capacity"], axis=1), np.cumsum(by["clash"], axis=1)
    who, expert = tables.session_of[seat] * stays + a, tables.expert_of[seat]
    covered = by["seat"][seat, a] + by["load"][place]
    for kind, area in (("centre", place), ("prefecture", tables.area_of[place])):
        covered += _looked_up(dispersed[kind], who * width[kind] + area)
    covered += capacity[group, last + 1] - capacity[group, first]
    covered += clash[expert, last + 1] - clash[expert, first]
    more = [-duals.get(row, 0) for row, _, _ in extras]
    return price - np.concatenate((covered, by["seat"].ravel(), start.ravel(), ints(more))), rhs


def _looked_up(numbers: Mapping[int, int], keys: Any) -> Any:
    """The number of each key, 0 where there is none."""
    names, values = ints(sorted({-1: 0, **numbers}.items())).T
    at = np.searchsorted(names, keys, side="right") - 1
    return np.where(names[at] == keys, values[at], 0)
