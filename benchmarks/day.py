"""A day of a province: how many acts a second the record takes, durably.

Commits: one act is one transaction that puts one entry on the stream of its lot and is on disk
before it is answered. Ours is `office.write()` with `tx.record(…)`: it locks the head, numbers and
chains the entry, brings its tree forward. The peer is the least that can be done at all: a bare
INSERT of as many bytes through the plain driver, one transaction each, with the same durability
(SQLite: WAL, synchronous=FULL; PostgreSQL: fsync and synchronous_commit on). Both run in turn, round
by round, in one process and on one disk; the medians are compared.

The goal was set before it was measured: a recorded act costs at most three bare INSERTs. What a
power cut really leaves is not tested here.

    python benchmarks/day.py [--quick]      one line of JSON a case
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlmodel import SQLModel

from archive.actor import SYSTEM
from archive.clock import SystemClock
from archive.database import Connections
from archive.entropy import SystemEntropy
from archive.journal import tables  # noqa: F401 - the tables that are made
from archive.journal.entry import NO_ENTRY, Pending, seal_in
from archive.journal.service import first_break_anywhere
from archive.keys import note_signer
from archive.office import Office
from archive.vault import Vault
from tests.support.postgres import start_postgres

WRITERS = (1, 8)
RATIO_MIN = 1 / 3
BUSY_SECONDS = 30
ACTION = "trading:lot:measured"
DATA = {
    "bidders": [f"91530102XN{n:08d}" for n in range(8)],
    "rules": ["bid.preparation_days", "notice.availability"],
    "sha256": "0" * 64,
}

Act = Callable[[int, int], None]
"""`act(writer, n)`: the n-th commit of a writer."""


@dataclass(frozen=True)
class Effort:
    """How long and how often a case is measured."""

    rounds: int
    seconds: float


FULL, QUICK = Effort(9, 1.5), Effort(5, 0.2)


@dataclass
class Side:
    """One of the two that are compared; `act` may be called by many threads at once."""

    act: Act
    rates: list[float]
    done: list[int]

    def run(self, writers: int, seconds: float) -> None:
        """Let all writers commit as fast as they can for that long; keep the rate."""
        start = threading.Barrier(writers + 1)
        counts = [0] * writers
        ends = [0.0] * writers
        failed: list[BaseException] = []

        def work(writer: int) -> None:
            start.wait()
            until = time.perf_counter() + seconds
            try:
                while time.perf_counter() < until:
                    self.act(writer, self.done[writer] + counts[writer])
                    counts[writer] += 1
            except BaseException as error:
                failed.append(error)
            ends[writer] = time.perf_counter()

        threads = [threading.Thread(target=work, args=(writer,)) for writer in range(writers)]
        for thread in threads:
            thread.start()
        start.wait()
        began = time.perf_counter()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        for writer, count in enumerate(counts):
            self.done[writer] += count
        self.rates.append(sum(counts) / (max(ends) - began))


def compare(case: str, ours: Act, peer: Act, writers: int, effort: Effort) -> dict[str, object]:
    """Measure both in turn; the first round only warms up."""
    sides = [Side(act, [], [0] * writers) for act in (ours, peer)]
    for number in range(effort.rounds + 1):
        # Who goes first changes, so that neither always inherits the other's dirty pages.
        for side in sides if number % 2 else reversed(sides):
            side.run(writers, effort.seconds)
    ours_rate, peer_rate = (statistics.median(side.rates[1:]) for side in sides)
    ratio = ours_rate / peer_rate
    return {
        "bench": "day.commits",
        "case": case,
        "ours": round(ours_rate, 1),
        "peer": round(peer_rate, 1),
        "unit": "commits/s",
        "peer_name": "bare INSERT",
        "ratio": round(ratio, 3),
        "goal": f">= {RATIO_MIN:.2f}",
        "holds": ratio >= RATIO_MIN,
    }


def record_act(office: Office) -> Act:
    """Ours: one entry on the writer's own stream."""

    def act(writer: int, n: int) -> None:
        with office.write() as tx:
            tx.record(f"lot/bench-{writer}", ACTION, SYSTEM, {**DATA, "n": n})

    return act


