"""The telephony desk as a process of its own: orders in, and for a demonstration the time.

POST /orders    a signed message of orders → {"taken": n}
POST /clock     {"now": moment}, signed; only where legal time is told → {"sent": n}
GET  /health    what is in the books
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.desks.telephony.desk import Desk
from api.desks.telephony.http import HEADERS
from archive import canonical
from archive.errors import Refusal
from experts.invitations.gateway import is_signed

BODY_BYTES_MAX = 1024 * 1024


def application(desk: Desk) -> Starlette:
    """The desk's three addresses."""

    def signed(act: Callable[[bytes], Response]) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            body = b""
            async for part in request.stream():
                body += part
                if len(body) > BODY_BYTES_MAX:
                    return JSONResponse({"error": "too large"}, 413)
            message, stamp, given = (request.headers.get(name, "") for name in HEADERS)
            if not is_signed(desk.secret, message, stamp, body, given):
                return JSONResponse({"error": "signature"}, 401)
            try:
                return await run_in_threadpool(act, body)
            except (ValueError, KeyError, TypeError):
                return JSONResponse({"error": "form"}, 422)
            except Refusal:
                return JSONResponse({"error": "replies are not taken"}, 503)

        return endpoint

    def take(body: bytes) -> Response:
        return JSONResponse({"taken": desk.take(body)})

    def advance(body: bytes) -> Response:
        if not desk.driven:
            return JSONResponse({"error": "the host's clock holds"}, 409)
        now = datetime.fromisoformat(canonical.decode(body)["now"])
        return JSONResponse({"sent": desk.advance(now)})

    def health(_: Request) -> Response:
        return JSONResponse(desk.counts())

    return Starlette(
        routes=[
            Route("/orders", signed(take), methods=["POST"]),
            Route("/clock", signed(advance), methods=["POST"]),
            Route("/health", health),
        ]
    )
