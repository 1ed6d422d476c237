"""The lottery: byte-exact, unbiased, and repeatable in ten lines."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from experts.lottery import Permutation, below, blocks

SEED = hashlib.sha256(b"a test").digest()
P_MIN = 0.001
VECTOR = "7a8c81d98ed8d7b83bf02e9d1b4f8fa7d1dc6f77fc9a70539f925e69ebfa12c3"


def ten_lines(seed: bytes, label: str, attempt: int, n: int) -> list[int]:
    """The published description, written once more without a sparse array."""
    head = b"bigloop.draw.lottery.v1\0" + seed + attempt.to_bytes(4, "big") + bytes([len(label)])
    key, c, items = hashlib.sha256(head + label.encode()).digest(), 0, list(range(n))
    for i in range(n):
        while True:
            block = int.from_bytes(hashlib.sha256(key + c.to_bytes(8, "big")).digest(), "big")
            c += 1
            if block < 2**256 // (n - i) * (n - i):
                break
        j = i + block % (n - i)
        items[i], items[j] = items[j], items[i]
    return items


class TestBytes:
    def test_is_what_it_was(self) -> None:
        """Own vector: it may never change, or old transcripts could not be verified."""
        assert Permutation(12, blocks(bytes(32), "A080104", 0)).first(12) == ten_lines(
            bytes(32), "A080104", 0, 12
        )
        assert next(blocks(bytes(32), "A080104", 0)).to_bytes(32, "big").hex() == VECTOR

    @given(st.binary(min_size=32, max_size=32), st.integers(1, 40), st.integers(0, 9))
    def test_sparse_is_plain(self, seed: bytes, n: int, attempt: int) -> None:
        assert Permutation(n, blocks(seed, "C1210", attempt)).first(n) == ten_lines(
            seed, "C1210", attempt, n
        )

    def test_streams_are_separate(self) -> None:
        named = {next(blocks(SEED, label, t)) for label in ("A0801", "A0802") for t in (0, 1)}
        assert len(named) == 4

    def test_a_seed_has_32_bytes(self) -> None:
        with pytest.raises(ValueError, match="32"):
            next(blocks(b"short", "A0801", 0))

    def test_no_rank_beyond_the_last(self) -> None:
        with pytest.raises(IndexError):
            Permutation(3, blocks(SEED, "A0801", 0))[3]


class TestRejection:
    """With blocks of four bits the rejection happens, and every block can be tried."""

    @pytest.mark.parametrize("n", range(1, 17))
    def test_every_answer_is_equally_likely(self, n: int) -> None:
        answers = Counter(below(n, iter([block, 0]), 4) for block in range(16 // n * n))
        assert len(set(answers.values())) == 1
        assert set(answers) == set(range(n))

    @pytest.mark.parametrize("n", [3, 5, 6, 7, 9, 15])
    def test_a_block_too_large_is_dropped(self, n: int) -> None:
        assert below(n, iter([15, 1]), 4) == 1 % n

    def test_modulo_alone_is_caught(self) -> None:
        """Negative control: without rejection the same count is uneven."""
        answers = Counter(block % 3 for block in range(16))
        assert len(set(answers.values())) > 1

    def test_modulo_alone_is_caught_by_statistics_too(self) -> None:
        def biased(stream: Iterator[int]) -> int:
            return (next(stream) >> 252) % 6

        sound, wrong = Counter[int](), Counter[int]()
        for number in range(3000):
            seed = hashlib.sha256(number.to_bytes(4, "big")).digest()
            sound[below(6, (b >> 252 for b in blocks(seed, "X", 0)), 4)] += 1
            wrong[biased(blocks(seed, "X", 0))] += 1
        assert chisquare(list(sound.values())).pvalue > P_MIN
        assert chisquare([wrong[i] for i in range(6)]).pvalue < P_MIN

    def test_no_number_below_zero(self) -> None:
        with pytest.raises(ValueError):
            below(0, iter([1]))


class TestUniform:
    """Without coupling the first k are a uniform k-subset, and the ranks a uniform order."""

    DRAWS = 6000

    def orders(self, n: int, k: int) -> Iterator[tuple[int, ...]]:
        for number in range(self.DRAWS):
            seed = hashlib.sha256(b"u" + number.to_bytes(4, "big")).digest()
            yield tuple(Permutation(n, blocks(seed, "A080104", 0)).first(k))

    def test_every_subset(self) -> None:
        counts = Counter(frozenset(order) for order in self.orders(7, 3))
        assert len(counts) == 35
        assert chisquare(list(counts.values())).pvalue > P_MIN

    def test_every_order(self) -> None:
        counts = Counter(self.orders(4, 4))
        assert len(counts) == 24
        assert chisquare(list(counts.values())).pvalue > P_MIN

    def test_every_position_and_pair(self) -> None:
        orders = list(self.orders(8, 8))
        for position in range(8):
            assert chisquare(list(Counter(o[position] for o in orders).values())).pvalue > P_MIN
        pairs = Counter(pair for o in orders for pair in itertools.combinations(sorted(o[:3]), 2))
        assert len(pairs) == 28
        # Three pairs of one draw are not independent: their counts vary less than a multinomial's,
        # so an exceedance here is an exceedance indeed.
        assert chisquare(list(pairs.values())).pvalue > P_MIN
