"""Periods of the law: which days count, and when the last one ends.

Counting follows the Civil Code (民法典): the day on which a period starts is not counted, hours run
from the stated moment (第二百零一条); months end on the corresponding day, else on the last of the
month (第二百零二条); a last day that is a statutory day off gives way to the first day after it,
and the last day ends at 24:00 (第二百零三条). 日 are calendar days, 工作日 the working days of the
State Council's yearly notice with its make-up days (调休).

Days come from a packaged table for 2020–2027. A year whose notice has not come is *provisional*:
the statutory holidays stand in it, make-up days are not known; so is any day outside the table,
where weekends alone are taken as off. A deadline that touches such a day says so.

No opening hours: "close of business" (第二百零三条 sentence 2) is a matter of each act.
"""

from __future__ import annotations

import calendar as months
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources

from archive.clock import SHANGHAI

PERIOD_DAYS_MAX = 3660
"""Ten years: no period of this law is longer."""
_ONE = timedelta(days=1)


class DayKind(StrEnum):
    """Why a day is a working day or is not."""

    WORKDAY = "workday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    MAKEUP_WORKDAY = "makeup_workday"


@dataclass(frozen=True)
class Day:
    """One day of the calendar; `provisional` where its year is not announced."""

    date: date
    kind: DayKind
    provisional: bool

    @property
    def is_workday(self) -> bool:
        return self.kind in (DayKind.WORKDAY, DayKind.MAKEUP_WORKDAY)


@dataclass(frozen=True)
class Deadline:
    """The last day of a period and the days that were counted to it, in order.

    `counted` are the days of the period (for working days: only those), and, where the last one
    fell on a day off, the days that it was moved over and the day itself. `provisional`: one of
    the days passed over belongs to a year that is not announced yet.
    """

    day: date
    counted: tuple[date, ...]
    provisional: bool

    @property
    def ends_at(self) -> datetime:
        """24:00 of the last day in Shanghai (aware UTC): the first moment that is too late."""
        return start_of(self.day + _ONE)


class LegalCalendar:
    """Working days and periods. Made of the days of a table; see `calendar()`."""

    def __init__(self, days: Mapping[date, Day]) -> None:
        self._days = dict(days)

    def day(self, day: date) -> Day:
        known = self._days.get(day)
        if known is not None:
            return known
        kind = DayKind.WEEKEND if day.isoweekday() > 5 else DayKind.WORKDAY
        return Day(day, kind, provisional=True)

    def is_workday(self, day: date) -> bool:
        return self.day(day).is_workday

    def is_provisional(self, day: date) -> bool:
        return self.day(day).provisional

    def next_workday(self, day: date) -> date:
        """The first working day after `day`."""
        return self._step(day, _ONE)

    def previous_workday(self, day: date) -> date:
        """The last working day before `day`."""
        return self._step(day, -_ONE)

    def days_after(self, start: date, n: int) -> Deadline:
        """`n` ≥ 0 calendar days after `start`, which is not counted; a last day off rolls on."""
        _check_length(n)
        return self._roll(start, [start + i * _ONE for i in range(1, n + 1)])

    def workdays_after(self, start: date, n: int) -> Deadline:
        """`n` ≥ 0 working days after `start`, which is not counted."""
        _check_length(n)
        counted: list[date] = []
        day = start
        while len(counted) < n:
            day = self.next_workday(day)
            counted.append(day)
        return self._deadline(start, counted)

    def months_after(self, start: date, n: int) -> Deadline:
        """`n` ≥ 1 months after `start`: the corresponding day, else the month's last; rolls on."""
        _check_length(n * 31)
        year, month = divmod(start.year * 12 + start.month - 1 + n, 12)
        last = months.monthrange(year, month + 1)[1]
        end = date(year, month + 1, min(start.day, last))
        return self._roll(start, [start + i * _ONE for i in range(1, (end - start).days + 1)])

    def days_before(self, end: date, n: int) -> Deadline:
        """The last day that lies `n` ≥ 0 days before `end`, which is not counted.

        Counted backwards; nothing rolls, for to move the day on would shorten what the law keeps
        free, to move it back would cut somebody's right.
        """
        _check_length(n)
        counted = [end - i * _ONE for i in range(1, n + 1)]
        return Deadline(end - n * _ONE, tuple(counted), any(map(self.is_provisional, counted)))

    def workdays_before(self, end: date, n: int) -> Deadline:
        """The last working day that lies `n` ≥ 0 working days before `end`, not counted."""
        _check_length(n)
        counted: list[date] = []
        day = end
        for _ in range(n):
            day = self.previous_workday(day)
            counted.append(day)
        passed = [end - i * _ONE for i in range(1, (end - day).days + 1)]
        return Deadline(day, tuple(counted), any(map(self.is_provisional, passed)))

    def period(self, start: date, n: int, unit: str) -> Deadline:
        """`n` of `unit` (`day`, `workday`, `month`) after `start`: the unit of a rule."""
        if unit == "day":
            return self.days_after(start, n)
        if unit == "workday":
            return self.workdays_after(start, n)
        if unit == "month":
            return self.months_after(start, n)
        raise ValueError(f"no unit of whole days: {unit!r}")

    def _step(self, day: date, step: timedelta) -> date:
        for _ in range(PERIOD_DAYS_MAX):
            day += step
            if self.is_workday(day):
                return day
        raise AssertionError("a calendar without working days")

    def _roll(self, start: date, counted: list[date]) -> Deadline:
        # A period of no days ends on its first day, whatever day that is.
        while counted and not self.is_workday(counted[-1]):
            counted.append(counted[-1] + _ONE)
        return self._deadline(start, counted)

    def _deadline(self, start: date, counted: list[date]) -> Deadline:
        last = counted[-1] if counted else start
        passed = [start + i * _ONE for i in range(1, (last - start).days + 1)]
        provisional = any(map(self.is_provisional, passed or [start]))
        return Deadline(last, tuple(counted), provisional)


def _check_length(n: int) -> None:
    if not 0 <= n <= PERIOD_DAYS_MAX:
        raise ValueError(f"no period of the law has {n} days")


def start_of(day: date) -> datetime:
    """0:00 of a legal day in Shanghai, aware UTC."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def legal_day(moment: datetime) -> date:
    """The day on which a moment falls in Shanghai. ValueError for a naive moment."""
    if moment.tzinfo is None:
        raise ValueError("legal time must be aware")
    return moment.astimezone(SHANGHAI).date()


def hours_after(moment: datetime, n: int) -> datetime:
    """`n` hours from the stated moment (第二百零一条): nothing is rounded, nothing rolls."""
    return moment + timedelta(hours=n)


@cache
def calendar() -> LegalCalendar:
    """The calendar of the packaged table."""
    text = (resources.files("trading.reference") / "workdays_2020_2027.csv").read_text("utf-8")
    days = {}
    for row in csv.DictReader(text.splitlines()):
        day = date.fromisoformat(row["date"])
        days[day] = Day(day, DayKind(row["kind"]), row["status"] != "ANNOUNCED")
        if days[day].is_workday != (row["is_workday"] == "1"):
            raise ValueError(f"the table contradicts itself on {day}")
    return LegalCalendar(days)
