"""What the lottery promises, counted: every committee, pair and position over many seeds, uniform among
those who accept, whatever their speed; and biased draws, which the same counts must catch.

Small cases are enumerated completely. Each test names how likely a false alarm is.
"""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from scipy.stats import chi2, chisquare, combine_pvalues

from experts.committee import Card, Coupling, Group, fallback, permutations, select
from experts.invitations.process import Board, Process
from experts.lottery import Permutation, blocks
from tests.experts.test_committee import CARDS, GROUPS, STRICT, feasible

P_MIN = 1e-4
SEEDS = 20
DRAWS = 500
LEAVES = tuple(f"{n:02d}" for n in range(10))
FREE = {leaf: Card(leaf, leaf, leaf) for leaf in LEAVES}
ANY = Coupling(one_per_unit=False, prefecture_max=99)


def seeds(family: int, count: int) -> Iterator[bytes]:
    for number in range(count):
        yield hashlib.sha256(b"family %d draw %d" % (family, number)).digest()


def committees(family: int, count: int) -> Iterator[tuple[frozenset[str], ...]]:
    for seed in seeds(family, count):
        selection = select(seed, GROUPS, CARDS, STRICT, 1000)
        assert selection is not None
        yield tuple(frozenset(group) for group in selection.drawn())


class TestEveryCommittee:
    def test_over_twenty_seeds(self) -> None:
        """Each family's chi-square over all committees, and all twenty taken together (Fisher)."""
        everyone = feasible(STRICT)
        values = []
        for family in range(SEEDS):
            counts = Counter(committees(family, DRAWS))
            assert set(counts) <= set(everyone)
            values.append(float(chisquare([counts[one] for one in everyone]).pvalue))
        assert min(values) > P_MIN / SEEDS
        assert P_MIN < combine_pvalues(values).pvalue < 1 - P_MIN

    def test_weights_shift_it_by_their_product(self) -> None:
        """`experts.committee`: chances proportional to the product of the members' weights."""
        weights = {"530100": 2, "530300": 1, "530400": 2, "530500": 1}
        everyone = feasible(STRICT)
        share = {
            one: math.prod(weights[CARDS[leaf].prefecture] for group in one for leaf in group)
            for one in everyone
        }
        counts: Counter[tuple[frozenset[str], ...]] = Counter()
        draws = 1200
        for seed in seeds(77, draws):
            selection = select(seed, GROUPS, CARDS, STRICT, 10_000, weights=weights)
            assert selection is not None
            counts[tuple(frozenset(group) for group in selection.drawn())] += 1
        expected = [draws * share[one] / sum(share.values()) for one in everyone]
        assert chisquare([counts[one] for one in everyone], expected).pvalue > P_MIN
        assert chisquare([counts[one] for one in everyone]).pvalue < P_MIN, "not the uniform one"


class TestPairsAndPositions:
    """Ranks are a uniform order: each person in each position, each pair among the first k."""

    N, K, DRAWS = 9, 4, 3000

    def orders(self) -> list[list[int]]:
        return [
            Permutation(self.N, blocks(seed, "A080104", 0)).first(self.N)
            for seed in seeds(5, self.DRAWS)
        ]

    def test_positions(self) -> None:
        """N × N cells with fixed margins have (N − 1)² degrees of freedom."""
        table = Counter(
            (place, item) for order in self.orders() for place, item in enumerate(order)
        )
        expected = self.DRAWS / self.N
        statistic = sum(
            (table[cell] - expected) ** 2 / expected
            for cell in itertools.product(range(self.N), range(self.N))
        )
        assert P_MIN < chi2.sf(statistic, (self.N - 1) ** 2) < 1 - P_MIN

    def test_pairs_with_the_variance_of_drawing_without_replacement(self) -> None:
        """Counts of pairs among the first K are not independent. Their covariance has two eigenvalues
        on the space where they sum to nothing: for the differences between persons (dimension N − 1)
        and for the rest (dimension N(N − 3)/2); each part is scaled by its own."""
        n, k, draws = self.N, self.K, self.DRAWS
        pairs = list(itertools.combinations(range(n), 2))
        counts: Counter[tuple[int, int]] = Counter()
        for order in self.orders():
            counts.update(itertools.combinations(sorted(order[:k]), 2))

        def falling(x: int, length: int) -> int:
            return math.prod(x - i for i in range(length))

        two = falling(k, 2) / falling(n, 2)
        three = falling(k, 3) / falling(n, 3)
        four = falling(k, 4) / falling(n, 4)
        # Eigenvalues of the Johnson scheme J(n, 2): same pair, one in common, none in common.
        persons = two + (n - 4) * three - (n - 3) * four
        rest = two - 2 * three + four
        mean = draws * two
        off = {pair: counts[pair] - mean for pair in pairs}
        of = [sum(off[pair] for pair in pairs if x in pair) / (n - 2) for x in range(n)]
        first = sum((of[a] + of[b]) ** 2 for a, b in pairs)
        second = sum((off[a, b] - of[a] - of[b]) ** 2 for a, b in pairs)
        statistic = first / (draws * persons) + second / (draws * rest)
        freedom = (n - 1) + n * (n - 3) // 2
        assert P_MIN < chi2.sf(statistic, freedom) < 1 - P_MIN


def seated(
    seed: bytes, accepts: Callable[[str], bool], order: Callable[[list[str]], list[str]]
) -> frozenset[str]:
    """Who sits at the end where everybody answers, in the order that is given."""
    group = Group("A080104", 3, LEAVES)
    board = Board(permutations(seed, [group], 0), FREE, ANY, 2)
    process = Process.start()
    while not board.is_complete(process):
        process, exhausted = board.open_round(process)
        assert not exhausted
        asked = order([item.leaf for item in process.invited])
        process, _ = board.settle(process, {leaf: accepts(leaf) for leaf in asked})
    return frozenset(process.leaves_seated())


