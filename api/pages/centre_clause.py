"""The clause on deposits of a lot's tender file: entered before the notice, held against the rules."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor
from api.flows import clauses as flow
from api.flows.desk import desk
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import show, words_of
from api.routes.fields import IdInPath
from api.transactions import ReadDb
from archive.actor import Actor
from deposits.forms import DepositForm
from deposits.terms import CreditRelief

router = APIRouter(include_in_schema=False)
STAGES = ("0", "1", "2")


def _page(request: Request, actor: Actor, db: Session, lot_id: str, form: Form) -> Response:
    return show(
        request,
        "centre/clause.html",
        actor,
        form=form,
        desk=desk(db, actor, lot_id),
        entered=flow.entered(db, lot_id),
        forms=words_of(request, "deposits.form", DepositForm),
        stages=words_of(request, "clause.stages", STAGES),
    )


@router.get("/centre/lots/{lot_id}/clause")
def clause(actor: StaffActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """The form, with what every tender file must accept ticked."""
    accepted: list[str] = [form for form in DepositForm if form is not DepositForm.CASH]
    return _page(request, actor, db, lot_id, Form({"deposit.forms": accepted}))


@router.post("/centre/lots/{lot_id}/clause")
async def enter(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Check the clause and keep it."""
    return await submit(
        request,
        form,
        lambda tx, said: flow.enter(tx, actor, lot_id, said),
        read=_clause,
        again=lambda db: _page(request, actor, db, lot_id, form),
        to=f"/centre/lots/{lot_id}/clause",
        said="clause_entered",
    )


def _clause(form: Form) -> flow.Clause:
    chosen = form.several("deposit.forms")
    known = {each.value for each in DepositForm}
    if any(each not in known for each in chosen):
        form.fault("deposit.forms", "api.form.choice")
    stage = form.text("deposit.stage")
    if stage not in STAGES:
        form.fault("deposit.stage", "api.form.choice")
    grades = tuple(form.text("deposit.relief.grades", is_required=False).upper().split())
    permille = form.whole("deposit.relief.permille", most=1000)
    named = form.text("deposit.named_issuers", is_required=False, long=True)
    conditions = form.text("deposit.return_conditions", is_required=False, long=True)
    return flow.Clause(
        forms=tuple(DepositForm(each) for each in chosen if each in known),
        named_issuers=tuple(flow.lines(named)),
        return_conditions=tuple(flow.lines(conditions)),
        stage=int(stage) if stage in STAGES else 0,
        relief=CreditRelief(grades, permille) if grades or permille else None,
    )
