"""The start page: the day's board, refreshed by htmx every few seconds; and the same as JSON.

The board is public: it names projects, centres and counts, no person and no bidder. What is shown is
read by `api.flows.board` in one snapshot.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import WithJsonSchema
from starlette.responses import Response

from api.access import Public, Visitor
from api.flows.board import Board
from api.flows.board import board as read_board
from api.negotiation import language_of
from api.pages.kit.page import show
from api.pages.templating import page
from api.routes.fields import Answer
from api.shell import shell_of
from api.transactions import ReadDb

router = APIRouter()
Day = Annotated[
    date | None,
    Query(alias="day"),
    WithJsonSchema({"type": "string", "format": "date"}),
]


class SessionOnBoard(Answer):
    session_id: str
    project_name: str
    lot_id: str
    host_centre_name: str
    state: str
    seats: int
    guest_centres: tuple[str, ...]
    overnight: bool
    starts_at_text: str


class BoardAnswer(Answer):
    now_text: str
    day: date
    stages: tuple[tuple[str, int], ...]
    sessions: tuple[SessionOnBoard, ...]
    centres: tuple[tuple[str, int, int], ...]
    """(name, stations, guest seats given)."""
    nights: int
    dossiers: int
    tasks_waiting: int


def _board(request: Request, db: ReadDb, day: date | None) -> Board:
    return read_board(db, shell_of(request).office.clock.now(), day)


@router.get("/", include_in_schema=False)
def start(visitor: Visitor, request: Request, db: ReadDb, day: Day = None) -> Response:
    return show(request, "start.html", visitor, board=_board(request, db, day), asked_day=day)


@router.get("/fragments/board", include_in_schema=False)
def fragment(_: Public, request: Request, db: ReadDb, day: Day = None) -> Response:
    """What htmx puts in the board's place."""
    language = language_of(request, shell_of(request).settings.language)
    return page(request, "_board.html", {"board": _board(request, db, day)}, language)


@router.get("/api/board", tags=["installation"])
def board(_: Public, request: Request, db: ReadDb, day: Day = None) -> BoardAnswer:
    """The day's board, by default today's by the legal clock."""
    return BoardAnswer.model_validate(_board(request, db, day))
