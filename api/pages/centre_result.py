"""The result of a lot: candidates made public, and the dossier sealed and handed out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor
from api.flows import completing as flow
from api.flows import ending, review
from api.flows.desk import own_lot
from api.flows.topics import numbers
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import show
from api.routes.fields import ID_PATTERN, IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.office import Tx
from trading.awards.award import Publication
from trading.projects.project import Lot

router = APIRouter(include_in_schema=False)
Task = Annotated[str, Query(pattern=rf"^$|{ID_PATTERN}")]


def _result(request: Request, actor: Actor, db: Session, lot_id: str) -> flow.Result:
    return flow.result(db, actor, lot_id, shell_of(request).settings.dossiers)


def _page(
    request: Request, actor: Actor, db: Session, lot_id: str, form: Form, task: str = ""
) -> Response:
    found = _result(request, actor, db, lot_id)
    topic = found.desk.lot.subject
    return show(
        request,
        "centre/result.html",
        actor,
        form=form,
        result=found,
        desk=found.desk,
        task=task,
        seq=numbers(db, [topic])[topic],
    )


@router.get("/centre/lots/{lot_id}/result")
def page(
    actor: StaffActor, request: Request, db: ReadDb, lot_id: IdInPath, task: Task = ""
) -> Response:
    return _page(request, actor, db, lot_id, Form(), task)


@router.get("/fragments/centre/lots/{lot_id}/result")
def fragment(actor: StaffActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """The same when the lot moved."""
    found = _result(request, actor, db, lot_id)
    return show(request, "centre/_result.html", actor, result=found, desk=found.desk)


@router.post("/centre/lots/{lot_id}/candidates")
async def publish(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Make the candidates of the report public (公示)."""

    def call(tx: Tx, _: None) -> Publication:
        own_lot(tx.db, actor, lot_id)
        return review.publish_candidates(tx, actor, lot_id)

    return await submit(
        request,
        form,
        call,
        again=lambda db: _page(request, actor, db, lot_id, form),
        to=f"/centre/lots/{lot_id}/result",
        said="candidates_published",
    )


@router.post("/centre/lots/{lot_id}/failure")
async def fail(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Declare the tender failed: the committee rejected all bids."""

    def call(tx: Tx, _: None) -> Lot:
        own_lot(tx.db, actor, lot_id)
        return ending.fail(tx, actor, lot_id)

    return await submit(
        request,
        form,
        call,
        again=lambda db: _page(request, actor, db, lot_id, form),
        to=f"/centre/lots/{lot_id}/result",
        said="lot_failed",
    )


@router.post("/centre/lots/{lot_id}/dossier")
async def seal(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Ask for the dossier to be sealed."""
    return await submit(
        request,
        form,
        lambda tx, _: flow.ask_dossier(tx, actor, lot_id),
        again=lambda db: _page(request, actor, db, lot_id, form),
        to=lambda task: f"/centre/lots/{lot_id}/result?task={task}",
        said="dossier_asked",
    )
