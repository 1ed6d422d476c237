"""Pages of tenderers and their agencies: their lots, and one lot with what waits for them."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import TendererActor
from api.flows import completion
from api.flows import tendering as flow
from api.flows.tendering import OwnLot
from api.pages.kit import text
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.listing import CODE, MOMENT, MONEY, NUMBER, Choice, Column, listing
from api.pages.kit.page import reader, show, words_of
from api.routes.fields import IdInPath
from api.transactions import ReadDb
from archive.actor import Actor
from archive.words import say
from trading.awards import service as awards
from trading.awards.award import Cause
from trading.money import Money
from trading.objections import service as objections
from trading.objections.objection import Outcome
from trading.projects.stages import Stage

router = APIRouter(include_in_schema=False)

LOT_COLUMNS: tuple[Column[OwnLot], ...] = (
    Column("name", "lots.name", lambda lot: lot.name, href=lambda lot: f"/tenderer/lots/{lot.id}"),
    Column("project", "lot.project", lambda lot: lot.project),
    Column("stage", "lots.stage", lambda lot: lot.stage, CODE, words="trading.stage"),
    Column("ceiling", "lots.ceiling", lambda lot: lot.ceiling, MONEY),
    Column("opening", "lots.opening", lambda lot: lot.opening_at, MOMENT),
    Column("objections", "tenderer.waiting", lambda lot: lot.objections, NUMBER),
)


@dataclass(frozen=True)
class AwardTerms:
    """What the form for the award says."""

    rank: int
    cause: Cause | None
    proof: bytes


@dataclass(frozen=True)
class ContractTerms:
    """What the form for the contract says."""

    amount: Money
    document: bytes
    extension: bytes


@router.get("/tenderer/lots")
def lots(actor: TendererActor, request: Request, db: ReadDb) -> Response:
    """The lots of the actor's organisation, as tenderer or as agency."""
    stages = Choice[OwnLot](
        "stage", "lots.stage", lambda lot: lot.stage, words_of(request, "trading.stage", Stage)
    )
    rows = flow.own_lots(db, actor)
    table = listing(request, LOT_COLUMNS, rows, choices=[stages], sort="-opening")
    return table.answer(request, "tenderer/lots.html", actor)


def _page(request: Request, actor: Actor, db: Session, lot_id: str, **forms: Form) -> Response:
    """The lot's page; `forms` are those that were refused, by name."""
    desk = flow.desk(db, actor, lot_id)
    shown = {"answer": Form(), "award": Form(), "contract": Form()} | forms
    return show(
        request,
        "tenderer/lot.html",
        actor,
        desk=desk,
        forms=shown,
        outcomes=words_of(request, "objection_outcome", Outcome),
        causes=words_of(request, "tenderer.cause_of", Cause),
        ranks=_ranks(request, desk),
    )


def _ranks(request: Request, desk: flow.Desk) -> list[tuple[str, str]]:
    candidates = desk.publication.candidates if desk.publication else ()
    return [
        (
            str(each.rank),
            say(
                "api.page.tenderer.rank_of",
                {
                    "rank": each.rank,
                    "name": desk.names[each.bidder_uscc],
                    "price": text.money(each.price),
                },
                reader(request),
            ),
        )
        for each in candidates
    ]


@router.get("/tenderer/lots/{lot_id}")
def lot(actor: TendererActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    return _page(request, actor, db, lot_id)


@router.post("/tenderer/lots/{lot_id}/objections/{objection_id}/answer")
async def answer(
    actor: TendererActor, request: Request, lot_id: IdInPath, objection_id: IdInPath, form: Sent
) -> Response:
    """Answer an objection with a document."""
    return await submit(
        request,
        form,
        lambda tx, said: objections.answer_objection(tx, actor, objection_id, *said),
        read=lambda form: (form.choice("outcome", Outcome), form.file("document")),
        again=lambda db: _page(request, actor, db, lot_id, answer=form),
        to=f"/tenderer/lots/{lot_id}",
        said="objection_answered",
    )


def _award_terms(form: Form) -> AwardTerms:
    rank = form.whole("rank", least=1)
    cause = form.choice("cause", Cause) if form.value("cause") else None
    return AwardTerms(rank, cause, form.file("proof", is_required=False))


@router.post("/tenderer/lots/{lot_id}/award")
async def award(actor: TendererActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Award to a candidate; another than the first with its cause and proof."""
    return await submit(
        request,
        form,
        lambda tx, said: completion.award(tx, actor, lot_id, said.rank, said.cause, said.proof),
        read=_award_terms,
        again=lambda db: _page(request, actor, db, lot_id, award=form),
        to=f"/tenderer/lots/{lot_id}",
        said="award_made",
    )


def _contract_terms(form: Form) -> ContractTerms:
    amount = form.money("amount")
    return ContractTerms(amount, form.file("contract"), form.file("extension", is_required=False))


@router.post("/tenderer/lots/{lot_id}/contract")
async def contract(
    actor: TendererActor, request: Request, lot_id: IdInPath, form: Sent
) -> Response:
    """Put the signed contract on record."""
    return await submit(
        request,
        form,
        lambda tx, said: completion.sign_contract(
            tx, actor, lot_id, said.amount, said.document, said.extension
        ),
        read=_contract_terms,
        again=lambda db: _page(request, actor, db, lot_id, contract=form),
        to=f"/tenderer/lots/{lot_id}",
        said="contract_signed",
    )


@router.post("/tenderer/lots/{lot_id}/contract/publication")
async def publish(actor: TendererActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Say that the contract is public."""
    return await submit(
        request,
        form,
        lambda tx, _: awards.publish_contract(tx, actor, lot_id),
        again=lambda db: _page(request, actor, db, lot_id, contract=form),
        to=f"/tenderer/lots/{lot_id}",
        said="contract_published",
    )
