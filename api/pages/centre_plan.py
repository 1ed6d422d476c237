"""A confirmed plan: how good it is, and why a seat is in its centre and in no other."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import OfficialActor
from api.flows import seat_reasons as flow
from api.pages.kit.page import show
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb

router = APIRouter(include_in_schema=False)
Asked = Annotated[str, Query(max_length=80)]


@router.get("/centre/plans/{plan_id}")
def plan(
    actor: OfficialActor,
    request: Request,
    db: ReadDb,
    plan_id: IdInPath,
    seat: Asked = "",
    centre: Asked = "",
) -> Response:
    """The plan with the reader's own seats; `seat` asks why, `centre` for a centre of one's choice."""
    vault = shell_of(request).office.vault
    found = flow.page(db, vault, actor, plan_id)
    why = flow.why(db, vault, found, seat, centre) if seat else ()
    collision = flow.collision(vault, found, seat)
    chosen = next((line for line in found.seats if line.ref == seat), None)
    return show(
        request,
        "centre/plan.html",
        actor,
        plan=found,
        why=why,
        collision=collision,
        chosen=chosen,
        centre=centre,
    )
