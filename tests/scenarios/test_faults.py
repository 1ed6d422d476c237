"""A full disk, a node that is killed, a database that is killed: nothing acknowledged is lost, nothing doubled, and what is
refused is refused in words. The long runs are in the soak."""

from __future__ import annotations

import json
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path

from api.app import create_app
from api.office import open_custodian, open_office
from api.settings import Settings
from tests.builders import make_office
from tests.scenarios.storm import storm
from tests.scenarios.streaming import (
    Nodes,
    Viewers,
    in_trouble,
)
from tests.support.postgres import PostgresServer, start_postgres
from tests.support.servers import Servers
from tests.support.serving import served

RECONNECTS, VIEWERS = 60, 8
ROOM_BYTES = 32 * 1024
SECONDS_MAX = 30.0


def until(wanted: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS_MAX
    while not wanted():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


def test_a_full_disk(tmp_path: Path, migrated_sqlite_url: str, run_server: Servers) -> None:
    """The kernel lets no file grow (EFBIG, RLIMIT_FSIZE stands for ENOSPC), and then lets it again."""
    folder = tmp_path / "data"
    office = make_office(folder, migrated_sqlite_url)
    nodes = Nodes(run_server, folder, migrated_sqlite_url, 1)
    (server,) = nodes.running.values()
    database = Path(migrated_sqlite_url.removeprefix("sqlite:///"))

    def trouble(viewers: Viewers, _over: threading.Event) -> None:
        until(lambda: viewers.counts.reconnects > 5)
        sizes = [path.stat().st_size for path in database.parent.glob(f"{database.name}*")]
        without = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        limit = (max(sizes) + ROOM_BYTES, without[1])
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limit)
        until(lambda: len(viewers.counts.refusals) > 3)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, without)
        viewers.counts.kills += 1

    viewers = in_trouble(office, nodes.urls, nodes.log, RECONNECTS, VIEWERS, trouble)
    status, told = viewers.counts.refusals[-1]
    said = json.loads(told)
    assert (status, said["code"]) == (503, "api.record.failed")
    assert said["detail_zh"] != said["detail_en"] != ""
    office.connections.dispose()


def test_one_of_two_nodes_is_killed(
    tmp_path: Path, migrated_postgres_url: str, run_server: Servers
) -> None:
    """Its viewers go to the other one, and go on there."""
    folder = tmp_path / "data"
    nodes = Nodes(run_server, folder, migrated_postgres_url, 1)
    settings = Settings(
        data=folder, database_url=migrated_postgres_url, log_name="log.test", idle_minutes=600
    )
    office = open_office(settings)  # with the keys of the other node
    with served(create_app(office, settings, open_custodian(settings, office))) as other:

        def trouble(viewers: Viewers, _over: threading.Event) -> None:
            until(lambda: viewers.counts.reconnects > RECONNECTS / 2)
            nodes.kill(nodes.ports[0])
            viewers.counts.kills += 1
            before = viewers.counts.reconnects
            until(lambda: viewers.counts.reconnects > before + 20)

        in_trouble(office, lambda: [*nodes.urls(), other], nodes.log, RECONNECTS, VIEWERS, trouble)
    office.connections.dispose()


def test_the_database_is_killed(tmp_path: Path) -> None:
    with start_postgres(durable=True) as server:
        database_lost(tmp_path, server, RECONNECTS, VIEWERS, lambda: 1.0)


def database_lost(
    folder: Path,
    server: PostgresServer,
    reconnects: int,
    count: int,
    pause: Callable[[], float],
) -> None:
    """All its processes are killed at once, again and again, while stations report and viewers watch."""
    from api.migrations import upgrade

    url = server.url(server.create())
    upgrade(url)
    office = make_office(folder, url)
    settings = Settings(data=folder, database_url=url, idle_minutes=600)
    with served(create_app(office, settings, open_custodian(settings, office))) as address:

        def trouble(viewers: Viewers, over: threading.Event) -> None:
            while not over.wait(pause()):
                server.crash()
                viewers.counts.kills += 1
                time.sleep(0.2)
                server.start()

        in_trouble(office, lambda: [address], office.log.verifier, reconnects, count, trouble)
    office.connections.dispose()


def test_a_crowd_comes_at_once(
    tmp_path: Path, migrated_sqlite_url: str, run_server: Servers
) -> None:
    """More than are let in together: all are served, in turn, and somebody else is answered meanwhile."""
    found = storm(tmp_path / "data", migrated_sqlite_url, run_server, 60)
    assert found.busy > 0
    assert found.slowest < found.seconds
