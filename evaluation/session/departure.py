"""Departure: a member who may not go on, and the drawn substitute who takes his place.

Members are changed for the causes of 招标投标法实施条例 第四十八条 alone, and what a changed member concluded
is void: his substitute reviews anew. From the moment that somebody is removed the others work on, but
nothing is concluded without his seat: scores that were complete are open again, and a report that was
filed or even signed is no report. Whom the draw removes and whom it sends is `experts`' matter.
"""

from __future__ import annotations

from dataclasses import replace

from archive.actor import Role
from evaluation.session import commands as c
from evaluation.session.act import Act, Outcome, at, event, with_member
from evaluation.session.arrival import asked_to_substitute
from evaluation.session.chair import without
from evaluation.session.night import began_sealing
from evaluation.session.state import Answer, Event, Member, Stage, Standing, State

_CONCLUDED = frozenset({Stage.SCORED, Stage.REPORTED})


def remove_member(act: Act, command: c.RemoveMember) -> Outcome:
    if Role.STAFF in act.by.roles:
        act.must_be_staff_of(act.state.host)
    act.must_be_impartial()
    member = act.member(command.expert_id)
    if member.standing is Standing.BLOCKED:
        act.refuse("evaluation.session.blocked", seat=member.seat_code)
    state = with_member(
        act.state,
        member,
        standing=Standing.BLOCKED,
        cause=command.cause,
        asks_for_time=False,
        submitted="",
        answer=Answer.OPEN,
        statement="",
    )
    votes = tuple(vote for vote in state.votes if vote.expert_id != member.expert_id)
    state, reopened = _reopened(without(replace(state, votes=votes), member))
    events = [
        event("member_removed", seat=member.seat_code, cause=command.cause.value),
        asked_to_substitute(member, command.cause),
        *reopened,
    ]
    if state.stage is Stage.PAUSE_APPROVED:
        state, sealing = began_sealing(state)
        events += sealing
    return state, tuple(events)


def _reopened(state: State) -> tuple[State, list[Event]]:
    """The review goes on where it had come to scores or to a report."""
    stage = state.incidents[-1].stage if state.stage is Stage.INCIDENT else state.stage
    if stage not in _CONCLUDED:
        return state, []
    events = [event("report_void", report=state.report)] if state.report else []
    members = tuple(replace(m, answer=Answer.OPEN, statement="") for m in state.members)
    state = replace(state, members=members, report="", argument="")
    if state.stage is Stage.INCIDENT:
        incident = replace(state.incidents[-1], stage=Stage.REVIEWING)
        return replace(state, incidents=(*state.incidents[:-1], incident)), events
    return at(state, Stage.REVIEWING), events


def replace_member(act: Act, command: c.ReplaceMember) -> Outcome:
    act.must_be_staff_of(act.state.host)
    member = act.member(command.expert_id)
    if member.standing is Standing.BLOCKED and member.cause is not command.cause:
        cause = "" if member.cause is None else member.cause.value
        act.refuse("evaluation.session.other_cause", seat=member.seat_code, cause=cause)
    if act.state.member(command.substitute_id) is not None:
        act.refuse("evaluation.session.was_member", expert=command.substitute_id)
    others = [m for m in act.state.sitting if m.expert_id != member.expert_id]
    if any(other.seat_code == command.substitute_seat for other in others):
        act.refuse("evaluation.session.seat_taken", seat=command.substitute_seat)
    left = with_member(
        act.state, member, standing=Standing.REPLACED, cause=command.cause, asks_for_time=False
    )
    substitute = Member(
        command.substitute_seat,
        command.substitute_id,
        command.substitute_centre,
        is_representative=member.is_representative,
    )
    votes = tuple(vote for vote in left.votes if vote.expert_id != member.expert_id)
    state = without(replace(left, members=(*left.members, substitute), votes=votes), member)
    return state, (
        event("conclusions_void", seat=member.seat_code, cause=command.cause.value),
        event(
            "member_replaced",
            seat=member.seat_code,
            substitute_seat=substitute.seat_code,
            substitute=substitute.expert_id,
            venue=substitute.centre_id,
        ),
    )
