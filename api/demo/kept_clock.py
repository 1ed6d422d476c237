"""The demo's legal time, kept on disk: a restart never takes back a moment that somebody saw.

The record alone does not do it: between two entries legal time runs on, a bid may be refused for
being late, and nothing of that is recorded. So before the clock shows a moment beyond the one in the
file, it writes a later one there; after a kill it goes on from that, a real second later at most.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.clock import DrivenClock

RESERVE_SECONDS = 1
"""Real time: how often the file is written while the clock runs, and what a kill costs."""


class KeptClock(DrivenClock):
    """A driven clock that starts at `start` or where the file says, whichever is later."""

    def __init__(self, path: Path, start: datetime) -> None:
        super().__init__(start)
        self._path = path
        self._writing = threading.Lock()
        self._reserve = timedelta(0)
        self._kept = start.astimezone(UTC)
        if (found := _read(path)) is not None:
            self.move_to(found)

    def now(self) -> datetime:
        moment = super().now()
        with self._writing:
            if moment > self._kept:
                self._keep(moment + self._reserve)
        return moment

    def set_rate(self, rate: int) -> None:
        super().set_rate(rate)
        self._reserve = timedelta(seconds=RESERVE_SECONDS * rate)

    def close(self) -> None:
        """Stand still for good, and give back what was written ahead."""
        self.set_rate(0)
        moment = super().now()
        with self._writing:
            self._keep(moment)

    def _keep(self, moment: datetime) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        temporary.write_text(moment.isoformat(), "utf-8")
        temporary.replace(self._path)
        self._kept = moment


def _read(path: Path) -> datetime | None:
    """What the file says; nothing where a loss of power left it empty. The record is the floor."""
    try:
        found = datetime.fromisoformat(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if found.tzinfo else None
