"""A venue's own recorder: its key bound to a session by the venue's staff, who have it from the device."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlmodel import Session as Db
from starlette.responses import Response

from api.access import StaffActor
from api.flows.places import names as names_of_places
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import show, words_of
from api.routes.fields import IdInPath
from api.routes.sessions import seen
from api.transactions import ReadDb
from archive.actor import Actor
from archive.office import Tx
from evaluation.session.session import Session
from evaluation.session.state import FINAL
from evaluation.witness.media.kinds import Use
from evaluation.witness.rules import beat_seconds_max, security_days
from evaluation.witness.sources import Algorithm
from evaluation.witness.stations import service as stations
from evaluation.witness.stations.service import Wanted

router = APIRouter(include_in_schema=False)
BEAT_SECONDS = 60
KINDS = (Use.EVALUATION, Use.SECURITY)


@dataclass(frozen=True)
class Known:
    """A station of a venue: bound, asked for in the night, or declined."""

    venue: str
    station: str
    state: str
    fingerprint: str
    next: int = 0


def _known(db: Db, session: Session, venues: list[str]) -> list[Known]:
    lines = stations.lines(db, session.id)
    found = [
        Known(line.venue, name, "BOUND", line.key.fingerprint, line.next)
        for name, line in lines.items()
        if not name.startswith(stations.VOICE_PREFIX)
    ]
    for name, one in stations.requests(db, session.id).items():
        state = "ASKED" if one.declined is None else "DECLINED"
        found.append(Known(one.wanted.venue, name, state, one.wanted.fingerprint))
    return sorted(
        (one for one in found if one.venue in venues), key=lambda one: (one.venue, one.station)
    )


def _page(request: Request, actor: Actor, db: Db, session_id: str, form: Form) -> Response:
    session = seen(db, actor, session_id)
    names = names_of_places(db)
    own = [venue for venue in session.state.venues if actor.centre_id in ("", venue)]
    return show(
        request,
        "centre/recorder.html",
        actor,
        form=form,
        session=session,
        is_over=session.stage in FINAL,
        venues=[(venue, names.get(venue, venue)) for venue in own],
        names=names,
        uses=words_of(request, "recording.use", KINDS),
        algorithms=[(one.value, one.value) for one in Algorithm],
        known=_known(db, session, own),
        every=BEAT_SECONDS,
        every_max=beat_seconds_max(session),
        days=security_days(session),
    )


@router.get("/centre/sessions/{session_id}/recorder")
def page(actor: StaffActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    """What is bound at one's venue, and the form."""
    return _page(request, actor, db, session_id, Form())


@router.post("/centre/sessions/{session_id}/recorder")
async def bind(actor: StaffActor, request: Request, session_id: IdInPath, form: Sent) -> Response:
    """Bind a recorder's key, or in a sealed night ask the supervisor to."""

    def read(form: Form) -> Wanted:
        return Wanted(
            venue=form.text("venue"),
            station=form.text("station"),
            algorithm=form.choice("algorithm", Algorithm).value,
            key=form.text("key"),
            every=form.whole("every", least=1),
            use=form.choice("use", Use),
        )

    def call(tx: Tx, wanted: Wanted) -> bool:
        seen(tx.db, actor, session_id)
        return stations.ask_station(tx, actor, session_id, wanted)

    return await submit(
        request,
        form,
        call,
        read=read,
        again=lambda db: _page(request, actor, db, session_id, form),
        to=f"/centre/sessions/{session_id}/recorder",
        said=lambda is_bound: "recorder_bound" if is_bound else "recorder_asked",
    )
