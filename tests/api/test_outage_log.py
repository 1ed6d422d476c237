"""The log while a database is away: one line a failure, after the first; a defect in full each time."""

from __future__ import annotations

import errno
import io
import logging

import pytest
from sqlalchemy.exc import OperationalError

from api.outage_log import IN_FULL_SECONDS, OutageFilter


class Log:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.stream = io.StringIO()
        self.logger = logging.Logger("bigloop.watch")
        handler = logging.StreamHandler(self.stream)
        handler.addFilter(OutageFilter(lambda: self.seconds))
        self.logger.addHandler(handler)

    def tell(
        self, error: Exception, message: str = "round %d failed", number: int = 1
    ) -> list[str]:
        """What is written of one failure."""
        self.stream.seek(0)
        self.stream.truncate()
        try:
            try:
                raise error
            except Exception as cause:
                raise RuntimeError("on the way") from cause
        except RuntimeError:
            self.logger.exception(message, number)
        return self.stream.getvalue().splitlines()


@pytest.fixture
def log() -> Log:
    return Log()


def away() -> Exception:
    said = Exception("connection refused\n\tIs the server running?")
    return OperationalError("INSERT INTO bids VALUES (:name)", {"name": "a secret"}, said)


class TestOutages:
    def test_the_same_again_is_one_line(self, log: Log) -> None:
        assert "Traceback" in "".join(log.tell(away()))
        assert log.tell(away(), number=2) == ["round 2 failed: connection refused"]
        full = OSError(errno.ENOSPC, "No space left on device")
        assert log.tell(full, number=3) == ["round 3 failed: No space left on device"]

    def test_another_place_and_a_later_hour_are_told_in_full(self, log: Log) -> None:
        log.tell(away())
        assert "Traceback" in "".join(log.tell(away(), "cannot read %s"))
        log.seconds += IN_FULL_SECONDS
        assert "Traceback" in "".join(log.tell(away()))
        assert len(log.tell(away())) == 1

    def test_a_defect_is_always_told_in_full(self, log: Log) -> None:
        for _ in range(2):
            assert "Traceback" in "".join(log.tell(ValueError("a defect")))
        assert "Traceback" in "".join(log.tell(OSError(errno.EPERM, "not permitted")))
