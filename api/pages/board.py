"""The start page: the day's board, read again when anything public moved; and the same as JSON.

The board is public: it names projects, centres and counts, no person and no bidder. What is shown is
read by `api.flows.board` in one snapshot.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import WithJsonSchema
from starlette.responses import Response

from api.access import Public, Visitor
from api.flows.board import Board, BoardSession
from api.flows.board import board as read_board
from api.flows.topics import BOARD, numbers
from api.pages.kit.listing import CODE, NUMBER, Choice, Column, Listing, listing
from api.pages.kit.page import reader, show, words_of
from api.routes.fields import Answer
from api.shell import shell_of
from api.transactions import ReadDb
from archive.words import Language, say
from evaluation.session.state import Stage

router = APIRouter()
REVIEWS_SHOWN, CENTRES_SHOWN = 12, 10
"""Rows of one page of each list: the board is looked at in passing."""
GUESTS_NAMED = 3

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


def _guests(session: BoardSession, language: Language) -> str:
    """The first guest centres by name, and how many there are."""
    names = ("、" if language is Language.ZH else ", ").join(session.guest_centres[:GUESTS_NAMED])
    if (count := len(session.guest_centres)) <= GUESTS_NAMED:
        return names
    return f"{names} {say('api.page.board.guests_more', {'count': count}, language)}"


def _reviews(request: Request, board: Board) -> Listing[BoardSession]:
    language = reader(request)
    columns: tuple[Column[BoardSession], ...] = (
        Column("starts", "board.starts", lambda s: s.starts_at_text),
        Column(
            "lot",
            "board.project",
            lambda s: s.project_name,
            href=lambda s: f"/public/lots/{s.lot_id}",
        ),
        Column("host", "board.host", lambda s: s.host_centre_name),
        Column("guests", "board.guests", lambda s: _guests(s, language)),
        Column("seats", "board.seats", lambda s: s.seats, NUMBER),
        Column("state", "board.state", lambda s: s.state, CODE, words="evaluation.stage"),
        Column(
            "night", "board.night", lambda s: "OVERNIGHT" if s.overnight else None, CODE, "board"
        ),
    )
    states = words_of(request, "evaluation.stage", Stage)
    by_state = Choice[BoardSession]("state", "board.state", lambda s: s.state, states)
    return listing(
        request,
        columns,
        board.sessions,
        choices=[by_state],
        name="reviews",
        page_rows=REVIEWS_SHOWN,
    )


CENTRES: tuple[Column[tuple[str, int, int]], ...] = (
    Column("centre", "board.centre", lambda row: row[0]),
    Column("stations", "board.stations", lambda row: row[1], NUMBER),
    Column("given", "board.seats_given", lambda row: row[2], NUMBER),
)


def _known(request: Request, board: Board) -> dict[str, Any]:
    centres = listing(
        request, CENTRES, board.centres, sort="-given", name="centres", page_rows=CENTRES_SHOWN
    )
    return {"board": board, "reviews": _reviews(request, board), "centres": centres}


@router.get("/", include_in_schema=False)
def start(visitor: Visitor, request: Request, db: ReadDb, day: Day = None) -> Response:
    seq = numbers(db, [BOARD])[BOARD]
    known = _known(request, _board(request, db, day))
    tables: tuple[Listing[Any], ...] = (known["reviews"], known["centres"])
    for table in tables:
        if table.state.get("format") == "csv":
            return table.csv()
    return show(request, "start.html", visitor, asked_day=day, seq=seq, **known)


@router.get("/fragments/board", include_in_schema=False)
def fragment(_: Public, request: Request, db: ReadDb, day: Day = None) -> Response:
    """The same when anything moved."""
    known = _known(request, _board(request, db, day))
    return show(request, "_board.html", None, **known)


@router.get("/api/board", tags=["installation"])
def board(_: Public, request: Request, db: ReadDb, day: Day = None) -> BoardAnswer:
    """The day's board, by default today's by the legal clock."""
    return BoardAnswer.model_validate(_board(request, db, day))
