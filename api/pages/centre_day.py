"""The day's board for staff: stages, what is due, stations, draws and calls, nights."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor
from api.flows.plans import loads
from api.flows.topics import BOARD, numbers
from api.flows.workday import legal_day, workday
from api.pages.centre_seats import Day, gantt_of, home_area
from api.pages.kit.page import reader, show
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from evaluation.seating.proposals import service as proposals

router = APIRouter(include_in_schema=False)


def _known(request: Request, actor: Actor, db: Session, day: date | None) -> dict[str, Any]:
    chosen = day or legal_day(shell_of(request).office.clock.now())
    found, own = loads(db, chosen), actor.centre_id
    area = home_area(found, own)
    return {
        "day": chosen,
        "work": workday(db, actor, chosen),
        "notices": proposals.notices(db, own) if own else (),
        "gantt": gantt_of(found, chosen, reader(request), own, area),
    }


@router.get("/centre/day")
def page(actor: StaffActor, request: Request, db: ReadDb, day: Day = None) -> Response:
    seq = numbers(db, [BOARD])[BOARD]
    return show(request, "centre/day.html", actor, seq=seq, **_known(request, actor, db, day))


@router.get("/fragments/centre/day")
def fragment(actor: StaffActor, request: Request, db: ReadDb, day: Day = None) -> Response:
    """The same when anything moved."""
    return show(request, "centre/_day.html", actor, **_known(request, actor, db, day))
