"""How many acts a second the record takes, durably; part of `benchmarks/day.py`.

One act is one transaction that puts one entry on the stream of its lot and is on disk
before it is answered. Ours is `office.write()` with `tx.record(…)`: it locks the head, numbers and
chains the entry, brings its tree forward. It is compared with two peers through the plain driver,
with as many bytes and the same durability (SQLite: WAL, synchronous=FULL; PostgreSQL: fsync and
synchronous_commit on):

- *bare INSERT*: the least that can be done at all. It keeps no order.
- *INSERT and head UPDATE*: the least that an ordered log can do: take the next number from the
  stream's head row, which locks it, and insert the entry under that number.

Writers are what they are in service. On SQLite they are threads of the one server, which take turns
without asking the file's lock (the peers too, or they would sleep away half their time); on
PostgreSQL they are processes, each with a connection of its own. All sides run in turn, round by
round, on one disk and the same cores as the database; medians are compared.

The goals were set after measuring, a fifth or more below the least that was seen on two cores which
others used too: they notice when the record becomes slow, they are no claim about other machines.
What is missing to 1 is the work of Python and of the way to the server and back. It shows most
against the bare INSERT of many writers, who share one fsync, while ours have used up the processor.
What a power cut really leaves is not tested here.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
from archive.keeping import Keeper
from archive.keys import note_signer
from archive.office import Office
from archive.vault import Vault
from tests.support.postgres import start_postgres

WRITERS = (1, 8)
OURS, BARE, HEAD = "ours", "bare INSERT", "INSERT and head UPDATE"
RATIO_MIN = {
    ("SQLite", BARE): 0.15,
    ("SQLite", HEAD): 0.15,
    ("PostgreSQL", BARE): 0.10,
    ("PostgreSQL", HEAD): 0.20,
}
BUSY_SECONDS = 30
START_SECONDS = 60
ACTION = "trading:lot:measured"
DATA = {
    "bidders": [f"91530102XN{n:08d}" for n in range(8)],
    "rules": ["bid.preparation_days", "notice.availability"],
    "sha256": "0" * 64,
}

Act = Callable[[int], None]
"""`act(n)`: the n-th commit of a writer."""
Acts = dict[str, Act]
"""One writer's act for each side."""


@dataclass(frozen=True)
class Effort:
    """How long and how often a case is measured."""

    rounds: int
    seconds: float


FULL, QUICK = Effort(7, 1.0), Effort(5, 0.2)


def write(
    opened: Callable[[int], contextlib.AbstractContextManager[Acts]],
    writer: int,
    orders: Any,
    start: Any,
    done: Any,
) -> None:
    """One writer, as a thread or a process: for each order (side, seconds) commit as fast as it
    can for so long, then say (count, seconds taken) or what failed; None ends it."""
    counts = {OURS: 0, BARE: 0, HEAD: 0}
    with opened(writer) as acts:
        start.wait(START_SECONDS)
        while (order := orders.get()) is not None:
            side, seconds = order
            try:
                start.wait(START_SECONDS)
                began, first = time.perf_counter(), counts[side]
                until = began + seconds
                while time.perf_counter() < until:
                    acts[side](counts[side])
                    counts[side] += 1
                done.put((counts[side] - first, time.perf_counter() - began))
            except Exception as error:
                done.put((repr(error), 0.0))


@dataclass
class Writers:
    """Several writers at work; `rate` lets all of them commit on one side at once."""

    kind: str
    orders: list[Any]
    done: Any

    def rate(self, side: str, seconds: float) -> float:
        for order in self.orders:
            order.put((side, seconds))
        answers = [self.done.get(timeout=seconds + START_SECONDS) for _ in self.orders]
        for count, _ in answers:
            if isinstance(count, str):
                raise RuntimeError(count)
        return float(sum(count for count, _ in answers) / max(taken for _, taken in answers))


