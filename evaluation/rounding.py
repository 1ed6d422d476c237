"""Rounding, by a name that the tender file states.

Scores are exact fractions until the place where the file says they are rounded; where and how is
data, because two readings of "rounded to two places" can change who wins. 四舍五入 is HALF_UP,
四舍六入五成双 (GB/T 8170) is HALF_EVEN, 舍去 is DOWN. Binary floating point never enters.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction


class Rounding(StrEnum):
    HALF_UP = "HALF_UP"
    HALF_EVEN = "HALF_EVEN"
    DOWN = "DOWN"


def round_to(value: Fraction, places: int, mode: Rounding) -> Fraction:
    """`value` to `places` decimal places, exactly; half and down are read away from and towards
    zero, so that a negative deviation is rounded like a positive one."""
    scaled = abs(value) * 10**places
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * rest
    if mode is Rounding.HALF_UP:
        up = twice >= scaled.denominator
    elif mode is Rounding.HALF_EVEN:
        up = twice > scaled.denominator or (twice == scaled.denominator and whole % 2 == 1)
    else:
        up = False
    size = Fraction(whole + up, 10**places)
    return -size if value < 0 else size


def decimal_text(value: Fraction, places: int) -> str:
    """A fraction that has at most `places` decimals as plain text, e.g. `-1.25`."""
    scaled = value * 10**places
    assert scaled.denominator == 1, "rounded before it is written"
    whole, rest = divmod(abs(scaled.numerator), 10**places)
    sign = "-" if scaled < 0 else ""
    return f"{sign}{whole}.{rest:0{places}d}" if places else f"{sign}{whole}"
