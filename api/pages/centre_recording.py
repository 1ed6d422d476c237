"""A station in a browser: its key bound, camera, screen and sound recorded."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import StaffActor
from api.flows.places import names as names_of_places
from api.pages.kit.page import show
from api.routes.fields import IdInPath
from api.routes.sessions import seen
from api.transactions import ReadDb
from evaluation.witness.rules import security_days

router = APIRouter(include_in_schema=False)


@router.get("/centre/sessions/{session_id}/station")
def page(actor: StaffActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    """Make this browser a station of the session; what it does is done by station.js."""
    session = seen(db, actor, session_id)
    names = names_of_places(db)
    own = [venue for venue in session.state.venues if actor.centre_id in ("", venue)]
    return show(
        request,
        "centre/recording.html",
        actor,
        session=session,
        venues=[(venue, names.get(venue, venue)) for venue in own],
        days=security_days(session),
    )
