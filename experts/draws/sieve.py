"""The filter of a draw over the pool in arrays: who answers a quota, and what speaks against him. Pure.

Eligibility (`experts.pool.eligibility`) is compared column by column. In recusal
(`experts.conflicts.rules`) most of those in conflict follow from the index of organisations alone;
only few must be looked at one by one. The reasons with their chains of companies are worked out when
somebody asks for them. Each rule looks at the expert alone and all reasons are kept, so the order in
which they run changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from archive.errors import Reason
from experts.conflicts.context import Context
from experts.conflicts.rules import certain, doubtful, in_force, reasons_by
from experts.pool.columns import BoolArray, Columns, IntArray
from experts.pool.eligibility import EligibilityRules, ineligible_all


@dataclass(frozen=True)
class Sieve:
    """`rows` are those asked about, ascending. By the place in `rows`: `ineligible`, code → mask;
    `recused` the mask of those in conflict."""

    columns: Columns
    context: Context
    rows: IntArray
    ineligible: Mapping[str, BoolArray]
    recused: BoolArray

    @property
    def passing(self) -> IntArray:
        """The rows against which nothing speaks."""
        out = self.recused.copy()
        for mask in self.ineligible.values():
            out |= mask
        passing: IntArray = self.rows[~out]
        return passing

    @cached_property
    def evidence(self) -> Mapping[int, tuple[Reason, ...]]:
        """The reasons of everybody in conflict, by row."""
        rules = in_force(self.context)
        return {
            row: reasons_by(rules, self.columns.experts[row], self.context)
            for row in self.rows[self.recused].tolist()
        }


def sieve(
    columns: Columns, rows: IntArray | None, on: date, rules: EligibilityRules, context: Context
) -> Sieve:
    """What speaks against the experts of these rows (ascending; None: everybody) on a day."""
    which = slice(None) if rows is None else rows
    everybody = np.arange(len(columns)) if rows is None else rows
    recused = certain(columns, context)[which].copy()
    asked = doubtful(columns, context)[which] & ~recused
    judging = in_force(context)
    for place in np.flatnonzero(asked).tolist():
        expert = columns.experts[int(everybody[place])]
        recused[place] = bool(reasons_by(judging, expert, context))
    return Sieve(columns, context, everybody, ineligible_all(columns, on, rules, which), recused)


def together(columns: Columns, answers: Iterable[IntArray]) -> IntArray:
    """All rows that answer any, ascending, each once."""
    mask = np.zeros(len(columns), dtype=np.bool_)
    for rows in answers:
        mask[rows] = True
    return np.flatnonzero(mask)
