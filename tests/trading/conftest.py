from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from archive.office import Office
from tests.builders import make_office
from tests.trading.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A small world on SQLite."""
    office = make_office(tmp_path)
    yield World(office).setup()
    office.connections.dispose()


@pytest.fixture
def any_office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """An empty office on each engine. The migrations may lag behind the tables while both are
    made; whatever is missing is made here."""
    engine = sa.create_engine(database_url)
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    office = make_office(tmp_path, database_url)
    yield office
    office.connections.dispose()


@pytest.fixture
def any_world(any_office: Office) -> World:
    """The small world on each engine."""
    return World(any_office).setup()
