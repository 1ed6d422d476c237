"""Voice between the members of a committee who sit apart (异地评委之间通话): who may speak and who may hear.

Each speaks at a station of his own, `voice-<seat>`, whose key he binds himself from his place; what he says goes the way
of all recordings: hashed and signed at the source, on the record, kept with the evaluation record, handed on. It is
heard by those who sit in the session and by nobody else, while they review; a supervisor hears it only where
the rule of the day says so.
"""

from __future__ import annotations

from sqlmodel import Session as Db

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Tx
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Member, Stage
from evaluation.witness.rules import SUPERVISOR_HEARS, supervisor_hears
from evaluation.witness.stations import service as stations

SPOKEN = frozenset({Stage.REVIEWING, Stage.PAUSE_REQUESTED, Stage.SCORED})


def join(tx: Tx, actor: Actor, session_id: str, algorithm: str, key: str) -> str:
    """The member binds the key of his voice; the name of his station."""
    session = sessions.session(tx.db, session_id)
    me = member_of(actor, session)
    return stations.bind_voice(
        tx,
        actor,
        session_id,
        venue=me.centre_id,
        seat=me.seat_code,
        algorithm=algorithm,
        key=key,
    )


def station_of(db: Db, actor: Actor, session_id: str) -> str:
    """The member's own station."""
    return stations.voice_of(member_of(actor, sessions.session(db, session_id)).seat_code)


def own_station(db: Db, actor: Actor, session_id: str, station: str) -> None:
    """Refuse FORBIDDEN every station but the member's own voice."""
    if station != station_of(db, actor, session_id):
        raise Refusal("api.voice.members_only", {}, Kind.FORBIDDEN)


def speakers(db: Db, actor: Actor, session_id: str) -> list[str]:
    """The seats of the others who have joined."""
    session = sessions.session(db, session_id)
    me = member_of(actor, session)
    bound = stations.lines(db, session_id)
    return [
        member.seat_code
        for member in session.state.sitting
        if member != me and stations.voice_of(member.seat_code) in bound
    ]


def member_of(actor: Actor, session: Session) -> Member:
    """The member as whom the actor sits and speaks now; FORBIDDEN for all others."""
    found = next((m for m in session.state.sitting if m.expert_id == actor.party_id), None)
    if found is None or not found.is_admitted or session.stage not in SPOKEN:
        raise Refusal("api.voice.members_only", {}, Kind.FORBIDDEN)
    return found


def must_hear(actor: Actor, session: Session) -> None:
    """Refuse whoever may not hear the members."""
    if Role.SUPERVISOR in actor.roles and supervisor_hears(session):
        return
    if actor.roles & {Role.SUPERVISOR, Role.STAFF}:
        raise Refusal("api.voice.members_only", {}, Kind.FORBIDDEN, rule=SUPERVISOR_HEARS)
    member_of(actor, session)
