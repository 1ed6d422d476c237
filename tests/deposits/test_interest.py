"""Interest and late fees with their days, and the closed list of grounds."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import Refusal
from deposits.grounds import OF_THE_WINNER, Claim, Ground, admit
from deposits.interest import interest, late_fee
from deposits.release import ReleaseCause
from trading.money import Money
from trading.regime import Regime

DALI = "532901"
PRINCIPAL = Money.yuan(800_000)
CONTRACT = ReleaseCause.CONTRACT


class TestInterest:
    """条例 §57: the bank's deposit interest of the same period; actual days over 360."""

    def test_one_rate(self) -> None:
        found = interest(PRINCIPAL, date(2025, 9, 1), date(2025, 10, 1), Regime.ZTB, DALI, CONTRACT)
        assert found.days == 30
        assert found.amount == Money.yuan("33.33")  # 800,000 × 0.05 % × 30 / 360
        assert "第五十七条" in found.article

    def test_the_day_it_leaves_does_not_count(self) -> None:
        day = date(2025, 9, 1)
        assert interest(PRINCIPAL, day, day, Regime.ZTB, DALI, CONTRACT).amount == Money(0)

    def test_a_change_of_rate_cuts_the_days(self) -> None:
        """2025-05-20: 0.10 % before, 0.05 % from that day on."""
        found = interest(
            PRINCIPAL, date(2025, 5, 15), date(2025, 5, 25), Regime.ZTB, DALI, CONTRACT
        )
        assert [(s.days, s.rate_ppm) for s in found.spans] == [(5, 1000), (5, 500)]
        assert found.amount == PRINCIPAL.times(Fraction(5 * 1000 + 5 * 500, 360 * 10**6))

    def test_procurement_only_where_it_was_terminated(self) -> None:
        """政采条例 §33 names none; 87号令 §29 gives the yield of a terminated procurement."""
        days = date(2025, 9, 1), date(2025, 10, 1)
        assert not interest(PRINCIPAL, *days, Regime.ZFCG, DALI, CONTRACT).amount
        assert interest(PRINCIPAL, *days, Regime.ZFCG, DALI, ReleaseCause.TERMINATED).amount

    def test_what_was_never_a_deposit_bears_none(self) -> None:
        days = date(2025, 9, 1), date(2025, 10, 1)
        assert not interest(PRINCIPAL, *days, Regime.ZTB, DALI, ReleaseCause.REJECTED).amount

    @given(
        st.integers(1, 10**12),
        st.dates(date(2013, 1, 1), date(2026, 1, 1)),
        st.integers(0, 900),
        st.integers(0, 900),
    )
    def test_it_adds_up(self, fen: int, first: date, a: int, b: int) -> None:
        """Days add up, and the interest of two stretches is that of the whole to a fen."""
        middle, last = first + timedelta(days=a), first + timedelta(days=a + b)
        whole = interest(Money(fen), first, last, Regime.ZTB, DALI, CONTRACT)
        parts = [
            interest(Money(fen), *days, Regime.ZTB, DALI, CONTRACT)
            for days in ((first, middle), (middle, last))
        ]
        assert whole.days == a + b
        assert abs(whole.amount.fen - sum(p.amount.fen for p in parts)) <= 1


class TestLateFee:
    """87号令 §38: the benchmark loan rate raised by 20 %, on the days overdue."""

    def test_ten_days(self) -> None:
        due = date(2025, 9, 30)
        found = late_fee(PRINCIPAL, due, due + timedelta(days=10), Regime.ZFCG, DALI)
        assert found.days == 10
        assert found.amount == Money.yuan(800)  # 800,000 × 3.00 % × 1.2 × 10 / 360
        assert "第三十八条" in found.article

    def test_the_last_day_is_not_late(self) -> None:
        due = date(2025, 9, 30)
        for paid in (due, due - timedelta(days=3)):
            assert not late_fee(PRINCIPAL, due, paid, Regime.ZFCG, DALI).amount

    def test_tendering_names_no_rate(self) -> None:
        due = date(2025, 9, 30)
        found = late_fee(PRINCIPAL, due, due + timedelta(days=90), Regime.ZTB, DALI)
        assert (found.days, found.amount) == (0, Money(0))


class TestGrounds:
    """条例 §74, §35; 87号令 §23: nothing beyond the list."""

    @pytest.mark.parametrize("ground", list(Ground))
    @pytest.mark.parametrize("is_winner", [True, False])
    @pytest.mark.parametrize("regime", [Regime.ZTB, Regime.ZFCG])
    def test_the_whole_list(self, ground: Ground, is_winner: bool, regime: Regime) -> None:
        claim = Claim(ground, b"proof", "第九条" if ground is Ground.TENDER_FILE else "")
        is_known = not (regime is Regime.ZFCG and ground is Ground.CONDITIONS)
        may = is_known and (is_winner or ground not in OF_THE_WINNER)
        try:
            found = admit(
                claim, regime, DALI, date(2026, 1, 1), is_winner=is_winner, has_withdrawn=False
            )
        except Refusal:
            assert not may
        else:
            assert may
            assert found.article

    def test_who_withdrew_in_time_has_revoked_nothing(self) -> None:
        with pytest.raises(Refusal) as refused:
            admit(
                Claim(Ground.REVOKED, b"proof"),
                Regime.ZTB,
                DALI,
                date(2026, 1, 1),
                is_winner=False,
                has_withdrawn=True,
            )
        assert [f.code for f in refused.value.faults] == ["deposits.forfeit.withdrawn"]
        assert refused.value.faults[0].rule == "deposit.forfeit_revoked"

    def test_all_faults_at_once(self) -> None:
        with pytest.raises(Refusal) as refused:
            admit(
                Claim(Ground.CONDITIONS, b"", "a clause"),
                Regime.ZFCG,
                DALI,
                date(2026, 1, 1),
                is_winner=False,
                has_withdrawn=False,
            )
        assert len(refused.value.faults) == 4
