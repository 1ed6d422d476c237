"""What a committee is drawn from, in arrays: all that decides how likely each candidate is.

Groups, seats and coupling are those of `experts.committee`; candidates, units and areas (home
prefectures) are numbered from 0, since chances do not depend on who anybody is. The law of the draw
is: every (committee, role) tuple S that meets the coupling rules has the chance

    P(S)  =  Π_{i ∈ S} w(area of i)  /  Z

with the whole weights of the request, 1 where it has none; Z sums the products over all such S.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experts.committee import Card, Coupling, Group

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Urn:
    """`members[g]` are the candidates of group g, `counts[g]` its seats; `unit` and `area` by
    candidate, `weight` by area, `areas` what the areas are called."""

    specialties: tuple[str, ...]
    counts: tuple[int, ...]
    members: tuple[IntArray, ...]
    unit: IntArray
    area: IntArray
    areas: tuple[str, ...]
    weight: IntArray
    one_per_unit: bool
    area_max: int

    @property
    def seats(self) -> int:
        return sum(self.counts)

    @property
    def has_weights(self) -> bool:
        return bool((self.weight != 1).any())

    def area_counts(self) -> IntArray:
        """How many candidates each group has in each area: groups × areas."""
        return np.stack(
            [np.bincount(self.area[m], minlength=len(self.areas)) for m in self.members]
        )


def urn_of(
    groups: Sequence[Group],
    cards: Mapping[str, Card],
    coupling: Coupling,
    weights: Mapping[str, int] | None = None,
) -> Urn:
    """The urn of a draw's groups."""
    leaves = sorted({leaf for group in groups for leaf in group.leaves})
    number = {leaf: n for n, leaf in enumerate(leaves)}
    held = [cards[leaf] for leaf in leaves]
    areas, area = _numbered([card.prefecture for card in held])
    _, unit = _numbered([card.unit for card in held])
    given = weights or {}
    return Urn(
        specialties=tuple(group.specialty for group in groups),
        counts=tuple(group.count for group in groups),
        members=tuple(
            np.fromiter((number[leaf] for leaf in group.leaves), dtype=np.int64) for group in groups
        ),
        unit=unit,
        area=area,
        areas=areas,
        weight=np.fromiter((given.get(name, 1) for name in areas), dtype=np.int64),
        one_per_unit=coupling.one_per_unit,
        area_max=coupling.prefecture_max,
    )


def urn_of_transcript(value: Mapping[str, Any]) -> Urn:
    """The urn that a transcript (`bigloop.draw.v1`) shows. It must have been verified before: a
    malformed one raises KeyError, TypeError or ValueError."""
    request = value["request"]
    drawable = [c for c in value["candidates"] if c["in"]]
    cards = {
        str(n): Card(str(n), candidate["unit"], candidate["area"])
        for n, candidate in enumerate(drawable)
    }
    groups = []
    for quota in request["quotas"]:
        source = quota["source"]
        inside = (
            str(n)
            for n, candidate in enumerate(drawable)
            if any(code.startswith(source) for code in candidate["specialties"])
        )
        groups.append(Group(quota["specialty"], quota["count"], tuple(sorted(inside))))
    said = request["coupling"]
    coupling = Coupling(said["one_per_unit"], said["prefecture_max"])
    return urn_of(groups, cards, coupling, dict(map(tuple, request["weights"])))


def _numbered(names: Sequence[str]) -> tuple[tuple[str, ...], IntArray]:
    """The different names in order, and each one's number."""
    known = tuple(sorted(set(names)))
    number = {name: n for n, name in enumerate(known)}
    return known, np.fromiter((number[name] for name in names), dtype=np.int64, count=len(names))
