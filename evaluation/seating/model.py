"""The seating model: a linear programme over station groups, one function for each named rule.

Sets: seats s (an expert e(s) in a session k(s), holding slots T(s)); station groups g of a centre
c(g) in a prefecture p(c); A(s) the groups that seat s may be in at all (`problem.allowed_groups`).

    x[s,g] ∈ {0,1}   seat s is in group g ∈ A(s)             cost: minutes + what the seed adds
    u[s]   ∈ {0,1}   seat s is not given                     cost: the price of a seat not given
    m[k,c] ≥ 0       priced members of session k in centre c
    q[k,p] ≥ 0       priced members of session k in prefecture p
    l[c,i] ≥ 0       seats of centre c in its i-th priced piece of load

    minimise   Σ cost·x + U Σ u + M Σ m + Q Σ q + Σ L_i l[c,i]            subject to

    seat          Σ_g x[s,g] + u[s] = 1                                        every s
    capacity      Σ_{s: t ∈ T(s)} x[s,g] ≤ free[g,t]                           every g, t
    centre        Σ_{s ∈ k, g ∈ c} x[s,g] − m[k,c] ≤ free members left         every k, c
    prefecture    Σ_{s ∈ k, g ∈ p} x[s,g] − q[k,p] ≤ free members left         every k, p
    load          Σ_{g ∈ c} x[s,g] − Σ_i l[c,i] ≤ seats left in the fair share every c
    clash         Σ_{s: e(s) = e, t ∈ T(s)} Σ_g x[s,g] ≤ 1                     every e, t

The hard limits are the upper bounds of m, q and l. Rows that can never bind are left out. Stations
of a group are interchangeable, so "how many in each slot" is exact (`evaluation.stations.station`
says why). A seat not given has a price, so there is always a plan.

With starts given, the relaxation is nearly always whole by itself. So: solve it with GLOP (dual
values with it), keep every seat that is whole, branch over the few others with SCIP; only where the
bound is still far, branch over all. The duals, rounded to whole milli, are the certificate: whatever
they are, the bound they give is valid (`evaluation.seating.certificate`), so no solver is trusted.

A run cut short by its clock falls back to `evaluation.seating.greedy`, and says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from evaluation.seating import certificate, check, greedy
from evaluation.seating.certificate import Rows
from evaluation.seating.plan import Assignment, Method, Plan, Unseated
from evaluation.seating.problem import (
    MILLI,
    Problem,
    allowed_groups,
    arc_cost,
    load_pieces,
)
from evaluation.seating.reasons import why_unseated

INTEGRAL = 1e-6
PPM = 1_000_000
RUNS_MAX = 3
"""One of GLOP and two of SCIP; each may take its share of the seconds."""
Floats: TypeAlias = NDArray[np.float64]


@dataclass
class Model:
    """The programme while its rows are being built. `arcs[j]` is the (seat, group) of column j;
    the columns of seats not given follow, then those of the priced rules."""

    problem: Problem
    arcs: list[tuple[int, int]] = field(default_factory=list)
    arcs_of: list[range] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    rhs: list[int] = field(default_factory=list)
    equal: list[bool] = field(default_factory=list)
    entry_rows: list[int] = field(default_factory=list)
    entry_columns: list[int] = field(default_factory=list)
    entry_values: list[int] = field(default_factory=list)

    def add_column(self, cost: int, most: int) -> int:
        self.costs.append(cost)
        self.most.append(most)
        return len(self.costs) - 1

    def add_row(
        self,
        name: str,
        plus: Iterable[int],
        minus: Iterable[int],
        rhs: int,
        *,
        is_equal: bool = False,
    ) -> None:
        row = len(self.names)
        self.names.append(name)
        self.rhs.append(rhs)
        self.equal.append(is_equal)
        for value, columns in ((1, plus), (-1, minus)):
            before = len(self.entry_columns)
            self.entry_columns.extend(columns)
            count = len(self.entry_columns) - before
            self.entry_rows.extend([row] * count)
            self.entry_values.extend([value] * count)

    def rows(self) -> Rows:
        shape = (len(self.names), len(self.costs))
        entries = np.array(self.entry_values, dtype=np.int64)
        places = (np.array(self.entry_rows, np.int64), np.array(self.entry_columns, np.int64))
        return Rows(
            names=tuple(self.names),
            matrix=sparse.csr_matrix((entries, places), shape=shape, dtype=np.int64),
            rhs=np.array(self.rhs, dtype=np.int64),
            equal=np.array(self.equal, dtype=np.bool_),
            cost=np.array(self.costs, dtype=np.int64),
            most=np.array(self.most, dtype=np.int64),
        )


def model_of(problem: Problem) -> Model:
    """All columns and rows; the same problem always gives the same programme."""
    model = Model(problem)
    add_arcs(model)
    every_seat_is_given_or_not(model)
    stations_suffice(model)
    committees_are_dispersed_over_centres(model)
    committees_are_dispersed_over_prefectures(model)
    load_is_shared(model)
    nobody_sits_in_two_places(model)
    return model


def add_arcs(model: Model) -> None:
    """x[s,g] for every seat and every group it may be in."""
    problem = model.problem
    for index, seat in enumerate(problem.seats):
        begin = len(model.arcs)
        for group in allowed_groups(problem, seat):
            model.arcs.append((index, group))
            model.add_column(arc_cost(problem, seat, problem.groups[group]), 1)
        model.arcs_of.append(range(begin, len(model.arcs)))


def every_seat_is_given_or_not(model: Model) -> None:
    """Rows *seat*, and the columns u[s]."""
    for seat, columns in zip(model.problem.seats, model.arcs_of, strict=True):
        unseated = model.add_column(model.problem.weights.unseated, 1)
        model.add_row(f"seat:{seat.key}", [*columns, unseated], (), 1, is_equal=True)


def stations_suffice(model: Model) -> None:
    """Rows *capacity*, where more seats could come than there are stations."""
    problem = model.problem
    users: dict[tuple[int, int], list[int]] = defaultdict(list)
    for column, (seat, group) in enumerate(model.arcs):
        for slot in problem.seats[seat].slots:
            users[group, slot].append(column)
    for (group, slot), columns in sorted(users.items()):
        free = problem.groups[group].free[problem.slot_index[slot]]
        if len(columns) > free:
            model.add_row(f"capacity:{problem.groups[group].key}:{slot}", columns, (), free)


def committees_are_dispersed_over_centres(model: Model) -> None:
    """Rows *centre*: members in one centre above the free number are priced, up to the limit."""
    limits = model.problem.limits
    place_of = {place.centre_id: place.centre_id for place in model.problem.places}
    for (session, centre), columns, before in _members_by(model, place_of):
        _add_dispersal(
            model,
            f"centre:{session}:{centre}",
            columns,
            before,
            limits.centre_free,
            limits.centre_max,
            model.problem.weights.second_member,
        )


def committees_are_dispersed_over_prefectures(model: Model) -> None:
    """Rows *prefecture*: the same for a prefecture, with numbers by the committee's size."""
    limits = model.problem.limits
    place_of = {place.centre_id: place.prefecture for place in model.problem.places}
    for (session, prefecture), columns, before in _members_by(model, place_of):
        members = model.problem.committee_of[session].members
        _add_dispersal(
            model,
            f"prefecture:{session}:{prefecture}",
            columns,
            before,
            limits.prefecture_free_of(members),
            limits.prefecture_max_of(members),
            model.problem.weights.same_prefecture,
        )


