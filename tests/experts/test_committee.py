"""Committees: every feasible one equally likely, and what is not is caught.

Small cases are enumerated completely and every committee's count compared with the uniform one.
"""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable

import pytest
from scipy.stats import chisquare

from archive.errors import Reason
from experts.committee import Card, Coupling, Group, permutations, select
from experts.feasibility import Limits, shortage

P_MIN = 0.001
DRAWS = 6000

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
STRICT = Coupling(one_per_unit=True, prefecture_max=1)
LOOSE = Coupling(one_per_unit=False, prefecture_max=3)
LIMITS = Limits(1, "draw.pool_multiple", "draw.one_per", "draw.prefecture_share_max")


def seed(number: int) -> bytes:
    return hashlib.sha256(b"committee" + number.to_bytes(4, "big")).digest()


def feasible(coupling: Coupling) -> list[tuple[frozenset[str], ...]]:
    """All (committee, role) tuples that meet the rules, by trying all."""
    sets = (itertools.combinations(group.leaves, group.count) for group in GROUPS)
    return [
        tuple(frozenset(chosen) for chosen in tuples)
        for tuples in itertools.product(*sets)
        if coupling.meets([CARDS[leaf] for chosen in tuples for leaf in chosen])
    ]


def p_value(found: Iterable[tuple[frozenset[str], ...]], coupling: Coupling) -> float:
    counts = Counter(found)
    everyone = feasible(coupling)
    assert set(counts) <= set(everyone)
    return float(chisquare([counts[committee] for committee in everyone]).pvalue)


def drawn(number: int, coupling: Coupling) -> tuple[frozenset[str], ...]:
    selection = select(seed(number), GROUPS, CARDS, coupling, 1000)
    assert selection is not None
    return tuple(frozenset(group) for group in selection.drawn())


class TestUniform:
    @pytest.mark.parametrize("coupling", [STRICT, LOOSE, Coupling(True, 2)])
    def test_over_every_feasible_committee(self, coupling: Coupling) -> None:
        assert len(feasible(coupling)) > 8
        assert p_value((drawn(n, coupling) for n in range(DRAWS)), coupling) > P_MIN

    def test_one_group_after_the_other_is_caught(self) -> None:
        """Negative control: the usual way, biggest group first, is not uniform."""

        def greedy(number: int) -> tuple[frozenset[str], ...] | None:
            selection = permutations(seed(number), GROUPS, 0)
            seated: list[Card] = []
            groups = []
            for g, group in enumerate(GROUPS):
                mine: list[str] = []
                for index in range(len(group.leaves)):
                    leaf = selection.leaf(g, index)
                    if len(mine) < group.count and STRICT.fits(CARDS[leaf], seated):
                        mine.append(leaf)
                        seated.append(CARDS[leaf])
                groups.append(frozenset(mine))
            complete = sum(map(len, groups)) == 3
            return tuple(groups) if complete else None

        found = [g for n in range(DRAWS) if (g := greedy(n)) is not None]
        assert p_value(found, STRICT) < P_MIN

    def test_planted_rigging_is_caught(self) -> None:
        """Negative control: one draw in twenty is exchanged for a chosen committee."""
        chosen = feasible(STRICT)[0]
        found = (chosen if n % 20 == 0 else drawn(n, STRICT) for n in range(DRAWS))
        assert p_value(found, STRICT) < P_MIN


class TestAttempts:
    def test_the_first_that_meets_the_rules_is_taken(self) -> None:
        for number in range(200):
            selection = select(seed(number), GROUPS, CARDS, STRICT, 1000)
            assert selection is not None
            for attempt in range(selection.attempt + 1):
                committee = permutations(seed(number), GROUPS, attempt).drawn()
                meets = STRICT.meets([CARDS[x] for group in committee for x in group])
                assert meets == (attempt == selection.attempt)

    def test_bounded(self) -> None:
        impossible = Coupling(True, 1)
        groups = (Group("A0801", 2, ("a", "b")),)
        assert select(seed(1), groups, CARDS, impossible, 50) is None

    def test_order_of_candidates_is_the_leaves_order(self) -> None:
        """Negative control: candidates in a database's order are refused, not drawn from."""
        with pytest.raises(AssertionError):
            Group("A0801", 1, ("b", "a"))


