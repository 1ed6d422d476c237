"""Whatever is asked in whatever order, a session keeps its promises.

Commands are drawn, sensible ones more often than wild ones, so that long courses occur; drafts are
now and then tampered with at night. After every accepted command the promises are read off the state
and the events, without asking the machine.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from archive.actor import Actor, Role
from archive.errors import Refusal
from evaluation.ranking import Ground
from evaluation.session import commands as c
from evaluation.session.state import (
    Answer,
    Cause,
    IncidentKind,
    PauseKind,
    Recusal,
    SealFinding,
    SheetFacts,
    Stage,
    Standing,
    State,
)
from tests.builders import SUPERVISOR
from tests.evaluation.course import (
    BIDDERS,
    BIDS,
    CEILING,
    HOST,
    HOST_2,
    TENDERER,
    WITNESS,
    Bare,
    bare_at,
    member,
    sha,
    staff,
)

STEPS_MAX = 60
Given = tuple[Actor, c.Command]


def sealing(state: State) -> list[Given]:
    """The next halves of seals, the second one by the right person and by the wrong one."""
    found: list[Given] = []
    night = len(state.nights)
    for venue in state.night.venues if state.nights else ():
        number, seal = f"YN-{night}-{venue}", state.night.seal_of(venue)
        same, other = staff(venue), WITNESS
        if state.stage is Stage.SEALING and seal is None:
            found.append((same, c.Seal(venue, number, sha(venue))))
        elif state.stage is Stage.SEALING and seal is not None and not seal.witnessed_by:
            found += [(by, c.WitnessSeal(venue, number)) for by in (other, same)]
        elif seal is not None and state.stage in (Stage.SEALED_OVERNIGHT, Stage.UNSEALING):
            if not seal.unsealed_by:
                found.append((same, c.Unseal(venue, number, sha(venue), SealFinding.INTACT)))
            elif not seal.unseal_witnessed_by:
                found += [
                    (by, c.WitnessUnseal(venue, number, SealFinding.INTACT)) for by in (other, same)
                ]
    return found


def sensible(d: Bare) -> list[Given]:
    """Commands that somebody in good faith would give in this state."""
    state = d.state
    found: list[Given] = []
    for m in state.sitting:
        at = staff(m.centre_id)
        own, seat = member(m.expert_id), m.expert_id
        identity = sha(f"identity {seat}")
        if not m.discipline:
            found.append((own, c.ReadDiscipline(seat, sha("discipline"))))
        if not m.identity:
            found.append((at, c.CheckIn(seat, identity)))
        elif m.recusal is Recusal.UNSIGNED:
            found.append((own, c.SignRecusal(seat, False, sha(seat))))
        if m.standing is Standing.BLOCKED and m.cause is not None:
            new = f"substitute-{len(state.members)}"
            found.append((HOST, c.ReplaceMember(seat, m.cause, new, m.seat_code, m.centre_id)))
        if state.stage is Stage.UNSEALING and not m.is_rechecked:
            found.append((at, c.RecheckIdentity(seat, identity)))
        if state.stage is Stage.PAUSE_APPROVED and seat in d.facts.sheets:
            found.append((own, c.LockSheet(seat, d.draft(seat))))
        if state.stage is Stage.REVIEWING and seat in d.facts.sheets and not m.submitted:
            found.append((own, c.SubmitScores(seat, d.draft(seat))))
        if state.stage is Stage.SCORED and state.report:
            found.append((own, c.SignReport(seat, state.report)))
    onward: dict[Stage, list[Given]] = {
        Stage.SCHEDULED: [(HOST, c.OpenCheckIn())],
        Stage.CHECK_IN: [(HOST, c.EnterBids(BIDS, CEILING)), (HOST, c.BeginReview())],
        Stage.REVIEWING: [(TENDERER, c.RequestPause(PauseKind.PLANNED, "evening"))],
        Stage.PAUSE_REQUESTED: [(SUPERVISOR, c.ApprovePause())],
        Stage.UNSEALING: [(HOST, c.Resume())],
        Stage.INCIDENT: [(SUPERVISOR, c.ResolveFault())],
        Stage.SCORED: [(HOST, c.FileReport())],
        Stage.REPORTED: [(HOST, c.Close())],
    }
    return found + sealing(state) + onward.get(state.stage, [])


ACTORS = st.sampled_from(
    [
        HOST,
        HOST_2,
        WITNESS,
        SUPERVISOR,
        TENDERER,
        staff("530100"),
        staff("532922"),
        member("expert-1"),
        member("expert-2"),
        member("substitute-5"),
        Actor("both", frozenset({Role.STAFF, Role.EXPERT}), "532901", "expert-1"),
    ]
)
EXPERTS = st.sampled_from(["expert-1", "expert-2", "expert-3", "substitute-5", "nobody"])
VENUES = st.sampled_from(["532901", "530100", "532922", "999999"])
NUMBERS = st.sampled_from(["YN-1-532901", "YN-1-530100", "YN-2-532901", "YN-0"])
DIGESTS = st.sampled_from([sha("a"), sha("identity expert-1"), sha("report"), sha("b")])
WILD = st.one_of(
    st.builds(c.OpenCheckIn),
    st.builds(c.ReadDiscipline, EXPERTS, DIGESTS),
    st.builds(c.CheckIn, EXPERTS, DIGESTS),
    st.builds(c.SignRecusal, EXPERTS, st.booleans(), DIGESTS),
    st.builds(c.RemoveMember, EXPERTS, st.sampled_from(Cause)),
    st.builds(
        c.ReplaceMember,
        EXPERTS,
        st.sampled_from(Cause),
        st.sampled_from(["substitute-5", "expert-2"]),
        st.sampled_from(["S1", "S9"]),
        VENUES,
    ),
    st.builds(c.EnterBids, st.just(BIDS[:2]), st.just(CEILING)),
    st.builds(c.BeginReview),
    st.builds(c.VoteRejection, EXPERTS, st.sampled_from(BIDDERS), st.sampled_from(list(Ground))),
    st.builds(c.VoteChair, EXPERTS, st.sampled_from(["S1", "S2", "S9"])),
    st.builds(c.AskForTime, EXPERTS),
    st.builds(c.RequestPause, st.sampled_from(PauseKind), st.just("evening")),
    st.builds(c.ApprovePause),
    st.builds(c.RefusePause, st.just("no")),
    st.builds(c.LockSheet, EXPERTS, DIGESTS),
    st.builds(c.Seal, VENUES, NUMBERS, DIGESTS),
    st.builds(c.WitnessSeal, VENUES, NUMBERS),
    st.builds(c.CheckPresence, EXPERTS, st.integers(0, 3), st.booleans()),
    st.builds(c.Unseal, VENUES, NUMBERS, DIGESTS, st.sampled_from(SealFinding)),
    st.builds(c.WitnessUnseal, VENUES, NUMBERS, st.sampled_from(SealFinding)),
    st.builds(c.RecheckIdentity, EXPERTS, DIGESTS),
    st.builds(c.Resume),
    st.builds(c.SubmitScores, EXPERTS, DIGESTS),
    st.builds(c.ReopenScores, EXPERTS, st.just("sum")),
    st.builds(c.FileReport, st.sampled_from(["", sha("argument")])),
    st.builds(c.SignReport, EXPERTS, DIGESTS),
    st.builds(c.DissentReport, EXPERTS, DIGESTS, DIGESTS),
    st.builds(c.RecordSilence, EXPERTS),
    st.builds(c.Close),
    st.builds(c.ReportIncident, st.sampled_from(IncidentKind), st.just("power")),
    st.builds(c.ResolveFault),
)
STEP = st.one_of(
    st.integers(0, 999),
    st.integers(0, 999),
    st.integers(0, 999),
    st.integers(0, 999),
    st.tuples(ACTORS, WILD),
    st.just("tamper"),
)


def tampered(d: Bare, turn: int) -> None:
    """A draft is changed in the store while it should be under seal."""
    if d.state.stage in (Stage.SEALED_OVERNIGHT, Stage.UNSEALING) and turn % 3 == 0:
        forged = {**d.facts.sheets, "expert-2": SheetFacts(sha(f"forged {turn}"))}
        d.facts = replace(d.facts, sheets=forged)


def check_promises(d: Bare, before: State, giver: Actor) -> None:
    state, stage = d.state, d.state.stage
    assert state.version == before.version + 1
    for night in state.nights:
        for seal in night.seals:
            assert seal.sealed_by != seal.witnessed_by
            assert not seal.unsealed_by or seal.unsealed_by != seal.unseal_witnessed_by
        assert night.requested_by != night.approved_by
    numbers = [seal.number for night in state.nights for seal in night.seals]
    assert len(set(numbers)) == len(numbers)
    identities = [m.identity for m in state.members if m.identity]
    assert len(set(identities)) == len(identities)
    if stage is Stage.SEALED_OVERNIGHT and before.stage is Stage.SEALING:
        witnessed = {seal.centre_id for seal in state.night.seals if seal.witnessed_by}
        assert witnessed == set(state.venues)
        admitted = {m.expert_id for m in state.sitting if m.is_admitted}
        assert admitted <= {expert_id for expert_id, _ in state.night.locked}
    if stage is Stage.REVIEWING and before.stage is Stage.UNSEALING:
        assert all(seal.unseal_witnessed_by for seal in state.night.seals)
        assert all(m.is_admitted and m.is_present and m.is_rechecked for m in state.sitting)
        sitting = {m.expert_id for m in state.sitting}
        for expert_id, locked in state.night.locked:
            assert expert_id not in sitting or d.facts.sheets[expert_id].digest == locked
    for m in state.sitting:
        if m.standing is Standing.BLOCKED:
            assert not m.submitted
            assert m.answer is Answer.OPEN
            assert m.expert_id not in {vote.expert_id for vote in state.votes}
    if stage is Stage.REVIEWING:
        assert not state.report
    seats = {m.seat_code for m in state.sitting if m.standing is Standing.SITTING}
    assert {state.chair, *(seat for _, seat in state.chair_votes)} - {""} <= seats
    if stage in (Stage.SCORED, Stage.REPORTED, Stage.CLOSED):
        assert all(m.is_admitted and m.submitted for m in state.sitting)
        assert state.bids
        assert not state.incidents or state.incidents[-1].resolved_at is not None
    if stage in (Stage.REPORTED, Stage.CLOSED):
        assert state.report
        assert all(m.answer is not Answer.OPEN for m in state.sitting)
    if stage is Stage.VOID:
        assert Role.SUPERVISOR in giver.roles
    standing = {m.expert_id for m in state.sitting}
    assert {vote.expert_id for vote in state.votes} <= standing


REACHED: set[Stage] = set()


STARTS = st.sampled_from(
    [Stage.SCHEDULED, Stage.REVIEWING, Stage.SEALING, Stage.SEALED_OVERNIGHT, Stage.SCORED]
)


# The examples go where chance seldom does, so that the test below may ask for it.
@settings(max_examples=120)
@example(Stage.SCHEDULED, list(range(60)))
@example(Stage.SEALING, [0] * 60)
@example(Stage.SEALED_OVERNIGHT, [0] * 60)
@example(Stage.SEALED_OVERNIGHT, [*(["tamper"] * 4), *([0] * 56)])
@example(Stage.SCORED, list(range(60)))
@given(STARTS, st.lists(STEP, min_size=STEPS_MAX // 2, max_size=STEPS_MAX))
def any_sequence(start: Stage, steps: list[int | str | Given]) -> None:
    d = bare_at(start)
    d.fill()
    for turn, step in enumerate(steps):
        before = d.state
        d.pass_time(timedelta(minutes=5))
        d.facts = replace(
            d.facts,
            sheets={
                m.expert_id: d.facts.sheets.get(m.expert_id, SheetFacts(sha(m.expert_id)))
                for m in d.state.sitting
            },
        )
        if step == "tamper":
            tampered(d, turn)
            continue
        if isinstance(step, int):
            choices = sensible(d)
            if not choices:
                break
            by, command = choices[step % len(choices)]
        else:
            assert isinstance(step, tuple)
            by, command = step
        try:
            d.do(by, command)
        except Refusal:
            assert d.state is before
            continue
        REACHED.add(d.state.stage)
        check_promises(d, before, by)
        after = d.state
        try:
            d.do(by, command)
        except Refusal:
            assert d.state is after
        else:
            raise AssertionError(f"{command} was taken twice")


def test_the_promises_hold_after_any_sequence() -> None:
    REACHED.clear()
    any_sequence()
    # Sequences that end at the door would prove nothing.
    assert {
        Stage.CHECK_IN,
        Stage.REVIEWING,
        Stage.SEALED_OVERNIGHT,
        Stage.UNSEALING,
        Stage.REPORTED,
        Stage.INCIDENT,
    } <= REACHED
