"""A cohort of ten sessions, played four times: on both databases, twice on each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.conftest import play_once
from tests.scenarios.test_determinism import assert_same, outcome
from tests.support.databases import Databases

SESSIONS = 10
POOL = 12_000


@pytest.mark.parametrize("seed", [2, 3])
def test_four_plays_decide_the_same(seed: int, tmp_path: Path, databases: Databases) -> None:
    urls = [
        f"sqlite:///{tmp_path}/first.db",
        f"sqlite:///{tmp_path}/second.db",
        databases.fresh_postgres(),
        databases.fresh_postgres(),
    ]
    found = []
    for number, url in enumerate(urls):
        more = ["--database-url", url]
        played = play_once(
            tmp_path / str(number), seed=seed, sessions=SESSIONS, pool=POOL, more=more
        )
        found.append(outcome(url, played.folder / "data" / "vault"))
    for again in found[1:]:
        assert_same(found[0], again)
