"""What page tests stand on: the application without a browser, and one living day for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.identity import service as identity
from api.identity.accounts import Account
from archive.actor import SYSTEM, Role
from archive.office import Office
from tests.api.conftest import PASSWORD, app, client, office, settings, signed_in
from tests.support.servers import Server, Servers
from tests.trading.world import World

SESSIONS = 4
RATE = 600
"""From a quarter of an hour before the opening to the reviews in some eight seconds."""

__all__ = ["app", "client", "office", "settings", "signed_in"]


@pytest.fixture
def world(app: FastAPI, office: Office) -> World:
    """Parties and a centre; `world.noticed()` is a lot with its notice, `world.opened()` an opened one."""
    return World(office, app.state.shell.custodian).setup()


@pytest.fixture
def signed_in_as(app: FastAPI, office: Office) -> Iterator[Callable[..., TestClient]]:
    """A client for a person in a role, of a centre or a party of one's choice."""
    clients: list[TestClient] = []

    def sign_in(role: Role, centre_id: str = "", party_id: str = "") -> TestClient:
        name = f"{role}-{centre_id}{party_id}"
        account = Account(name, frozenset({role}), centre_id=centre_id, party_id=party_id)
        with office.write() as tx:
            identity.create_account(tx, SYSTEM, account, PASSWORD)
        made = TestClient(app, raise_server_exceptions=False)
        made.__enter__()
        clients.append(made)
        answer = made.post("/api/sign-in", json={"account": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return made

    yield sign_in
    for made in clients:
        made.__exit__(None, None, None)


@pytest.fixture(scope="module")
def living_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demonstration's server that has only begun: look at it and act in it, but expect that others
    act too. Accounts: `staff`, `supervisor`, `bidder`, `tenderer`, `expert`."""
    folder: Path = tmp_path_factory.mktemp("day")
    servers = Servers(folder)
    words = ("--serve", "--sessions", str(SESSIONS), "--pool", "3000", "--rate", str(RATE))
    data = str(folder / "data")
    yield servers("demo", *words, "--data", data, ready="/health", timeout_s=90.0)
    servers.end()
