"""A member leaves while the committee sits, and the next rank comes: draw, seats and session together.

A member leaves for a statutory cause alone (招标投标法实施条例 第四十八条): `leave` empties his seat in the
draw, whose permutation goes on, and the calling service asks the next ranks. When somebody has accepted
and has a station, `join` puts him in the leaver's place: the leaver's conclusions are void and the new
member begins anew. In between nothing can be concluded, for the session still names somebody who does
not sit (`must_sit`). A late hit of avoidance (`drawing.recheck`) removes a member in the same way.
"""

from __future__ import annotations

from sqlmodel import Session as Db

from api.flows import drawing, seating
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.office import Tx
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Cause as SessionCause
from evaluation.session.state import Member
from experts.draws import service as draws
from experts.invitations.process import Cause
from experts.invitations.rounds.service import left_for

SESSION_CAUSE = {
    Cause.RECUSAL: SessionCause.RECUSAL,
    Cause.HEALTH: SessionCause.HEALTH,
    Cause.LEFT_POST: SessionCause.ABSENT,
    Cause.ABSENT: SessionCause.ABSENT,
}


def leave(tx: Tx, actor: Actor, lot_id: str, expert_id: str, cause: Cause) -> None:
    """Empty a member's seat for a statutory cause and have the next ranks called."""
    draws.substitute(tx, actor, drawing.current(tx.db, lot_id).id, expert_id, cause)


def join(tx: Tx, actor: Actor, lot_id: str) -> tuple[str, ...]:
    """Put those who were drawn since in the places of those who left; the new members' ids. Nobody
    while the draw still calls, or a new member has no station."""
    session = sessions.session_of_lot(tx.db, lot_id)
    draw = drawing.current(tx.db, lot_id)
    if session is None or seating.unseated(tx.db, draw.id):
        return ()
    members = draws.committee(tx.db, draw.id)
    known = {member.expert_id for member in session.state.members}
    coming = {m.seat_code: m.expert_id for m in members if m.expert_id not in known}
    leaving = [m for m in _gone(tx.db, session) if m.seat_code in coming]
    if not leaving:
        return ()
    centres = seating.name_seats(tx, actor, draw)
    causes = left_for(tx.db, draw.id)
    for member in leaving:
        new = coming[member.seat_code]
        cause = SESSION_CAUSE[causes.get(member.expert_id, Cause.RECUSAL)]
        command = c.ReplaceMember(member.expert_id, cause, new, member.seat_code, centres[new])
        sessions.act(tx, actor, session.id, command)
    return tuple(coming[member.seat_code] for member in leaving)


def must_sit(db: Db, session: Session) -> None:
    """Refuse CONFLICT while the session names an expert who was removed from the committee."""
    gone = _gone(db, session)
    if gone:
        seats = ", ".join(member.seat_code for member in gone)
        raise Refusal("api.flows.void_member", {"seats": seats}, Kind.CONFLICT)


def is_complete(db: Db, session: Session) -> bool:
    """Whether all who sit in the session sit in the draw."""
    return not _gone(db, session)


def _gone(db: Db, session: Session) -> list[Member]:
    sitting = {member.expert_id for member in draws.committee(db, session.draw_id)}
    return [
        member
        for member in session.state.sitting
        if not member.is_representative and member.expert_id not in sitting
    ]
