"""The two clocks.

*Legal time* has a legal or business meaning: deadlines, signatures, entries of the journal. A demo
may accelerate or jump it; it never goes backwards. *Monotonic time* is for heartbeats, leases and
ticks, and is never stored.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
"""Where all deadlines of the law are read (北京时间)."""


class Clock(Protocol):
    def now(self) -> datetime:
        """Legal time: aware, UTC, whole milliseconds."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never affected by legal time."""


def _whole_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class SystemClock:
    """The clock of production: the host's, which operations must keep by a time service."""

    def now(self) -> datetime:
        return _whole_milliseconds(datetime.now(UTC))

    def monotonic(self) -> float:
        return time.monotonic()


class DrivenClock:
    """Legal time that runs `rate` times as fast as real time (0: stands still) and can be moved
    forward. For demos and tests; safe for use by several threads."""

    def __init__(self, start: datetime, rate: int = 0) -> None:
        if start.tzinfo is None:
            raise ValueError("legal time must be aware")
        self._lock = threading.Lock()
        self._anchor = start.astimezone(UTC)
        self._rate = rate
        self._since = time.monotonic()

    def now(self) -> datetime:
        with self._lock:
            return self._now()

    def _now(self) -> datetime:
        passed = timedelta(seconds=(time.monotonic() - self._since) * self._rate)
        return _whole_milliseconds(self._anchor + passed)

    def monotonic(self) -> float:
        return time.monotonic()

    def move_to(self, moment: datetime) -> None:
        """Jump forward to `moment`; a moment in the past changes nothing."""
        with self._lock:
            self._anchor = max(self._now(), moment.astimezone(UTC))
            self._since = time.monotonic()

    def set_rate(self, rate: int) -> None:
        with self._lock:
            self._anchor = self._now()
            self._since = time.monotonic()
            self._rate = rate
