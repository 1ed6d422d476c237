"""What is kept of a session's recordings, and the supervisor's word that its security video be not deleted."""

from __future__ import annotations

from sqlmodel import Session as Db

from api.flows import watch
from archive.actor import Actor
from archive.office import Tx
from evaluation.witness.retention import service as retention
from evaluation.witness.retention.service import Keeping


def of_session(db: Db, actor: Actor, session_id: str) -> Keeping:
    """NOT_FOUND for a supervisor of another department."""
    watch.seen(db, actor, session_id)
    return retention.keeping(db, session_id)


def hold(tx: Tx, actor: Actor, session_id: str, words: str) -> None:
    """Forbid the deletion of the session's security video."""
    watch.seen(tx.db, actor, session_id)
    retention.hold(tx, actor, session_id, words)


def release(tx: Tx, actor: Actor, session_id: str, words: str) -> None:
    """Allow it again."""
    watch.seen(tx.db, actor, session_id)
    retention.release(tx, actor, session_id, words)
