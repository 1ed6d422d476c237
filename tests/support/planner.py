"""A planner as a process of its own: takes the task `plan`, and may be caught in the middle of it.

    python -m tests.support.planner URL FOLDER MARK

At the beginning of the solver's stage "ties" it writes the file MARK and waits to be killed. The same
handler, without a mark, is what the worker does who comes after.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from api.flows import seating as flow
from archive.office import Office, Tx
from archive.tasks.service import Long, Run, Worker, Write
from evaluation.seating import service
from evaluation.seating.solver import Watch
from tests.builders import STAFF, make_office
from tests.evaluation.seating.cases import DAY
from tests.evaluation.seating.conftest import SEED, request

TASK = "plan"
EXPERTS = 3
LEASE_SECONDS = 1
BEAT_SECONDS = 0.2


def plan(office: Office, args: Mapping[str, Any], run: Run) -> Write:
    """What `api.flows.seating.plan_day` does, for three experts of one session."""
    with office.read() as db:
        asked = [request(f"E{n}") for n in range(EXPERTS)]
        problem = service.problem_for(db, asked, on_days=[DAY], seed=SEED)
    found = flow.watched(problem, run)

    def write(tx: Tx) -> None:
        service.confirm_plan(tx, STAFF, problem, found)

    return write


def planner(office: Office, name: str) -> Worker:
    """A worker whose leases end soon after its last word."""
    flow.BEAT_SECONDS = BEAT_SECONDS  # type: ignore[assignment]
    return Worker(office, {TASK: Long(plan)}, name, lease_seconds=LEASE_SECONDS)


def caught(mark: Path) -> type[Watch]:
    """A watch whose solve comes to no end."""

    class Caught(Watch):
        def begins(self, stage: str) -> None:
            super().begins(stage)
            if stage == "ties":
                mark.touch()
                time.sleep(600)

    return Caught


if __name__ == "__main__":
    url, folder, mark = sys.argv[1:]
    with patch.object(flow, "Watch", caught(Path(mark))):
        planner(make_office(Path(folder), url, seed=b"other"), "the first").run_one()
