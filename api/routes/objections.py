"""Objections (异议、质疑): raised by bidders, answered by the tenderer. The lot of an objection that
is raised comes in the body: against the file it is anonymous."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api.access import BidderActor, ProcedureActor, TendererActor
from api.routes.fields import (
    Answer,
    Body,
    Content,
    Document,
    Identifier,
    IdInPath,
    MaybeLine,
    Period,
)
from api.transactions import ReadDb, WriteTx
from archive.actor import Actor, Role
from trading.acting import must_act_for, must_serve, watches
from trading.objections import service as objections
from trading.objections.objection import Objection, ObjectionStage, ObjectionState, Outcome
from trading.projects import service as projects
from trading.projects.project import Lot

router = APIRouter(prefix="/api", tags=["objections"])


class ObjectionBody(Body):
    lot: Identifier
    stage: ObjectionStage
    document: Content
    interest: MaybeLine = ""


class AnswerBody(Body):
    outcome: Outcome
    document: Content


class WithdrawalBody(Body):
    secret: Annotated[str, Field(max_length=128, pattern=r"^[0-9a-f]*$")] = ""


class ObjectionAnswer(Answer):
    id: str
    lot_id: str
    stage: ObjectionStage
    raised_by: str
    raised_at: datetime
    due: Period
    document: Document
    state: ObjectionState
    outcome: Outcome | None
    rules: tuple[str, ...]
    withdrawal_secret: str = ""
    """Told to the author of an anonymous objection once; it withdraws it."""


def _check_may_read(actor: Actor, lot: Lot) -> None:
    if Role.SUPERVISOR in actor.roles and watches(actor, lot.supervisor_uscc):
        return
    if Role.STAFF in actor.roles:
        must_serve(actor, lot.centre_id)
    else:
        must_act_for(actor, lot.tenderer_uscc, lot.agency_uscc)


def _answer(objection: Objection) -> ObjectionAnswer:
    return ObjectionAnswer.model_validate(objection)


@router.post("/objections", status_code=201)
def raise_objection(actor: BidderActor, tx: WriteTx, body: ObjectionBody) -> ObjectionAnswer:
    """Raise an objection; the lot stands still until it is answered."""
    return _answer(
        objections.raise_objection(tx, actor, body.lot, body.stage, body.document, body.interest)
    )


@router.get("/lots/{lot_id}/objections")
def of_lot(actor: ProcedureActor, db: ReadDb, lot_id: IdInPath) -> list[ObjectionAnswer]:
    """For staff of the lot's centre, its tenderer or agency, and its supervisor."""
    _check_may_read(actor, projects.lot(db, lot_id))
    return [_answer(found) for found in objections.objections(db, lot_id)]


@router.post("/objections/{objection_id}/answer", status_code=201)
def answer(
    actor: TendererActor, tx: WriteTx, objection_id: IdInPath, body: AnswerBody
) -> ObjectionAnswer:
    return _answer(
        objections.answer_objection(tx, actor, objection_id, body.outcome, body.document)
    )


@router.post("/objections/{objection_id}/withdrawal", status_code=201)
def withdraw(
    actor: BidderActor, tx: WriteTx, objection_id: IdInPath, body: WithdrawalBody
) -> ObjectionAnswer:
    return _answer(objections.withdraw_objection(tx, actor, objection_id, body.secret))
