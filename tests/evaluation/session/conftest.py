"""Offices with the tables as the code declares them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import SQLModel

import evaluation.session.service
import evaluation.sheets.service
import evaluation.witness.service  # noqa: F401  the tables are made from what is imported
from archive.database import Connections
from archive.office import Office
from tests.builders import make_office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """On SQLite."""
    office = make_office(tmp_path)
    yield office
    office.connections.dispose()


@pytest.fixture(
    params=[
        pytest.param("sqlite", id="sqlite"),
        pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgres),
    ]
)
def any_office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """Once on each engine; for what rests on SQL."""
    if request.param == "sqlite":
        office = make_office(tmp_path)
    else:
        server = request.getfixturevalue("postgres_server")
        url = server.url(server.create())
        connections = Connections(url)
        SQLModel.metadata.create_all(connections.engine)
        connections.dispose()
        office = make_office(tmp_path, url)
    yield office
    office.connections.dispose()
