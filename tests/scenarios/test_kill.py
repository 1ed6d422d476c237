"""Kill -9 at any moment, then Ctrl-C: what was acknowledged is there, and nothing is done twice.

The real server on the demo's running day, while people work at it over HTTP and the witness socket.
The process group is killed, as a loss of the machine would; the database and the folder stay. The
moments are seeded; the soak has many more of them. Ctrl-C ends the process while a socket is open,
and the same folder goes on; legal time never goes back (`People.now` holds it to that).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.crashes import Stage, crash_and_come_back, moments
from tests.support.servers import Servers

KILLS = 2
LONGEST_SECONDS = 5.0
STOP_SECONDS_MAX = 3.0
"""One second for requests that are under way, and what the process needs on a busy machine."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def test_a_killed_day_goes_on_where_it_stopped(
    engine: str, request: pytest.FixtureRequest, run_server: Servers, tmp_path: Path
) -> None:
    url = ""
    if engine == "postgresql":
        server = request.getfixturevalue("durable_postgres")
        url = server.url(server.create())
    stage = Stage(run_server, tmp_path / "data", url)
    crash_and_come_back(stage, moments(1, KILLS, LONGEST_SECONDS))
    stage.run_on_to("EVALUATED", 60, all_lots=False)
    stage.check_acts()
    assert stage.interrupt() < STOP_SECONDS_MAX
    stage.check_record()
    counts = stage.facts.counts()
    assert min(counts[kind] for kind in ("projects", "notices", "cells", "answers")) > 0, counts
    assert stage.kills == KILLS
    if engine == "sqlite":
        done = stage.tasks_done()
        stage.start()
        stage.check_facts()
        stage.wait(lambda: stage.tasks_done() > done, 60)
        stage.stop()
        assert json.loads((stage.folder / "demo.json").read_text())["runs"] == KILLS + 2
