"""Acts on a session that reach beyond it.

When it is sealed for the night the members are signed out everywhere, so that no open window reads on
(the logical seal); whom an act removes loses his seat in the draw; with its close the draw is closed,
and with its voiding the draw is void, so that another committee may be asked for. Either way the
stations that it would still have used are free.
"""

from __future__ import annotations

from api.flows import drawing, substitution
from api.identity import service as identity
from archive.actor import SYSTEM, Actor
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Tx
from evaluation.seating import service as seating
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Stage
from experts.draws import service as draws
from trading.projects import service as projects


def act(
    tx: Tx,
    actor: Actor,
    session_id: str,
    command: c.Command,
    *,
    version: int | None = None,
    documents: tuple[DocumentRef, ...] = (),
) -> Session:
    """Give a session a command, as `sessions.act`, with what follows from it elsewhere."""
    before = sessions.session(tx.db, session_id)
    session = sessions.act(tx, actor, session_id, command, version=version, documents=documents)
    if isinstance(command, c.WitnessSeal) and session.stage is Stage.SEALED_OVERNIGHT:
        identity.end_sign_ins(tx, [member.expert_id for member in session.state.sitting])
    elif isinstance(command, c.Close):
        if not draws.draw(tx.db, session.draw_id).transcript_sha256:
            draws.close_draw(tx, actor, session.draw_id)
        seating.end_seats(tx, SYSTEM, session.draw_id)
    elif isinstance(command, c.VoidSession):
        if projects.lot(tx.db, session.lot_id).stage not in drawing.AGAIN:
            raise Refusal("api.reevaluation.published", {}, Kind.CONFLICT)
        draws.void_draw(tx, actor, session.draw_id, command.reason)
        seating.end_seats(tx, SYSTEM, session.draw_id)
    return substitution.followed(tx, before, session)
