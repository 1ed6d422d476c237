"""The start page: the day's board. Filled in by the flow; this file only shows it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import Visitor
from api.negotiation import language_of
from api.pages.templating import clock_text, page
from api.shell import shell_of

router = APIRouter(include_in_schema=False)


@router.get("/")
def start(visitor: Visitor, request: Request) -> Response:
    shell = shell_of(request)
    language = language_of(request, shell.settings.language)
    now_text = clock_text(shell.office.clock.now())
    return page(request, "start.html", {"actor": visitor, "now_text": now_text}, language)
