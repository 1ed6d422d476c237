"""Voice between the members of a committee who sit apart (异地评委之间通话): who may speak and who may hear.

Each speaks at a station of his own, `voice-<seat>`, whose key he binds himself from his place; what he says goes the way
of all recordings: hashed and signed at the source, on the record, kept with the evaluation record, handed on. It is
heard by those who sit in the session and by nobody else, while they review; a supervisor hears it only where
the rule of the day says so.
"""

from __future__ import annotations

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from evaluation.session.session import Session
from evaluation.session.state import Member, Stage
from evaluation.witness.rules import SUPERVISOR_HEARS, supervisor_hears

SPOKEN = frozenset({Stage.REVIEWING, Stage.PAUSE_REQUESTED, Stage.SCORED})


def station_of(member: Member) -> str:
    return f"voice-{member.seat_code}"


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
