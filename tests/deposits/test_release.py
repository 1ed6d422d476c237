"""The clocks for giving deposits back, over holidays."""

from __future__ import annotations

from datetime import date

import pytest

from archive.errors import Kind, Refusal
from deposits.release import ReleaseCause, covers, overdue_days, release_due
from trading.calendar.legal import calendar
from trading.regime import Regime

DALI = "532901"


class TestTendering:
    """招标投标法实施条例 第五十七条: within 5 days after the contract is signed, winner and losers."""

    def test_five_calendar_days_from_the_day_after(self) -> None:
        due = release_due(Regime.ZTB, DALI, ReleaseCause.CONTRACT, date(2026, 10, 21))
        assert due.deadline.day == date(2026, 10, 26)
        assert due.deadline.counted == tuple(date(2026, 10, day) for day in range(22, 27))
        assert due.rule_id == "deposit.release_after_contract"
        assert "第五十七条" in due.article

    def test_a_last_day_on_national_day_rolls_to_the_first_working_day(self) -> None:
        due = release_due(Regime.ZTB, DALI, ReleaseCause.CONTRACT, date(2025, 9, 28))
        assert due.deadline.day == date(2025, 10, 9)  # 1 to 8 October 2025 are off
        assert date(2025, 10, 3) in due.deadline.counted
        assert not due.deadline.provisional

    def test_a_last_day_at_spring_festival_rolls(self) -> None:
        due = release_due(Regime.ZTB, DALI, ReleaseCause.CONTRACT, date(2025, 1, 24))
        assert due.deadline.day == date(2025, 2, 5)  # 28 January to 4 February 2025 are off

    def test_a_year_that_is_not_announced_is_provisional(self) -> None:
        due = release_due(Regime.ZTB, DALI, ReleaseCause.CONTRACT, date(2027, 9, 28))
        assert due.deadline.provisional

    def test_the_award_starts_no_clock(self) -> None:
        with pytest.raises(Refusal) as refused:
            release_due(Regime.ZTB, DALI, ReleaseCause.AWARD, date(2026, 10, 21))
        assert refused.value.code == "deposits.release.no_clock"
        assert refused.value.kind is Kind.CONFLICT


class TestGovernmentProcurement:
    """政府采购法实施条例 第三十三条; 87号令 第三十八条、第二十九条: 5 working days."""

    @pytest.mark.parametrize("cause", list(ReleaseCause))
    def test_five_working_days(self, cause: ReleaseCause) -> None:
        due = release_due(Regime.ZFCG, DALI, cause, date(2026, 10, 21))
        assert due.deadline.day == date(2026, 10, 28)
        assert date(2026, 10, 24) not in due.deadline.counted  # a Saturday

    def test_national_day_does_not_count_and_make_up_days_do(self) -> None:
        due = release_due(Regime.ZFCG, DALI, ReleaseCause.AWARD, date(2025, 9, 29))
        assert due.deadline.counted == (
            date(2025, 9, 30),
            date(2025, 10, 9),
            date(2025, 10, 10),
            date(2025, 10, 11),  # a Saturday that is worked (调休)
            date(2025, 10, 13),
        )

    def test_spring_festival_does_not_count(self) -> None:
        due = release_due(Regime.ZFCG, DALI, ReleaseCause.CONTRACT, date(2025, 1, 26))
        assert due.deadline.counted[:2] == (date(2025, 1, 27), date(2025, 2, 5))
        assert all(calendar().is_workday(day) for day in due.deadline.counted)


class TestWhoAndLate:
    def test_the_winner_waits_for_the_contract(self) -> None:
        assert not covers(ReleaseCause.AWARD, "winner", "winner")
        assert covers(ReleaseCause.AWARD, "loser", "winner")
        assert covers(ReleaseCause.CONTRACT, "winner", "winner")
        assert covers(ReleaseCause.TERMINATED, "winner", "winner")

    def test_the_last_day_is_not_late(self) -> None:
        last = date(2026, 10, 26)
        assert overdue_days(last, date(2026, 10, 20)) == 0
        assert overdue_days(last, last) == 0
        assert overdue_days(last, date(2026, 10, 27)) == 1
