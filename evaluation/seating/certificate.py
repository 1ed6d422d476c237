"""A lower bound that needs no trust in a solver: linear duality in whole numbers.

For   minimise c·v   subject to   A v (= | ≤) b,   0 ≤ v ≤ d   with whole A, b, c, d
and *any* vector y that is not positive on the rows with ≤, every feasible v costs at least

    bound(y) = b·y + Σ_j min(0, c_j − (Aᵀy)_j) · d_j

because  c·v = y·(Av) + (c − Aᵀy)·v,  y·(Av) ≥ y·b,  and each term of the rest is at least
min(0, …)·d_j. All of it is computed in whole numbers (int64 where it provably fits, Python's own
beyond), so the bound is a theorem about the programme and not about a run of a solver. Good y come
from the solver's duals, rounded; bad ones only give a poor bound.

(Neumaier and Shcherbina, Safe bounds in linear and mixed-integer linear programming, 2004.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DUAL_MAX = 10**12
"""No dual is larger; with at most 10^5 entries of ±1 in a column, int64 cannot overflow."""


@dataclass(frozen=True)
class Rows:
    """A programme in whole numbers: `matrix` sparse (rows x columns, int64, entries ±1), `equal`
    marks the rows with =, `most` are the upper bounds d of the columns."""

    names: tuple[str, ...]
    matrix: Any
    rhs: NDArray[np.int64]
    equal: NDArray[np.bool_]
    cost: NDArray[np.int64]
    most: NDArray[np.int64]


def whole(rows: Rows, duals: NDArray[np.float64]) -> NDArray[np.int64]:
    """The nearest whole duals that are allowed: not positive on rows with ≤, never too large."""
    rounded = np.rint(np.nan_to_num(duals)).clip(-DUAL_MAX, DUAL_MAX).astype(np.int64)
    return np.where(rows.equal, rounded, np.minimum(rounded, 0))


def bound(rows: Rows, duals: NDArray[np.int64]) -> int:
    """The bound that the duals prove. ValueError for duals that prove nothing."""
    if len(duals) != len(rows.names) or (np.abs(duals) > DUAL_MAX).any():
        raise ValueError("these are not duals of these rows")
    if (duals[~rows.equal] > 0).any():
        raise ValueError("a dual of a row with ≤ is positive")
    reduced = rows.cost - rows.matrix.T @ duals
    used = np.flatnonzero(duals)
    total = sum(int(rows.rhs[row]) * int(duals[row]) for row in used)
    below = np.flatnonzero(reduced < 0)
    return total + sum(int(reduced[column]) * int(rows.most[column]) for column in below)


def named(rows: Rows, duals: NDArray[np.int64]) -> tuple[tuple[str, int], ...]:
    """The duals by the names of their rows, zeros left out, sorted by name."""
    return tuple(sorted((rows.names[row], int(duals[row])) for row in np.flatnonzero(duals)))


def duals_of(
    rows: Rows, certificate: Mapping[str, int] | Iterable[tuple[str, int]]
) -> NDArray[np.int64]:
    """The vector of a certificate by names. ValueError for a name that no row has."""
    wanted = dict(certificate)
    place = {name: row for row, name in enumerate(rows.names)}
    duals = np.zeros(len(rows.names), dtype=np.int64)
    for name, value in wanted.items():
        if name not in place or type(value) is not int or abs(value) > DUAL_MAX:
            raise ValueError(f"no dual of these rows: {name}")
        duals[place[name]] = value
    return duals
