"""A page that lists the JSON interface with who may call what; `/openapi.json` has the details."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from api.access import Allowed, Public, declarations, walk
from api.negotiation import language_of
from api.pages.templating import page
from api.shell import shell_of

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    summary: str
    roles: tuple[str, ...]
    """Empty: any sign-in."""
    is_public: bool


def operations(routes: Any) -> list[Operation]:
    """The operations of the description, by path and method."""
    found = []
    for route in walk(routes):
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        (declared,) = declarations(route.dependant)
        roles = sorted(declared.roles) if isinstance(declared, Allowed) else []
        for method in sorted(route.methods or ()):
            summary = " ".join((route.description or "").partition("\n\n")[0].split())
            is_public = not isinstance(declared, Allowed)
            found.append(Operation(method, route.path, summary, tuple(roles), is_public))
    return sorted(found, key=lambda operation: (operation.path, operation.method))


@router.get("/api/docs")
def interface(_: Public, request: Request) -> Response:
    language = language_of(request, shell_of(request).settings.language)
    listed = [o for o in operations(request.app.routes) if not o.path.startswith("/fragments")]
    return page(request, "interface.html", {"operations": listed}, language)
