"""One request, one transaction: what is answered as done is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from starlette.testclient import TestClient

from api.access import Public
from api.transactions import ReadDb, WriteTx
from archive.actor import SYSTEM
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office

router = APIRouter()


@router.post("/t/write")
def write(_: Public, tx: WriteTx) -> dict[str, str]:
    tx.record("lot/a", "api:test:done", SYSTEM, {})
    return {"done": "yes"}


@router.post("/t/refuse")
def refuse(_: Public, tx: WriteTx) -> None:
    tx.record("lot/a", "api:test:done", SYSTEM, {})
    raise Refusal("archive.actor.two_persons", {"actor": "a"}, Kind.CONFLICT)


@router.post("/t/shapeless", response_model=int)
def shapeless(_: Public, tx: WriteTx) -> Any:
    tx.record("lot/a", "api:test:done", SYSTEM, {})
    return "not a number"


@router.post("/t/slow")
def slow(_: Public, tx: WriteTx) -> None:
    tx.record("lot/a", "api:test:done", SYSTEM, {})
    time.sleep(0.005)


@router.get("/t/read")
def read(_: Public, db: ReadDb) -> int:
    time.sleep(0.005)
    return len(list(journal.entries(db, "lot/a")))


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    app.include_router(router)
    return TestClient(app, raise_server_exceptions=False)


def count(office: Office) -> int:
    with office.read() as db:
        return len(list(journal.entries(db, "lot/a")))


def test_a_success_is_committed(client: TestClient, office: Office) -> None:
    assert client.post("/t/write").json() == {"done": "yes"}
    assert count(office) == 1


@pytest.mark.parametrize(("path", "status"), [("/t/refuse", 409), ("/t/shapeless", 500)])
def test_a_refusal_and_a_defect_leave_nothing(
    client: TestClient, office: Office, path: str, status: int
) -> None:
    assert client.post(path).status_code == status
    assert count(office) == 0


def test_a_commit_that_fails_is_no_success(
    client: TestClient, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trap: with FastAPI's default scope the answer would have left as a 200 already."""
    original = office.connections.write

    @contextmanager
    def failing() -> Iterator[Any]:
        with original() as session:
            yield session
            raise OSError("disk full")

    monkeypatch.setattr(office.connections, "write", failing)
    assert client.post("/t/write").status_code == 500
    assert count(office) == 0


def test_many_writers_at_once_do_not_starve_the_one_that_has_the_lock(
    app: FastAPI, office: Office
) -> None:
    """Sixty requests, forty threads: waiting in a thread would stop them all for half a minute."""
    app.include_router(router)

    async def rush() -> list[int]:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://t") as people:
            asked = [people.post("/t/slow") for _ in range(60)]
            asked += [people.get("/t/read") for _ in range(60)]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    began = time.monotonic()
    assert asyncio.run(rush()) == [200] * 120
    assert time.monotonic() - began < 10
    assert count(office) == 60
