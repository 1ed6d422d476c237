"""What cameras and screens of the watched sessions show: still pictures for the wall, all tracks of one session."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session as Db

from api.flows import watch
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.vault import Vault
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import FINAL, Stage
from evaluation.witness.keeping.service import Watches
from evaluation.witness.media import service as media
from evaluation.witness.media.kinds import What
from evaluation.witness.media.service import Shown
from evaluation.witness.rules import supervisor_hears


def of_session(db: Db, actor: Actor, known: Watches, session_id: str) -> list[Shown]:
    """The tracks of one session; NOT_FOUND."""
    session = watch.seen(db, actor, session_id)
    stations, is_heard = known.of(db, session_id).stations, supervisor_hears(session)
    return list(media.shown(db, session_id, stations, is_heard=is_heard))


def of_wall(db: Db, actor: Actor, known: Watches) -> Mapping[str, list[Shown]]:
    """The tracks of each session of the actor's that is not over."""
    open_stages = [stage for stage in Stage if stage not in FINAL]
    mine = watch.watched(db, actor, sessions.sessions(db, stages=open_stages))
    return {
        session.id: list(media.shown(db, session.id, known.of(db, session.id).stations))
        for session in mine
    }


def of_room(db: Db, actor: Actor, known: Watches, session: Session) -> list[Shown]:
    """What staff see of a session that is not over: the cameras of their own venue, and for its host of all venues.
    Never a screen or a sound: those show what the committee decides."""
    if session.stage in FINAL:
        return []
    is_host = not actor.centre_id or actor.centre_id == session.centre_id
    return [
        one
        for one in media.shown(db, session.id, known.of(db, session.id).stations)
        if one.what == What.CAMERA and (is_host or one.venue == actor.centre_id)
    ]


def room_snapshot(
    db: Db, vault: Vault, actor: Actor, known: Watches, session: Session, sha256: str
) -> bytes:
    """A still picture that `of_room` shows, or showed just now: a page asks for it a moment after it was told of it, and
    a newer one may have come. NOT_FOUND."""
    cameras = of_room(db, actor, known, session)
    if not any(media.is_recent(db, session.id, one, sha256) for one in cameras):
        raise Refusal("evaluation.media.unknown", {"sha256": sha256[:12]}, Kind.NOT_FOUND)
    return media.snapshot(db, vault, session.id, sha256)


def snapshot(db: Db, vault: Vault, actor: Actor, session_id: str, sha256: str) -> bytes:
    """A still picture's bytes (JPEG); NOT_FOUND."""
    watch.seen(db, actor, session_id)
    return media.snapshot(db, vault, session_id, sha256)
