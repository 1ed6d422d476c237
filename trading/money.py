"""Money: whole fen, never a float, and in words (大写).

The words follow 《支付结算办法》 appendix 1 (正确填写票据和结算凭证的基本规定, 中国人民银行
1997): 整 after yuan, none needed after fen, 零 where digits are skipped. Currency is always CNY.
This module converts no currencies and computes no interest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

_YUAN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]{1,2})?")
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")
FEN_MAX = 10**15
"""Ten thousand milliard yuan; beyond it there is surely a mistake, and JSON readers disagree."""


@dataclass(frozen=True, order=True)
class Money:
    """An amount in whole fen (分); may be negative, as differences are."""

    fen: int

    def __post_init__(self) -> None:
        if isinstance(self.fen, bool) or not isinstance(self.fen, int):
            raise TypeError(f"fen are whole numbers, not {type(self.fen).__name__}")
        if abs(self.fen) > FEN_MAX:
            raise ValueError(f"amount out of range: {self.fen} fen")

    @classmethod
    def yuan(cls, amount: str | int) -> Money:
        """The money of a plain decimal text, e.g. `"123.45"`, or of whole yuan.

        ValueError for anything else: signs of groups, exponents, more than two places.
        """
        text = str(amount)
        if not _YUAN.fullmatch(text):
            raise ValueError(f"not an amount in yuan: {text[:40]!r}")
        return cls(int(Decimal(text).scaleb(2)))

    def __add__(self, other: Money) -> Money:
        return Money(self.fen + other.fen)

    def __sub__(self, other: Money) -> Money:
        return Money(self.fen - other.fen)

    def __neg__(self) -> Money:
        return Money(-self.fen)

    def __bool__(self) -> bool:
        return self.fen != 0

    def times(self, ratio: Fraction | Decimal | int, rounding: str = ROUND_HALF_UP) -> Money:
        """This amount × `ratio`, to whole fen; `rounding` is one of `decimal`'s modes.

        Exact before it is rounded: ratios are never cut to a number of digits first.
        """
        product = Fraction(ratio) * self.fen
        whole, rest = divmod(abs(product.numerator), product.denominator)
        # One more decimal says which side of the half it is on; a remainder beyond it, that it
        # is not exactly there. So every mode of `decimal` sees what the exact number would show.
        tenths, beyond = divmod(rest * 10, product.denominator)
        text = f"{'-' if product < 0 else ''}{whole}.{tenths}{'1' if beyond else ''}"
        with localcontext() as context:
            context.prec = 60
            return Money(int(Decimal(text).quantize(Decimal(1), rounding=rounding)))

    def in_yuan(self) -> str:
        """`"123.45"`: plain, always two places, the inverse of `yuan`."""
        whole, fen = divmod(abs(self.fen), 100)
        return f"{'-' if self.fen < 0 else ''}{whole}.{fen:02d}"

    def __str__(self) -> str:
        return self.in_yuan()

    def in_words(self) -> str:
        """The amount in words: `Money.yuan("1409.50").in_words() == "壹仟肆佰零玖元伍角"`."""
        whole, fen = divmod(abs(self.fen), 100)
        jiao, fen = divmod(fen, 10)
        sign = "负" if self.fen < 0 else ""
        if not (whole or jiao or fen):
            return "零元整"
        text = f"{_whole_in_words(whole)}元" if whole else ""
        if jiao:
            text += f"{_DIGITS[jiao]}角"
        elif fen and whole:
            text += "零"
        text += f"{_DIGITS[fen]}分" if fen else ""
        return f"{sign}{text}{'' if fen or jiao else '整'}"


def _whole_in_words(number: int) -> str:
    """A positive whole number in formal numerals, by groups of four digits."""
    groups: list[int] = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    text = ""
    skipped = False
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        if not group:
            skipped = bool(text)
            if index == 2 and len(groups) > 3 and text.endswith("万"):
                text += "亿"  # 1_0000_…: the ten thousands of 亿 still need their 亿
            continue
        if text and (skipped or group < 1000):
            text += "零"
        text += _group_in_words(group) + ("万" if index == 3 else _GROUPS[index])
        skipped = False
    return text


def _group_in_words(group: int) -> str:
    """1 … 9999 without leading zeros; zeros inside become one 零."""
    text = ""
    for place in range(3, -1, -1):
        digit = group // 10**place % 10
        if digit:
            text += _DIGITS[digit] + _PLACES[place]
        elif text and not text.endswith("零") and group % 10**place:
            text += "零"
    return text
