"""The clocks of a fault."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from evaluation.stations.faults import Step, fault_clock
from trading.rules.book import book

BEGINS = datetime(2026, 10, 21, 2, 0, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


class TestBeforeTheBeginning:
    """A city's rule on remote evaluation, art. 20: two hours, then the tenderer decides."""

    @pytest.mark.parametrize(
        ("after", "step"),
        [
            (-HOUR, Step.MEND_BEFORE),
            (2 * HOUR, Step.MEND_BEFORE),
            (2 * HOUR + SECOND, Step.TENDERER),
        ],
    )
    def test_two_hours_from_the_appointed_time(self, after: timedelta, step: Step) -> None:
        clock = fault_clock(book(), BEGINS, BEGINS - 2 * HOUR, BEGINS + after)
        assert (clock.step, clock.hours) == (step, 2)
        assert clock.until == (BEGINS + 2 * HOUR if step is Step.MEND_BEFORE else None)


class TestDuring:
    """The same, art. 21: four hours, then a new committee."""

    @pytest.mark.parametrize(
        ("after", "step"),
        [
            (HOUR, Step.MEND_DURING),
            (4 * HOUR, Step.MEND_DURING),
            (4 * HOUR + SECOND, Step.NEW_COMMITTEE),
        ],
    )
    def test_four_hours_from_the_fault(self, after: timedelta, step: Step) -> None:
        fault = BEGINS + HOUR
        clock = fault_clock(book(), BEGINS, fault, fault + after)
        assert (clock.step, clock.hours) == (step, 4)
        assert "第二十一条" in clock.article

    def test_mended_in_time_it_goes_on_and_too_late_it_does_not(self) -> None:
        now = BEGINS + 9 * HOUR
        assert fault_clock(book(), BEGINS, BEGINS, now, BEGINS + 4 * HOUR).step is Step.MENDED
        late = fault_clock(book(), BEGINS, BEGINS, now, BEGINS + 4 * HOUR + SECOND)
        assert late.step is Step.NEW_COMMITTEE
