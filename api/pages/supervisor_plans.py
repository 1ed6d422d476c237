"""The supervisor's view of seat plans: every plan with who confirmed it, its certificate verified anew,
and what was changed afterwards."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import SupervisorActor
from api.flows import changes
from api.flows import seat_reasons as flow
from api.pages.kit.listing import MOMENT, NUMBER, Column, listing
from api.pages.kit.page import attachment, show
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from evaluation.seating import service as seating
from evaluation.seating.service import PlanLine

router = APIRouter(include_in_schema=False)
PLANS_MAX = 500
COLUMNS: tuple[Column[PlanLine], ...] = (
    Column("at", "seats.at", lambda p: p.at, MOMENT, href=lambda p: f"/supervisor/plans/{p.id}"),
    Column("by", "plan.by", lambda plan: plan.by),
    Column("seats", "seats.given", lambda plan: plan.seats, NUMBER),
    Column("unseated", "seats.unseated", lambda plan: plan.unseated, NUMBER),
    Column("gap", "plan.gap", lambda plan: plan.gap_permille, NUMBER),
)


@router.get("/supervisor/plans")
def plans(actor: SupervisorActor, request: Request, db: ReadDb) -> Response:
    """The newest plans, and the changes that staff proposed."""
    office = shell_of(request).office
    table = listing(request, COLUMNS, seating.plans(db, PLANS_MAX), sort="-at")
    found = [
        change
        for state in ("PROPOSED", "CONFIRMED", "WITHDRAWN")
        for change in changes.changes(db, office.vault, actor, state, office.clock.now())
    ]
    return table.answer(request, "supervisor/plans.html", actor, changes=found)


@router.get("/supervisor/plans/{plan_id}")
def plan(actor: SupervisorActor, request: Request, db: ReadDb, plan_id: IdInPath) -> Response:
    """One plan, verified now, step by step and without a solver."""
    vault = shell_of(request).office.vault
    found = flow.page(db, vault, actor, plan_id)
    proof = flow.proof(db, vault, plan_id)
    return show(request, "supervisor/plan.html", actor, plan=found, proof=proof)


@router.get("/supervisor/plans/{plan_id}/document")
def document(actor: SupervisorActor, request: Request, db: ReadDb, plan_id: IdInPath) -> Response:
    """The document that `bigloop verify` judges."""
    vault = shell_of(request).office.vault
    return attachment("plan.json", flow.document(db, vault, plan_id))
