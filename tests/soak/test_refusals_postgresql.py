"""Bad input on PostgreSQL; the everyday test is `tests/scenarios/test_refusals.py`, on SQLite."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.test_refusals import STEPS, world_on
from tests.support.databases import Databases


def test_nothing_is_half_done_on_postgresql(tmp_path: Path, databases: Databases) -> None:
    with world_on("postgresql", tmp_path, databases) as world:
        for step in STEPS:
            step(world)
