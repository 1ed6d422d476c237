"""Deposits in cash of one lot, before its tenderer: extend, convert, or not give back."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import TendererActor
from api.flows import money as flow
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import show, words_of
from api.routes.fields import IdInPath
from api.transactions import ReadDb
from archive.actor import Actor
from deposits.grounds import Claim, Ground
from deposits.refunds.extensions import service as extensions
from deposits.refunds.withheld import service as withheld

router = APIRouter(include_in_schema=False)


def _page(request: Request, actor: Actor, db: Session, lot_id: str, form: Form) -> Response:
    return show(
        request,
        "deposits/tenderer.html",
        actor,
        found=flow.lot_deposits(db, actor, lot_id),
        grounds=words_of(request, "money.ground", Ground),
        form=form,
    )


@router.get("/tenderer/lots/{lot_id}/deposits")
def deposits(actor: TendererActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    return _page(request, actor, db, lot_id, Form())


@router.post("/tenderer/lots/{lot_id}/deposits/{holding_id}/forfeit")
async def forfeit(
    actor: TendererActor, request: Request, lot_id: IdInPath, holding_id: IdInPath, form: Sent
) -> Response:
    """Do not give a deposit back: ground, document, clause."""
    return await submit(
        request,
        form,
        lambda tx, claim: withheld.forfeit(tx, actor, holding_id, claim),
        read=lambda form: Claim(
            form.choice("ground", Ground),
            form.file("document"),
            form.text("clause", is_required=False),
        ),
        again=lambda db: _page(request, actor, db, lot_id, form),
        to=f"/tenderer/lots/{lot_id}/deposits",
        said="deposit_forfeited",
    )


@router.post("/tenderer/lots/{lot_id}/deposits/{holding_id}/convert")
async def convert(
    actor: TendererActor, request: Request, lot_id: IdInPath, holding_id: IdInPath, form: Sent
) -> Response:
    """Turn the winner's deposit into his performance bond."""
    return await submit(
        request,
        form,
        lambda tx, document: withheld.convert(tx, actor, holding_id, document),
        read=lambda form: form.file("consent"),
        again=lambda db: _page(request, actor, db, lot_id, form),
        to=f"/tenderer/lots/{lot_id}/deposits",
        said="deposit_converted",
    )


@router.post("/tenderer/lots/{lot_id}/extension")
async def extend(actor: TendererActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Ask all bidders to extend the validity of bids and deposits."""
    return await submit(
        request,
        form,
        lambda tx, said: extensions.ask_extension(tx, actor, lot_id, *said),
        read=lambda form: (form.day("until"), form.file("notice")),
        again=lambda db: _page(request, actor, db, lot_id, form),
        to=f"/tenderer/lots/{lot_id}/deposits",
        said="extension_asked",
    )
