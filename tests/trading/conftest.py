import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from archive.office import Office
from tests.builders import make_office
from tests.trading.world import World


@pytest.fixture(scope="session")
def world_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a world that was set up once, to be copied."""
    folder = tmp_path_factory.mktemp("world")
    World(make_office(folder)).setup().office.connections.dispose()
    return folder


@pytest.fixture
def world(tmp_path: Path, world_template: Path) -> Iterator[World]:
    """A small world on SQLite."""
    folder = tmp_path / "world"
    shutil.copytree(world_template, folder)
    office = make_office(folder, f"sqlite:///{folder}/bigloop.db")
    # What a power cut would cost does not matter for a database that lives for one test.
    sa.event.listen(office.connections.engine, "connect", _in_haste)
    yield World(office)
    office.connections.dispose()


def _in_haste(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture
def any_office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """An empty office on each engine, migrated."""
    office = make_office(tmp_path, database_url)
    yield office
    office.connections.dispose()


@pytest.fixture
def any_world(any_office: Office) -> World:
    """The small world on each engine."""
    return World(any_office).setup()
