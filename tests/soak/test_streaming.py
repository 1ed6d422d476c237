"""Ten thousand forced reconnects while servers are killed, on both databases; two nodes on one; a writer and a database
killed many times; five thousand viewers who come at once. Each prints its counts."""

from __future__ import annotations

import random
import sys
import threading
from pathlib import Path

from archive.journal import service as journal
from tests.builders import make_office
from tests.scenarios.storm import storm
from tests.scenarios.streaming import Nodes, Viewers, in_trouble
from tests.scenarios.test_faults import database_lost
from tests.scenarios.test_streaming import killed_writer, size_of
from tests.support.postgres import start_postgres
from tests.support.servers import Servers

RECONNECTS, VIEWERS = 10_000, 60
KILL_SECONDS = (4.0, 12.0)
CROWD = 5_000


def test_ten_thousand_reconnects_while_the_server_is_killed(
    database_url: str, tmp_path: Path, run_server: Servers
) -> None:
    folder = tmp_path / "data"
    office = make_office(folder, database_url)
    nodes = Nodes(run_server, folder, database_url, 1)
    chance = random.Random(1)

    def trouble(viewers: Viewers, over: threading.Event) -> None:
        while not over.wait(chance.uniform(*KILL_SECONDS)):
            (port,) = nodes.ports
            nodes.kill(port)
            viewers.counts.kills += 1
            nodes.start(port)

    in_trouble(office, nodes.urls, nodes.log, RECONNECTS, VIEWERS, trouble)
    office.connections.dispose()


def test_two_nodes_and_one_of_them_is_killed_again_and_again(
    migrated_postgres_url: str, tmp_path: Path, run_server: Servers
) -> None:
    folder = tmp_path / "data"
    office = make_office(folder, migrated_postgres_url)
    nodes = Nodes(run_server, folder, migrated_postgres_url, 2)

    chance = random.Random(4)

    def trouble(viewers: Viewers, over: threading.Event) -> None:
        """One of the two is always there."""
        while not over.wait(chance.uniform(*KILL_SECONDS)):
            port = chance.choice(nodes.ports)
            nodes.kill(port)
            viewers.counts.kills += 1
            over.wait(chance.uniform(0, 3))
            nodes.start(port)

    in_trouble(office, nodes.urls, nodes.log, RECONNECTS // 2, VIEWERS, trouble)
    office.connections.dispose()


def test_the_database_is_killed_many_times(tmp_path: Path) -> None:
    chance = random.Random(3)
    with start_postgres(durable=True) as server:
        database_lost(tmp_path, server, RECONNECTS // 2, VIEWERS, lambda: chance.uniform(1, 6))


def test_five_thousand_come_at_once(database_url: str, tmp_path: Path, run_server: Servers) -> None:
    found = storm(tmp_path / "data", database_url, run_server, CROWD)
    sys.stdout.write(f"\n{found.line()}\n")
    assert found.seconds < 600
    assert found.usual < 1
    assert found.slowest < 60, "but for the first moment, in which all of them knock"


def test_a_writer_killed_many_times(tmp_path: Path, database_url: str) -> None:
    acknowledged: set[tuple[int, int, int]] = set()
    chance = random.Random(2)
    for turn in range(20):
        told = killed_writer(tmp_path, database_url, chance.uniform(0, 0.5))
        acknowledged |= {(turn, number, n) for number, n in told}
    office = make_office(tmp_path, database_url)
    with office.read() as db:
        assert journal.first_break_anywhere(db) is None
    assert size_of(office) >= len(acknowledged)
    sys.stdout.write(f"\n20 kills, {len(acknowledged)} acknowledged, {size_of(office)} recorded\n")
    office.connections.dispose()
