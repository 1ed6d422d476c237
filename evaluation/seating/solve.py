"""Solving: an instant answer, then the proof.

 1  Sifting: GLOP solves the programme with the cheapest arcs of each seat alone; its duals price all
    other arcs in whole numbers, those with a negative reduced cost come in, and so on until there is
    none. What is left out never mattered, and the certificate covers it all the same.
 2  With starts given the relaxation is nearly always whole by itself. Where it is not, the seats that
    are whole stay, and a small MIP decides the rest; where the bound is still far, one over all arcs
    whose reduced cost is within the gap: no better plan uses another.
 3  Ties. Where the plan meets its bound, all best plans lie on the face that the certificate
    describes. A second, much smaller programme finds the one with the least sum of ties there, and
    its own duals bound that sum; a third, over the arcs at zero, asks whether another plan is as
    good in both. So neither the solver nor its version, seed or threads decide who sits where; where
    this is not proven, `Plan.uniqueness` says so.
    Where starts are to be chosen, `evaluation.seating.starts` does it instead of 2.
 4  More certificates of the same bound, for those who will ask why.

A run without an answer in its time falls back to `evaluation.seating.search`, and the plan says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evaluation.seating import certificate, check, search
from evaluation.seating.arcs import Ints
from evaluation.seating.certificate import Rows
from evaluation.seating.model import Model, model_of
from evaluation.seating.plan import PPM, Assignment, Method, Plan, Uniqueness, Unseated
from evaluation.seating.problem import MILLI, Problem
from evaluation.seating.reasons import why_unseated
from evaluation.seating.solver import Family, Floats, Watch, run
from evaluation.seating.starts import plan_with_starts

INTEGRAL = 1e-6
SIFT_FIRST = 12
"""So many of the cheapest arcs of each seat are there from the start."""
SIFT_ROUNDS_MAX = 30
TIE_SCALE = float(2**20)
PRICE_ROUNDS = 3
PRICED_ARCS_MAX = 200_000
"""On larger days those who ask why are answered from the one certificate."""
TRACE = 1e-5
FINER = 12
"""Duals are often halves or thirds of a milli, so that they are whole in this unit."""

Found = Callable[[Plan], None]


def solve(
    problem: Problem,
    seconds_max: int | None = None,
    *,
    family: Family = Family.GLOP,
    watch: Watch | None = None,
    found: Found | None = None,
) -> Plan:
    """The best plan that was found, with its certificate. Deterministic unless the clock of
    `seconds_max` (default: the problem's own limit) runs out. `found` is given each better plan at
    once, the instant one first. Raises `Cancelled` when `watch` is called off."""
    watch = watch or Watch()
    watch.seconds_left = float(problem.limits.solve_seconds if seconds_max is None else seconds_max)
    if found is not None:
        found(search.plan(problem))
    if not problem.seats or watch.seconds_left <= 0:
        return search.plan(problem)
    watch.begins("model")
    model = model_of(problem)
    rows = model.rows()
    if family is not Family.GLOP:
        return _by_branching_alone(model, rows, family, watch)
    watch.begins("linear")
    relaxed = sift(model, rows, watch)
    if relaxed is None:
        return search.plan(problem)
    proof = _Proof(relaxed.duals, certificate.bound(rows, relaxed.duals), rows)
    fractional = _fractional_seats(model, relaxed.values)
    if not fractional:
        plan = _plan(model, relaxed.values, proof, Method.LINEAR)
    elif model.starts:
        watch.begins("starts")
        plan = plan_with_starts(
            model, rows, relaxed.values, relaxed.duals, lambda p: _seats_only(p, watch), watch
        )
        plan = replace(plan, bound=proof.bound, certificate=proof.named)
    else:
        watch.begins("branching")
        plan = _branch_until_near(model, rows, relaxed, proof, fractional, watch)
    if found is not None:
        found(plan)
    if not plan.is_proven and not model.starts:
        watch.begins("branching")
        plan = _nearer(model, rows, proof, plan, watch)
    watch.begins("ties")
    plan = _settled(model, rows, proof, plan, watch)
    watch.begins("prices")
    return _with_prices(model, rows, proof, plan, watch)


def _seats_only(problem: Problem, watch: Watch) -> Plan:
    """The best seats for given starts, without ties and prices."""
    model = model_of(problem)
    rows = model.rows()
    relaxed = sift(model, rows, watch)
    if relaxed is None:
        return search.plan(problem)
    proof = _Proof(relaxed.duals, certificate.bound(rows, relaxed.duals), rows)
    fractional = _fractional_seats(model, relaxed.values)
    if fractional:
        return _branch_until_near(model, rows, relaxed, proof, fractional, watch)
    return _plan(model, relaxed.values, proof, Method.LINEAR)


@dataclass(frozen=True)
class Relaxed:
    """The relaxation's optimum over all columns, and its whole duals."""

    values: Floats
    duals: Ints


@dataclass(frozen=True)
class _Proof:
    duals: Ints
    bound: int
    rows: Rows

    @property
    def named(self) -> tuple[tuple[str, int], ...]:
        return certificate.named(self.rows, self.duals)


def sift(model: Model, rows: Rows, watch: Watch) -> Relaxed | None:
    """The relaxation's optimum; None where GLOP gave none in time."""
    arcs = model.arcs
    order = np.lexsort((arcs.cost, arcs.variant))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - arcs.begin[arcs.variant[order]]
    active = np.ones(len(rows.cost), dtype=np.bool_)
    active[: len(rank)] = rank < SIFT_FIRST
    columns = rows.matrix.tocsc()
    for _ in range(SIFT_ROUNDS_MAX):
        used = np.flatnonzero(active)
        part = Rows(
            rows.name, columns[:, used], rows.rhs, rows.equal, rows.cost[used], rows.most[used]
        )
        answer = run(part, Family.GLOP, watch, MILLI)
        if answer.values is None or answer.duals is None:
            return None
        duals = certificate.whole(rows, answer.duals)
        wanted = (certificate.reduced(rows, duals) < 0) & ~active
        if not wanted.any():
            values = np.zeros(len(rows.cost))
            values[used] = answer.values
            return Relaxed(values, duals)
        active |= wanted
    return None


def _branch_until_near(
    model: Model, rows: Rows, relaxed: Relaxed, proof: _Proof, fractional: list[int], watch: Watch
) -> Plan:
    """First over the fractional seats alone, then over every arc that a better plan could use."""
    problem = model.problem
    first = model.first_extra
    is_open = np.zeros(len(rows.cost), dtype=np.bool_)
    is_open[_columns_of(model, fractional)] = True
    is_open[first:] = True
    kept = certificate.Face(
        is_open & (rows.most > 0), ~is_open & (relaxed.values > 0.5), rows.equal
    )
    best = search.plan(problem)
    best = replace(best, bound=proof.bound, certificate=proof.named)
    for part in (kept, None):
        chosen = part or certificate.face(rows, proof.duals, best.objective - proof.bound)
        values = _branch(model, rows, chosen, watch)
        if values is not None:
            plan = _plan(model, values, proof, Method.MIXED)
            best = min(best, plan, key=lambda each: each.objective)
        if (best.objective - best.bound) * PPM <= problem.limits.gap_ppm * best.bound:
            break
    return best


def _nearer(model: Model, rows: Rows, proof: _Proof, plan: Plan, watch: Watch) -> Plan:
    """A plan that is near enough, made better still over every arc that a better one could use, as far
    as the time goes: only a plan that meets its bound can be said to have no better one."""
    chosen = certificate.face(rows, proof.duals, plan.objective - plan.bound)
    values = _branch(model, rows, chosen, watch)
    if values is None:
        return plan
    return min(plan, _plan(model, values, proof, Method.MIXED), key=lambda each: each.objective)


def _branch(
    model: Model, rows: Rows, part: certificate.Face, watch: Watch, family: Family = Family.SCIP
) -> Floats | None:
    """The best whole values on a face; None where nothing was found in time."""
    # A priced column without an open arc in its row has nothing to price, and an empty row no say.
    free = part.free.copy()
    arcs = np.flatnonzero(free[: model.first_unseated])
    touched = np.diff(rows.matrix.tocsr()[:, arcs].indptr) > 0
    free[model.first_extra :] &= touched[rows.matrix.tocsc()[:, model.first_extra :].indices]
    part = replace(part, free=free)
    left = certificate.on_face(rows, part, rows.cost)
    kept = np.diff(left.matrix.tocsr().indptr) > 0
    matrix = left.matrix.tocsr()[kept]
    left = replace(left, matrix=matrix, rhs=left.rhs[kept], equal=rows.equal[kept])
    integral = np.flatnonzero(np.flatnonzero(part.free) < model.first_extra)
    answer = run(left, family, watch, MILLI, integral)
    if answer.values is None:
        return None
    values = np.where(part.full, rows.most, 0).astype(np.float64)
    values[part.free] = answer.values
    return values


def _by_branching_alone(model: Model, rows: Rows, family: Family, watch: Watch) -> Plan:
    """Another family of solvers, without any duals: first the least cost, then, at that cost, the
    least sum of ties. Its plan proves nothing by itself; it is there to be compared."""
    watch.begins("branching")
    everything = certificate.Face(rows.most > 0, rows.most < 0, rows.equal)
    values = _branch(model, rows, everything, watch, family)
    if values is None:
        return search.plan(model.problem)
    nothing = _Proof(np.zeros(len(rows.rhs), dtype=np.int64), 0, rows)
    plan = _plan(model, values, nothing, Method.MIXED)
    ties = _tie_costs(model, np.arange(len(rows.cost)))
    from scipy import sparse

    scaled = rows.cost
    capped = Rows(
        rows.name,
        sparse.vstack([rows.matrix, sparse.csr_matrix(scaled)]).tocsr(),
        np.concatenate((rows.rhs, [plan.objective])),
        np.concatenate((rows.equal, [False])),
        ties,
        rows.most,
    )
    integral = np.arange(model.first_extra)
    answer = run(capped, family, watch, TIE_SCALE, integral)
    if answer.values is None:
        return plan
    settled = _plan(model, answer.values, nothing, Method.MIXED)
    return settled if settled.objective == plan.objective else plan


# --- Ties -------------------------------------------------------------------------------


def _settled(model: Model, rows: Rows, proof: _Proof, plan: Plan, watch: Watch) -> Plan:
    """Among the plans that cost as little, the one with the least sum of ties."""
    if not plan.is_proven:
        return plan
    part = certificate.face(rows, proof.duals, 0)
    opened = np.flatnonzero(part.free)
    second = certificate.on_face(rows, part, _tie_costs(model, opened, len(rows.cost)))
    answer = run(second, Family.GLOP, watch, TIE_SCALE)
    if answer.values is None or answer.duals is None:
        return plan
    duals = certificate.whole(second, answer.duals, second.equal)
    bound = certificate.bound(second, duals)
    values = np.where(part.full, rows.most, 0).astype(np.float64)
    values[opened] = answer.values
    if _fractional_seats(model, values):
        return plan
    settled = _plan(model, values, proof, plan.method)
    assert settled.objective == plan.objective, "the face holds the best plans alone"
    total = int((second.cost * np.rint(answer.values).astype(np.int64)).sum())
    settled = replace(settled, ties=certificate.named(second, duals))
    third, integral = _others(
        model, second, certificate.face(second, duals, total - bound), values, opened
    )
    # Duals of the ties that are halves lose a little when they are made whole. The face then keeps
    # that slack, which is as true, but the auditor follows certificates that meet their value alone.
    is_met = total == bound
    if not third.cost.any():
        known = Uniqueness.CERTIFIED if is_met else Uniqueness.SOLVED
        return replace(settled, uniqueness=known)
    answer = run(third, Family.GLOP, watch, 1.0)
    if is_met and answer.duals is not None:
        duals = certificate.whole(third, answer.duals, third.equal)
        if certificate.bound(third, duals) > -1:
            return replace(
                settled, uniqueness=Uniqueness.CERTIFIED, alone=certificate.named(third, duals)
            )
    answer = run(third, Family.SCIP, watch, 1.0, integral)
    if answer.proven and answer.values is not None and answer.values @ third.cost > -0.5:
        return replace(settled, uniqueness=Uniqueness.SOLVED)
    return settled


def _others(
    model: Model, second: Rows, part: certificate.Face, values: Floats, opened: Ints
) -> tuple[Rows, Ints]:
    """The question whether any arc that the plan does not use could be used by a plan as good: its
    least value is −(how many), 0 where there is no other plan. With it, which columns are whole."""
    decides = opened < model.first_extra
    cost = np.where(decides & (values[opened] < 0.5), -1, 0).astype(np.int64)
    return certificate.on_face(second, part, cost), np.flatnonzero(decides[part.free])


def _tie_costs(model: Model, which: Ints, size: int | None = None) -> Ints:
    """The second price of the columns `which`, 0 elsewhere; seats not given have none."""
    cost = np.zeros(len(which) if size is None else size, dtype=np.int64)
    arcs = which[which < model.first_unseated]
    cost[arcs] = model.arcs.ties(arcs)
    return cost


# --- Prices -----------------------------------------------------------------------------


def _with_prices(model: Model, rows: Rows, proof: _Proof, plan: Plan, watch: Watch) -> Plan:
    """More certificates of the same bound, for those who ask why. A vertex of the optimal duals leaves
    arcs at zero that no best plan uses; forcing a trace of each of them into the programme turns
    GLOP to a vertex that prices them, where there is one. Only duals with the very same bound count."""
    arcs = model.first_unseated
    given = {seat.key: seat.group for seat in plan.assignments}
    used = np.zeros(len(rows.cost), dtype=np.bool_)
    keys = [seat.key for seat in model.problem.seats]
    groups = [group.key for group in model.problem.groups]
    used[:arcs] = [
        given.get(keys[seat]) == groups[group]
        for seat, group in zip(model.arcs.seat.tolist(), model.arcs.group.tolist(), strict=True)
    ]
    finer = replace(rows, cost=rows.cost * FINER)
    total, count = proof.duals * FINER, FINER
    left = certificate.reduced(rows, proof.duals)
    for _ in range(PRICE_ROUNDS if arcs <= PRICED_ARCS_MAX else 0):
        unclear = (left == 0) & ~used
        unclear[arcs:] = False
        if not unclear.any():
            break
        answer = run(rows, Family.GLOP, watch, MILLI, least=np.where(unclear, TRACE, 0.0))
        if answer.duals is None:
            break
        duals = certificate.whole(finer, answer.duals * FINER)
        if certificate.bound(finer, duals) != proof.bound * FINER:
            break
        total, count = total + duals, count + FINER
        left = left + certificate.reduced(finer, duals)
    return replace(plan, prices=certificate.named(rows, total), price_count=count)


# --- From values to plans -----------------------------------------------------------------


def _columns_of(model: Model, seats: list[int]) -> Ints:
    """The columns x, u (and z of their sessions) of seats."""
    arcs = model.arcs
    wanted = np.zeros(len(model.problem.seats), dtype=np.bool_)
    wanted[seats] = True
    sessions = set(arcs.session_of_seat[seats].tolist())
    starts = [number for (session, _), number in model.starts.items() if session in sessions]
    return np.concatenate(
        (
            np.flatnonzero(wanted[arcs.seat]),
            model.first_unseated + np.flatnonzero(wanted[arcs.variant_seat]),
            model.first_start + np.array(starts, dtype=np.int64),
        )
    )


def _fractional_seats(model: Model, values: Floats) -> list[int]:
    """Seats with a broken x or u; of a session with a broken z, all seats."""
    arcs = model.arcs
    broken = np.abs(values - np.rint(values)) > INTEGRAL
    seats = np.zeros(len(model.problem.seats), dtype=np.bool_)
    seats[arcs.seat[broken[: model.first_unseated]]] = True
    seats[arcs.variant_seat[broken[model.first_unseated : model.first_start]]] = True
    sessions = set(arcs.session_of_seat[seats].tolist())
    sessions |= {k for (k, _), n in model.starts.items() if broken[model.first_start + n]}
    if model.starts:
        seats |= np.isin(arcs.session_of_seat, list(sessions))
    return [int(seat) for seat in np.flatnonzero(seats)]


def _plan(model: Model, values: Floats, proof: _Proof, method: Method) -> Plan:
    problem, arcs = model.problem, model.arcs
    chosen = np.flatnonzero(values[: model.first_unseated] > 0.5)
    assignments = tuple(
        Assignment(
            problem.seats[seat].session_id,
            problem.seats[seat].expert_id,
            problem.groups[group].centre_id,
            problem.groups[group].equipment,
            stay,
        )
        for seat, group, stay in zip(
            arcs.seat[chosen].tolist(),
            arcs.group[chosen].tolist(),
            arcs.stay[chosen].tolist(),
            strict=True,
        )
    )
    given = {assignment.key for assignment in assignments}
    starts = {seat.session_id: seat.stay for seat in assignments}
    for (session, stay), number in model.starts.items():
        if values[model.first_start + number] > 0.5:
            starts[problem.committees[session].session_id] = stay
    unseated = tuple(
        Unseated(
            seat.session_id,
            seat.expert_id,
            why_unseated(problem, assignments, seat, starts.get(seat.session_id, 0)),
        )
        for seat in problem.seats
        if seat.key not in given
    )
    draft = Plan(problem.digest, assignments, unseated, 0, proof.bound, proof.named, method)
    return replace(draft, objective=check.objective(problem, draft))
