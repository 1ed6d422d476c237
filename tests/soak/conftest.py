"""The soak's fixtures are those of the scenarios; everything here carries the mark `soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.conftest import durable_postgres, played
from tests.scenarios.test_verify import judge

__all__ = ["durable_postgres", "judge", "played"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.soak)
