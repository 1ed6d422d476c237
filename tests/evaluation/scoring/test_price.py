"""Price scores: worked examples by hand, then what must hold for any prices."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import Refusal
from evaluation.criteria import LowPrice, MeanDeviation, MeanOf, Method, MethodKind, Tie
from evaluation.pricing import Bid, PriceResult, price_scores
from evaluation.rounding import Rounding, decimal_text, round_to
from tests.evaluation.course import assert_said
from trading.money import Money


def method(price: LowPrice | MeanDeviation, places: int = 2, **changes: Any) -> Method:
    rounding = changes.get("rounding", Rounding.HALF_UP)
    kind = MethodKind.COMPREHENSIVE
    return Method(kind, (), price, rounding, places, MeanOf.ITEM, (Tie.PRICE,))


def mean(**changes: Any) -> MeanDeviation:
    values: dict[str, Any] = {
        "max": 6000,
        "trim_above": 3,
        "trim_high": 1,
        "trim_low": 1,
        "k_permille": (0, 10, 20),
        "above_hundredths": 200,
        "below_hundredths": 100,
        "base_places": 2,
        "deviation_places": 2,
    }
    return MeanDeviation(**(values | changes))


def bids(*yuan: str) -> list[Bid]:
    return [Bid(f"B{n}", Money.yuan(amount)) for n, amount in enumerate(yuan, start=1)]


def marks(result: PriceResult) -> list[int]:
    return [score.score for score in result.scores]


class TestRounding:
    @pytest.mark.parametrize(
        ("value", "places", "mode", "text"),
        [
            ("1.005", 2, Rounding.HALF_UP, "1.01"),
            ("1.005", 2, Rounding.HALF_EVEN, "1.00"),
            ("1.015", 2, Rounding.HALF_EVEN, "1.02"),
            ("1.0051", 2, Rounding.HALF_EVEN, "1.01"),
            ("1.009", 2, Rounding.DOWN, "1.00"),
            ("-1.005", 2, Rounding.HALF_UP, "-1.01"),
            ("-1.009", 2, Rounding.DOWN, "-1.00"),
            ("2.5", 0, Rounding.HALF_EVEN, "2"),
        ],
    )
    def test_by_hand(self, value: str, places: int, mode: Rounding, text: str) -> None:
        assert decimal_text(round_to(Fraction(value), places, mode), places) == text

    @given(st.fractions(), st.integers(0, 4), st.sampled_from(Rounding))
    def test_never_further_than_one_unit(self, v: Fraction, places: int, mode: Rounding) -> None:
        unit = Fraction(1, 10**places)
        away = abs(round_to(v, places, mode) - v)
        assert away < unit if mode is Rounding.DOWN else away <= unit / 2
        assert round_to(-v, places, mode) == -round_to(v, places, mode)


class TestLowPrice:
    """财政部令第87号 第五十五条: 价格分 = 评标基准价 / 投标报价 × 价格分值."""

    def test_thirty_points(self) -> None:
        # 80/80·30 = 30; 80/90·30 = 26.666… → 26.67; 80/100·30 = 24
        result = price_scores(method(LowPrice(3000)), bids("90", "80", "100"))
        assert marks(result) == [2667, 3000, 2400]
        assert result.base == 80
        assert result.trimmed == ()

    def test_the_place_of_rounding_is_the_files(self) -> None:
        assert marks(price_scores(method(LowPrice(3000), 1), bids("90", "80"))) == [2670, 3000]
        down = method(LowPrice(3000), rounding=Rounding.DOWN)
        assert marks(price_scores(down, bids("90", "80"))) == [2666, 3000]

    def test_a_third_is_never_a_binary_fraction(self) -> None:
        # 0.1 / 0.3 × 60 = 20 exactly; the nearest doubles give 20.000000000000004
        assert marks(price_scores(method(LowPrice(6000)), bids("0.30", "0.10"))) == [2000, 6000]

    @given(st.lists(st.integers(1, 10**12), min_size=1, max_size=12))
    def test_the_lowest_has_all_and_cheaper_is_never_worse(self, fen: list[int]) -> None:
        offered = [Bid(f"B{n:02d}", Money(price)) for n, price in enumerate(fen)]
        result = price_scores(method(LowPrice(4000)), offered)
        by_price = sorted(zip(fen, marks(result), strict=True))
        assert by_price[0][1] == 4000
        assert all(0 <= score <= 4000 for score in marks(result))
        assert [s for _, s in by_price] == sorted((s for _, s in by_price), reverse=True)

    def test_no_coefficient_is_drawn(self) -> None:
        with pytest.raises(Refusal) as caught:
            price_scores(method(LowPrice(3000)), bids("90"), 10)
        assert_said(caught.value)


class TestMeanDeviation:
    """A = mean without extremes, B = A·(1 − K), d in percent, E1 above and E2 below."""

    def test_five_bids_with_two_percent(self) -> None:
        # 90 and 110 go; A = (98 + 100 + 102)/3 = 100; B = 98
        # d: -8.16 %, 0 %, 2.04 %, 4.08 %, 12.24 %
        # 60 − 8.16 = 51.84; 60; 60 − 4.08; 60 − 8.16; 60 − 24.48
        result = price_scores(method(mean()), bids("90", "98", "100", "102", "110"), 20)
        assert result.mean == 100
        assert result.base == 98
        assert result.trimmed == ("B1", "B5")
        assert marks(result) == [5184, 6000, 5592, 5184, 3552]
        assert [decimal_text(s.deviation or Fraction(0), 2) for s in result.scores] == [
            "-8.16",
            "0.00",
            "2.04",
            "4.08",
            "12.24",
        ]

    def test_three_bids_are_not_trimmed_where_the_file_says_above_three(self) -> None:
        result = price_scores(method(mean()), bids("90", "100", "110"), 0)
        assert result.mean == 100
        assert result.trimmed == ()

    def test_and_are_where_it_says_above_two(self) -> None:
        loose = method(mean(trim_above=2))
        result = price_scores(loose, bids("90", "101", "110"), 0)
        assert result.mean == 101
        assert result.trimmed == ("B1", "B3")

    def test_equal_extremes_lose_one_of_them(self) -> None:
        result = price_scores(method(mean()), bids("90", "90", "90", "110"), 0)
        assert result.trimmed == ("B1", "B4")
        assert result.mean == 90

    def test_far_away_is_nothing_not_less(self) -> None:
        result = price_scores(method(mean()), bids("100", "100", "100", "500"), 0)
        assert marks(result)[-1] == 0

    def test_the_places_of_the_base_decide(self) -> None:
        # A = 100.005: base 100.01 or 100; the bid of 100.00 is below the one, on the other
        offered = bids("100.00", "100.01")
        fine = price_scores(method(mean(deviation_places=4)), offered, 0)
        coarse = price_scores(method(mean(base_places=0, deviation_places=4)), offered, 0)
        assert (fine.base, coarse.base) == (Fraction("100.01"), Fraction(100))
        assert marks(fine) == [5999, 6000]
        assert marks(coarse) == [6000, 5998]

    @pytest.mark.parametrize("k", [None, 5])
    def test_k_is_one_that_was_published(self, k: int | None) -> None:
        with pytest.raises(Refusal) as caught:
            price_scores(method(mean()), bids("90", "100"), k)
        assert caught.value.code == "evaluation.score.k_not_published"
        assert_said(caught.value)

    def test_a_base_that_vanishes_is_refused(self) -> None:
        with pytest.raises(Refusal) as caught:
            price_scores(method(mean(base_places=0)), bids("0.01", "0.02"), 0)
        assert_said(caught.value)

    @given(
        st.lists(st.integers(10_000, 10**11), min_size=1, max_size=12),
        st.sampled_from([0, 10, 20]),
        st.sampled_from(Rounding),
    )
    def test_scores_stay_within_range_and_nearer_is_never_worse(
        self, fen: list[int], k: int, rounding: Rounding
    ) -> None:
        offered = [Bid(f"B{n:02d}", Money(price)) for n, price in enumerate(fen)]
        result = price_scores(method(mean(), rounding=rounding), offered, k)
        for score in result.scores:
            assert 0 <= score.score <= 6000
        above = sorted(
            (score.deviation, score.score)
            for score in result.scores
            if score.deviation is not None and score.deviation >= 0
        )
        assert [s for _, s in above] == sorted((s for _, s in above), reverse=True)
