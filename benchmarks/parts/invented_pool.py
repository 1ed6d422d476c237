"""An invented pool of experts and companies in arrays, for the parts of `benchmarks/draw.py`.

A third as many companies as experts. Companies hang together in groups of very different size (a
Pareto tail, as in trade registers), each holding up to two others of its group, so that there are
about twice as many edges as companies. One in two thousand is a body at which control stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import numpy.typing as npt

from experts.conflicts.context import Context, Party, RecusalRules, Side, context
from experts.conflicts.control import ControlGraph
from experts.pool.columns import OPEN_DAY, Columns
from experts.pool.eligibility import EligibilityRules
from experts.pool.expert import Expert, Status
from trading.regime import Regime

IntArray = npt.NDArray[np.int64]
ON = date(2026, 10, 21)
TODAY = ON.toordinal()
SPECIALTIES, AREAS = 200, 16
SEATS = ((0, 3), (3, 1), (10, 1))
"""Specialty by how common it is, and its seats."""
ELIGIBLE = EligibilityRules(70, 8, 2, senior_title_suffices=False)
RECUSAL = RecusalRules(window_years=3, strict_union=False, depth_max=16)
GROUP_MAX = 5_000


def company(number: int) -> str:
    return f"91530000{number:010d}"


def specialty(number: int) -> str:
    return f"A{number:06d}"


def edges(count: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Owners and owned, by number of the company."""
    sizes: list[int] = []
    while count > 0:
        sizes.append(min(int(rng.pareto(1.1) * 2) + 1, GROUP_MAX, count))
        count -= sizes[-1]
    first = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    me = np.arange(len(first))
    pairs = []
    for _ in range(2):
        other = first + (rng.random(len(me)) * (me - first)).astype(np.int64)
        pairs.append(np.stack([me, other])[:, other < me])
    name = rng.permutation(len(me))
    owned, owners = np.concatenate(pairs, axis=1)
    return name[owners], name[owned]


class Made(Sequence[Expert]):
    """The experts of a pool, each made when first asked for and then kept."""

    def __init__(self, pool: Pool) -> None:
        self._of = cache(pool.expert)
        self._count = pool.count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> Expert:  # type: ignore[override]
        return self._of(row)


