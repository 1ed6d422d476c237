"""A lower bound that needs no trust in a solver: linear duality in whole numbers.

For   minimise c·v   subject to   A v (= | ≤) b,   0 ≤ v ≤ d   with whole A, b, c, d
and *any* vector y that is not positive on the rows with ≤, every feasible v costs at least

    bound(y) = b·y + Σ_j min(0, c_j − (Aᵀy)_j) · d_j

because  c·v = y·(Av) + (c − Aᵀy)·v,  y·(Av) ≥ y·b,  and each term of the rest is at least
min(0, …)·d_j. All of it is computed in whole numbers, so the bound is a theorem about the programme
and not about a run of a solver. Good y come from the solver's duals, rounded; bad ones only give a
poor bound. (Neumaier and Shcherbina, Safe bounds in linear and mixed-integer linear programming,
2004.)

The same vector tells more. A feasible v that costs at most V has v_j = 0 wherever the reduced cost
is above V − bound, and v_j = d_j wherever it is below −(V − bound): `Face` keeps what is left. Where
the bound is reached, every optimum lies on the face, and all rows with y < 0 are tight there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

DUAL_MAX = 2**52
"""No dual is larger, so that it is a whole number of JSON and a few of them fit an int64."""
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """A programme in whole numbers: `matrix` sparse (rows x columns, int64, entries small), `equal`
    marks the rows with =, `most` are the upper bounds d of the columns. `name` names a row."""

    name: Callable[[int], str]
    matrix: Any
    rhs: Ints
    equal: Flags
    cost: Ints
    most: Ints


@dataclass(frozen=True)
class Face:
    """What is left of a programme for those who cost no more than a given plan: `free` columns may
    vary, `full` ones are at their upper bound, the others are 0; `tight` rows hold with =."""

    free: Flags
    full: Flags
    tight: Flags


def whole(rows: Rows, duals: NDArray[np.float64], free: Flags | None = None) -> Ints:
    """The nearest whole duals that are allowed: not positive on rows with ≤ (unless `free`), never
    too large."""
    rounded = np.rint(np.nan_to_num(duals)).clip(-DUAL_MAX, DUAL_MAX).astype(np.int64)
    return np.where(rows.equal if free is None else free, rounded, np.minimum(rounded, 0))


def reduced(rows: Rows, duals: Ints) -> Ints:
    """c − Aᵀy."""
    found: Ints = rows.cost - rows.matrix.T @ duals
    return found


def bound(rows: Rows, duals: Ints) -> int:
    """The bound that the duals prove. ValueError for duals that prove nothing."""
    if len(duals) != len(rows.rhs) or (np.abs(duals) > DUAL_MAX).any():
        raise ValueError("these are not duals of these rows")
    if (duals[~rows.equal] > 0).any():
        raise ValueError("a dual of a row with ≤ is positive")
    return _value(rows.rhs, duals, reduced(rows, duals), rows.most)


def _value(rhs: Ints, duals: Ints, left: Ints, most: Ints) -> int:
    used = np.flatnonzero(duals)
    below = np.flatnonzero(left < 0)
    total = sum(b * y for b, y in zip(rhs[used].tolist(), duals[used].tolist(), strict=True))
    pairs = zip(left[below].tolist(), most[below].tolist(), strict=True)
    return int(total + sum(d * u for d, u in pairs))


def face(rows: Rows, duals: Ints, slack: int) -> Face:
    """The face of those that cost at most `slack` more than the bound of `duals`."""
    left = reduced(rows, duals)
    return Face(
        free=(np.abs(left) <= slack) & (rows.most > 0),
        full=left < -slack,
        tight=rows.equal | ((duals < 0) & (slack == 0)),
    )


def on_face(rows: Rows, part: Face, cost: Ints) -> Rows:
    """The programme of the open columns with another price; columns keep their order."""
    full = np.where(part.full, rows.most, 0).astype(np.int64)
    return Rows(
        rows.name,
        rows.matrix[:, np.flatnonzero(part.free)],
        rows.rhs - rows.matrix @ full,
        part.tight,
        cost[part.free],
        rows.most[part.free],
    )


def named(rows: Rows, duals: Ints) -> tuple[tuple[str, int], ...]:
    """The duals by the names of their rows, zeros left out, sorted by name."""
    return tuple(sorted((rows.name(int(row)), int(duals[row])) for row in np.flatnonzero(duals)))
