"""Offices with every table of the witness desk, sealed sessions, and signing stations."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import evaluation.sheets.service
import evaluation.witness.tables  # noqa: F401  the tables are made from what is imported
from archive.office import Office
from tests.builders import make_office
from tests.evaluation import course
from tests.evaluation.witness.night import Night


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """On SQLite."""
    office = make_office(tmp_path)
    yield office
    office.connections.dispose()


@pytest.fixture
def any_office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """Once on each engine, migrated."""
    office = make_office(tmp_path, database_url)
    yield office
    office.connections.dispose()


def _sealing(office: Office) -> Night:
    served = course.Served(office)
    served.begin(course.plan())
    course.arrive(served)
    served.fill()
    course.pause(served)
    return Night(served)


@pytest.fixture(scope="session")
def locked_office(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with an office in which one session's sheets are locked, made once; its id."""
    folder = tmp_path_factory.mktemp("locked")
    office = make_office(folder)
    night = _sealing(office)
    office.connections.dispose()
    return folder, night.id


@pytest.fixture
def sealing(tmp_path: Path, locked_office: tuple[Path, str]) -> Iterator[Night]:
    """A session whose sheets are locked and whose venues are not yet sealed."""
    folder, session_id = locked_office
    shutil.copytree(folder, tmp_path / "office")
    office = make_office(tmp_path / "office", f"sqlite:///{tmp_path}/office/bigloop.db")
    yield Night(course.Served(office, session_id))
    office.connections.dispose()


@pytest.fixture
def any_sealing(any_office: Office) -> Night:
    return _sealing(any_office)
