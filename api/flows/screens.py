"""What cameras and screens of the watched sessions show: still pictures for the wall, all tracks of one session."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session as Db

from api.flows import watch
from archive.actor import Actor
from archive.vault import Vault
from evaluation.session import service as sessions
from evaluation.session.state import FINAL, Stage
from evaluation.witness.keeping.service import Watches
from evaluation.witness.media import service as media
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


def snapshot(db: Db, vault: Vault, actor: Actor, session_id: str, sha256: str) -> bytes:
    """A still picture's bytes (JPEG); NOT_FOUND."""
    watch.seen(db, actor, session_id)
    return media.snapshot(db, vault, session_id, sha256)
