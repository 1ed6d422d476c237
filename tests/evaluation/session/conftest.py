"""Offices: quick ones with the tables as the code declares them, and migrated ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import evaluation.session.service
import evaluation.sheets.service
import evaluation.witness.service  # noqa: F401  the tables are made from what is imported
from archive.office import Office
from tests.builders import make_office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """On SQLite."""
    office = make_office(tmp_path)
    yield office
    office.connections.dispose()


@pytest.fixture
def any_office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """Once on each engine, migrated; for what rests on SQL."""
    office = make_office(tmp_path, database_url)
    yield office
    office.connections.dispose()
