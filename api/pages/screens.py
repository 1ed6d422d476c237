"""What `pictures.js` of the wall, of a session and of a venue's room asks for: which tracks there are, and their newest
pictures."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import StaffActor, SupervisorActor
from api.flows import screens as flow
from api.pages.supervisor import HOME
from api.routes.fields import Answer, Digest64, IdInPath
from api.routes.sessions import seen
from api.shell import shell_of
from api.transactions import ReadDb
from archive.journal.entry import moment_text
from evaluation.witness.media.service import Shown

router = APIRouter(include_in_schema=False)


class Track(Answer):
    """A track as a page shows it. `snapshot`: the digest of its newest picture, or empty; `is_live`: its
    segments come; `seconds`: how long ago anything of it was reported."""

    station: str
    venue: str
    track: str
    what: str
    seconds: int
    has_ended: bool
    snapshot: str
    is_live: bool


class PicturesAnswer(Answer):
    at: str
    sessions: dict[str, list[Track]]


LIVE_SECONDS, LIVE_BEATS = 30, 3
"""Segments come as long as the newest is younger than this, or than so many beats of its station."""


def _answer(request: Request, sessions: dict[str, Iterable[Shown]]) -> PicturesAnswer:
    now = shell_of(request).office.clock.now()

    def track(one: Shown) -> Track:
        segment = (now - one.segment_at).total_seconds() if one.segment_at else None
        limit = max(LIVE_SECONDS, LIVE_BEATS * one.every)
        return Track(
            station=one.station,
            venue=one.venue,
            track=one.track,
            what=one.what,
            seconds=max(0, int((now - one.at).total_seconds())),
            has_ended=one.has_ended,
            snapshot=one.snapshot,
            is_live=not one.has_ended and segment is not None and segment < limit,
        )

    found = {name: [track(one) for one in shown] for name, shown in sessions.items()}
    return PicturesAnswer(at=moment_text(now), sessions=found)


@router.get("/supervisor/wall/pictures")
def of_wall(actor: SupervisorActor, request: Request, db: ReadDb) -> PicturesAnswer:
    """The tracks of all sessions on the wall."""
    return _answer(request, dict(flow.of_wall(db, actor, shell_of(request).watches)))


@router.get(HOME + "/{session_id}/pictures")
def of_session(
    actor: SupervisorActor, request: Request, db: ReadDb, session_id: IdInPath
) -> PicturesAnswer:
    """The tracks of one session."""
    found = flow.of_session(db, actor, shell_of(request).watches, session_id)
    return _answer(request, {session_id: found})


@router.get(HOME + "/{session_id}/pictures/{sha256}")
def picture(
    actor: SupervisorActor, request: Request, db: ReadDb, session_id: IdInPath, sha256: Digest64
) -> Response:
    """A still picture, whose name is its digest: it never changes, and only its reader keeps it."""
    content = flow.snapshot(db, shell_of(request).office.vault, actor, session_id, sha256)
    return _still(content)


def _still(content: bytes) -> Response:
    keep = {"Cache-Control": "private, max-age=600, immutable"}
    return Response(content, media_type="image/jpeg", headers=keep)


@router.get("/centre/sessions/{session_id}/pictures")
def of_room(
    actor: StaffActor, request: Request, db: ReadDb, session_id: IdInPath
) -> PicturesAnswer:
    """The cameras that staff see of a session."""
    session = seen(db, actor, session_id)
    found = flow.of_room(db, actor, shell_of(request).watches, session)
    return _answer(request, {session_id: found})


@router.get("/centre/sessions/{session_id}/pictures/{sha256}")
def room_picture(
    actor: StaffActor, request: Request, db: ReadDb, session_id: IdInPath, sha256: Digest64
) -> Response:
    """A still picture of one of these cameras, as long as it is among the newest."""
    shell, session = shell_of(request), seen(db, actor, session_id)
    content = flow.room_snapshot(db, shell.office.vault, actor, shell.watches, session, sha256)
    return _still(content)