def _members_by(
    model: Model, place_of: dict[str, str]
) -> list[tuple[tuple[str, str], list[int], int]]:
    """For each session and place: the arcs that lead there, and how many members sit there."""
    problem = model.problem
    users: dict[tuple[str, str], list[int]] = defaultdict(list)
    for column, (seat, group) in enumerate(model.arcs):
        place = place_of[problem.groups[group].centre_id]
        users[problem.seats[seat].session_id, place].append(column)
    before: dict[tuple[str, str], int] = defaultdict(int)
    for pin in problem.pinned:
        before[pin.session_id, place_of[pin.centre_id]] += 1
    return [(key, columns, before[key]) for key, columns in sorted(users.items())]


def _add_dispersal(
    model: Model, name: str, columns: list[int], before: int, free: int, most: int, price: int
) -> None:
    seats = len({model.arcs[column][0] for column in columns})
    left_free = max(0, free - before)
    left = max(0, most - before)
    if seats <= min(left_free, left):
        return
    priced = min(seats, left) - min(left_free, left)
    extra = [model.add_column(price, priced)] if priced > 0 else []
    model.add_row(name, columns, extra, min(left_free, left))


def load_is_shared(model: Model) -> None:
    """Rows *load*: seats of a centre above its fair share cost more and more."""
    problem = model.problem
    users: dict[str, list[int]] = defaultdict(list)
    for column, (_, group) in enumerate(model.arcs):
        users[problem.groups[group].centre_id].append(column)
    for centre, columns in sorted(users.items()):
        seats = len({model.arcs[column][0] for column in columns})
        place = problem.places[problem.place_index[centre]]
        pieces = load_pieces(problem, place, seats)
        free = sum(count for count, price in pieces if not price)
        priced = [model.add_column(price, count) for count, price in pieces if price]
        if priced:
            model.add_row(f"load:{centre}", columns, priced, free)


def nobody_sits_in_two_places(model: Model) -> None:
    """Rows *clash*, for experts who were drawn for several sessions in one slot."""
    holders: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, seat in enumerate(model.problem.seats):
        for slot in seat.slots:
            holders[seat.expert_id, slot].append(index)
    done: set[tuple[int, ...]] = set()
    for (expert, slot), seats in sorted(holders.items()):
        if len(seats) > 1 and tuple(seats) not in done:
            done.add(tuple(seats))
            columns = [column for seat in seats for column in model.arcs_of[seat]]
            model.add_row(f"clash:{expert}:{slot}", columns, (), 1)


# --- Solving ----------------------------------------------------------------------------


