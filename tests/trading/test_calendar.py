"""The legal calendar: days off, and how periods are counted."""

from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.calendar.legal import (
    DayKind,
    calendar,
    hours_after,
    legal_day,
    start_of,
)

CALENDAR = calendar()
days = st.dates(date(2020, 1, 1), date(2026, 10, 31))
ONE = timedelta(days=1)


class TestDays:
    """国务院办公厅关于节假日安排的通知, year by year."""

    @pytest.mark.parametrize("year", range(2020, 2027))
    def test_every_announced_day_agrees_with_another_calendar(self, year: int) -> None:
        day = date(year, 1, 1)
        while day.year == year:
            assert CALENDAR.is_workday(day) == chinese_calendar.is_workday(day), day
            assert not CALENDAR.is_provisional(day), day
            day += ONE

    def test_2027_is_not_announced(self) -> None:
        with pytest.raises(NotImplementedError):
            chinese_calendar.is_workday(date(2027, 3, 1))
        day = date(2027, 1, 1)
        while day.year == 2027:
            assert CALENDAR.is_provisional(day)
            assert CALENDAR.day(day).kind is not DayKind.MAKEUP_WORKDAY
            day += ONE
        assert not CALENDAR.is_workday(date(2027, 10, 1))

    @pytest.mark.parametrize("day", [date(2019, 12, 31), date(2028, 2, 1)])
    def test_beyond_the_table_all_is_provisional(self, day: date) -> None:
        assert CALENDAR.is_provisional(day)


class TestCounting:
    """民法典 第二百零一条至第二百零三条."""

    def test_the_day_of_the_start_is_not_counted(self) -> None:
        deadline = CALENDAR.days_after(date(2026, 11, 2), 3)
        assert deadline.day == date(2026, 11, 5)
        assert deadline.counted == (date(2026, 11, 3), date(2026, 11, 4), date(2026, 11, 5))

    def test_a_last_day_in_the_national_holiday_gives_way_to_the_day_after_it(self) -> None:
        deadline = CALENDAR.days_after(date(2026, 9, 21), 10)
        assert deadline.day == date(2026, 10, 8)
        assert len(deadline.counted) == 17
        assert not deadline.provisional

    def test_a_last_day_on_a_makeup_saturday_stands(self) -> None:
        saturday = date(2026, 10, 10)
        assert CALENDAR.day(saturday).kind is DayKind.MAKEUP_WORKDAY
        assert CALENDAR.days_after(date(2026, 10, 9), 1).day == saturday

    def test_the_last_day_ends_at_midnight_in_shanghai(self) -> None:
        deadline = CALENDAR.days_after(date(2026, 11, 2), 3)
        assert deadline.ends_at == datetime(2026, 11, 5, 16, 0, tzinfo=UTC)

    def test_working_days_leap_over_the_holiday(self) -> None:
        deadline = CALENDAR.workdays_after(date(2026, 9, 28), 3)
        assert deadline.counted == (date(2026, 9, 29), date(2026, 9, 30), date(2026, 10, 8))

    @pytest.mark.parametrize(
        ("start", "months", "end"),
        [
            (date(2026, 1, 31), 1, date(2026, 2, 28)),  # a make-up Saturday
            (date(2024, 1, 31), 1, date(2024, 2, 29)),
            (date(2025, 11, 30), 3, date(2026, 2, 28)),
            (date(2026, 3, 15), 12, date(2027, 3, 15)),
        ],
    )
    def test_months_end_on_the_corresponding_day(self, start: date, months: int, end: date) -> None:
        assert CALENDAR.months_after(start, months).day == end

    def test_hours_run_from_the_stated_moment(self) -> None:
        start = datetime(2026, 9, 30, 15, 30, tzinfo=UTC)
        assert hours_after(start, 24) == datetime(2026, 10, 1, 15, 30, tzinfo=UTC)

    def test_a_moment_belongs_to_the_day_in_shanghai(self) -> None:
        assert legal_day(datetime(2026, 10, 20, 16, 0, tzinfo=UTC)) == date(2026, 10, 21)
        assert legal_day(datetime(2026, 10, 20, 15, 59, tzinfo=UTC)) == date(2026, 10, 20)
        with pytest.raises(ValueError):
            legal_day(datetime(2026, 10, 20))  # noqa: DTZ001

    def test_a_deadline_that_touches_2027_says_so(self) -> None:
        assert CALENDAR.days_after(date(2026, 12, 30), 5).provisional
        assert not CALENDAR.days_after(date(2026, 12, 20), 5).provisional
        assert CALENDAR.workdays_before(date(2027, 1, 5), 3).provisional

    def test_no_days_end_where_they_start(self) -> None:
        assert CALENDAR.days_after(date(2026, 10, 3), 0).day == date(2026, 10, 3)

    @pytest.mark.parametrize("n", [-1, 100_000])
    def test_impossible_lengths(self, n: int) -> None:
        with pytest.raises(ValueError):
            CALENDAR.days_after(date(2026, 1, 1), n)
        with pytest.raises(ValueError):
            CALENDAR.period(date(2026, 1, 1), 1, "fortnight")

    @given(days, st.integers(1, 60))
    def test_days_end_on_a_working_day_never_before_their_number(self, start: date, n: int) -> None:
        deadline = CALENDAR.days_after(start, n)
        assert CALENDAR.is_workday(deadline.day)
        assert deadline.day >= start + n * ONE
        assert deadline.counted == tuple(
            start + i * ONE for i in range(1, len(deadline.counted) + 1)
        )
        assert not any(CALENDAR.is_workday(day) for day in deadline.counted[n - 1 : -1])

    @given(days, st.integers(1, 40))
    def test_working_days_are_as_many_as_asked(self, start: date, n: int) -> None:
        deadline = CALENDAR.workdays_after(start, n)
        assert len(deadline.counted) == n
        between = (start + i * ONE for i in range(1, (deadline.day - start).days + 1))
        assert tuple(day for day in between if CALENDAR.is_workday(day)) == deadline.counted

    @given(days, st.integers(0, 30))
    def test_one_more_day_never_ends_earlier(self, start: date, n: int) -> None:
        for unit in ("day", "workday"):
            assert CALENDAR.period(start, n + 1, unit).day >= CALENDAR.period(start, n, unit).day

    @given(st.dates(date(2020, 3, 1), date(2026, 10, 31)), st.integers(1, 30))
    def test_counting_back_undoes_counting_on(self, start: date, n: int) -> None:
        if CALENDAR.is_workday(start):
            end = CALENDAR.workdays_after(start, n).day
            assert CALENDAR.workdays_before(end, n).day == start
        assert CALENDAR.days_before(start, n).day == start - n * ONE

    @given(days)
    def test_neighbours(self, day: date) -> None:
        following = CALENDAR.next_workday(day)
        assert CALENDAR.is_workday(following)
        assert CALENDAR.previous_workday(following) <= day
        assert start_of(day) < start_of(following)
