"""Statistics of relief, against the figures that two reports published."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deposits.relief import (
    BidderDeposit,
    ProjectRelief,
    Share,
    freed_capital,
    freed_capital_share,
    relief_ratio_amount,
    relief_ratio_projects,
)
from trading.money import Money


def projects(relieved: int, others: int) -> list[ProjectRelief]:
    """Half off for each relieved project, nothing for the others."""
    base = Money.yuan(200_000)
    return [
        ProjectRelief(f"p{i}", base, base.times(Fraction(1, 2)) if i < relieved else base)
        for i in range(relieved + others)
    ]


class TestPublishedFigures:
    """大理州 2024年1至10月: 减免项目467个,减免比例81.22%. 雅安市 2020: 1382家投标企业采用保函保单,
    占比75.85%,节约资金67782.435万元."""

    def test_dali_by_projects(self) -> None:
        share = relief_ratio_projects(projects(467, 108))
        assert (share.part, share.whole) == (467, 575)
        assert share.percent() == Decimal("81.22")

    def test_dali_by_amount_is_another_number(self) -> None:
        share = relief_ratio_amount(projects(467, 108))
        assert share.fraction == Fraction(467, 1150)
        assert share.percent() == Decimal("40.61")

    def test_yaan_by_bidders(self) -> None:
        each, rest = divmod(67_782_435_000, 1382)
        book = [
            BidderDeposit(f"l{i % 87}", f"b{i}", Money(each + (1 if i < rest else 0)), i < 1382)
            for i in range(1822)
        ]
        assert freed_capital_share(book).percent() == Decimal("75.85")
        assert freed_capital(book) == Money.yuan("677824350.00")


class TestShare:
    def test_rounding_has_a_name(self) -> None:
        share = Share(1, 800)  # 0.125 %
        assert share.percent() == Decimal("0.13")
        assert share.percent(rounding=ROUND_DOWN) == Decimal("0.12")
        assert share.percent(3) == Decimal("0.125")

    @pytest.mark.parametrize(("part", "whole"), [(0, 0), (2, 1), (-1, 1)])
    def test_there_is_no_share_of_nothing(self, part: int, whole: int) -> None:
        with pytest.raises(ValueError):
            Share(part, whole)

    @given(st.integers(0, 10**12), st.integers(1, 10**12))
    def test_percent_is_within_half_a_unit(self, a: int, b: int) -> None:
        part, whole = min(a, b), max(a, b)
        share = Share(part, whole)
        assert abs(Fraction(share.percent()) - share.fraction * 100) <= Fraction(1, 200)

    def test_more_charged_than_the_base_is_a_mistake(self) -> None:
        with pytest.raises(ValueError):
            ProjectRelief("p", Money(1), Money(2))
