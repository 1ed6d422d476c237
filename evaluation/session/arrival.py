"""Arrival: discipline, identity, recusal.

Members work inside a lawful venue (电子招标投标办法 第三十三条); who has a relation to a bidder must
recuse himself (招标投标法 第三十七条, 条例 第四十六条). How a member leaves is in
`evaluation.session.departure`.
"""

from __future__ import annotations

from archive.errors import Kind
from evaluation.session import commands as c
from evaluation.session.act import Act, Outcome, at, event, with_member
from evaluation.session.state import Cause, Event, Member, Recusal, Stage, Standing


def open_check_in(act: Act, command: c.OpenCheckIn) -> Outcome:
    act.must_be_staff_of(act.state.host)
    starts_at = act.state.starts_at
    if starts_at is not None and act.now < starts_at - act.rules.arrival:
        minutes = int(act.rules.arrival.total_seconds()) // 60
        act.refuse("evaluation.session.doors_closed", Kind.TOO_EARLY, minutes=minutes)
    return at(act.state, Stage.CHECK_IN), (event("check_in_opened"),)


def read_discipline(act: Act, command: c.ReadDiscipline) -> Outcome:
    member = act.own_seat(command.expert_id)
    if member.discipline:
        act.refuse("evaluation.session.already", seat=member.seat_code)
    state = with_member(act.state, member, discipline=command.notice)
    return state, (event("discipline_read", seat=member.seat_code, notice=command.notice),)


def check_in(act: Act, command: c.CheckIn) -> Outcome:
    member = act.member(command.expert_id)
    act.must_be_staff_of(member.centre_id)
    if member.standing is Standing.BLOCKED:
        act.refuse("evaluation.session.blocked", seat=member.seat_code)
    if member.identity:
        act.refuse("evaluation.session.already", seat=member.seat_code)
    if any(command.identity == other.identity for other in act.state.members):
        # One person on two seats, or a replaced member who comes back as his own substitute.
        act.refuse("evaluation.session.identity_taken", seat=member.seat_code)
    # Somebody identified this morning need not be identified again before the review resumes.
    state = with_member(act.state, member, identity=command.identity, is_rechecked=True)
    return state, (event("checked_in", seat=member.seat_code, identity=command.identity),)


def sign_recusal(act: Act, command: c.SignRecusal) -> Outcome:
    member = act.own_seat(command.expert_id)
    if not member.identity:
        act.refuse(
            "evaluation.session.not_identified", seat=member.seat_code, rule="session.identity"
        )
    if member.recusal is not Recusal.UNSIGNED:
        act.refuse("evaluation.session.already", seat=member.seat_code)
    signed = event(
        "recusal_signed",
        seat=member.seat_code,
        conflict=command.has_conflict,
        statement=command.statement,
    )
    if not command.has_conflict:
        return with_member(act.state, member, recusal=Recusal.NONE), (signed,)
    state = with_member(
        act.state,
        member,
        recusal=Recusal.CONFLICT,
        standing=Standing.BLOCKED,
        cause=Cause.RECUSAL,
    )
    return state, (signed, asked_to_substitute(member, Cause.RECUSAL))


def asked_to_substitute(member: Member, cause: Cause) -> Event:
    return event("substitution_asked", seat=member.seat_code, cause=cause.value)
