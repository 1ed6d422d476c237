"""A lot's page: facts, dates, legal clocks and the whole story, for whoever may know them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import OfficialOrTenderer
from api.flows import lots as flow
from api.flows.topics import numbers
from api.pages.kit.page import attachment, show
from api.routes.fields import Digest64, IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from trading.projects.stages import BEFORE_OPENING

router = APIRouter(include_in_schema=False)


def _known(request: Request, db: Session, actor: Actor, lot_id: str) -> dict[str, Any]:
    sheet = flow.lot_sheet(db, shell_of(request).office.log, actor, lot_id)
    return {"sheet": sheet, "is_secret": sheet.lot.stage in BEFORE_OPENING}


@router.get("/lots/{lot_id}")
def lot(actor: OfficialOrTenderer, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    known = _known(request, db, actor, lot_id)
    topic = known["sheet"].lot.subject
    return show(request, "lots/lot.html", actor, seq=numbers(db, [topic])[topic], **known)


@router.get("/fragments/lots/{lot_id}")
def fragment(actor: OfficialOrTenderer, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """What is put in the page's place when the lot moved."""
    return show(request, "lots/_lot.html", actor, **_known(request, db, actor, lot_id))


@router.get("/lots/{lot_id}/documents/{sha256}")
def document(
    actor: OfficialOrTenderer, request: Request, db: ReadDb, lot_id: IdInPath, sha256: Digest64
) -> Response:
    """A document that the story names, as a download."""
    vault = shell_of(request).office.vault
    return attachment(*flow.lot_document(db, vault, actor, lot_id, sha256))
