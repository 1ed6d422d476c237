"""Pages of a trading centre's staff."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import StaffActor
from api.flows.lots import LotLine, lots_of_centre
from api.pages import (
    centre_accounts,
    centre_clause,
    centre_day,
    centre_draw,
    centre_holdings,
    centre_intake,
    centre_opening,
    centre_plan,
    centre_replan,
    centre_result,
    centre_seats,
    centre_session,
    centre_stations,
)
from api.pages.kit.listing import CODE, MOMENT, MONEY, Choice, Column, listing
from api.pages.kit.page import words_of
from api.transactions import ReadDb
from trading.projects.stages import Stage

router = APIRouter(include_in_schema=False)
for page in (
    centre_day,
    centre_intake,
    centre_draw,
    centre_seats,
    centre_stations,
    centre_holdings,
    centre_plan,
    centre_replan,
    centre_accounts,
    centre_clause,
    centre_opening,
    centre_session,
    centre_result,
):
    router.include_router(page.router)

LOT_COLUMNS: tuple[Column[LotLine], ...] = (
    Column("name", "lots.name", lambda lot: lot.name, href=lambda lot: f"/centre/lots/{lot.id}"),
    Column("stage", "lots.stage", lambda lot: lot.stage, CODE, words="trading.stage"),
    Column("tenderer", "lots.tenderer", lambda lot: lot.tenderer),
    Column("ceiling", "lots.ceiling", lambda lot: lot.ceiling, MONEY),
    Column("opening", "lots.opening", lambda lot: lot.opening_at, MOMENT),
    Column("evaluation", "lots.evaluation", lambda lot: lot.evaluation_at, MOMENT),
    Column("registered", "lots.registered", lambda lot: lot.registered_at, MOMENT),
)


@router.get("/centre/lots")
def lots(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """The lots of the actor's centre, by opening."""
    stages = Choice[LotLine](
        "stage", "lots.stage", lambda lot: lot.stage, words_of(request, "trading.stage", Stage)
    )
    rows = lots_of_centre(db, actor)
    table = listing(request, LOT_COLUMNS, rows, choices=[stages], sort="-opening")
    return table.answer(request, "centre/lots.html", actor)
