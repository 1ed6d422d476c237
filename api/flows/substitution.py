"""A member leaves while the committee sits, and the next rank comes: draw, seats and session together.

A member leaves for a statutory cause alone (招标投标法实施条例 第四十八条), whoever finds it: staff of the host
(`leave`), he himself by his recusal statement, the door by his identity, or a later look of avoidance.
In the session he is removed at once and what he concluded is void (`evaluation.session.departure`); in
the draw his seat is empty, the permutation goes on, and the calling service asks the next ranks. When
somebody has accepted, `join` gives him a station and the leaver's place, and he begins anew. A
representative of the tenderer was not drawn: the tenderer names another (`appoint`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlmodel import Session as Db

from api.flows import seating
from archive.actor import SYSTEM, Actor
from archive.errors import Kind, Refusal
from archive.office import Tx
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import FINAL, Member, Standing
from evaluation.session.state import Cause as SessionCause
from experts.draws import service as draws
from experts.draws.request import State
from experts.invitations.process import Cause
from trading.acting import must_serve

DRAW_CAUSE: Mapping[SessionCause, Cause] = {
    SessionCause.RECUSAL: Cause.RECUSAL,
    SessionCause.HEALTH: Cause.HEALTH,
    SessionCause.ABSENT: Cause.ABSENT,
    SessionCause.LEFT_POST: Cause.LEFT_POST,
    SessionCause.IDENTITY: Cause.ABSENT,  # whoever came was not he
}
_LIVE = frozenset({State.INVITING, State.SEATED})


@dataclass(frozen=True)
class Vacancy:
    """A seat whose member was removed, and how far its substitute is: `CALLING`, `DRAWN` (somebody has
    accepted and may join), `EXHAUSTED` (nobody is left to call), `TENDERER` (a representative's)."""

    seat: str
    cause: SessionCause
    stands: str


def vacancies(db: Db, session: Session) -> tuple[Vacancy, ...]:
    """The seats of a session that wait for a substitute, by code."""
    removed = [m for m in session.state.sitting if m.standing is Standing.BLOCKED]
    if not removed:
        return ()
    coming = _coming(db, session)
    state = draws.draw(db, session.draw_id).state
    found = []
    for member in removed:
        if member.is_representative:
            stands = "TENDERER"
        elif member.seat_code in coming:
            stands = "DRAWN" if state is State.SEATED else "CALLING"
        else:
            stands = "CALLING" if state in _LIVE else "EXHAUSTED"
        assert member.cause is not None, "nobody is removed without a cause"
        found.append(Vacancy(member.seat_code, member.cause, stands))
    return tuple(found)


def leave(tx: Tx, actor: Actor, session_id: str, seat: str, cause: SessionCause) -> Session:
    """Staff of the host remove the member of a seat; the next ranks are called. NOT_FOUND where nobody
    has that seat, CONFLICT where he was removed already."""
    session = _hosted(tx.db, actor, session_id)
    member = _of_seat(session, seat)
    command = c.RemoveMember(member.expert_id, cause)
    return followed(tx, session, sessions.act(tx, actor, session_id, command))


def followed(tx: Tx, before: Session, after: Session) -> Session:
    """Empty in the draw the seats of those whom an act on the session removed, as far as the draw has
    not emptied them itself; the session as it is then."""
    was = {m.expert_id for m in before.state.members if m.standing is not Standing.SITTING}
    removed = [
        m
        for m in after.state.sitting
        if m.standing is Standing.BLOCKED and m.expert_id not in was and not m.is_representative
    ]
    if removed and draws.draw(tx.db, after.draw_id).state in _LIVE:
        seated = {member.expert_id for member in draws.committee(tx.db, after.draw_id)}
        for member in removed:
            if member.expert_id in seated:
                assert member.cause is not None, "nobody is removed without a cause"
                cause = DRAW_CAUSE[member.cause]
                draws.substitute(tx, SYSTEM, after.draw_id, member.expert_id, cause)
    return after


def void_conclusions(tx: Tx, actor: Actor, draw_id: str, experts: Iterable[str]) -> None:
    """Remove from the running session those whom avoidance has removed from its draw."""
    session = sessions.session_of_draw(tx.db, draw_id)
    if session is None or session.stage in FINAL:
        return
    for expert_id in experts:
        member = session.state.member(expert_id)
        if member is not None and member.standing is Standing.SITTING:
            command = c.RemoveMember(expert_id, SessionCause.RECUSAL)
            sessions.act(tx, actor, session.id, command)


def join(tx: Tx, actor: Actor, session_id: str) -> tuple[str, ...]:
    """Put those who were drawn since in the places of those who left; the new members' ids. Nobody
    while the draw still calls. Who has no station anywhere is substituted in turn, and it calls anew."""
    session = _hosted(tx.db, actor, session_id)
    draw = draws.draw(tx.db, session.draw_id)
    coming = _coming(tx.db, session)
    leaving = [
        m
        for m in session.state.sitting
        if m.standing is Standing.BLOCKED and m.seat_code in coming and not m.is_representative
    ]
    if draw.state is not State.SEATED or not leaving:
        return ()
    homeless = seating.reseat(tx, actor, session.lot_id)
    if homeless:
        for expert_id in homeless:
            draws.substitute(tx, SYSTEM, draw.id, expert_id, Cause.ABSENT)
        return ()
    centres = seating.name_seats(tx, actor, draw)
    for member in leaving:
        new = coming[member.seat_code]
        assert member.cause is not None, "nobody is removed without a cause"
        command = c.ReplaceMember(
            member.expert_id, member.cause, new, member.seat_code, centres[new]
        )
        sessions.act(tx, actor, session.id, command)
    return tuple(coming[member.seat_code] for member in leaving)


def appoint(tx: Tx, actor: Actor, session_id: str, seat: str, account_id: str) -> Session:
    """Put the account that the tenderer names in the place of his representative who left."""
    session = _hosted(tx.db, actor, session_id)
    member = _of_seat(session, seat)
    if not member.is_representative or member.cause is None:
        raise Refusal("api.substitution.drawn", {"seat": seat}, Kind.CONFLICT)
    command = c.ReplaceMember(
        member.expert_id, member.cause, account_id, member.seat_code, member.centre_id
    )
    return sessions.act(tx, actor, session.id, command)


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


def _coming(db: Db, session: Session) -> dict[str, str]:
    """Who sits in the draw and was never in the session, by seat."""
    known = {member.expert_id for member in session.state.members}
    members = draws.committee(db, session.draw_id)
    return {m.seat_code: m.expert_id for m in members if m.expert_id not in known}


def _hosted(db: Db, actor: Actor, session_id: str) -> Session:
    session = sessions.session(db, session_id)
    must_serve(actor, session.centre_id)
    return session


def _of_seat(session: Session, seat: str) -> Member:
    found = next((m for m in session.state.sitting if m.seat_code == seat), None)
    if found is None:
        params = {"seat": seat[:20], "session": session.id}
        raise Refusal("api.substitution.no_seat", params, Kind.NOT_FOUND)
    return found
