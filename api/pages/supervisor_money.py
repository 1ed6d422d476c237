"""What the supervisor watches of deposits: forfeitures and refusals with their documents, leads of
collusion, payments that came back, appeals against registers of credit."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import SupervisorActor
from api.flows import guarantees as guarantee_flow
from api.flows import money as flow
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import attachment, show
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from deposits.honesty import service as honesty
from deposits.refunds import service as refunds

router = APIRouter(include_in_schema=False)
HOME = "/supervisor/deposits"


def _page(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    return show(
        request,
        "deposits/supervisor.html",
        actor,
        watch=flow.watch(db, actor),
        guarantees=guarantee_flow.watched(db, actor),
        form=form,
    )


@router.get(HOME)
def deposits(actor: SupervisorActor, request: Request, db: ReadDb) -> Response:
    return _page(request, actor, db, Form())


@router.get(HOME + "/forfeitures/{holding_id}/document")
def document(
    actor: SupervisorActor, request: Request, db: ReadDb, holding_id: IdInPath
) -> Response:
    """The document that proves a forfeiture, as a download."""
    vault = shell_of(request).office.vault
    return attachment(*flow.forfeiture_document(db, vault, actor, holding_id))


@router.post(HOME + "/holdings/{holding_id}/account")
async def correct(
    actor: SupervisorActor, request: Request, holding_id: IdInPath, form: Sent
) -> Response:
    """Another account for money that came back, with the document that shows why."""
    return await submit(
        request,
        form,
        lambda tx, said: refunds.correct_account(tx, actor, holding_id, *said),
        read=lambda form: (form.text("account"), form.file("document")),
        again=lambda db: _page(request, actor, db, form),
        to=HOME,
        said="refund_account_set",
    )


@router.post(HOME + "/appeals/{appeal_id}/{answer}")
async def decide(
    actor: SupervisorActor,
    request: Request,
    appeal_id: IdInPath,
    answer: Literal["uphold", "dismiss"],
    form: Sent,
) -> Response:
    """Uphold or dismiss an appeal."""
    return await submit(
        request,
        form,
        lambda tx, _: honesty.decide(tx, actor, appeal_id, upheld=answer == "uphold"),
        again=lambda db: _page(request, actor, db, form),
        to=HOME,
        said="register_appeal_decided",
    )
