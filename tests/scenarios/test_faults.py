"""A full disk, a node that is killed, a database that is killed: nothing acknowledged is lost, nothing doubled, and what is
refused is refused in words. The long runs are in the soak."""

from __future__ import annotations

import json
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from api.app import create_app
from api.office import open_custodian, open_office
from api.settings import Settings
from archive.office import Office
from tests.builders import STAFF, make_office
from tests.scenarios.storm import storm
from tests.scenarios.streaming import (
    Nodes,
    Viewers,
    in_trouble,
)
from tests.support.postgres import PostgresServer, start_postgres
from tests.support.servers import Server, Servers
from tests.support.serving import served

RECONNECTS, VIEWERS = 60, 8
ROOM_BYTES = 32 * 1024
MEGABYTE = 1024 * 1024
PAGE = 8192
SECONDS_MAX = 30.0


def until(wanted: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS_MAX
    while not wanted():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


def test_a_full_disk_of_sqlite(
    tmp_path: Path, migrated_sqlite_url: str, run_server: Servers
) -> None:
    database = Path(migrated_sqlite_url.removeprefix("sqlite:///"))

    def limit(server: Server, is_full: bool) -> None:
        sizes = [path.stat().st_size for path in database.parent.glob(f"{database.name}*")]
        most = max(sizes) + ROOM_BYTES if is_full else resource.RLIM_INFINITY
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    full_disk(tmp_path, migrated_sqlite_url, run_server, limit)


def test_a_full_disk_of_postgresql(tmp_path: Path, run_server: Servers) -> None:
    """The database's own server meets it: the table of entries cannot grow, and no other file is as large."""
    from api.migrations import upgrade

    with start_postgres(wal_megabytes=1) as postgres:
        url = postgres.url(postgres.create())
        upgrade(url)
        office = make_office(tmp_path / "filler", url)
        while _size_of_entries(office) < MEGABYTE - 2 * PAGE:
            with office.write() as tx:
                for n in range(10):
                    tx.record("lot/filler", "trading:lot:registered", STAFF, {"words": f"{n:1200}"})
        office.connections.dispose()

        def limit(_: Server, is_full: bool) -> None:
            postgres.limit_files(MEGABYTE if is_full else None)

        full_disk(tmp_path, url, run_server, limit)
        assert "could not extend file" in postgres.log()
        assert "PANIC" not in postgres.log()


def _size_of_entries(office: Office) -> int:
    with office.read() as db:
        asked = sa.select(sa.func.pg_relation_size("journal_entry"))
        return int(db.execute(asked).scalar_one())


def full_disk(
    folder: Path, url: str, run_server: Servers, limit: Callable[[Server, bool], None]
) -> None:
    """The kernel lets no file grow (EFBIG, RLIMIT_FSIZE stands for ENOSPC), and then lets it again: who reports is
    refused in words meanwhile, who watches goes on watching, and afterwards it goes on by itself."""
    office = make_office(folder / "data", url)
    nodes = Nodes(run_server, folder / "data", url, 1)
    (server,) = nodes.running.values()

    def trouble(viewers: Viewers, _over: threading.Event) -> None:
        until(lambda: viewers.counts.reconnects > 5)
        limit(server, True)
        until(lambda: len(viewers.counts.refusals) > 3)
        before = viewers.counts.reconnects
        until(lambda: viewers.counts.reconnects > before + 5)
        limit(server, False)
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
