"""The fairest lottery there could be: LEXIMIN over types of candidates, by column generation.

A yardstick, not a way to draw: it lifts the smallest chance as far as quotas allow, then the next,
and so on (Flanigan, Gölz, Gupta, Hennig, Procaccia, Nature 596, 2021), and may do so with very few
different committees, so that whoever knows one member nearly knows the rest.

**Types.** Candidates whom no rule can tell apart form a type t of m_t. Averaging a lottery over all
exchanges within types makes no chance smaller than the smallest of its type, and LEXIMIN prefers
equal chances; so it is exact to count heads only. A committee is a vector x of whole numbers over
*slots* s (a type in a role; one slot a type where there are no roles); its quotas are sets of slots:

    P = { x ∈ ℤ^S, x ≥ 0 :  Σ_{s ∈ t} x_s ≤ m_t  ∀t,   l_j ≤ Σ_{s ∈ J_j} x_s ≤ u_j  ∀j }

and a lottery q over P gives everybody of type t the chance  p_t = Σ_x q_x Σ_{s ∈ t} x_s / m_t.

**Rounds.** With F the types whose chance is settled:

    maximise z   s.t.   Σ_x q_x x_t/m_t − z·[t ∉ F] ≥ p_t·[t ∈ F]  ∀t      (y_t ≥ 0)
                        Σ_x q_x = 1,  q ≥ 0                                 (v)

is solved over few columns. Its dual prices, y and v, ask for a committee worth more than v,

    maximise Σ_t y_t x_t/m_t   s.t.  x ∈ P

by integer programming; while there is one, it joins. When there is none, z is optimal over all of P,
and by complementary slackness every free t with y_t > 0 has chance z in *every* optimal lottery: it is
settled. As Σ_{t ∉ F} y_t = 1, every round settles one at least.

Linear programmes by GLOP, integer ones by SCIP, both in OR-Tools. Answers are exact to `EPSILON`,
and `gap` is the most that prices left over in any round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ortools.linear_solver.pywraplp as pywraplp

EPSILON = 1e-7
SLACK = 1e-9
"""So much below what was found a settled chance is asked for, lest rounding make it infeasible."""
COLUMNS_MAX = 20_000


@dataclass(frozen=True)
class Quota:
    """Between `least` and `most` heads in these slots together."""

    slots: tuple[int, ...]
    least: int
    most: int


@dataclass(frozen=True)
class Types:
    """`sizes[t]` candidates of type t; `type_of[s]` the type of slot s."""

    sizes: tuple[int, ...]
    type_of: tuple[int, ...]
    quotas: tuple[Quota, ...]

    def slots_of(self, t: int) -> list[int]:
        return [s for s, own in enumerate(self.type_of) if own == t]


@dataclass(frozen=True)
class Lottery:
    """The chance of everybody of each type, and a lottery that gives it: committees as heads by slot,
    with their probabilities. `gap` is what the prices left over."""

    chances: tuple[float, ...]
    committees: tuple[tuple[int, ...], ...]
    probabilities: tuple[float, ...]
    gap: float

    @property
    def smallest(self) -> float:
        return min(self.chances)

    def bits(self, types: Types) -> float:
        """The uncertainty of the committee, its heads drawn evenly within their types."""
        total = 0.0
        for x, q in zip(self.committees, self.probabilities, strict=True):
            if q > SLACK:
                total += q * (_log2_ways(x, types) - math.log2(q))
        return total


def _log2_ways(x: Sequence[int], types: Types) -> float:
    """How many sets of persons in roles have these heads."""
    left, ways = list(types.sizes), 1
    for s, heads in enumerate(x):
        t = types.type_of[s]
        ways *= math.comb(left[t], heads)
        left[t] -= heads
    return math.log2(ways)


class Infeasible(ValueError):
    """No committee meets the quotas."""


def leximin(types: Types) -> Lottery:
    """The LEXIMIN chances of all types. Infeasible where no committee meets the quotas."""
    pricing = _Pricing(types)
    master = _Master(types)
    for t in range(len(types.sizes)):  # everybody who can sit at all stands in some column
        master.add(pricing.best([float(t == other) for other in range(len(types.sizes))])[1])
    gap = 0.0
    while master.free:
        while True:
            prices, value = master.solve()
            worth, committee = pricing.best(
                [y / m for y, m in zip(prices, types.sizes, strict=True)]
            )
            if worth - value <= EPSILON or not master.add(committee):
                break
        gap = max(gap, worth - value)
        master.settle(prices)
    return master.lottery(gap)


class _Master:
    """The linear programme over the columns so far."""

    def __init__(self, types: Types) -> None:
        self.types = types
        self.free = set(range(len(types.sizes)))
        self.columns: dict[tuple[int, ...], Any] = {}
        self.solver = pywraplp.Solver.CreateSolver("GLOP")
        inf = self.solver.infinity()
        self.z = self.solver.NumVar(0, 1, "")
        self.rows = [self.solver.Constraint(0, inf) for _ in types.sizes]
        self.one = self.solver.Constraint(1, 1)
        for row in self.rows:
            row.SetCoefficient(self.z, -1)
        self.solver.Objective().SetCoefficient(self.z, 1)
        self.solver.Objective().SetMaximization()
        self.settled = [0.0] * len(types.sizes)

    def add(self, committee: tuple[int, ...]) -> bool:
        """False where it is there already."""
        if committee in self.columns:
            return False
        assert len(self.columns) < COLUMNS_MAX
        column = self.solver.NumVar(0, self.solver.infinity(), "")
        self.one.SetCoefficient(column, 1)
        for s, heads in enumerate(committee):
            if heads:
                t = self.types.type_of[s]
                row = self.rows[t]
                before = row.GetCoefficient(column)
                row.SetCoefficient(column, before + heads / self.types.sizes[t])
        self.columns[committee] = column
        return True

    def solve(self) -> tuple[list[float], float]:
        """The prices of types, and what a committee must be worth more than."""
        status = self.solver.Solve()
        assert status == pywraplp.Solver.OPTIMAL, status
        # Duals of a maximisation's ≥ rows come with a negative sign.
        return [max(-row.dual_value(), 0.0) for row in self.rows], self.one.dual_value()

    def settle(self, prices: Sequence[float]) -> None:
        """Settle the types that hold z down."""
        tight = {t for t in self.free if prices[t] > EPSILON}
        if not tight:
            tight = {max(self.free, key=prices.__getitem__)}
        z = self.z.solution_value()
        for t in tight:
            self.settled[t] = z
            self.rows[t].SetCoefficient(self.z, 0)
            self.rows[t].SetLb(max(z - SLACK, 0.0))
        self.free -= tight

    def lottery(self, gap: float) -> Lottery:
        """From the last solution, in which every chance is at least what was settled."""
        self.solve()
        used = {x: max(q.solution_value(), 0.0) for x, q in self.columns.items()}
        total = sum(used.values())
        used = {x: q / total for x, q in used.items() if q > 0}
        return Lottery(tuple(self.settled), tuple(used), tuple(used.values()), gap)


class _Pricing:
    """The integer programme: the dearest committee at given prices."""

    def __init__(self, types: Types) -> None:
        self.types = types
        self.solver = pywraplp.Solver.CreateSolver("SCIP")
        self.x = [self.solver.IntVar(0, types.sizes[t], "") for t in types.type_of]
        for t, size in enumerate(types.sizes):
            self.solver.Add(sum(self.x[s] for s in types.slots_of(t)) <= size)
        for quota in types.quotas:
            row = self.solver.Constraint(quota.least, quota.most)
            for s in quota.slots:
                row.SetCoefficient(self.x[s], 1)
        self.solver.Objective().SetMaximization()
        self.exact = pywraplp.MPSolverParameters()
        self.exact.SetDoubleParam(self.exact.RELATIVE_MIP_GAP, 0.0)

    def best(self, prices: Sequence[float]) -> tuple[float, tuple[int, ...]]:
        """Its worth and its heads by slot."""
        for x, t in zip(self.x, self.types.type_of, strict=True):
            self.solver.Objective().SetCoefficient(x, prices[t])
        status = self.solver.Solve(self.exact)
        if status == pywraplp.Solver.INFEASIBLE:
            raise Infeasible
        assert status == pywraplp.Solver.OPTIMAL, status
        heads = tuple(round(x.solution_value()) for x in self.x)
        worth = sum(prices[t] * n for t, n in zip(self.types.type_of, heads, strict=True))
        return worth, heads
