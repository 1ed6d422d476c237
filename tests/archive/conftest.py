"""An office on each database engine, with the tables of this package alone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from archive.database import Connections
from archive.journal import tables as journal_tables
from archive.note import Verifier
from archive.office import Office
from archive.tasks import tables as task_tables
from tests.archive.dossiers import assembled, fill, spread
from tests.builders import make_office
from tests.support.postgres import PostgresServer

TABLES = (
    journal_tables.StreamRow,
    journal_tables.EntryRow,
    journal_tables.AnchorRow,
    journal_tables.AnchoredHeadRow,
    task_tables.TaskRow,
)


def make_tables(url: str) -> None:
    """Without the triggers that the migrations add: these tests play the adversary who has none."""
    connections = Connections(url)
    for row in TABLES:
        cast("Any", row).__table__.create(connections.engine)
    connections.dispose()


@pytest.fixture
def sqlite_office(tmp_path: Path) -> Iterator[Office]:
    url = f"sqlite:///{tmp_path}/bigloop.db"
    make_tables(url)
    office = make_office(tmp_path, url)
    yield office
    office.connections.dispose()


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.create()
    make_tables(postgres_server.url(name))
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def postgres_office(tmp_path: Path, postgres_tables: str) -> Iterator[Office]:
    office = make_office(tmp_path, postgres_tables)
    names = ", ".join(str(row.__tablename__) for row in TABLES)
    with office.connections.engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
    yield office
    office.connections.dispose()


@pytest.fixture(
    params=["sqlite_office", pytest.param("postgres_office", marks=pytest.mark.postgres)]
)
def office(request: pytest.FixtureRequest) -> Office:
    """The test runs once on each engine."""
    return cast("Office", request.getfixturevalue(request.param))


@pytest.fixture
def later_office(office: Office, tmp_path: Path) -> Iterator[Callable[..., Office]]:
    """Makes further offices on the same database, as further processes would."""
    made: list[Office] = []

    def make(**how: Any) -> Office:
        made.append(make_office(tmp_path, office.connections.url, **how))
        return made[-1]

    yield make
    for each in made:
        each.connections.dispose()


# --- A small dossier, assembled once ------------------------------------------------------


@pytest.fixture(scope="session")
def dossier_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    url = f"sqlite:///{folder}/bigloop.db"
    make_tables(url)
    made = make_office(folder, url)
    fill(made)
    yield made
    made.connections.dispose()


@pytest.fixture(scope="session")
def files(dossier_office: Office) -> dict[str, bytes]:
    return dict(assembled(dossier_office).files)


@pytest.fixture
def trust(dossier_office: Office) -> list[Verifier]:
    return [dossier_office.log.verifier]


@pytest.fixture
def folder(files: dict[str, bytes], tmp_path: Path) -> Path:
    return spread(files, tmp_path / "dossier")
