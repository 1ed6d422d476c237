"""Chances by conditional simulation, held against complete enumeration and against the lottery itself."""

import hashlib
import itertools
import math
from collections import Counter

import numpy as np
import pytest

from experts.committee import Card, Coupling, Group, select
from experts.fairness.chances import NoCommittee, simulate
from experts.fairness.urn import Urn, urn_of

SAMPLES = 40_000
CARDS = {
    card.leaf: card
    for card in (
        Card("a", "u1", "530100"),
        Card("b", "u1", "530100"),
        Card("c", "u2", "530100"),
        Card("d", "u3", "530300"),
        Card("e", "u4", "530300"),
        Card("f", "u4", "530400"),
        Card("g", "u5", "530500"),
    )
}
GROUPS = (Group("A0801", 2, ("a", "b", "c", "d", "e")), Group("A0601", 1, ("b", "d", "f", "g")))
COUPLINGS = [Coupling(True, 1), Coupling(False, 3), Coupling(True, 2), Coupling(False, 1)]


def exact(coupling: Coupling, weights: dict[str, int]) -> tuple[list[float], float]:
    """Chances by leaf, and the bits, from all committees."""
    products: list[int] = []
    sums: Counter[str] = Counter()
    sets = (itertools.combinations(group.leaves, group.count) for group in GROUPS)
    for chosen in itertools.product(*sets):
        cards = [CARDS[leaf] for part in chosen for leaf in part]
        if coupling.meets(cards):
            products.append(math.prod(weights.get(card.prefecture, 1) for card in cards))
            sums.update({card.leaf: products[-1] for card in cards})
    total = sum(products)
    bits = -sum(p / total * math.log2(p / total) for p in products)
    return [sums[leaf] / total for leaf in sorted(CARDS)], bits


class TestChances:
    """n·kl(p̂, p) ≤ ln(2m/α): Hoeffding 1963, theorem 1; all intervals hold together."""

    @pytest.mark.parametrize("weights", [{}, {"530300": 3, "530400": 2}])
    @pytest.mark.parametrize("coupling", COUPLINGS)
    def test_are_those_of_all_committees(self, coupling: Coupling, weights: dict[str, int]) -> None:
        chances, bits = exact(coupling, weights)
        found = simulate(urn_of(GROUPS, CARDS, coupling, weights), 7, SAMPLES)
        assert found.value == pytest.approx(chances, abs=0.02)
        assert (found.low <= chances).all()
        assert (chances <= found.high).all()
        assert found.bits.low <= bits <= found.bits.high

    def test_are_those_of_the_lottery(self) -> None:
        """What the lottery really draws, 4,000 times, lies within what is expected of it."""
        coupling, draws = Coupling(True, 1), 4000
        counts: Counter[str] = Counter()
        for n in range(draws):
            made = select(hashlib.sha256(b"f%d" % n).digest(), GROUPS, CARDS, coupling, 1000)
            assert made is not None
            counts.update(leaf for group in made.drawn() for leaf in group)
        found = simulate(urn_of(GROUPS, CARDS, coupling), 7, SAMPLES)
        for n, leaf in enumerate(sorted(CARDS)):
            p = found.value[n]
            assert abs(counts[leaf] / draws - p) < 5 * math.sqrt(p * (1 - p) / draws) + 0.01

    def test_a_wrong_law_is_caught(self) -> None:
        """Negative control: chances without the rule on units are outside the intervals."""
        chances, _ = exact(Coupling(False, 3), {})
        found = simulate(urn_of(GROUPS, CARDS, Coupling(True, 1)), 7, SAMPLES)
        assert ((np.array(chances) < found.low) | (np.array(chances) > found.high)).any()

    def test_the_same_seed_gives_the_same(self) -> None:
        urn = urn_of(GROUPS, CARDS, COUPLINGS[0])
        one, two = simulate(urn, 3, 1000), simulate(urn, 3, 1000)
        assert one.value.tolist() == two.value.tolist()
        assert simulate(urn, 4, 1000).value.tolist() != one.value.tolist()

    def test_add_up_to_the_seats(self) -> None:
        rng = np.random.default_rng(1)
        urn = large(rng, 900)
        found = simulate(urn, 5, SAMPLES)
        assert found.value.sum() == pytest.approx(urn.seats, rel=0.02)

    def test_without_rules_everybody_has_the_equal_share(self) -> None:
        urn = urn_of((Group("A0801", 3, tuple("abcdefg")),), CARDS, Coupling(False, 3))
        found = simulate(urn, 5, 1000)
        assert found.value == pytest.approx([3 / 7] * 7, abs=0.05)
        assert found.smallest().low < 3 / 7 < found.largest().high

    def test_no_committee(self) -> None:
        urn = urn_of((Group("A0801", 2, ("a", "b")),), CARDS, Coupling(True, 2))
        with pytest.raises(NoCommittee):
            simulate(urn, 5, 1000)


def large(rng: np.random.Generator, count: int) -> Urn:
    """Three groups that overlap, a third in area 0, one of an area in a committee of five."""
    return Urn(
        ("A", "B", "C"),
        (3, 1, 1),
        (
            np.arange(count * 2 // 3),
            np.arange(count // 2, count),
            np.arange(count // 3, count * 2 // 3),
        ),
        rng.integers(count // 4, size=count),
        np.maximum(rng.integers(-6, 12, size=count), 0),
        tuple(map(str, range(12))),
        np.ones(12, dtype=np.int64),
        True,
        1,
    )
