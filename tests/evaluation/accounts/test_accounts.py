"""Accounts of seats given and received, and the figures of a plan."""

from __future__ import annotations

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from evaluation.accounts.account import Account, Use, accounts, loop_permille
from evaluation.stations.slots import Part, slot_of, stay
from trading.money import Money

DAY = date(2024, 3, 29)
MORNING, AFTERNOON = (slot_of(DAY, Part.AM),), (slot_of(DAY, Part.PM),)
CENTRES = ("532901", "532922", "530100", "530300")


class TestAccounts:
    """工位共享目录 with fees (发改办法规〔2025〕807号 三): what one centre gives another receives."""

    def test_a_seat_is_given_once_and_received_once(self) -> None:
        fees = {"530100": Money.yuan("120")}
        found = accounts([Use("532901", "530100", MORNING)], fees)
        assert found == (
            Account("530100", "2024-03", given=1, earned=Money.yuan("120")),
            Account("532901", "2024-03", received=1, owed=Money.yuan("120")),
        )
        assert [account.balance for account in found] == [1, -1]

    def test_a_night_counts_in_its_first_month_and_costs_its_working_half_days(self) -> None:
        last = stay(slot_of(date(2024, 3, 31), Part.AM), 3)
        (gives, takes) = accounts([Use("532901", "530100", last)], {"530100": Money.yuan("100")})
        assert gives.month == takes.month == "2024-03"
        assert gives.earned == takes.owed == Money.yuan("300")

    def test_what_moves_inside_an_area_is_both(self) -> None:
        uses = [Use("532901", "532922", MORNING), Use("532901", "530100", AFTERNOON)]
        found = {each.area: each for each in accounts(uses, {}, lambda centre: centre[:4])}
        assert found["5329"] == Account("5329", "2024-03", given=1, received=2, inside=1)
        assert found["5301"].inside == 0

    @given(
        st.lists(
            st.tuples(st.sampled_from(CENTRES), st.sampled_from(CENTRES), st.integers(0, 900)).map(
                lambda one: Use(one[0], one[1], (MORNING[0] + one[2],))
            ),
            max_size=40,
        )
    )
    def test_nothing_is_given_that_nobody_received(self, uses: list[Use]) -> None:
        fees = {centre: Money(100 + n) for n, centre in enumerate(CENTRES)}
        found = accounts(uses, fees)
        by_month: dict[str, Counter[str]] = {}
        for each in found:
            month = by_month.setdefault(each.month, Counter())
            month.update(seats=each.balance, fen=each.net.fen)
        assert sum(each.given for each in found) == len(uses)
        assert all(not any(month.values()) for month in by_month.values())


class TestShareOfTheLoop:
    """Dali reports 100 % of its remote reviews in the loop since March 2024."""

    def test_only_all_of_them_are_a_hundred_percent(self) -> None:
        assert loop_permille(400, 400) == 1000
        assert loop_permille(2999, 3000) == 999
        assert loop_permille(0, 0) is None