def solve(problem: Problem, seconds_max: int | None = None) -> Plan:
    """A plan with its certificate, by the methods above; deterministic unless the clock of
    `seconds_max` (default: the problem's own limit) runs out, and then by the greedy method."""
    seconds = problem.limits.solve_seconds if seconds_max is None else seconds_max
    share = seconds / RUNS_MAX
    if not problem.seats or share <= 0:
        return greedy.plan(problem)
    model = model_of(problem)
    rows = model.rows()
    solver = _solver("GLOP", share)
    solver.solve(_programme(rows, integral=()))
    if solver.status().name != "OPTIMAL":
        return greedy.plan(problem)
    duals = certificate.whole(rows, np.array(solver.dual_values()) * MILLI)
    bound = certificate.bound(rows, duals)
    named = certificate.named(rows, duals)
    values = np.array(solver.variable_values())
    fractional = _fractional_seats(model, values)
    if not fractional:
        return _plan(model, values, bound, named, Method.LINEAR)
    best = None
    for seats in (fractional, list(range(len(problem.seats)))):
        found = _branch(model, rows, values, seats, share)
        if found is not None:
            plan = _plan(model, found, bound, named, Method.MIXED)
            best = plan if best is None or plan.objective < best.objective else best
        if best is not None and _is_near(best, problem.limits.gap_ppm):
            break
    return best or greedy.plan(problem)


def _is_near(plan: Plan, gap_ppm: int) -> bool:
    return (plan.objective - plan.bound) * PPM <= gap_ppm * plan.bound


def _branch(
    model: Model, rows: Rows, values: Floats, seats: list[int], seconds: float
) -> Floats | None:
    """Branch over the columns of `seats` and keep the other seats as they are; None when nothing
    was found in time."""
    count = len(model.problem.seats)
    first_unseated = len(model.arcs)
    branched = [column for seat in seats for column in model.arcs_of[seat]]
    branched += [first_unseated + seat for seat in seats]
    is_open = np.zeros(len(rows.cost), dtype=np.bool_)
    is_open[branched] = True
    is_open[first_unseated + count :] = True
    kept = np.flatnonzero(is_open)
    fixed = np.where(is_open, 0, np.rint(values)).astype(np.int64)
    part = Rows(
        rows.names,
        rows.matrix[:, kept],
        rows.rhs - rows.matrix @ fixed,
        rows.equal,
        rows.cost[kept],
        rows.most[kept],
    )
    solver = _solver("SCIP", seconds)
    solver.set_solver_specific_parameters("limits/gap = 0")
    integral = np.flatnonzero(np.isin(kept, branched))
    solver.solve(_programme(part, integral=integral))
    if solver.status().name not in {"OPTIMAL", "FEASIBLE"}:
        return None
    whole = fixed.astype(np.float64)
    whole[kept] = np.array(solver.variable_values())
    return whole


def _solver(name: str, seconds: float) -> Any:
    from ortools.linear_solver.python import model_builder_helper

    solver = model_builder_helper.ModelSolverHelper(name)
    solver.set_time_limit_in_seconds(seconds)
    return solver


def _programme(rows: Rows, integral: Iterable[int]) -> Any:
    """The rows as OR-Tools takes them, costs in minutes so that the numbers are of one size."""
    from ortools.linear_solver.python import model_builder_helper

    programme: Any = model_builder_helper.ModelBuilderHelper()
    rhs = rows.rhs.astype(np.float64)
    programme.fill_model_from_sparse_data(
        np.zeros(len(rows.cost)),
        rows.most.astype(np.float64),
        rows.cost.astype(np.float64) / MILLI,
        np.where(rows.equal, rhs, -np.inf),
        rhs,
        rows.matrix.astype(np.float64),
    )
    for column in integral:
        programme.set_var_integrality(int(column), True)
    return programme


def _fractional_seats(model: Model, values: Floats) -> list[int]:
    broken = np.abs(values - np.rint(values)) > INTEGRAL
    first_unseated = len(model.arcs)
    return [
        seat
        for seat, columns in enumerate(model.arcs_of)
        if broken[columns.start : columns.stop].any() or broken[first_unseated + seat]
    ]


def _plan(
    model: Model,
    values: Floats,
    bound: int,
    named: tuple[tuple[str, int], ...],
    method: Method,
) -> Plan:
    problem = model.problem
    assignments, missing = [], []
    for seat, columns in zip(problem.seats, model.arcs_of, strict=True):
        chosen = [column for column in columns if values[column] > 0.5]
        if not chosen:
            missing.append(seat)
            continue
        group = problem.groups[model.arcs[chosen[0]][1]]
        assignments.append(
            Assignment(seat.session_id, seat.expert_id, group.centre_id, group.equipment)
        )
    given = tuple(assignments)
    unseated = tuple(
        Unseated(seat.session_id, seat.expert_id, why_unseated(problem, given, seat))
        for seat in missing
    )
    draft = Plan(problem.digest, given, unseated, 0, bound, named, method)
    return replace(draft, objective=check.objective(problem, draft))
