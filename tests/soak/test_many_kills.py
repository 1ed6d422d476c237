"""Twenty-five kills on each database, from the first act to the sealed dossiers.

The everyday test is `tests/scenarios/test_kill.py`; here the moments are many and short, so that they
fall into the setting up, the weeks before, the day, the night and the weeks after.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from api.commands.verify import verifiers
from archive.note import Verifier
from archive.verification.report import Verdict
from archive.verify import verify
from tests.scenarios.crashes import Stage, crash_and_come_back, moments
from tests.support.postgres import PostgresServer
from tests.support.servers import Servers

KILLS = 20
LONGEST_SECONDS = 3.0
AT_THE_START = 5


@pytest.mark.parametrize(("engine", "seed"), [("sqlite", 11), ("postgresql", 12)])
def test_after_many_kills_every_dossier_is_valid(
    engine: str, seed: int, request: pytest.FixtureRequest, run_server: Servers, tmp_path: Path
) -> None:
    url = ""
    if engine == "postgresql":
        server: PostgresServer = request.getfixturevalue("durable_postgres")
        url = server.url(server.create())
    stage = Stage(run_server, tmp_path / "data", url, seed=seed, rate=2_000)
    kill_while_it_starts(stage, random.Random(seed))
    crash_and_come_back(stage, moments(seed, KILLS, LONGEST_SECONDS))
    stage.run_on_to("ARCHIVED", 300)
    stage.check_facts()
    stage.check_acts()
    assert stage.people is not None
    trust = [Verifier.parse(stage.people.get("staff", "/health")["log"])]
    dossiers = {f"lot-{lot}": tmp_path / "data" / "dossiers" / f"lot-{lot}" for lot in stage.lots}
    for dossier in dossiers.values():
        assert verify(dossier, trust, verifiers()).verdict is Verdict.VALID, dossier
    stage.stop()
    stage.check_record()


def kill_while_it_starts(stage: Stage, dice: random.Random) -> None:
    """Before anybody could be acknowledged anything: while the province is put in, too."""
    for _ in range(AT_THE_START):
        server = stage.launch()
        time.sleep(dice.uniform(0.0, 1.5))
        server.kill()
