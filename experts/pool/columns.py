"""The pool in arrays: what a draw asks of 20,000 experts, answered in milliseconds.

Rows are the experts in ascending order of id. The columns are built once per version of the pool
and kept by the service; they are never changed. Built `on` a day, they hold the specialties that
hold on it, in the experts too, so that leaves and candidates know no others. Two indexes: from specialty codes to rows (codes
sorted, so that a prefix is a slice), and from organisations to the rows bound to them.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from archive import canonical
from experts.pool.expert import Expert, Status

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
SmallArray = npt.NDArray[np.int32]
"""Half as wide: comparing a large pool waits for memory, not for the processor."""
OPEN_DAY = date.max.toordinal()


@dataclass(frozen=True)
class Columns:
    """One version of the pool."""

    version: str
    experts: tuple[Expert, ...]
    row_of: Mapping[str, int]
    born_day: SmallArray
    enrolled_day: SmallArray
    certified_day: SmallArray
    """The first day without a certificate, `OPEN_DAY` where it has no end."""
    field_years: SmallArray
    title_level: SmallArray
    active: BoolArray
    penalised: BoolArray
    _codes: tuple[str, ...]
    _code_rows: tuple[IntArray, ...]
    _unit_rows: Mapping[str, IntArray]
    _present_rows: Mapping[str, IntArray]
    """Those of `_unit_rows` whom a bond of today ties: employment, board, control, declaration."""

    def __len__(self) -> int:
        return len(self.experts)

    @cached_property
    def records(self) -> tuple[bytes, ...]:
        """Per row the digest of all that decides about draws; made when the first draw asks."""
        return tuple(map(record_of, self.experts))

    @cached_property
    def codes(self) -> tuple[bytes, ...]:
        """Per row the digest of the specialties."""
        known = {specialties: codes_of(specialties) for specialties in self._specialties()}
        return tuple(known[expert.specialties] for expert in self.experts)

    def _specialties(self) -> set[tuple[str, ...]]:
        return {expert.specialties for expert in self.experts}

    def matching(self, code: str) -> IntArray:
        """The rows with a specialty that begins with `code`, ascending, each once."""
        start = bisect_left(self._codes, code)
        stop = bisect_left(self._codes, code + "~")
        if start == stop:
            return np.empty(0, dtype=np.int64)
        if stop == start + 1:
            return self._code_rows[start]
        return np.unique(np.concatenate(self._code_rows[start:stop]))

    def bound_to(self, usccs: Iterable[str]) -> BoolArray:
        """Mask of the rows that are bound to any of the organisations, by whatever relation."""
        return self._rows_of(self._unit_rows, usccs)

    def presently_bound_to(self, usccs: Iterable[str]) -> BoolArray:
        """The same without former employers and boards."""
        return self._rows_of(self._present_rows, usccs)

    def _rows_of(self, index: Mapping[str, IntArray], usccs: Iterable[str]) -> BoolArray:
        mask = np.zeros(len(self), dtype=np.bool_)
        found = [rows for uscc in usccs if (rows := index.get(uscc)) is not None]
        if found:
            mask[np.concatenate(found)] = True
        return mask


def record_of(expert: Expert) -> bytes:
    """SHA-256 of what decides about draws (`Expert.facts`), in canonical JSON. By the library's own
    encoder, which is quicker by far and gives the same bytes: facts hold no floats, and their names
    and codes are ASCII; a test compares the two."""
    text = json.dumps(
        expert.facts(), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode()).digest()


def codes_of(specialties: tuple[str, ...]) -> bytes:
    """SHA-256 of a list of specialties in canonical JSON."""
    return hashlib.sha256(canonical.encode(list(specialties))).digest()


def boundaries(experts: Iterable[Expert]) -> tuple[date, ...]:
    """The days on which some specialty begins or ends, ascending: between two of them the pool's
    columns are the same on every day."""
    days = {
        day
        for expert in experts
        for term in expert.specialty_terms
        for day in (term.since, term.until)
        if day is not None
    }
    return tuple(sorted(days))


def build(version: str, experts: Iterable[Expert], on: date | None = None) -> Columns:
    """The columns of these experts, whatever order they come in; without `on` with every specialty
    that they have at any time."""
    held = experts if on is None else (_on_day(expert, on) for expert in experts)
    rows = tuple(sorted(held, key=lambda expert: expert.id))
    by_code: dict[str, list[int]] = defaultdict(list)
    by_unit: dict[str, list[int]] = defaultdict(list)
    by_present: dict[str, list[int]] = defaultdict(list)
    for row, expert in enumerate(rows):
        for code in expert.specialties:
            by_code[code].append(row)
        for uscc in expert.units:
            by_unit[uscc].append(row)
        for uscc in expert.present_units:
            by_present[uscc].append(row)
    codes = tuple(sorted(by_code))
    return Columns(
        version=version,
        experts=rows,
        row_of={expert.id: row for row, expert in enumerate(rows)},
        born_day=_small(expert.born.toordinal() for expert in rows),
        enrolled_day=_small(expert.enrolled_on.toordinal() for expert in rows),
        certified_day=_small(
            expert.certified_until.toordinal() if expert.certified_until else OPEN_DAY
            for expert in rows
        ),
        field_years=_small(expert.field_years for expert in rows),
        title_level=_small(expert.title_level for expert in rows),
        active=_numbers(expert.status is Status.ACTIVE for expert in rows).astype(np.bool_),
        penalised=_numbers(expert.penalised for expert in rows).astype(np.bool_),
        _codes=codes,
        _code_rows=tuple(_numbers(by_code[code]) for code in codes),
        _unit_rows={uscc: _numbers(found) for uscc, found in by_unit.items()},
        _present_rows={uscc: _numbers(found) for uscc, found in by_present.items()},
    )


def _on_day(expert: Expert, on: date) -> Expert:
    held = expert.specialties_on(on)
    return expert if held == expert.specialties else replace(expert, specialties=held)


def _small(values: Iterable[int]) -> SmallArray:
    return np.fromiter(values, dtype=np.int32)


def _numbers(values: Iterable[int]) -> IntArray:
    return np.fromiter(values, dtype=np.int64)
