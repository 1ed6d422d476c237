"""Every route says who may call it, and holds to it: nobody, a stranger, and who may."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.routing import APIRoute
from starlette.routing import Route
from starlette.testclient import TestClient

from api.access import (
    Allowed,
    Anybody,
    BidderActor,
    Public,
    StaffActor,
    check_declared,
    declarations,
    undeclared,
    walk,
)
from api.app import ROUTERS
from api.transactions import WriteTx
from archive.actor import Role
from archive.office import Office


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    roles: frozenset[Role]
    """Empty: any sign-in."""
    is_public: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def ask(self, client: TestClient) -> Any:
        path = re.sub(r"\{[^}]+\}", "unknown", self.path)
        body: dict[str, str] | None = {} if self.method in ("POST", "PUT", "PATCH") else None
        return client.request(self.method, path, json=body)


def endpoints() -> Iterator[Endpoint]:
    for router in ROUTERS:
        for route in walk(router.routes):
            if isinstance(route, APIRoute):
                (declared,) = declarations(route.dependant)
                roles = declared.roles if isinstance(declared, Allowed) else frozenset[Role]()
                (method,) = route.methods or {""}
                is_public = not isinstance(declared, Allowed)
                yield Endpoint(method, route.path, roles, is_public)


ENDPOINTS = list(endpoints())
CLOSED = [e for e in ENDPOINTS if not e.is_public]


def test_the_application_declares_every_route(app: FastAPI) -> None:
    assert undeclared(app.routes) == []
    assert len(ENDPOINTS) > 30
    assert len(CLOSED) > 25


def test_what_is_open_is_open_on_purpose() -> None:
    assert sorted(str(e) for e in ENDPOINTS if e.is_public) == [
        "GET /",
        "GET /api/askings",
        "GET /api/board",
        "GET /api/clock",
        "GET /api/docs",
        "GET /api/draws/{draw_id}/asking",
        "GET /api/draws/{draw_id}/transcript",
        "GET /api/recorders/{session_id}/{station}",
        "GET /api/trustees",
        "GET /figures",
        "GET /fragments/amount",
        "GET /fragments/board",
        "GET /fragments/kit",
        "GET /health",
        "GET /kit",
        "GET /problems/{code}",
        "GET /public/draw",
        "GET /public/draws",
        "GET /public/guarantees",
        "GET /public/lots",
        "GET /public/lots/{lot_id}",
        "GET /public/lots/{lot_id}/notice",
        "GET /public/trust",
        "GET /public/trustees",
        "GET /public/verify",
        "GET /sign-in",
        "POST /api/draws/{draw_id}/outputs",
        "POST /api/recorders/{session_id}/{station}/pictures/{track}",
        "POST /api/recorders/{session_id}/{station}/reports",
        "POST /api/sign-in",
        "POST /api/sign-out",
        "POST /api/telephony/replies",
        "POST /kit",
        "POST /public/verify",
        "POST /sign-in",
        "POST /sign-out",
    ]


class TestPlanted:
    """What breaks the rule is noticed before the application starts."""

    def router(self) -> APIRouter:
        return APIRouter()

    def test_no_declaration(self) -> None:
        router = self.router()

        @router.get("/x")
        def open_by_mistake() -> None: ...

        assert undeclared(router.routes) == ["/x: 0 declarations of who may call it"]
        with pytest.raises(AssertionError, match="/x"):
            check_declared(router.routes)

    def test_two_declarations(self) -> None:
        router = self.router()

        @router.get("/x")
        def both(_: Public, actor: StaffActor) -> None: ...

        assert undeclared(router.routes) == ["/x: 2 declarations of who may call it"]

    def test_a_transaction_before_the_declaration(self) -> None:
        router = self.router()

        @router.post("/x")
        def late(tx: WriteTx, actor: StaffActor) -> None: ...

        assert undeclared(router.routes) == [
            "/x: who may call it comes first, before anything is opened"
        ]

    def test_a_socket_and_a_bare_route(self) -> None:
        router = self.router()

        @router.websocket("/w")
        async def socket(ws: WebSocket) -> None: ...

        router.routes.append(Route("/bare", lambda _: None))
        assert len(undeclared(router.routes)) == 2

    def test_inside_an_included_router(self) -> None:
        inner, outer = self.router(), FastAPI(openapi_url=None)

        @inner.get("/x")
        def open_by_mistake() -> None: ...

        outer.include_router(inner)
        assert "/x: 0 declarations of who may call it" in undeclared(outer.routes)

    def test_a_look_alike_is_no_declaration(self) -> None:
        router = self.router()

        @router.get("/x")
        def look_alike(actor: Annotated[str, Anybody()] = "") -> None: ...

        assert len(undeclared(router.routes)) == 1


def test_nobody_is_told_to_sign_in(client: TestClient) -> None:
    """One test for all endpoints: an application for each would take minutes."""
    assert len(CLOSED) > 100
    for endpoint in CLOSED:
        answer = endpoint.ask(client)
        assert answer.status_code == 401, endpoint
        assert answer.json()["code"] == "api.http.not_signed_in", endpoint
        assert "www-authenticate" in answer.headers, endpoint


@pytest.fixture
def people(signed_in: Callable[[Role], TestClient]) -> dict[Role, TestClient]:
    return {role: signed_in(role) for role in Role if role is not Role.SYSTEM}


def test_strangers_are_refused_and_who_may_is_heard(people: dict[Role, TestClient]) -> None:
    """One test for all endpoints: signing six people in for each would take a minute."""
    for endpoint in CLOSED:
        for role, person in people.items():
            answer = endpoint.ask(person)
            allowed = not endpoint.roles or role in endpoint.roles
            said = f"{endpoint} as {role}: {answer.status_code} {answer.text[:200]}"
            assert answer.status_code < 500, said
            if allowed:
                assert answer.status_code != 401, said
                if answer.status_code == 403:
                    assert answer.json()["code"] != "archive.actor.role", said
            else:
                assert answer.status_code == 403, said
                assert answer.json()["code"] == "archive.actor.role", said


def test_a_refused_caller_opens_no_transaction(
    people: dict[Role, TestClient], office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never() -> Any:
        raise AssertionError("opened")

    monkeypatch.setattr(office, "write", never)
    answer = people[Role.EXPERT].post("/api/projects", json={})
    assert answer.status_code == 403


def test_a_bidder_reads_no_record(people: dict[Role, TestClient]) -> None:
    assert BidderActor is not StaffActor
    for path in ("/api/lots/x/entries", "/api/dossiers", "/api/draws/x", "/api/sessions"):
        assert people[Role.BIDDER].get(path).status_code == 403, path
