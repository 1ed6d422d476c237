"""Choosing starts: which of its stays each session takes, for days and weeks.

The relaxation splits a session over its starts wherever that fills a scarce station to the brim, so it
is not whole by itself. Its duals give the bound all the same. Then:

 1  Every session takes the start of which the relaxation gave it most, such that no expert is wanted
    twice at a time: a small programme over the starts alone.
 2  With starts given, the day's method finds the best seats, nearly always with a proof of its own.
 3  Neighbourhoods: some of the sessions that the relaxation had split may choose again, over the arcs
    that its prices call cheap, while the others keep their start; what comes out is given its best
    seats, and kept if it is better. Which sessions: in turns, by a generator that the seed starts.

(Fix-and-optimise over a kernel of columns; the bound stays that of the whole relaxation.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np

from evaluation.seating.certificate import Face, Flags, Ints, Rows, on_face, reduced
from evaluation.seating.model import Model
from evaluation.seating.plan import Method, Plan
from evaluation.seating.problem import MILLI, Problem
from evaluation.seating.solver import Family, Floats, Watch, run

WHOLE = 1e-6
TURN_SESSIONS = 40
TURNS_MAX = 12
TURN_SECONDS_MAX = 60.0
IDLE_TURNS_MAX = 4
KERNEL_MILLI = 5 * MILLI
"""Arcs dearer than this by the relaxation's prices take no part in a turn."""
Starts = dict[int, int]
"""The number of the stay of every session by its index."""


def plan_with_starts(
    model: Model,
    rows: Rows,
    values: Floats,
    duals: Ints,
    solve_fixed: Callable[[Problem], Plan],
    watch: Watch,
) -> Plan:
    """A plan for a problem with starts to choose; its bound and certificate are for the caller."""
    shares = {pair: values[model.first_start + n] for pair, n in model.starts.items()}
    best_starts = _round(model, shares, watch)
    best = _seated(model, best_starts, solve_fixed)
    split = sorted({k for (k, _), share in shares.items() if WHOLE < share < 1 - WHOLE})
    dice = np.random.Generator(np.random.PCG64(list(model.problem.seed)))
    cheap = reduced(rows, duals) <= KERNEL_MILLI
    idle = 0
    for turn in range(TURNS_MAX if split else 0):
        if watch.seconds_left <= 0 or idle == IDLE_TURNS_MAX:
            break
        watch.begins(f"starts {turn + 1}/{TURNS_MAX}")
        size = min(len(split), TURN_SESSIONS)
        chosen = dice.choice(split, size, replace=False).tolist()
        starts = _choose_again(model, rows, cheap, best_starts, set(chosen), watch)
        if starts is None or starts == best_starts:
            idle += 1
            continue
        plan = _seated(model, starts, solve_fixed)
        if plan.objective < best.objective:
            best, best_starts, idle = plan, starts, 0
        else:
            idle += 1
    return best


def _round(model: Model, shares: Mapping[tuple[int, int], float], watch: Watch) -> Starts:
    """The starts with the largest shares that set nobody in two places."""
    problem = model.problem
    session = model.arcs.session_of_seat.tolist()
    starts = dict.fromkeys(session, 0)
    best: dict[int, float] = defaultdict(lambda: -1.0)
    for (k, stay), share in sorted(shares.items()):
        if share > best[k]:
            best[k], starts[k] = share, stay
    of_expert: dict[str, list[int]] = defaultdict(list)
    for index, seat in enumerate(problem.seats):
        of_expert[seat.expert_id].append(index)
    clashes: set[tuple[tuple[int, int], tuple[int, int]]] = set()
    for seats in of_expert.values():
        for one, other in combinations(seats, 2):
            for a, mine in enumerate(problem.seats[one].stays):
                held = frozenset(mine)
                clashes |= {
                    ((session[one], a), (session[other], b))
                    for b, against in enumerate(problem.seats[other].stays)
                    if not held.isdisjoint(against)
                }
    if all(starts[one[0]] != one[1] or starts[two[0]] != two[1] for one, two in clashes):
        return starts
    return _round_without_clashes(model, shares, starts, sorted(clashes), watch)


