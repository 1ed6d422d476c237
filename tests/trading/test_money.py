"""Money: whole fen, exact ratios, amounts in words."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.money import FEN_MAX, Money

fens = st.integers(-FEN_MAX, FEN_MAX)
MODES = [ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN, ROUND_UP]


class TestInWords:
    """《支付结算办法》 appendix 1, with the examples printed there."""

    @pytest.mark.parametrize(
        ("yuan", "words"),
        [
            ("1409.50", "壹仟肆佰零玖元伍角"),
            ("6007.14", "陆仟零柒元壹角肆分"),
            ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
            ("325.04", "叁佰贰拾伍元零肆分"),
            ("1680.32", "壹仟陆佰捌拾元叁角贰分"),
            ("107000.53", "壹拾万柒仟元伍角叁分"),
            # Beyond the appendix: the groups of four digits.
            ("0", "零元整"),
            ("0.05", "伍分"),
            ("0.50", "伍角"),
            ("30", "叁拾元整"),
            ("10", "壹拾元整"),
            ("1001", "壹仟零壹元整"),
            ("10001", "壹万零壹元整"),
            ("10010", "壹万零壹拾元整"),
            ("10000500", "壹仟万零伍佰元整"),
            ("100000000", "壹亿元整"),
            ("100010000", "壹亿零壹万元整"),
            ("123400000000", "壹仟贰佰叁拾肆亿元整"),
            ("1000000000000", "壹万亿元整"),
            ("1000000000001", "壹万亿零壹元整"),
            ("2000100000000", "贰万零壹亿元整"),
            ("-12.30", "负壹拾贰元叁角"),
        ],
    )
    def test_known_amounts(self, yuan: str, words: str) -> None:
        assert Money.yuan(yuan).in_words() == words

    @given(st.integers(0, FEN_MAX))
    def test_words_read_back_give_the_amount(self, fen: int) -> None:
        assert read_words(Money(fen).in_words()) == fen

    @given(st.integers(0, FEN_MAX))
    def test_zeros_are_never_doubled_nor_last(self, fen: int) -> None:
        words = Money(fen).in_words()
        assert "零零" not in words
        assert fen < 100 or "零元" not in words


def read_words(words: str) -> int:
    """A reader written on its own: 万 and 亿 multiply what stands before them."""
    digits = {c: n for n, c in enumerate("零壹贰叁肆伍陆柒捌玖")}
    total = group = digit = fen = 0
    yi = 0
    for c in words:
        if c in digits:
            digit = digits[c]
        elif c in "拾佰仟":
            group += digit * {"拾": 10, "佰": 100, "仟": 1000}[c]
            digit = 0
        elif c == "万":
            total += (group + digit) * 10_000
            group = digit = 0
        elif c == "亿":
            yi = (total + group + digit) * 10**8
            total = group = digit = 0
        elif c == "元":
            total += yi + group + digit
            group = digit = 0
        elif c in "角分":
            fen += digit * (10 if c == "角" else 1)
            digit = 0
    return total * 100 + fen


class TestArithmetic:
    @given(fens)
    def test_plain_text_and_back(self, fen: int) -> None:
        assert Money.yuan(Money(fen).in_yuan()) == Money(fen)

    @given(
        st.integers(-(10**11), 10**11),
        st.fractions(min_value=-100, max_value=100, max_denominator=10**6),
        st.sampled_from(MODES),
    )
    def test_times_rounds_the_exact_product_once(
        self, fen: int, ratio: Fraction, mode: str
    ) -> None:
        exact = ratio * fen
        got = Money(fen).times(ratio, mode).fen
        assert abs(got - exact) < 1
        if mode in (ROUND_HALF_UP, ROUND_HALF_EVEN):
            assert abs(got - exact) <= Fraction(1, 2)
        if mode == ROUND_DOWN:
            assert abs(got) <= abs(exact)
        if mode == ROUND_UP:
            assert abs(got) >= abs(exact)

    def test_the_half_goes_where_the_mode_says(self) -> None:
        assert Money(5).times(Fraction(1, 2)).fen == 3
        assert Money(5).times(Fraction(1, 2), ROUND_HALF_EVEN).fen == 2
        assert Money(-5).times(Decimal("0.5")).fen == -3
        just_above = Fraction(1, 2) + Fraction(1, 10**30)
        assert Money(5).times(just_above, ROUND_HALF_EVEN).fen == 3

    @pytest.mark.parametrize("text", ["1.234", "1,000", "1e3", " 1", "", "+1", "01", "１", "NaN"])
    def test_other_texts_are_no_amounts(self, text: str) -> None:
        with pytest.raises(ValueError):
            Money.yuan(text)

    @pytest.mark.parametrize("fen", [1.0, True, "1"])
    def test_only_whole_numbers_are_fen(self, fen: object) -> None:
        with pytest.raises(TypeError):
            Money(fen)  # type: ignore[arg-type]

    def test_beyond_the_range_is_a_mistake(self) -> None:
        with pytest.raises(ValueError):
            Money(FEN_MAX) + Money(1)

    def test_order_and_truth(self) -> None:
        assert Money(1) < Money(2)
        assert not Money(0)
        assert Money(3) - Money(5) == -Money(2)