@contextlib.contextmanager
def threads(
    opened: Callable[[int], contextlib.AbstractContextManager[Acts]], count: int
) -> Iterator[Writers]:
    done: queue.Queue[Any] = queue.Queue()
    orders: list[queue.Queue[Any]] = [queue.Queue() for _ in range(count)]
    start = threading.Barrier(count)
    made = [
        threading.Thread(target=write, args=(opened, writer, orders[writer], start, done))
        for writer in range(count)
    ]
    yield from at_work("threads", made, orders, done)


@contextlib.contextmanager
def processes(
    opened: Callable[[int], contextlib.AbstractContextManager[Acts]], count: int
) -> Iterator[Writers]:
    context = multiprocessing.get_context("spawn")
    done = context.Queue()
    orders = [context.Queue() for _ in range(count)]
    start = context.Barrier(count)
    made = [
        context.Process(target=write, args=(opened, writer, orders[writer], start, done))
        for writer in range(count)
    ]
    yield from at_work("processes", made, orders, done)


def at_work(kind: str, made: list[Any], orders: list[Any], done: Any) -> Iterator[Writers]:
    for each in made:
        each.start()
    try:
        yield Writers(kind, orders, done)
    finally:
        for order in orders:
            order.put(None)
        for each in made:
            each.join()


def compare(engine: str, writers: Writers, effort: Effort) -> Iterator[dict[str, object]]:
    """Measure all sides in turn; the first round only warms up."""
    sides = [OURS, BARE, HEAD]
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(effort.rounds + 1):
        for side in sides:
            rates[side].append(writers.rate(side, effort.seconds))
        # Who goes first changes, so that nobody always inherits another's dirty pages.
        sides = [*sides[1:], sides[0]]
    median = {side: statistics.median(each[1:]) for side, each in rates.items()}
    for peer in (BARE, HEAD):
        ratio, goal = median[OURS] / median[peer], RATIO_MIN[engine, peer]
        yield {
            "bench": "day.commits",
            "case": f"{engine}, {writers.kind}: {len(writers.orders)}",
            "ours": round(median[OURS], 1),
            "peer": round(median[peer], 1),
            "unit": "commits/s",
            "peer_name": peer,
            "ratio": round(ratio, 3),
            "goal": f">= {goal:.2f}",
            "holds": ratio >= goal,
        }


def record_act(office: Office, writer: int = 0) -> Act:
    """Ours: one entry on the writer's own stream."""

    def act(n: int) -> None:
        with office.write() as tx:
            tx.record(f"lot/bench-{writer}", ACTION, SYSTEM, {**DATA, "n": n})

    return act


def body_of(writer: int, n: int) -> bytes:
    """An entry like ours, but for its number and the hash of the one before."""
    pending = Pending(f"lot/bench-{writer}", ACTION, SYSTEM.id, {**DATA, "n": n})
    return seal_in(pending, n, NO_ENTRY, datetime(2026, 10, 21, tzinfo=UTC)).body


def make_office(url: str, folder: Path) -> Office:
    log = note_signer(folder / "log.key", "bench.example", SystemEntropy())
    return Office(
        Connections(url),
        SystemClock(),
        SystemEntropy(),
        Vault(folder / "vault"),
        log,
        Keeper(bytes(32)),
    )


@contextlib.contextmanager
def office_on(url: str, folder: Path) -> Iterator[Office]:
    """An office with an empty journal on `url`; the record is re-read whole when it closes."""
    folder.mkdir(exist_ok=True)
    office = make_office(url, folder)
    SQLModel.metadata.create_all(office.connections.engine)
    try:
        yield office
        with office.read() as db:
            assert (broken := first_break_anywhere(db)) is None, broken
    finally:
        office.connections.dispose()


