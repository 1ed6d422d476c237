"""The small world, made once and copied for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.office import Office
from tests.builders import make_office
from tests.experts import world


@pytest.fixture(scope="session")
def world_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a closed SQLite database that holds the small world, and its vault."""
    folder: Path = tmp_path_factory.mktemp("world")
    world.open_office(folder).connections.dispose()
    return folder


@pytest.fixture
def office(world_folder: Path, tmp_path: Path) -> Iterator[Office]:
    """An office of its own on a copy of the small world."""
    shutil.copytree(world_folder, tmp_path, dirs_exist_ok=True)
    made = make_office(tmp_path, f"sqlite:///{tmp_path}/bigloop.db", seed=b"2")
    yield made
    made.connections.dispose()
