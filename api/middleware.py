"""Around every request: incidents, security headers, Origin, and the access log.

The access log names the *route* (`/api/lots/{lot_id}`), never the path, the query or the address:
a path may hold a lot's id, and who asked for which lot before the opening is nobody's business
(see docs/decisions/0003).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from fastapi import HTTPException
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from api import problems
from api.problems import Problem
from api.shell import shell_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"})
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HSTS = "max-age=31536000"
_log = logging.getLogger("bigloop.access")

Send_ = Callable[[Message], Awaitable[None]]


class Guard:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                _dress(message, scope)
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        connection: HTTPConnection = (
            Request(scope, receive, note)
            if scope["type"] == "http"
            else WebSocket(scope, receive, note)
        )
        try:
            if is_foreign(connection):
                await _refuse(connection, Problem(403, "api.http.origin"), receive, note)
            elif declared_bytes(connection) > (most := _bytes_max(connection)):
                too_large = Problem(413, "api.http.too_large", {"bytes_max": most})
                await _refuse(connection, too_large, receive, note)
            else:
                await self._app(scope, limited(receive, most), note)
        except Exception as error:
            problem = problems.incident(error)
            if status:
                raise  # the answer is under way; the server cuts the connection
            status = problem.status
            await _refuse(connection, problem, receive, note)
        finally:
            _log.info(
                "%s %s %s %d ms",
                scope.get("method", "SOCKET"),
                route_name(scope),
                status or "-",
                (time.monotonic() - began) * 1000,
            )


def is_foreign(connection: HTTPConnection) -> bool:
    """Whether a page of another origin asks for something that may change state.

    Browsers name the origin of such requests (RFC 6454, Fetch); programs do not, and hold no
    cookie that a foreign page could misuse. A socket counts as unsafe: its handshake is a GET.
    """
    if connection.scope["type"] == "http" and connection.scope["method"] in SAFE_METHODS:
        return False
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
    own = f"{scheme}://{connection.headers.get('host', '')}".lower()
    return (
        origin.lower() != own
        and origin.lower() not in shell_of(connection).settings.allowed_origins
    )


def _bytes_max(connection: HTTPConnection) -> int:
    return shell_of(connection).settings.request_bytes_max


def declared_bytes(connection: HTTPConnection) -> int:
    """What Content-Length says; 0 where it says nothing (a chunked body is counted as it comes)."""
    text = connection.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def limited(receive: Receive, most: int) -> Receive:
    """Stop reading a body that turns out to be larger than `most` bytes."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413)
        return message

    return counting


def route_name(scope: Scope) -> str:
    """The template of the route that answered, without its parameters' values."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    if path is None:
        return "/static" if scope["path"].startswith("/static/") else "(no route)"
    return str(path)


def _dress(message: Message, scope: Scope) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", "no-store")
    if scope["scheme"] in ("https", "wss"):
        headers.setdefault("Strict-Transport-Security", HSTS)


async def _refuse(
    connection: HTTPConnection, problem: Problem, receive: Receive, send: Send_
) -> None:
    response = problems.answer(problem, connection)
    if not isinstance(connection, WebSocket):
        await response(connection.scope, receive, send)
    elif "websocket.http.response" in connection.scope.get("extensions", {}):
        await connection.send_denial_response(response)
    else:
        await connection.close(1008, problem.code)