class TestAcceptors:
    """Without rules between members: a uniform k-subset of those who accept (findings: never the
    fastest)."""

    WILLING = frozenset(LEAVES[::2]) | {"01"}

    def test_uniform_over_those_who_accept(self) -> None:
        cells = [frozenset(c) for c in itertools.combinations(sorted(self.WILLING), 3)]
        counts = Counter(seated(seed, self.WILLING.__contains__, sorted) for seed in seeds(9, 2000))
        assert set(counts) <= set(cells)
        assert chisquare([counts[cell] for cell in cells]).pvalue > P_MIN

    def test_speed_changes_nothing(self) -> None:
        for seed in seeds(10, 100):
            slow = seated(
                seed, self.WILLING.__contains__, lambda asked: sorted(asked, reverse=True)
            )
            assert slow == seated(seed, self.WILLING.__contains__, sorted)

    def test_giving_seats_to_the_fastest_is_caught(self) -> None:
        """Negative control: among those invited the quickest three sit; the quick are "00", "02"…"""

        def fastest(seed: bytes) -> frozenset[str]:
            invited = Permutation(10, blocks(seed, "A080104", 0)).first(6)
            return frozenset(sorted(LEAVES[item] for item in invited)[:3])

        counts = Counter(leaf for seed in seeds(11, 1500) for leaf in fastest(seed))
        assert chisquare([counts[leaf] for leaf in LEAVES]).pvalue < P_MIN


class TestBiasedDraws:
    """Negative controls: shuffles that are in service elsewhere, caught by the positions."""

    def positions(self, shuffle: Callable[[Iterator[int], list[int]], Sequence[int]]) -> float:
        table: Counter[tuple[int, int]] = Counter()
        n, draws = 6, 3000
        for seed in seeds(12, draws):
            order = shuffle(blocks(seed, "X", 0), list(range(n)))
            table.update(enumerate(order))
        expected = draws / n
        statistic = sum(
            (table[c] - expected) ** 2 / expected for c in itertools.product(range(n), range(n))
        )
        return float(chi2.sf(statistic, (n - 1) ** 2))

    def test_the_right_one_passes(self) -> None:
        def fisher_yates(stream: Iterator[int], items: list[int]) -> list[int]:
            return Permutation(len(items), stream).first(len(items))

        assert self.positions(fisher_yates) > P_MIN

    def test_a_random_comparator(self) -> None:
        """`sort(random() − 0.5)`, as a front end in service has it; here with insertion sort."""

        def comparator(stream: Iterator[int], items: list[int]) -> list[int]:
            for i in range(1, len(items)):
                j = i
                while j and next(stream) & 1:
                    items[j - 1], items[j] = items[j], items[j - 1]
                    j -= 1
            return items

        assert self.positions(comparator) < P_MIN

    def test_exchanging_with_any_place(self) -> None:
        """The usual slip in Fisher and Yates' shuffle: n^n paths do not divide by n!."""

        def naive(stream: Iterator[int], items: list[int]) -> list[int]:
            for i in range(len(items)):
                j = next(stream) % len(items)
                items[i], items[j] = items[j], items[i]
            return items

        assert self.positions(naive) < P_MIN

    def test_a_small_number_taken_modulo(self) -> None:
        def modulo(stream: Iterator[int], items: list[int]) -> list[int]:
            for i in range(len(items)):
                j = i + (next(stream) & 7) % (len(items) - i)
                items[i], items[j] = items[j], items[i]
            return items

        assert self.positions(modulo) < P_MIN


class TestFallback:
    """After the last attempt: lawful, the first by rank, and said to be one."""

    TIGHT = tuple(Card(f"{n:02d}", f"u{min(n, 11)}", "530100") for n in range(24))
    """Twelve of 24 work for one employer."""

    def test_taken_when_attempts_are_used_up(self) -> None:
        cards = {card.leaf: card for card in self.TIGHT}
        groups = (Group("A0801", 6, tuple(cards)), Group("A0601", 4, tuple(cards)))
        coupling = Coupling(one_per_unit=True, prefecture_max=99)
        found = select(next(seeds(1, 1)), groups, cards, coupling, 3)
        assert found is not None
        assert (found.attempt, found.is_fallback) == (3, True)
        members = [leaf for group in found.drawn() for leaf in group]
        assert coupling.meets([cards[leaf] for leaf in members])
        for g, group in enumerate(groups):
            order = [found.leaf(g, index) for index in range(len(group.leaves))]
            assert sorted(order) == sorted(group.leaves), "a permutation still"
            plain = permutations(next(seeds(1, 1)), groups, 3)
            rest = [
                plain.leaf(g, i) for i in range(24) if plain.leaf(g, i) not in order[: group.count]
            ]
            assert order[group.count :] == rest, "the others keep their order"

    def test_is_the_first_by_rank(self) -> None:
        for seed in seeds(2, 30):
            plain = permutations(seed, GROUPS, 0)
            found = fallback(plain, CARDS, STRICT)
            assert found is not None
            ranked = [
                [plain.leaf(g, i) for i in range(len(group.leaves))]
                for g, group in enumerate(GROUPS)
            ]
            first = next(
                (*pair, other)
                for pair in itertools.combinations(ranked[0], 2)
                for other in ranked[1]
                if STRICT.meets([CARDS[leaf] for leaf in (*pair, other)])
            )
            assert tuple(leaf for group in found.drawn() for leaf in group) == first

    def test_is_bounded_and_says_no(self) -> None:
        groups = (Group("A0801", 2, ("a", "b")),)
        assert fallback(permutations(bytes(32), groups, 0), CARDS, Coupling(True, 9)) is None
