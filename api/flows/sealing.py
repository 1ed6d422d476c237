"""Acts on a session that reach beyond it: when it is sealed for the night, the committee's members are
signed out everywhere, so that no open window reads on (the logical seal)."""

from __future__ import annotations

from api.identity import service as identity
from archive.actor import Actor
from archive.journal.entry import DocumentRef
from archive.office import Tx
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Stage


def act(
    tx: Tx,
    actor: Actor,
    session_id: str,
    command: c.Command,
    *,
    version: int | None = None,
    documents: tuple[DocumentRef, ...] = (),
) -> Session:
    """Give a session a command, as `sessions.act`; ends the members' sign-ins with the sealing."""
    session = sessions.act(tx, actor, session_id, command, version=version, documents=documents)
    is_sealing = isinstance(command, c.WitnessSeal)
    if is_sealing and session.stage is Stage.SEALED_OVERNIGHT:
        identity.end_sign_ins(tx, [member.expert_id for member in session.state.sitting])
    return session