class TestCoupling:
    def test_nobody_sits_twice(self) -> None:
        assert not LOOSE.meets([CARDS["b"], CARDS["b"]])
        assert not LOOSE.fits(CARDS["b"], [CARDS["b"]])

    def test_one_of_a_unit(self) -> None:
        assert not Coupling(True, 9).meets([CARDS["a"], CARDS["b"]])
        assert not Coupling(True, 9).fits(CARDS["a"], [CARDS["b"]])
        assert Coupling(False, 9).meets([CARDS["a"], CARDS["b"]])

    def test_dispersal(self) -> None:
        three = [CARDS["a"], CARDS["c"], CARDS["d"]]
        assert not Coupling(False, 1).meets(three)
        assert Coupling(False, 2).meets(three)
        assert not Coupling(False, 1).fits(CARDS["c"], [CARDS["a"]])

    def test_fitting_and_meeting_agree(self) -> None:
        for coupling in (STRICT, LOOSE, Coupling(True, 2)):
            for chosen in itertools.combinations(CARDS.values(), 3):
                *some, last = chosen
                if coupling.meets(some):
                    assert coupling.fits(last, some) == coupling.meets(chosen)


class TestFeasibility:
    """Refused before randomness, with specialty, numbers and rule."""

    def ask(self, *groups: Group, coupling: Coupling = STRICT, multiple: int = 1) -> Reason | None:
        limits = Limits(multiple, LIMITS.pool_rule, LIMITS.unit_rule, LIMITS.prefecture_rule)
        return shortage(groups, CARDS, coupling, limits)

    def test_what_is_feasible_passes(self) -> None:
        assert self.ask(*GROUPS) is None

    def test_pool_too_small(self) -> None:
        reason = self.ask(GROUPS[0], multiple=3)
        assert reason is not None
        assert (reason.code, reason.params["specialty"]) == (
            "experts.draw.pool_too_small",
            "A0801",
        )
        assert (reason.params["eligible"], reason.params["needed"]) == (5, 6)
        assert reason.params["rule"] == "draw.pool_multiple"

    def test_two_groups_that_share_too_few_persons(self) -> None:
        reason = self.ask(Group("A0801", 1, ("a", "d")), Group("A0601", 2, ("a", "d")))
        assert reason is not None
        assert reason.code == "experts.draw.persons_too_few"
        assert reason.params["specialty"] == "A0801+A0601"
        assert reason.params["seats"] == "A0801-1, A0601-1…2"
        assert (reason.params["eligible"], reason.params["needed"]) == (2, 3)

    def test_too_few_units(self) -> None:
        reason = self.ask(Group("A0801", 2, ("a", "b")), coupling=Coupling(True, 3))
        assert reason is not None
        assert reason.code == "experts.draw.units_too_few"

    def test_too_few_prefectures(self) -> None:
        reason = self.ask(Group("A0801", 2, ("a", "b", "c")), coupling=Coupling(False, 1))
        assert reason is not None
        assert reason.code == "experts.draw.prefectures_too_few"

    def test_each_rule_alone_could_be_met_but_not_both(self) -> None:
        """Two units and two prefectures, but whoever joins shares one of them."""
        cards = {
            "p": Card("p", "u1", "530100"),
            "q": Card("q", "u2", "530300"),
            "r": Card("r", "u1", "530300"),
            "s": Card("s", "u2", "530100"),
        }
        groups = (Group("A0801", 1, ("p", "q")), Group("A0601", 1, ("r", "s")))
        reason = shortage(groups, cards, STRICT, LIMITS)
        assert reason is not None
        assert reason.code == "experts.draw.no_committee"
        assert (reason.params["units"], reason.params["prefectures"]) == (2, 2)
        assert {reason.params["rule"], reason.params["unit_rule"]} == {
            "draw.prefecture_share_max",
            "draw.one_per",
        }

    def test_the_smallest_set_that_collides_is_named(self) -> None:
        """A third specialty that anybody could take has no part in the collision."""
        cards = {
            "p": Card("p", "u1", "530100"),
            "q": Card("q", "u2", "530300"),
            "r": Card("r", "u1", "530300"),
            "s": Card("s", "u2", "530100"),
            "t": Card("t", "u9", "530900"),
            "u": Card("u", "u8", "530800"),
        }
        groups = (
            Group("C1210", 1, ("t", "u")),
            Group("A0801", 1, ("p", "q")),
            Group("A0601", 1, ("r", "s")),
        )
        reason = shortage(groups, cards, STRICT, LIMITS)
        assert reason is not None
        assert reason.params["specialty"] == "A0801+A0601"

    def test_the_search_agrees_with_enumeration(self) -> None:
        """All pairs of small groups: a refusal where, and only where, there is no committee."""
        names = sorted(CARDS)
        for size in (2, 3):
            for first in itertools.combinations(names, size):
                for second in itertools.combinations(names, 2):
                    groups = (Group("A0801", 2, first), Group("A0601", 1, second))
                    exists = any(
                        STRICT.meets([CARDS[leaf] for leaf in (*some, other)])
                        for some in itertools.combinations(first, 2)
                        for other in second
                    )
                    assert (shortage(groups, CARDS, STRICT, LIMITS) is None) == exists