def _round_without_clashes(
    model: Model,
    shares: Mapping[tuple[int, int], float],
    starts: Starts,
    clashes: list[tuple[tuple[int, int], tuple[int, int]]],
    watch: Watch,
) -> Starts:
    """The same as a programme: one column for each (session, stay) and one for each clash allowed at
    a price, for where none can be avoided."""
    from scipy import sparse

    pairs = sorted(model.starts)
    column = {pair: index for index, pair in enumerate(pairs)}
    sessions = sorted({k for k, _ in pairs})
    hard = [c for c in clashes if c[0] in column or c[1] in column]
    row_of, col_of, value = [], [], []
    for index, pair in enumerate(pairs):
        row_of.append(sessions.index(pair[0]))
        col_of.append(index)
        value.append(1)
    rhs = [1] * len(sessions)
    for number, (one, other) in enumerate(hard):
        row = len(sessions) + number
        known = [pair for pair in (one, other) if pair in column]
        for pair in known:
            row_of.append(row)
            col_of.append(column[pair])
            value.append(1)
        row_of.append(row)
        col_of.append(len(pairs) + number)
        value.append(-1)
        rhs.append(len(known) - 1)
    count = len(pairs) + len(hard)
    cost = np.array(
        [round((1 - shares[pair]) * MILLI) for pair in pairs] + [50 * MILLI] * len(hard)
    )
    programme = Rows(
        name=str,
        matrix=sparse.csr_matrix(
            (value, (row_of, col_of)), shape=(len(rhs), count), dtype=np.int64
        ),
        rhs=np.array(rhs, dtype=np.int64),
        equal=np.arange(len(rhs)) < len(sessions),
        cost=cost.astype(np.int64),
        most=np.ones(count, dtype=np.int64),
    )
    answer = run(programme, Family.SCIP, watch, MILLI, np.arange(count))
    if answer.values is None:
        return starts
    chosen = [pair for pair, index in column.items() if answer.values[index] > 0.5]
    return {**starts, **dict(chosen)}


def _choose_again(
    model: Model, rows: Rows, cheap: Flags, starts: Starts, chosen: set[int], watch: Watch
) -> Starts | None:
    """The starts of `chosen` anew, over the cheap arcs; None where nothing came of it."""
    arcs = model.arcs
    may = np.zeros((len(model.problem.committees), model.stays), dtype=np.bool_)
    for session, stay in starts.items():
        may[session, stay] = True
    may[sorted(chosen), :] = True
    free = cheap & (rows.most > 0)
    free[: model.first_unseated] &= may[arcs.session, arcs.stay]
    whose = arcs.session_of_seat[arcs.variant_seat]
    free[model.first_unseated : model.first_start] = may[whose, arcs.variant_stay]
    for (k, stay), number in model.starts.items():
        free[model.first_start + number] = may[k, stay]
    # A priced column without an arc in its row has nothing to price.
    touched = np.diff(rows.matrix[:, np.flatnonzero(free[: model.first_unseated])].indptr) > 0
    free[model.first_extra :] = touched[rows.matrix.tocsc()[:, model.first_extra :].indices]
    part = on_face(rows, Face(free, np.zeros_like(free), rows.equal), rows.cost)
    kept = np.diff(part.matrix.tocsr().indptr) > 0
    part = replace(
        part, matrix=part.matrix.tocsr()[kept], rhs=part.rhs[kept], equal=rows.equal[kept]
    )
    columns = np.flatnonzero(free)
    z = np.flatnonzero((columns >= model.first_start) & (columns < model.first_extra))
    turn = replace(watch, seconds_left=min(watch.seconds_left, TURN_SECONDS_MAX))
    before = turn.seconds_left
    answer = run(part, Family.SCIP, turn, MILLI, z)
    watch.seconds_left -= before - turn.seconds_left
    if answer.values is None:
        return None
    taken = np.zeros(len(rows.cost))
    taken[columns] = answer.values
    found = {k: a for (k, a), n in model.starts.items() if taken[model.first_start + n] > 0.5}
    return {**starts, **found}


def _seated(model: Model, starts: Starts, solve_fixed: Callable[[Problem], Plan]) -> Plan:
    """The best seats for given starts, as a plan of the problem with all of them."""
    problem = model.problem
    of = {problem.committees[k].session_id: stay for k, stay in starts.items()}
    fixed = replace(
        problem,
        seats=tuple(replace(s, stays=(s.stays[of[s.session_id]],)) for s in problem.seats),
    )
    plan = solve_fixed(fixed)
    return replace(
        plan,
        problem_digest=problem.digest,
        assignments=tuple(replace(a, stay=of[a.session_id]) for a in plan.assignments),
        method=Method.MIXED,
    )