@dataclass(frozen=True)
class Pool:
    """Columns by row of the expert. `past_until` and the others are 0, `board` and the others −1,
    where there is none."""

    count: int
    owners: IntArray
    owned: IntArray
    stops: npt.NDArray[np.bool_]
    employer: IntArray
    past: IntArray
    past_until: IntArray
    board: IntArray
    declared: IntArray
    born: IntArray
    enrolled: IntArray
    certified: IntArray
    years: IntArray
    title: IntArray
    active: npt.NDArray[np.bool_]
    penalised: npt.NDArray[np.bool_]
    area: IntArray
    held: IntArray
    """Two specialties each."""
    place: IntArray
    """Where an expert's leaf stands in the tree of one draw."""

    @property
    def companies(self) -> int:
        return len(self.stops)

    def expert(self, row: int) -> Expert:
        past = int(self.past[row])
        until = date.fromordinal(int(self.past_until[row])) if past >= 0 else ON
        return Expert(
            id=f"E{row:07d}",
            name="",
            gender="",
            born=date.fromordinal(int(self.born[row])),
            employer_uscc=company(int(self.employer[row])),
            past_employers=((company(past), until),) if past >= 0 else (),
            board_seats=_named(self.board[row]),
            declared_units=_named(self.declared[row]),
            specialties=(),
            home_division="530102",
            lon=0.0,
            lat=0.0,
            title_level=int(self.title[row]),  # type: ignore[arg-type]
            field_years=int(self.years[row]),
            enrolled_on=date.fromordinal(int(self.enrolled[row])),
            status=Status.ACTIVE if self.active[row] else Status.SUSPENDED,
            penalised=bool(self.penalised[row]),
        )

    def columns(self) -> Columns:
        """What the service keeps of a pool, with the experts made on demand."""
        everybody = np.arange(self.count)
        by_code = _index(self.held.ravel(), np.repeat(everybody, 2))
        kinds = (self.employer, self.past, self.board, self.declared)
        units, rows = np.concatenate(kinds), np.tile(everybody, len(kinds))
        by_unit = _index(units[units >= 0], rows[units >= 0])
        now = np.concatenate([self.employer, self.board, self.declared])
        present = _index(now[now >= 0], np.tile(everybody, 3)[now >= 0])
        codes = sorted(by_code)
        return Columns(
            version="bench",
            experts=Made(self),  # type: ignore[arg-type]
            row_of={},
            born_day=self.born.astype(np.int32),
            enrolled_day=self.enrolled.astype(np.int32),
            certified_day=self.certified.astype(np.int32),
            field_years=self.years.astype(np.int32),
            title_level=self.title.astype(np.int32),
            active=self.active,
            penalised=self.penalised,
            _codes=tuple(map(specialty, codes)),
            _code_rows=tuple(by_code[code] for code in codes),
            _unit_rows={company(unit): found for unit, found in by_unit.items()},
            _present_rows={company(unit): found for unit, found in present.items()},
        )

    def graph(self) -> ControlGraph:
        codes = tuple(map(company, range(self.companies)))
        return ControlGraph.of_numbers(codes, self.owners, self.owned, self.stops)

    def parties(self, graph: ControlGraph) -> tuple[tuple[Side, int], ...]:
        """What a request names: tenderer and agency, each of a group of 5 to 50 companies, and the
        department that supervises."""
        label = graph.groups()
        size = np.bincount(label, minlength=self.companies)
        roots = np.flatnonzero((size >= 5) & (size <= 50))[:2]
        found = [
            (side, int(np.flatnonzero(label == root)[-1]))
            for side, root in zip((Side.TENDERER, Side.AGENCY), roots, strict=True)
        ]
        return (*found, (Side.SUPERVISOR, int(self.employer[0])))

    def context(self, graph: ControlGraph, parties: Sequence[tuple[Side, int]]) -> Context:
        named = [Party(side, company(number)) for side, number in parties]
        return context(Regime.ZTB, ON, named, graph, RECUSAL)


def _named(number: np.int64) -> tuple[str, ...]:
    return (company(int(number)),) if number >= 0 else ()


def _index(keys: IntArray, rows: IntArray) -> dict[int, IntArray]:
    """By key its rows, ascending, each once."""
    order = np.lexsort((rows, keys))
    keys, rows = keys[order], rows[order]
    new = np.append(True, (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1]))
    keys, rows = keys[new], rows[new]
    known, starts = np.unique(keys, return_index=True)
    return dict(zip(known.tolist(), np.split(rows, starts[1:]), strict=True))


def make(count: int, seed: int = 1) -> Pool:
    rng = np.random.default_rng(seed)
    companies = count // 3
    owners, owned = edges(companies, rng)

    def some(permille: int) -> IntArray:
        one = rng.integers(companies, size=count)
        return np.where(rng.integers(1000, size=count) < permille, one, -1)

    past = some(350)
    weight = 1 / (np.arange(SPECIALTIES) + 5)
    first = rng.choice(SPECIALTIES, size=count, p=weight / weight.sum())
    second = rng.choice(SPECIALTIES, size=count, p=weight / weight.sum())
    return Pool(
        count=count,
        owners=owners,
        owned=owned,
        stops=rng.random(companies) < 1 / 2000,
        employer=rng.integers(companies, size=count),
        past=past,
        past_until=np.where(past >= 0, TODAY - rng.integers(3650, size=count), 0),
        board=some(25),
        declared=some(20),
        born=TODAY - rng.integers(30 * 365, 72 * 365, size=count),
        enrolled=TODAY - rng.integers(1, 2500, size=count),
        certified=np.where(
            rng.random(count) < 0.9, OPEN_DAY, TODAY + rng.integers(-90, 90, size=count)
        ),
        years=rng.integers(3, 40, size=count),
        title=rng.choice([1, 2, 3], size=count, p=[0.1, 0.65, 0.25]),
        active=rng.random(count) < 0.985,
        penalised=rng.random(count) < 0.005,
        area=np.maximum(rng.integers(-6, AREAS, size=count), 0),
        held=np.stack([first, second], axis=1),
        place=rng.permutation(count),
    )
