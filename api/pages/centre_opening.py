"""The opening for its host: whose halves are here, finishing, and what was read out."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor
from api.flows import opening as flow
from api.flows.desk import desk
from api.flows.topics import numbers
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import show
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from trading.opening import service as opening
from trading.parties import service as parties
from trading.projects.stages import BEFORE_OPENING, Stage

router = APIRouter(include_in_schema=False)


def _known(actor: Actor, db: Session, lot_id: str) -> dict[str, Any]:
    held = desk(db, actor, lot_id)
    before = held.lot.stage in BEFORE_OPENING
    is_readable = not before and held.lot.stage not in (Stage.FAILED, Stage.TERMINATED)
    states = opening.states(db, lot_id) if is_readable else {}
    read = opening.opening(db, lot_id) if is_readable and held.lot.stage != "OPENING" else None
    return {
        "desk": held,
        "states": states,
        "read": read,
        "names": parties.organisations(db, states),
        "is_before": before,
    }


def _page(request: Request, actor: Actor, db: Session, lot_id: str, form: Form) -> Response:
    known = _known(actor, db, lot_id)
    topic = known["desk"].lot.subject
    seq = numbers(db, [topic])[topic]
    return show(request, "centre/opening.html", actor, form=form, seq=seq, **known)


@router.get("/centre/lots/{lot_id}/opening")
def page(actor: StaffActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    return _page(request, actor, db, lot_id, Form())


@router.get("/fragments/centre/lots/{lot_id}/opening")
def fragment(actor: StaffActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """The same when a half came in."""
    return show(request, "centre/_opening.html", actor, **_known(actor, db, lot_id))


@router.post("/centre/lots/{lot_id}/opening")
async def begin(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Begin the opening, where the clock has not done it already."""
    custodian = shell_of(request).custodian
    return await submit(
        request,
        form,
        lambda tx, _: opening.begin_opening(tx, actor, lot_id, custodian),
        again=lambda db: _page(request, actor, db, lot_id, form),
        to=f"/centre/lots/{lot_id}/opening",
        said="opening_begun",
    )


@router.post("/centre/lots/{lot_id}/opening/end")
async def finish(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Read the bids out; the committee is checked against the bidders at once."""
    return await submit(
        request,
        form,
        lambda tx, _: flow.finish(tx, actor, lot_id),
        again=lambda db: _page(request, actor, db, lot_id, form),
        to=f"/centre/lots/{lot_id}/opening",
        said="opening_finished",
    )
