"""The list of a committee: sealed, asked for, opened by two, and looked at, each look on the record."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor, SupervisorActor
from api.flows import unsealing as flow
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import show
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb, WriteTx
from archive.actor import Actor

router = APIRouter(include_in_schema=False)
PAGE = "names/names.html"


def _centre(db: Session, actor: Actor, lot_id: str) -> dict[str, Any]:
    sealed = flow.of_lot(db, actor, lot_id)
    return {
        "sealed": sealed,
        "base": f"/centre/lots/{lot_id}/names",
        "back": f"/centre/lots/{lot_id}/session",
        "is_staff": True,
        "is_party": True,
    }


def _supervisor(db: Session, actor: Actor, draw_id: str) -> dict[str, Any]:
    sealed = flow.of_draw(db, actor, draw_id)
    return {
        "sealed": sealed,
        "base": f"/supervisor/draws/{draw_id}/names",
        "back": f"/supervisor/draws/{draw_id}",
        "is_staff": False,
        "is_party": actor.party_id == sealed.lot.supervisor_uscc,
    }


@router.get("/centre/lots/{lot_id}/names")
def of_lot(actor: StaffActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """Where the list stands; seat codes, no name."""
    return show(request, PAGE, actor, form=Form(), **_centre(db, actor, lot_id))


@router.post("/centre/lots/{lot_id}/names")
async def ask(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Ask that the list be opened."""
    return await submit(
        request,
        form,
        lambda tx, _: flow.ask(tx, actor, lot_id),
        again=lambda db: show(request, PAGE, actor, form=form, **_centre(db, actor, lot_id)),
        to=f"/centre/lots/{lot_id}/names",
        said="names_asked",
    )


@router.post("/centre/lots/{lot_id}/names/view")
def look(actor: StaffActor, request: Request, tx: WriteTx, lot_id: IdInPath) -> Response:
    """The names; that they were looked at is on the record before the page is."""
    known = _centre(tx.db, actor, lot_id)
    named = flow.view(tx, actor, known["sealed"].draw.id)
    return show(request, PAGE, actor, form=Form(), named=named, **known)


@router.get("/supervisor/draws/{draw_id}/names")
def of_draw(actor: SupervisorActor, request: Request, db: ReadDb, draw_id: IdInPath) -> Response:
    """Where the list stands, for who consents."""
    return show(request, PAGE, actor, form=Form(), **_supervisor(db, actor, draw_id))


@router.post("/supervisor/draws/{draw_id}/names")
async def consent(
    actor: SupervisorActor, request: Request, draw_id: IdInPath, form: Sent
) -> Response:
    """Consent: the list is opened."""
    custodian = shell_of(request).custodian
    return await submit(
        request,
        form,
        lambda tx, _: flow.consent(tx, actor, draw_id, custodian),
        again=lambda db: show(request, PAGE, actor, form=form, **_supervisor(db, actor, draw_id)),
        to=f"/supervisor/draws/{draw_id}/names",
        said="names_opened",
    )


@router.post("/supervisor/draws/{draw_id}/names/view")
def watch(actor: SupervisorActor, request: Request, tx: WriteTx, draw_id: IdInPath) -> Response:
    """The names, for the supervisor; the look is on the record as well."""
    known = _supervisor(tx.db, actor, draw_id)
    named = flow.view(tx, actor, draw_id)
    return show(request, PAGE, actor, form=Form(), named=named, **known)