PEER_TABLES = (
    "CREATE TABLE bare (stream TEXT, seq BIGINT, body {bytes}, PRIMARY KEY (stream, seq))",
    "CREATE TABLE ordered (stream TEXT, seq BIGINT, body {bytes}, PRIMARY KEY (stream, seq))",
    "CREATE TABLE head (stream TEXT PRIMARY KEY, size BIGINT, last_hash TEXT)",
    *(f"INSERT INTO head VALUES ('{writer}', 0, '{NO_ENTRY}')" for writer in range(max(WRITERS))),
)
NEXT = "UPDATE head SET size = size + 1, last_hash = {0} WHERE stream = {0} RETURNING size"


@dataclass
class SqliteWriter:
    """Opens the acts of one of the server's threads."""

    office: Office
    peer: Path
    turn: threading.Lock

    @contextlib.contextmanager
    def __call__(self, writer: int) -> Iterator[Acts]:
        connection = sqlite3.connect(self.peer, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        body, digest, stream = body_of(writer, 0), "0" * 64, str(writer)
        after = NEXT.format("?")

        def bare(n: int) -> None:
            with self.turn:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO bare VALUES (?, ?, ?)", (stream, n, body))
                connection.execute("COMMIT")

        def head(_n: int) -> None:
            with self.turn:
                connection.execute("BEGIN IMMEDIATE")
                (size,) = connection.execute(after, (digest, stream)).fetchone()
                connection.execute("INSERT INTO ordered VALUES (?, ?, ?)", (stream, size, body))
                connection.execute("COMMIT")

        with contextlib.closing(connection):
            yield {OURS: record_act(self.office, writer), BARE: bare, HEAD: head}


@dataclass
class PostgresWriter:
    """Opens the acts of one process."""

    url: str
    dsn: str
    folder: Path

    @contextlib.contextmanager
    def __call__(self, writer: int) -> Iterator[Acts]:
        body, digest, stream = body_of(writer, 0), "0" * 64, str(writer)
        after = NEXT.format("%s")

        def bare(n: int) -> None:
            # With autocommit a single statement is its own transaction, durable when it returns.
            connection.execute("INSERT INTO bare VALUES (%s, %s, %s)", (stream, n, body))

        def head(_n: int) -> None:
            with connection.transaction():
                row = connection.execute(after, (digest, stream)).fetchone()
                assert row is not None
                connection.execute(
                    "INSERT INTO ordered VALUES (%s, %s, %s)", (stream, row[0], body)
                )

        office = make_office(self.url, self.folder)
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            yield {OURS: record_act(office, writer), BARE: bare, HEAD: head}
        office.connections.dispose()


def on_sqlite(effort: Effort, folder: Path) -> Iterator[dict[str, object]]:
    for count in WRITERS:
        place = folder / f"sqlite-{count}"
        place.mkdir()
        with contextlib.closing(sqlite3.connect(place / "peer.db")) as connection:
            for statement in PEER_TABLES:
                connection.execute(statement.format(bytes="BLOB"))
            connection.commit()
        with office_on(f"sqlite:///{place}/ours.db", place) as office:
            opened = SqliteWriter(office, place / "peer.db", threading.Lock())
            with threads(opened, count) as writers:
                yield from compare("SQLite", writers, effort)


def on_postgresql(effort: Effort, folder: Path) -> Iterator[dict[str, object]]:
    """Where its binaries are installed."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(start_postgres(durable=True))
        except pytest.skip.Exception:
            return
        for count in WRITERS:
            place = folder / f"postgresql-{count}"
            name = server.create()
            with psycopg.connect(server.dsn(name), autocommit=True) as connection:
                for statement in PEER_TABLES:
                    connection.execute(statement.format(bytes="BYTEA").encode())
            with office_on(server.url(name), place):
                opened = PostgresWriter(server.url(name), server.dsn(name), place)
                with processes(opened, count) as writers:
                    yield from compare("PostgreSQL", writers, effort)


def lines(*, quick: bool) -> Iterator[dict[str, object]]:
    """All cases, each with its peers."""
    effort = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="bigloop-bench-") as folder:
        for measure in (on_sqlite, on_postgresql):
            yield from measure(effort, Path(folder))
