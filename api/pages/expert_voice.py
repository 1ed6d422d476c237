"""The place from which a member speaks with the other members of his committee."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import MemberActor
from api.flows import voices
from api.pages.kit.page import playing, show
from api.routes.fields import IdInPath
from api.transactions import ReadDb

router = APIRouter(include_in_schema=False)


@router.get("/expert/sessions/{session_id}/voice")
def page(actor: MemberActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    """What it does is done by voice.js."""
    station = voices.station_of(db, actor, session_id)
    return playing(
        show(request, "expert/voice.html", actor, session_id=session_id, station=station)
    )
