"""An office with a market on each of the two engines; the market is made once and copied."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from api.desks.issuer.desk import Desk
from api.migrations import upgrade
from archive.office import Office
from tests.builders import make_office
from tests.deposits import makers
from tests.deposits.buying import LARGE, Hall, hall_of
from tests.deposits.paying import Town
from tests.support.postgres import PostgresServer


def make_template(folder: Path, url: str) -> None:
    upgrade(url)
    office = make_office(folder, url, makers.START, b"market")
    makers.make_market(office)
    office.connections.dispose()


@pytest.fixture(scope="session")
def sqlite_market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    path = folder / "market.db"
    make_template(folder, f"sqlite:///{path}")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def postgres_market(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> str:
    name = postgres_server.create()
    make_template(tmp_path_factory.mktemp("market"), postgres_server.url(name))
    return name


def copy_of(market: Path, folder: Path) -> Office:
    folder.mkdir()
    shutil.copyfile(market, folder / "deposits.db")
    return make_office(folder, f"sqlite:///{folder}/deposits.db", makers.START)


@pytest.fixture
def twin(tmp_path: Path, sqlite_market: Path) -> Iterator[Office]:
    """An office like `office`, always on SQLite."""
    made = copy_of(sqlite_market, tmp_path / "twin")
    yield made
    made.connections.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """A market as `makers.make_market` makes it, at the moment `makers.START`."""
    if request.param == "sqlite":
        made = copy_of(request.getfixturevalue("sqlite_market"), tmp_path / "office")
        yield made
        made.connections.dispose()
        return
    server = cast("PostgresServer", request.getfixturevalue("postgres_server"))
    name = server.create(template=request.getfixturevalue("postgres_market"))
    made = make_office(tmp_path, server.url(name), makers.START)
    yield made
    made.connections.dispose()
    server.drop(name)


@pytest.fixture
def town(office: Office) -> Town:
    """The market's bidders with a bank, on each engine."""
    made = Town(office)
    made.register()
    return made


@pytest.fixture(scope="session")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An issuers' desk's keys, made once."""
    folder = tmp_path_factory.mktemp("houses")
    Desk(folder)
    return folder


@pytest.fixture
def hall(office: Office, tmp_path: Path, houses: Path) -> Hall:
    folder = tmp_path / "issuer"
    folder.mkdir()
    (folder / "keys.json").write_bytes((houses / "keys.json").read_bytes())
    return hall_of(office, folder)


@pytest.fixture
def lot_id(hall: Hall) -> str:
    return makers.make_lots(hall.office, LARGE)[0]
