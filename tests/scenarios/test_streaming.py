"""Viewers cut again and again while a station reports: nothing lost, nothing doubled. The long run with kills is
in the soak."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from api.app import create_app
from api.group_commit import GroupCommit
from api.office import open_custodian
from api.settings import Settings
from archive.errors import Refusal
from archive.journal import service as journal
from archive.office import Office, Tx
from tests.builders import STAFF, make_office
from tests.scenarios.streaming import STREAM, Station, Viewers, judge, prepare, sign_in
from tests.support.serving import served

RECONNECTS, VIEWERS = 60, 8


def size_of(office: Office) -> int:
    with office.read() as db:
        return journal.sizes(db, [STREAM])[STREAM]


def test_cut_again_and_again(tmp_path: Path, migrated_sqlite_url: str) -> None:
    office = make_office(tmp_path, migrated_sqlite_url)
    settings = Settings(data=tmp_path, database_url=migrated_sqlite_url, idle_minutes=60)
    app: FastAPI = create_app(office, settings, open_custodian(settings, office))
    device = prepare(office)
    with served(app) as url:
        station = Station(office, device, lambda: [url], sign_in(url, "staff-1"))
        viewers = Viewers(
            lambda: [url], sign_in(url, "watcher"), office.log.verifier, VIEWERS, RECONNECTS
        )
        station.start()

        def at_last() -> int:
            station.stop()
            return size_of(office)

        asyncio.run(viewers.run(at_last))
    judge(office, viewers, station)
    assert viewers.counts.reconnects >= RECONNECTS
    assert viewers.counts.acknowledged > 3
    sys.stdout.write(f"{viewers.counts.line()}\n")
    office.connections.dispose()


# --- The writer is killed ------------------------------------------------------------------


def write_for_ever(folder: Path, url: str, told: int) -> None:
    """Eight stations append; each acknowledgement is told through the pipe `told`."""
    office = make_office(folder, url)
    group = GroupCommit(office)

    def station(number: int) -> None:
        for n in range(1_000_000):

            def work(tx: Tx, n: int = n) -> None:
                data = {"station": f"s-{number}", "n": n}
                tx.record(STREAM, "evaluation:witness:heartbeat", STAFF, data)

            group.write(f"{number}", work).result()
            os.write(told, f"{number} {n}\n".encode())

    threads = [threading.Thread(target=station, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def killed_writer(folder: Path, url: str, seconds: float) -> list[tuple[int, int]]:
    """What a writer acknowledged before it was killed after so many seconds of writing."""
    read, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            write_for_ever(folder, url, told)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(told)
    heard = os.read(read, 65536)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while data := os.read(read, 1 << 20):
        heard += data
    os.close(read)
    lines = heard.decode().splitlines()
    return [(int(a), int(b)) for a, b in (line.split() for line in lines)]


def test_a_writer_that_is_killed_loses_nothing_that_it_acknowledged(
    tmp_path: Path, database_url: str
) -> None:
    acknowledged = killed_writer(tmp_path, database_url, 0.3)
    office = make_office(tmp_path, database_url)
    with office.read() as db:
        assert journal.first_break_anywhere(db) is None
        found = [(e.data["station"], e.data["n"]) for e in journal.entries(db, STREAM)]
    office.connections.dispose()
    assert len(acknowledged) > 8
    assert len(found) == len(set(found))
    assert set(found) >= {(f"s-{number}", n) for number, n in acknowledged}


def test_a_full_disk_is_acknowledged_to_nobody(tmp_path: Path, migrated_sqlite_url: str) -> None:
    """SQLite's own limit stands for the disk's; when there is room again, it goes on."""
    office = make_office(tmp_path, migrated_sqlite_url)
    group = GroupCommit(office)

    def work(tx: Tx) -> None:
        data = {"station": "s", "words": "x" * 2000}
        tx.record(STREAM, "evaluation:witness:heartbeat", STAFF, data)

    group.write("a", work).result()
    with office.connections.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    limit = [pages + 5]

    def narrow(connection: object, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit[0]}")  # type: ignore[attr-defined]

    sa.event.listen(office.connections.engine, "checkout", narrow)
    taken = 0

    def fill() -> None:
        nonlocal taken
        while taken < 50:
            group.write("a", work).result()
            taken += 1

    with pytest.raises(Refusal, match=r"api\.record\.failed"):
        fill()
    assert size_of(office) == 1 + taken
    limit[0] = 1_000_000
    group.write("a", work).result()
    assert size_of(office) == 2 + taken
    with office.read() as db:
        assert journal.first_break_anywhere(db) is None
    office.connections.dispose()
