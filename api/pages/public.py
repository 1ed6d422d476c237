"""Pages for everybody, no account needed: notices and results, numbers of draws, how a draw works,
and the verification of a dossier that the reader brings along."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api import problems
from api.access import Public, Visitor
from api.flows import published as flow
from api.flows.example import example
from api.flows.published import DrawLine, PublishedLine
from api.flows.upload import Judged, judge
from api.pages.kit.forms import Form, Sent
from api.pages.kit.listing import CODE, MOMENT, MONEY, NUMBER, Choice, Column, listing
from api.pages.kit.page import attachment, reader, show, words_of
from api.routes.fields import IdInPath
from api.shell import Gate, shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.errors import Refusal
from archive.note import MalformedNote, Verifier
from experts.draws.request import State
from trading.divisions import yunnan
from trading.projects.stages import Stage

router = APIRouter(include_in_schema=False)
judging = Gate(1)
"""One dossier at a time in a process: who uploads ten keeps nobody else from working."""

LOT_COLUMNS: tuple[Column[PublishedLine], ...] = (
    Column("name", "lots.name", lambda lot: lot.name, href=lambda lot: f"/public/lots/{lot.id}"),
    Column("stage", "lots.stage", lambda lot: lot.stage, CODE, words="trading.stage"),
    Column("region", "public.region", lambda lot: region_name(lot.region)),
    Column("tenderer", "lots.tenderer", lambda lot: lot.tenderer),
    Column("ceiling", "lots.ceiling", lambda lot: lot.ceiling, MONEY),
    Column("issued", "lot.issued", lambda lot: lot.issued_at, MOMENT),
    Column("opening", "lots.opening", lambda lot: lot.opening_at, MOMENT),
)
DRAW_COLUMNS: tuple[Column[DrawLine], ...] = (
    Column("centre", "lot.centre", lambda draw: draw.centre),
    Column("number", "public.number", lambda draw: draw.number, NUMBER),
    Column("state", "public.state", lambda draw: draw.state, CODE, words="public.drawn"),
    Column("requested", "public.requested", lambda draw: draw.requested_at, MOMENT),
    Column("request", "public.request", lambda draw: draw.request),
)


@router.get("/public/lots")
def lots(actor: Visitor, request: Request, db: ReadDb) -> Response:
    """Notices and results, newest opening first."""
    period = {name: _day(request, name) for name in ("since", "until")}
    now = shell_of(request).office.clock.now()
    rows = flow.published_lots(db, now, period["since"], period["until"])
    stages = words_of(request, "trading.stage", [s for s in Stage if s is not Stage.REGISTERED])
    choices = [
        Choice[PublishedLine]("stage", "lots.stage", lambda lot: lot.stage, stages),
        Choice[PublishedLine]("region", "public.region", lambda lot: lot.region, regions()),
    ]
    table = listing(request, LOT_COLUMNS, rows, choices=choices, sort="-opening")
    return table.answer(request, "public/lots.html", actor, period=period)


@router.get("/public/lots/{lot_id}")
def lot(actor: Visitor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """What is published of one lot."""
    found = flow.published_lot(db, shell_of(request).office.clock.now(), lot_id)
    return show(request, "public/lot.html", actor, found=found)


@router.get("/public/lots/{lot_id}/notice")
def notice(_: Public, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """The notice as it was published."""
    office = shell_of(request).office
    return attachment(*flow.notice_document(db, office.vault, office.clock.now(), lot_id))


@router.get("/public/draws")
def draws(actor: Visitor, request: Request, db: ReadDb) -> Response:
    """All numbers of all registers, and whether any is missing."""
    rows, registers = flow.draw_numbers(db)
    centres = sorted({row.centre_id: row.centre for row in rows}.items())
    choices = [
        Choice[DrawLine]("centre", "lot.centre", lambda draw: draw.centre_id, centres),
        Choice[DrawLine](
            "state", "public.state", lambda d: d.state, words_of(request, "public.drawn", State)
        ),
    ]
    table = listing(request, DRAW_COLUMNS, rows, choices=choices, sort="centre")
    return table.answer(request, "public/draws.html", actor, registers=registers)


@router.get("/public/draw")
def draw(actor: Visitor, request: Request) -> Response:
    """How a committee is drawn, with an example that the drawing code computes."""
    return show(request, "public/draw.html", actor, example=example())


@router.get("/public/trust")
def trust(_: Public, request: Request) -> Response:
    """The platform's key as a file for `bigloop verify --trust`."""
    vkey = shell_of(request).office.log.verifier.vkey
    return attachment("trust.txt", f"{vkey}\n".encode())


@router.get("/public/verify")
def verify(actor: Visitor, request: Request) -> Response:
    return _verify_page(request, actor, Form())


@router.post("/public/verify")
async def verify_sent(actor: Visitor, request: Request, form: Sent) -> Response:
    """Judge a dossier; nothing of it is kept."""
    async with judging():
        return await run_in_threadpool(_verify_sent, request, actor, form)


def _verify_sent(request: Request, actor: Actor | None, form: Form) -> Response:
    try:
        keys = [shell_of(request).office.log.verifier, *_keys(form)]
        content = form.file("dossier")
        form.refuse()
        judged = judge(content, keys, reader(request))
    except Refusal as refusal:
        status = problems.STATUS[refusal.kind]
        form.take_refusal(refusal, status, {})
        return _verify_page(request, actor, form, status=status)
    return _verify_page(request, actor, form, judged=judged, keys=[key.vkey for key in keys])


def _keys(form: Form) -> list[Verifier]:
    """The key that the reader brings along; none where the field is empty."""
    typed = form.text("vkey", is_required=False)
    try:
        return [Verifier.parse(typed)] if typed else []
    except MalformedNote:
        form.fault("vkey", "api.upload.vkey")
        return []


def _verify_page(
    request: Request,
    actor: Actor | None,
    form: Form,
    *,
    status: int = 200,
    judged: Judged | None = None,
    keys: list[str] | None = None,
) -> Response:
    known: dict[str, Any] = {
        "form": form,
        "judged": judged,
        "keys": keys or [],
        "vkey": shell_of(request).office.log.verifier.vkey,
    }
    return show(request, "public/verify.html", actor, status=status, **known)


def regions() -> list[tuple[str, str]]:
    """(code, name) of the prefectures."""
    return [(place.code, place.name) for place in yunnan().values() if place.level == 2]


def region_name(code: str) -> str:
    place = yunnan().get(code)
    return place.name if place else code


def _day(request: Request, name: str) -> date | None:
    """A day of the query; what is no day is passed over, as lists do."""
    try:
        return date.fromisoformat(request.query_params.get(name, ""))
    except ValueError:
        return None
