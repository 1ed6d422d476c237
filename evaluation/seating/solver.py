"""OR-Tools' own solvers behind one function: a programme in whole numbers in, values and duals out.

The light interface (`model_builder_helper`) takes sparse data as they are and loads no pandas. Of
its solvers only GLOP gives usable duals; HIGHS is quicker on the largest programmes, SCIP and
CP-SAT branch. No number that comes from here is trusted: plans are checked and bounds recomputed in
whole numbers (`evaluation.seating.certificate`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evaluation.seating.certificate import Ints, Rows

Floats: TypeAlias = NDArray[np.float64]


class Family(StrEnum):
    """The solvers. All but GLOP branch where whole values are asked for."""

    GLOP = "GLOP"
    HIGHS = "HIGHS"
    SCIP = "SCIP"
    CP_SAT = "SAT"


class Cancelled(Exception):
    """The solve was called off from outside."""


@dataclass
class Watch:
    """How a solve is followed and called off from another thread: `stage` is what is being done now.
    Time is counted by the solvers' own clocks."""

    seconds_left: float = float("inf")
    stage: str = ""
    on_stage: Callable[[str], None] = lambda stage: None
    is_cancelled: bool = False
    _running: list[Any] = field(default_factory=list)

    def begins(self, stage: str) -> None:
        """The solve has come to this stage."""
        self.stage = stage
        self.on_stage(stage)
        if self.is_cancelled:
            raise Cancelled

    def cancel(self) -> None:
        """End the run in hand; `solve` then raises Cancelled. For any thread."""
        self.is_cancelled = True
        for solver in list(self._running):
            solver.interrupt_solve()


@dataclass(frozen=True)
class Answer:
    """`values` of the columns and, from GLOP, `duals` of the rows; neither where nothing came in
    time. `proven`: the solver says that there is nothing better."""

    values: Floats | None
    duals: Floats | None
    proven: bool


def run(
    rows: Rows,
    family: Family,
    watch: Watch,
    scale: float,
    integral: Ints | None = None,
    least: Floats | None = None,
) -> Answer:
    """Minimise. `scale`: costs are divided by it, so that the solver's tolerances fit. `least`: the
    lower bounds of the columns, 0 by default."""
    from ortools.linear_solver.python import model_builder_helper

    if watch.is_cancelled:
        raise Cancelled
    if watch.seconds_left <= 0:
        return Answer(None, None, False)
    programme: Any = model_builder_helper.ModelBuilderHelper()
    rhs = rows.rhs.astype(np.float64)
    programme.fill_model_from_sparse_data(
        np.zeros(len(rows.cost)) if least is None else least,
        rows.most.astype(np.float64),
        rows.cost.astype(np.float64) / scale,
        np.where(rows.equal, rhs, -np.inf),
        rhs,
        rows.matrix.astype(np.float64).tocsr(),
    )
    for column in () if integral is None else integral.tolist():
        programme.set_var_integrality(column, True)
    solver: Any = model_builder_helper.ModelSolverHelper(str(family))
    if watch.seconds_left != float("inf"):
        solver.set_time_limit_in_seconds(watch.seconds_left)
    if family is Family.GLOP:
        # Three times as quick here as with its presolve (measured on a province's day).
        solver.set_solver_specific_parameters("use_dual_simplex: true use_preprocessing: false")
    if family is Family.SCIP:
        solver.set_solver_specific_parameters("limits/gap = 0\nnumerics/feastol = 1e-9")
    watch._running.append(solver)
    try:
        solver.solve(programme)
    finally:
        watch._running.remove(solver)
    watch.seconds_left -= solver.wall_time() if solver.has_response() else 0.0
    if watch.is_cancelled:
        raise Cancelled
    status = solver.status().name
    if status not in {"OPTIMAL", "FEASIBLE"}:
        return Answer(None, None, False)
    proven = status == "OPTIMAL"
    duals = None
    if family is Family.GLOP and proven:
        duals = np.array(solver.dual_values()) * scale
    return Answer(np.array(solver.variable_values()), duals, proven)