def body_of(writer: int, n: int) -> bytes:
    """An entry like ours, but for its number and the hash of the one before."""
    pending = Pending(f"lot/bench-{writer}", ACTION, SYSTEM.id, {**DATA, "n": n})
    return seal_in(pending, n, NO_ENTRY, datetime(2026, 10, 21, tzinfo=UTC)).body


@contextlib.contextmanager
def sqlite_peer(path: Path, writers: int) -> Iterator[Act]:
    """Bare INSERTs through `sqlite3`, a connection for each writer."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(writers):
            connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            stack.callback(connection.close)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connections.append(connection)
        connections[0].execute(
            "CREATE TABLE bare (stream TEXT, seq INTEGER, body BLOB, PRIMARY KEY (stream, seq))"
        )
        body = body_of(0, 0)

        def act(writer: int, n: int) -> None:
            connection = connections[writer]
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO bare VALUES (?, ?, ?)", (str(writer), n, body))
            connection.execute("COMMIT")

        yield act


@contextlib.contextmanager
def postgres_peer(dsn: str, writers: int) -> Iterator[Act]:
    """Bare INSERTs through `psycopg`, a connection for each writer."""
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(psycopg.connect(dsn, autocommit=True)) for _ in range(writers)
        ]
        connections[0].execute(
            "CREATE TABLE bare (stream TEXT, seq BIGINT, body BYTEA, PRIMARY KEY (stream, seq))"
        )
        body = body_of(0, 0)

        def act(writer: int, n: int) -> None:
            # With autocommit a single statement is its own transaction, durable when it returns.
            connections[writer].execute(
                "INSERT INTO bare VALUES (%s, %s, %s)", (str(writer), n, body)
            )

        yield act


@contextlib.contextmanager
def office_on(url: str, folder: Path) -> Iterator[Office]:
    """An office with an empty journal on `url`; the record is re-read whole when it closes."""
    connections = Connections(url)
    SQLModel.metadata.create_all(connections.engine)
    folder.mkdir(exist_ok=True)
    log = note_signer(folder / "log.key", "bench.example", SystemEntropy())
    office = Office(connections, SystemClock(), SystemEntropy(), Vault(folder / "vault"), log)
    try:
        yield office
        with office.read() as db:
            assert (broken := first_break_anywhere(db)) is None, broken
    finally:
        connections.dispose()


def commits(effort: Effort, folder: Path) -> Iterator[dict[str, object]]:
    """All cases of durable commits; those on PostgreSQL where its binaries are installed."""
    for writers in WRITERS:
        place = folder / f"sqlite-{writers}"
        place.mkdir()
        with (
            office_on(f"sqlite:///{place}/ours.db", place) as office,
            sqlite_peer(place / "peer.db", writers) as peer,
        ):
            yield compare(f"SQLite, writers: {writers}", record_act(office), peer, writers, effort)
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(start_postgres(durable=True))
        except pytest.skip.Exception:
            return
        for writers in WRITERS:
            name = server.create()
            with (
                office_on(server.url(name), folder / f"postgresql-{writers}") as office,
                postgres_peer(server.dsn(name), writers) as peer,
            ):
                yield compare(
                    f"PostgreSQL, writers: {writers}", record_act(office), peer, writers, effort
                )


def main() -> None:
    parser = argparse.ArgumentParser(description="durable acts a second")
    parser.add_argument("--quick", action="store_true", help="within 20 seconds, less exact")
    effort = QUICK if parser.parse_args().quick else FULL
    with tempfile.TemporaryDirectory(prefix="bigloop-bench-") as folder:
        for line in commits(effort, Path(folder)):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
