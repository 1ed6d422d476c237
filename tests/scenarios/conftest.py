"""What the scenarios share: a cohort that was played once, and a PostgreSQL that keeps its word."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import PostgresServer, start_postgres
from tests.support.servers import bigloop

SEED = 1
POOL = 3_000
"""Enough experts of every specialty in the lines of these small cohorts."""


@dataclass(frozen=True)
class Played:
    """The folder of a `bigloop demo --once`, and what its last line said."""

    folder: Path
    figures: dict[str, Any]

    @property
    def trust(self) -> Path:
        return self.folder / "trust.txt"

    @property
    def dossiers(self) -> list[Path]:
        return sorted((self.folder / "dossiers").glob("lot-*"))


def command(*words: str | Path, folder: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run `bigloop` to its end, as a user would."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BIGLOOP_")}
    return subprocess.run(
        [bigloop(), *map(str, words)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        **more,
    )


def play_once(
    folder: Path,
    *,
    seed: int = SEED,
    sessions: int = 3,
    pool: int = POOL,
    more: Sequence[str] = (),
) -> Played:
    """`bigloop demo --once` with a small cohort into `folder`."""
    words = ["demo", "--once", "--seed", str(seed), "--out", str(folder)]
    words += ["--sessions", str(sessions), "--pool", str(pool), *more]
    done = command(*words, folder=folder.parent)
    assert done.returncode == 0, done.stderr
    return Played(folder, json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="session")
def played(run_folder: Path) -> Played:
    """One cohort on SQLite, played once for all workers of a run. Not to be written to."""
    base = run_folder
    folder = base / "played"
    with (base / "played.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        figures = base / "played.json"
        if not figures.exists():
            made = play_once(folder)
            figures.write_text(json.dumps(made.figures))
        return Played(folder, json.loads(figures.read_text()))


@pytest.fixture(scope="session")
def durable_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that writes as in production: what it acknowledged survives."""
    with start_postgres(durable=True) as server:
        yield server
