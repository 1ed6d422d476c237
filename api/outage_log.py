"""What the log says of a database that is out of reach, or a disk that is full: the first time all, then a line.

Whatever runs meanwhile fails again and again, several times a second; a traceback each time would fill the disk in the very
hours in which space and sight are needed. A defect is always told in full.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

IN_FULL_SECONDS = 600.0
"""After so long one is told in full again."""


class OutageFilter(logging.Filter):
    """Takes the traceback from a record that tells of the same outage again; drops none."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._told: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        cause = _cause(record.exc_info[1]) if record.exc_info else None
        if cause is None:
            return True
        place, now = (record.name, record.msg), self._now()
        if now - self._told.get(place, -IN_FULL_SECONDS) >= IN_FULL_SECONDS:
            self._told[place] = now
            return True
        record.msg = f"{record.getMessage()}: {cause}"
        record.args = record.exc_info = record.exc_text = None
        return True


def _cause(error: BaseException | None) -> str | None:
    """What the database or the disk said, in one line; None for what is no outage."""
    from api.problems import DISK_FULL, OUT_OF_REACH

    while error is not None:
        if isinstance(error, OUT_OF_REACH):
            # What was to be stored is not for the log: what the driver says holds none of it.
            said = str(error.orig or "").strip().splitlines()
            return said[0] if said else type(error).__name__
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return error.strerror
        error = error.__cause__ or error.__context__
    return None
