"""What page tests stand on: the application without a browser, and one living day for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import app, client, office, settings, signed_in
from tests.support.servers import Server, Servers

__all__ = ["app", "client", "office", "settings", "signed_in"]


@pytest.fixture(scope="session")
def living_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demonstration's server on its running day, shared by all page tests of the run: look at it
    and act in it, but expect that others act too. Accounts: `staff`, `supervisor`, `bidder`,
    `tenderer`, `expert`."""
    folder: Path = tmp_path_factory.mktemp("day")
    servers = Servers(folder)
    words = ("--serve", "--sessions", "3", "--pool", "3000", "--rate", "300")
    yield servers("demo", *words, "--data", str(folder / "data"), ready="/lots/none")
    servers.end()
