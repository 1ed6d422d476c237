"""Pages of bidders: open tenders, one tender, the opening room, objections, what was lodged.

Nothing here is told by a request who bids: bids and guarantees are sealed by `static/seal.js` and go
to `POST /api/lodgings` as cells; what was lodged is remembered by the browser alone
(`static/bidder.js`). Objections are sent to the JSON interface too, because the secret that takes
one back must stay in the browser.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import BidderActor
from api.flows import bidding as flow
from api.flows import buying
from api.flows.bidding import TenderLine
from api.flows.topics import numbers
from api.pages.kit.forms import Form, Sent
from api.pages.kit.listing import CODE, MOMENT, MONEY, Choice, Column, listing
from api.pages.kit.page import attachment, reader, show, words_of
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.clock import SHANGHAI
from archive.errors import Kind, Refusal
from archive.words import render
from deposits import service as deposits
from trading.objections.objection import ObjectionStage
from trading.projects.project import subject_of
from trading.projects.stages import Stage

router = APIRouter(include_in_schema=False)
CLOSING_MAX = 4
"""So many of the next deadlines stand above the list."""

TENDER_COLUMNS: tuple[Column[TenderLine], ...] = (
    Column("name", "lots.name", lambda lot: lot.name, href=lambda lot: f"/bidder/tenders/{lot.id}"),
    Column("stage", "lots.stage", lambda lot: lot.stage, CODE, words="trading.stage"),
    Column("tenderer", "lots.tenderer", lambda lot: lot.tenderer),
    Column("ceiling", "lots.ceiling", lambda lot: lot.ceiling, MONEY),
    Column("deposit", "bidder.charged", lambda lot: lot.deposit, MONEY),
    Column("opening", "bidder.deadline", lambda lot: lot.opening_at, MOMENT),
)


@router.get("/bidder/tenders")
def tenders(actor: BidderActor, request: Request, db: ReadDb) -> Response:
    """All announced tenders, and above them the open ones whose deadlines are next."""
    now = shell_of(request).office.clock.now()
    rows = flow.tenders(db)
    is_open = [x for x in rows if x.stage == Stage.NOTICED and x.opening_at > now]
    closing = sorted(is_open, key=lambda lot: (lot.opening_at, lot.id))[:CLOSING_MAX]
    stages = Choice[TenderLine](
        "stage", "lots.stage", lambda lot: lot.stage, words_of(request, "trading.stage", Stage)
    )
    table = listing(request, TENDER_COLUMNS, rows, choices=[stages], sort="-opening")
    return table.answer(
        request, "bidder/tenders.html", actor, closing=closing, open_count=len(is_open)
    )


@router.get("/bidder/lodgings")
def lodgings(actor: BidderActor, request: Request) -> Response:
    """What this browser remembers; the server has nothing to show."""
    return show(request, "bidder/lodgings.html", actor)


@router.get("/bidder/tenders/{lot_id}")
def tender(actor: BidderActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    shell = shell_of(request)
    now = shell.office.clock.now()
    sheet = flow.tender(db, lot_id, now)
    offers = buying.offers(shell.issuers, now) if sheet.is_open else ()
    return show(request, "bidder/tender.html", actor, sheet=sheet, offers=offers, form=Form())


@router.get("/bidder/tenders/{lot_id}/notice")
def notice(_: BidderActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """The tender notice as a download."""
    return attachment(*flow.notice_document(db, shell_of(request).office.vault, lot_id))


@router.post("/fragments/bidder/terms")
def terms(actor: BidderActor, request: Request, db: ReadDb, form: Sent) -> Response:
    """What the asking bidder owes, step by step; the lot comes in the body, and nothing is kept."""
    if not actor.party_id:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)
    today = shell_of(request).office.clock.now().astimezone(SHANGHAI).date()
    found = deposits.terms_for(db, form.text("lot"), actor.party_id, today)
    said = [(step, render(step.text, reader(request))) for step in found.steps]
    return show(request, "bidder/_terms.html", actor, terms=found, steps=said)


def _room(request: Request, template: str, actor: Actor, db: Session, lot_id: str) -> Response:
    topic = subject_of(lot_id)
    return show(
        request,
        template,
        actor,
        room=flow.room(db, actor, lot_id),
        result=flow.result(db, actor, lot_id),
        seq=numbers(db, [topic])[topic],
        form=Form(),
    )


@router.get("/bidder/tenders/{lot_id}/opening")
def opening(actor: BidderActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """The opening room, and what came of it."""
    return _room(request, "bidder/opening.html", actor, db, lot_id)


@router.get("/fragments/bidder/tenders/{lot_id}/opening")
def opening_fragment(
    actor: BidderActor, request: Request, db: ReadDb, lot_id: IdInPath
) -> Response:
    return _room(request, "bidder/_opening.html", actor, db, lot_id)


def _objections(
    request: Request, template: str, actor: Actor, db: Session, lot_id: str
) -> Response:
    topic = subject_of(lot_id)
    return show(
        request,
        template,
        actor,
        lot=flow.announced(db, lot_id),
        raised=flow.objections_for(db, actor, lot_id),
        stages=words_of(request, "trading.objection_stage", ObjectionStage),
        seq=numbers(db, [topic])[topic],
        form=Form(),
    )


@router.get("/bidder/tenders/{lot_id}/objections")
def objections(actor: BidderActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """Raise an objection; those to the file, and one's own, with their clocks."""
    return _objections(request, "bidder/objections.html", actor, db, lot_id)


@router.get("/fragments/bidder/tenders/{lot_id}/objections")
def objections_fragment(
    actor: BidderActor, request: Request, db: ReadDb, lot_id: IdInPath
) -> Response:
    return _objections(request, "bidder/_objections.html", actor, db, lot_id)


@router.get("/bidder/tenders/{lot_id}/objections/{objection_id}/answer")
def answer(
    actor: BidderActor, request: Request, db: ReadDb, lot_id: IdInPath, objection_id: IdInPath
) -> Response:
    """The answer to an objection as a download."""
    vault = shell_of(request).office.vault
    return attachment(*flow.answer_document(db, vault, actor, lot_id, objection_id))
