"""Ten thousand forced reconnects while servers are killed, on both databases; two nodes on one; a writer killed many
times. Each prints its counts."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from archive.journal import service as journal
from archive.note import Verifier
from archive.office import Office
from tests.builders import make_office
from tests.scenarios.streaming import Station, Viewers, judge, prepare, sign_in
from tests.scenarios.test_streaming import killed_writer, size_of
from tests.support.servers import Server, Servers, free_port

RECONNECTS, VIEWERS = 10_000, 60
KILL_SECONDS = (4.0, 12.0)


class Nodes:
    """`bigloop serve` processes over one database, killed and started again."""

    def __init__(self, servers: Servers, folder: Path, url: str, count: int) -> None:
        self._servers = servers
        self._env = {
            "BIGLOOP_ENVIRONMENT": "demo",
            "BIGLOOP_DATA": str(folder),
            "BIGLOOP_DATABASE_URL": url,
            "BIGLOOP_LOG_NAME": "log.test",
            "BIGLOOP_IDLE_MINUTES": "600",
        }
        self.ports = [free_port() for _ in range(count)]
        self.running: dict[int, Server] = {}
        for port in self.ports:
            self.start(port)
        self.log = Verifier.parse((folder / "keys" / "log.vkey").read_text("utf-8").strip())

    def start(self, port: int) -> None:
        self.running[port] = self._servers(
            "serve", env=self._env, ready="/health", timeout_s=120, port=port
        )

    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def kill(self, port: int) -> None:
        self.running.pop(port).kill()


def run(
    office: Office,
    nodes: Nodes,
    reconnects: int,
    viewers_count: int,
    trouble: Callable[[Viewers, threading.Event], None],
) -> Viewers:
    device = prepare(office)
    cookies = {who: sign_in(nodes.urls()[0], who) for who in ("staff-1", "watcher")}
    station = Station(office, device, nodes.urls, cookies["staff-1"])
    viewers = Viewers(nodes.urls, cookies["watcher"], nodes.log, viewers_count, reconnects)
    over, calm, ended = threading.Event(), threading.Event(), threading.Event()

    def make_trouble() -> None:
        trouble(viewers, over)
        calm.set()
        ended.wait()  # a server ends with the thread that started it

    making = threading.Thread(target=make_trouble, daemon=True)
    station.start()
    making.start()

    def at_last() -> int:
        over.set()
        assert calm.wait(300)
        station.stop()
        return size_of(office)

    asyncio.run(viewers.run(at_last))
    ended.set()
    judge(office, viewers, station)
    sys.stdout.write(f"\n{viewers.counts.line()}\n")
    assert viewers.counts.reconnects >= reconnects
    assert viewers.counts.kills > 0
    return viewers


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

    run(office, nodes, RECONNECTS, VIEWERS, trouble)
    office.connections.dispose()


def test_two_nodes_and_one_is_killed(
    migrated_postgres_url: str, tmp_path: Path, run_server: Servers
) -> None:
    folder = tmp_path / "data"
    office = make_office(folder, migrated_postgres_url)
    nodes = Nodes(run_server, folder, migrated_postgres_url, 2)

    def trouble(viewers: Viewers, over: threading.Event) -> None:
        over.wait(5)
        nodes.kill(nodes.ports[0])
        viewers.counts.kills += 1

    run(office, nodes, RECONNECTS // 10, VIEWERS, trouble)
    office.connections.dispose()


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
