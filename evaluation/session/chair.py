"""The chair of a committee (评标委员会负责人, 组长): elected by its members, never the buyer's man.

A committee may have a chair, whom its members elect (评标委员会和评标方法暂行规定 第九条); in procurement the
buyer's representative may not be he (财政部令第87号 第四十五条). Elected is who has more than half of those who
sit; until then everybody may vote otherwise. The chair has the same vote as every other member (第九条),
so no step waits for the election. A chair who leaves is chair no more.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from archive.errors import Kind
from evaluation.session import commands as c
from evaluation.session.act import Act, Outcome, event
from evaluation.session.state import Member, Standing, State


def vote_chair(act: Act, command: c.VoteChair) -> Outcome:
    voter = act.admitted_seat(command.expert_id)
    state = act.state
    if state.chair:
        act.refuse("evaluation.session.has_chair", seat=state.chair)
    named = next((m for m in state.sitting if m.seat_code == command.seat), None)
    if named is None or named.standing is not Standing.SITTING:
        act.refuse("evaluation.session.no_seat", Kind.NOT_FOUND, seat=command.seat)
    if named.is_representative and not act.rules.chair_may_represent:
        act.refuse("evaluation.session.chair_represents", Kind.FORBIDDEN, seat=command.seat)
    vote = (voter.expert_id, command.seat)
    if vote in state.chair_votes:
        act.refuse("evaluation.session.already", seat=voter.seat_code)
    others = tuple(old for old in state.chair_votes if old[0] != voter.expert_id)
    state = replace(state, chair_votes=(*others, vote))
    count = Counter(seat for _, seat in state.chair_votes)[command.seat]
    events = [event("chair_voted", seat=voter.seat_code)]
    if 2 * count > len(state.sitting):
        state = replace(state, chair=command.seat, chair_votes=())
        events.append(event("chair_elected", seat=command.seat, votes=count))
    return state, tuple(events)


def without(state: State, member: Member) -> State:
    """The state in which neither the member's vote nor any vote for him counts, nor his chair."""
    votes = tuple(
        (voter, seat)
        for voter, seat in state.chair_votes
        if voter != member.expert_id and seat != member.seat_code
    )
    chair = "" if state.chair == member.seat_code else state.chair
    return replace(state, chair=chair, chair_votes=votes)
