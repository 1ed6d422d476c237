"""LEXIMIN on types: against complete enumeration, published instances, and its own definition."""

import csv
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from experts.fairness.leximin import Infeasible, Quota, Types, leximin
from tests.support.shared import shared_dir


def committees(types: Types) -> list[tuple[int, ...]]:
    """All of them, by trying all."""
    ranges = (range(types.sizes[t] + 1) for t in types.type_of)
    return [x for x in product(*ranges) if is_one(types, x)]


def is_one(types: Types, x: tuple[int, ...]) -> bool:
    heads = Counter[int]()
    for s, n in enumerate(x):
        heads[types.type_of[s]] += n
    return all(heads[t] <= size for t, size in enumerate(types.sizes)) and all(
        quota.least <= sum(x[s] for s in quota.slots) <= quota.most for quota in types.quotas
    )


def by_definition(types: Types) -> list[float]:
    """LEXIMIN over all committees: the greatest z for those left; settled is who cannot have more."""
    everyone = committees(types)
    chance = np.array(
        [
            [sum(n for s, n in enumerate(x) if types.type_of[s] == t) / size for x in everyone]
            for t, size in enumerate(types.sizes)
        ]
    )

    def greatest(lifted: set[int], floor: dict[int, float]) -> float:
        """Of z with chance z for `lifted` and at least `floor` for the others."""
        rows, bounds = [], []
        for t in range(len(types.sizes)):
            rows.append([*(-chance[t]), float(t in lifted)])
            bounds.append(0.0 if t in lifted else -floor[t] + 1e-9)
        cost = np.zeros(len(everyone) + 1)
        cost[-1] = -1
        equal = np.array([[1.0] * len(everyone) + [0.0]])
        found = linprog(cost, A_ub=np.array(rows), b_ub=bounds, A_eq=equal, b_eq=[1.0])
        assert found.status == 0
        return float(-found.fun)

    settled: dict[int, float] = {}
    while len(settled) < len(types.sizes):
        free = set(range(len(types.sizes))) - set(settled)
        z = greatest(free, settled)
        floor = {**settled, **dict.fromkeys(free, z)}
        stuck = {t for t in free if greatest({t}, floor) < z + 1e-6}
        assert stuck
        settled.update(dict.fromkeys(stuck, z))
    return [settled[t] for t in range(len(types.sizes))]


@st.composite
def instances(draw: st.DrawFn) -> Types:
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    slots = tuple(range(len(sizes)))
    k = draw(st.integers(1, min(4, sum(sizes))))
    quotas = [Quota(slots, k, k)]
    for _ in range(draw(st.integers(0, 2))):
        among = draw(st.sets(st.sampled_from(slots), min_size=1))
        least = draw(st.integers(0, 2))
        quotas.append(Quota(tuple(sorted(among)), least, draw(st.integers(least, 3))))
    return Types(tuple(sizes), slots, tuple(quotas))


class TestLeximin:
    """Flanigan et al., Nature 596 (2021)."""

    @settings(max_examples=15, deadline=None)
    @given(instances())
    def test_is_what_the_definition_says(self, types: Types) -> None:
        if not committees(types):
            with pytest.raises(Infeasible):
                leximin(types)
            return
        found = leximin(types)
        assert found.chances == pytest.approx(by_definition(types), abs=1e-5)

    @settings(max_examples=20, deadline=None)
    @given(instances())
    def test_its_lottery_gives_its_chances(self, types: Types) -> None:
        if not committees(types):
            return
        found = leximin(types)
        assert all(is_one(types, x) for x in found.committees)
        assert sum(found.probabilities) == pytest.approx(1)
        for t, size in enumerate(types.sizes):
            mean = sum(
                q * sum(n for s, n in enumerate(x) if types.type_of[s] == t)
                for x, q in zip(found.committees, found.probabilities, strict=True)
            )
            assert mean / size == pytest.approx(found.chances[t], abs=1e-6)
        assert found.gap <= 1e-6

    def test_roles(self) -> None:
        """One person of three who may take either of two roles: he sits always, the others by half."""
        types = Types((1, 2), (0, 0, 1), (Quota((0,), 0, 1), Quota((1, 2), 1, 1)))
        found = leximin(types)
        assert found.chances == pytest.approx((1.0, 0.5))

    def test_bits_count_persons_not_types(self) -> None:
        found = leximin(types := Types((4,), (0,), (Quota((0,), 2, 2),)))
        assert found.bits(types) == pytest.approx(np.log2(6))

    @pytest.mark.shared
    @pytest.mark.parametrize(
        ("name", "seats"), [("example_small_20", 20), ("example_large_200", 200)]
    )
    def test_published_instances(self, name: str, seats: int) -> None:
        """A single person of his kind among many: everybody can still have the equal share."""
        folder = shared_dir("vectors", "draw", "instances", name)
        people = list(csv.DictReader((folder / "respondents.csv").read_text().splitlines()))
        kinds = Counter(tuple(person.values()) for person in people)
        known, names = sorted(kinds), list(people[0])
        quotas = [Quota(tuple(range(len(known))), seats, seats)]
        for row in csv.DictReader((folder / "categories.csv").read_text().splitlines()):
            place = names.index(row["category"])
            within = tuple(t for t, kind in enumerate(known) if kind[place] == row["feature"])
            quotas.append(Quota(within, int(row["min"]), int(row["max"])))
        types = Types(tuple(kinds[k] for k in known), tuple(range(len(known))), tuple(quotas))
        found = leximin(types)
        assert found.smallest == pytest.approx(seats / len(people), abs=1e-6)
