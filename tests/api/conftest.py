"""An application on a fresh database, and people who are signed in to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from api.identity import service as identity
from api.identity.accounts import Account
from api.office import open_custodian
from api.settings import Environment, Settings
from archive.actor import SYSTEM, Role
from archive.office import Office
from tests.builders import CENTRE, make_office

PASSWORD = "correct horse battery"
PARTY = {Role.BIDDER: "9153", Role.EXPERT: "e1", Role.TENDERER: "9154", Role.ISSUER: "9155"}
"""Placeholders: the role asks for a party, these tests do not ask which."""


@pytest.fixture
def settings(tmp_path: Path, migrated_sqlite_url: str) -> Settings:
    return Settings(
        environment=Environment.DEMO,
        data=tmp_path / "data",
        database_url=migrated_sqlite_url,
        lodging_tick_seconds=0.02,
    )


@pytest.fixture
def office(tmp_path: Path, settings: Settings) -> Iterator[Office]:
    made = make_office(tmp_path, settings.url)
    yield made
    made.connections.dispose()


@pytest.fixture
def app(office: Office, settings: Settings) -> FastAPI:
    return create_app(office, settings, open_custodian(settings, office))


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """Nobody is signed in; what the server does not foresee is answered, not raised."""
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


def make_account(office: Office, role: Role, account_id: str = "") -> Account:
    account = Account(
        account_id or f"{role}-1",
        frozenset({role}),
        centre_id=CENTRE if role is Role.STAFF else "",
        party_id=PARTY.get(role, ""),
    )
    with office.write() as tx:
        return identity.create_account(tx, SYSTEM, account, PASSWORD)


@pytest.fixture
def signed_in(app: FastAPI, office: Office) -> Iterator[Callable[[Role], TestClient]]:
    """A client of its own for a person in a role."""
    clients: list[TestClient] = []

    def sign_in(role: Role) -> TestClient:
        account = make_account(office, role)
        made = TestClient(app, raise_server_exceptions=False)
        made.__enter__()
        clients.append(made)
        answer = made.post("/api/sign-in", json={"account": account.id, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return made

    yield sign_in
    for made in clients:
        made.__exit__(None, None, None)
