"""City weights: equal chances under a cap where they can be had, refused in words where they cannot."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import Reason
from experts.committee import Card, Coupling, Group
from experts.fairness.chances import simulate
from experts.fairness.urn import urn_of
from experts.fairness.weights import CityWeights, Law, WeightLimits, fit, fit_counts

LIMITS = WeightLimits(20, 40, "draw.weight_ratio_max", "draw.weight_spread_permille_max", "cap")
ATTEMPTS = 10_000


def pool(capital: int, elsewhere: int, places: int = 10) -> tuple[list[Group], dict[str, Card]]:
    """Two groups; each expert is of a unit of his own."""
    cards = {}
    groups = []
    for name, seats in (("A", 3), ("B", 2)):
        leaves = []
        for place in range(places):
            for n in range(capital if place == 0 else elsewhere):
                leaf = f"{name}{place}-{n:03d}"
                leaves.append(leaf)
                cards[leaf] = Card(leaf, f"u-{leaf}", f"53{place:02d}00")
        groups.append(Group(name, seats, tuple(sorted(leaves))))
    return groups, cards


def fitted(found: CityWeights | Reason) -> CityWeights:
    assert isinstance(found, CityWeights), found
    return found


def refused(found: CityWeights | Reason) -> str:
    assert isinstance(found, Reason), found
    return found.code


class TestLaw:
    """Expected seats from polynomials are those of all committees."""

    @settings(max_examples=25, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=3),
        st.lists(st.integers(1, 5), min_size=3, max_size=3),
        st.integers(1, 3),
    )
    def test_by_enumeration(
        self, rows: list[tuple[int, int]], weights: list[int], area_max: int
    ) -> None:
        seats = (2, 1)
        counts = [[row[g] for row in rows] for g in range(2)]
        if sum(counts[0]) < 2 or sum(counts[1]) < 1:
            return
        cards = [[c for c, n in enumerate(row) for _ in range(n)] for row in counts]
        total, expected = 0, np.zeros(len(rows))
        for one in combinations(cards[0], 2):
            for other in cards[1]:
                places = [*one, other]
                if max(map(places.count, places)) <= area_max:
                    chance = math.prod(weights[c] for c in places)
                    total += chance
                    np.add.at(expected, places, chance)
        if not total:
            return
        found = Law(seats, counts, area_max).at(np.array(weights[: len(rows)], dtype=float))
        assert found.log2_sum == pytest.approx(math.log2(total))
        assert found.expected == pytest.approx(expected / total)


class TestFit:
    def test_gives_back_what_a_cap_takes(self) -> None:
        """The capital, a sixth of the pool, loses a quarter of its chance; weights restore it to
        within a hundredth, for less than a third of a bit."""
        groups, cards = pool(capital=18, elsewhere=10)
        coupling = Coupling(True, 1)
        found = fitted(fit(groups, cards, coupling, ATTEMPTS, LIMITS))
        assert found.spread_before > 0.2
        assert found.spread < 0.01
        assert 0 < found.bits < 1 / 3
        assert found.weights["530000"] > found.weights["530100"] >= 1

    def test_everybodys_chance_by_simulation(self) -> None:
        """±4 % of the equal share for every single candidate; without weights far from it."""
        groups, cards = pool(capital=18, elsewhere=10)
        coupling = Coupling(True, 1)
        weights = fitted(fit(groups, cards, coupling, ATTEMPTS, LIMITS)).weights
        share = {"A": 3 / 108, "B": 2 / 108}
        fair = np.array([share[leaf[0]] for leaf in sorted(cards)])
        weighted = simulate(urn_of(groups, cards, coupling, dict(weights)), 11, 100_000)
        assert abs(weighted.value / fair - 1).max() < 0.04
        plain = simulate(urn_of(groups, cards, coupling), 11, 100_000)
        assert abs(plain.value / fair - 1).max() > 0.2
        lost = plain.bits.value - weighted.bits.value
        assert 0 < lost < 1 / 3

    def test_equal_pools_need_no_weights(self) -> None:
        groups, cards = pool(capital=10, elsewhere=10)
        found = fitted(fit(groups, cards, Coupling(True, 1), ATTEMPTS, LIMITS))
        assert set(found.weights.values()) == {1}
        assert found.spread == pytest.approx(found.spread_before, abs=1e-9)
        assert found.bits == pytest.approx(0, abs=1e-9)

    def test_the_same_pool_gives_the_same_weights(self) -> None:
        groups, cards = pool(capital=15, elsewhere=9)
        one, two = (fit(groups, cards, Coupling(True, 1), ATTEMPTS, LIMITS) for _ in range(2))
        assert one == two


class TestRefusals:
    """Weights that would degenerate are refused before any randomness exists, with the reason."""

    def test_a_fair_share_above_the_cap(self) -> None:
        groups, cards = pool(capital=60, elsewhere=10)
        found = fit(groups, cards, Coupling(True, 1), ATTEMPTS, LIMITS)
        assert refused(found) == "experts.weights.cap"
        assert isinstance(found, Reason)
        assert found.params["place"] == "530000"
        assert found.params["found"] == "2.00"

    def test_too_unequal(self) -> None:
        """A fair share just below the cap: the capital would sit almost always."""
        groups, cards = pool(capital=22, elsewhere=10)
        limits = WeightLimits(3, 40, "r", "s", "c")
        found = fit(groups, cards, Coupling(True, 1), ATTEMPTS, limits)
        assert refused(found) == "experts.weights.ratio"

    def test_hardly_any_attempt(self) -> None:
        groups, cards = pool(capital=20, elsewhere=10)
        found = fit(groups, cards, Coupling(True, 1), 500, LIMITS)
        assert refused(found) == "experts.weights.tries"

    def test_too_far_from_equal(self) -> None:
        groups, cards = pool(capital=18, elsewhere=10)
        limits = WeightLimits(20, 0, "r", "s", "c")
        found = fit(groups, cards, Coupling(True, 1), ATTEMPTS, limits)
        assert refused(found) == "experts.weights.spread"

    def test_too_many_seats(self) -> None:
        found = fit_counts(["a", "b"], [70, 70], [[90, 90], [90, 90]], 90, ATTEMPTS, LIMITS)
        assert refused(found) == "experts.weights.states"
