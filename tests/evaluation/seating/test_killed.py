"""A worker is killed in the middle of a solve; another takes the day's plan up and brings it to its end."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from archive.journal import service as journal
from archive.tasks import service as tasks
from archive.tasks.service import enqueue
from evaluation.seating import service
from tests.evaluation.seating.conftest import Desk
from tests.support import process
from tests.support.planner import EXPERTS, LEASE_SECONDS, TASK, planner

PATIENCE_SECONDS = 60


@pytest.mark.slow
def test_a_killed_workers_solve_is_taken_up_again(desk: Desk, tmp_path: Path) -> None:
    with desk.office.write() as tx:
        task = enqueue(tx, TASK, {})
    mark, log = tmp_path / "solving", tmp_path / "planner.log"
    url = desk.office.connections.url
    words = (sys.executable, "-m", "tests.support.planner", url, tmp_path / "other", mark)
    (tmp_path / "other").mkdir()
    with log.open("wb") as printed:
        first = process.start(words, log=printed, cwd=Path(__file__).parents[3])
    end = time.monotonic() + PATIENCE_SECONDS
    while not mark.exists():
        assert first.poll() is None, log.read_text()
        assert time.monotonic() < end
        time.sleep(0.02)
    second = planner(desk.office, "the second")
    time.sleep(1.5 * LEASE_SECONDS)
    assert not second.run_one(), "who solves keeps his lease, however long it takes"
    with desk.office.read() as db:
        now = tasks.status(db, task)
        assert (now.state, now.progress) == ("RUNNING", "ties")
        assert service.plans(db, 9) == ()
    process.kill(first)

    end = time.monotonic() + PATIENCE_SECONDS
    while not second.run_one():
        assert time.monotonic() < end
        time.sleep(0.05)
    with desk.office.read() as db:
        assert tasks.status(db, task).state == "DONE"
        assert len(service.plans(db, 9)) == 1
        assert len(service.seats_of(db, "S1")) == EXPERTS
        entries = [entry.action for entry in journal.entries(db, "session/S1")]
    assert entries == ["evaluation:seats:confirmed"]
    assert not second.run_one()
