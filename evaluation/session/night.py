"""Pause, seal, night, unseal, resume (隔夜评标).

Time is extended when more than a third of the members find it too short (条例 第四十八条); an
interrupted evaluation is sealed (87号令 第四十九条); the administrative supervisor answers for an
overnight evaluation (发改法规规〔2022〕1117号 十五). The steps between are our proposal: no published
text gives them. Two persons seal each venue and two unseal it; every member's draft is locked by its
digest and must be the same in the morning; the same members come back, identified anew. A seal or a
draft that is not as it was is an incident, not a refusal: it has happened and must be on the record.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

from archive.errors import Kind
from evaluation.session import commands as c
from evaluation.session.act import Act, Outcome, at, event, with_member, with_night
from evaluation.session.arrival import asked_to_substitute
from evaluation.session.incidents import to_incident
from evaluation.session.state import (
    Cause,
    Event,
    IncidentKind,
    Night,
    PauseKind,
    Presence,
    SealFinding,
    Stage,
    Standing,
    State,
    VenueSeal,
)
from trading.calendar.legal import calendar, legal_day

INCIDENT_OF = {
    SealFinding.BROKEN: IncidentKind.SEAL_BROKEN,
    SealFinding.OTHER_NUMBER: IncidentKind.SEAL_DIFFERS,
}


def ask_for_time(act: Act, command: c.AskForTime) -> Outcome:
    member = act.admitted_seat(command.expert_id)
    if member.asks_for_time:
        act.refuse("evaluation.session.already", seat=member.seat_code)
    state = with_member(act.state, member, asks_for_time=True)
    asking = sum(m.asks_for_time for m in state.sitting)
    return state, (event("time_asked", seat=member.seat_code, asking=asking),)


def request_pause(act: Act, command: c.RequestPause) -> Outcome:
    state = act.state
    asking, members = sum(m.asks_for_time for m in state.sitting), len(state.sitting)
    if command.kind is PauseKind.PLANNED and not state.is_overnight_planned:
        act.refuse("evaluation.session.not_planned")
    if command.kind is PauseKind.PLANNED:
        _check_notice(act)
    if command.kind is PauseKind.AD_HOC and Fraction(asking, members) <= act.rules.extend_share:
        act.refuse(
            "evaluation.session.too_few_ask",
            rule="session.extend_share",
            asking=asking,
            members=members,
        )
    if not any(member.is_admitted for member in state.sitting):
        act.refuse("evaluation.session.nobody_reviews")
    night = Night(command.kind, act.by.id, act.now)
    requested = event(
        "pause_requested",
        night=len(state.nights) + 1,
        kind=command.kind.value,
        reason=command.reason,
        asking=asking,
    )
    state = replace(at(state, Stage.PAUSE_REQUESTED), nights=(*state.nights, night))
    return state, (requested,)


def _check_notice(act: Act) -> None:
    """A night is planned with the session; one that was planned too late is a matter of the members' vote."""
    notice = act.rules.night_notice
    first = calendar().workdays_after(act.state.ruled_on, notice).day
    if notice and legal_day(act.now) < first:
        act.refuse(
            "evaluation.session.planned_late",
            rule="session.night_notice",
            days=notice,
            planned=act.state.ruled_on.isoformat(),
            first=first.isoformat(),
        )


def approve_pause(act: Act, command: c.ApprovePause) -> Outcome:
    act.must_be_impartial()
    act.must_differ(act.state.night.requested_by)
    state = with_night(at(act.state, Stage.PAUSE_APPROVED), approved_by=act.by.id)
    return state, (event("pause_approved", night=len(state.nights)),)


def refuse_pause(act: Act, command: c.RefusePause) -> Outcome:
    act.must_be_impartial()
    act.must_differ(act.state.night.requested_by)
    number = len(act.state.nights)
    state = replace(at(act.state, Stage.REVIEWING), nights=act.state.nights[:-1])
    return state, (event("pause_refused", night=number, reason=command.reason),)


def lock_sheet(act: Act, command: c.LockSheet) -> Outcome:
    member = act.admitted_seat(command.expert_id)
    night = act.state.night
    if night.locked_of(member.expert_id):
        act.refuse("evaluation.session.already", seat=member.seat_code)
    stored = act.facts.sheets.get(member.expert_id)
    if stored is None or stored.digest != command.digest:
        act.refuse("evaluation.session.other_draft", seat=member.seat_code)
    locked = (*night.locked, (member.expert_id, command.digest))
    state = with_night(act.state, locked=locked)
    said = {"seat": member.seat_code, "digest": command.digest}
    if stored.sm3:
        said["sm3"] = stored.sm3
    state, sealing = began_sealing(state)
    return state, (event("sheet_locked", **said), *sealing)


def began_sealing(state: State) -> Outcome:
    """The state in which the venues are sealed, once every admitted member has locked his sheet."""
    locked = dict(state.night.locked)
    if any(m.is_admitted and m.expert_id not in locked for m in state.sitting):
        return state, ()
    state = with_night(at(state, Stage.SEALING), venues=state.venues)
    return state, (event("sealing_began", night=len(state.nights), venues=len(state.venues)),)


def _all_numbers(state: State) -> set[str]:
    return {seal.number for night in state.nights for seal in night.seals}


def _with_seal(state: State, seal: VenueSeal) -> State:
    others = [s for s in state.night.seals if s.centre_id != seal.centre_id]
    seals = tuple(sorted([*others, seal], key=lambda s: s.centre_id))
    return with_night(state, seals=seals)


def seal(act: Act, command: c.Seal) -> Outcome:
    act.must_be_impartial()
    act.must_be_staff_of(command.centre_id)
    night = act.state.night
    if command.centre_id not in night.venues:
        act.refuse("evaluation.session.no_venue", Kind.NOT_FOUND, venue=command.centre_id)
    if night.seal_of(command.centre_id) is not None:
        act.refuse("evaluation.session.already_sealed", venue=command.centre_id)
    if command.number in _all_numbers(act.state):
        act.refuse("evaluation.session.seal_used", number=command.number)
    keeper = command.custodian or act.by.id
    if act.state.member(keeper) is not None:
        act.refuse("evaluation.session.custodian", Kind.FORBIDDEN, custodian=keeper)
    applied = VenueSeal(command.centre_id, command.number, command.photo, act.by.id, keeper)
    return _with_seal(act.state, applied), (
        event(
            "seal_applied",
            venue=command.centre_id,
            # The number follows with its witness: whoever reads the record could not read the seal
            # independently any more. The photograph binds whoever applied it.
            photo=command.photo,
            custodian=keeper,
        ),
    )


def witness_seal(act: Act, command: c.WitnessSeal) -> Outcome:
    act.must_be_impartial()
    found = act.state.night.seal_of(command.centre_id)
    if found is None:
        act.refuse("evaluation.session.not_sealed", venue=command.centre_id)
    if found.witnessed_by:
        act.refuse("evaluation.session.already_sealed", venue=command.centre_id)
    act.must_differ(found.sealed_by)
    if found.number != command.number:
        act.refuse("evaluation.session.other_number", venue=command.centre_id)
    state = _with_seal(act.state, replace(found, witnessed_by=act.by.id))
    events = [event("seal_witnessed", venue=command.centre_id, number=command.number)]
    night = state.night
    if {s.centre_id for s in night.seals if s.witnessed_by} == set(night.venues):
        members = tuple(replace(m, is_rechecked=False, is_present=True) for m in state.members)
        state = replace(at(state, Stage.SEALED_OVERNIGHT), members=members)
        state = with_night(state, sealed_at=act.now)
        events.append(event("sealed_overnight", night=len(state.nights), venues=len(night.venues)))
        # The logical seal: until the committee resumes nobody of it reads or writes anything.
        events.append(event("rights_revoked", members=len(state.sitting)))
    return state, tuple(events)


def check_presence(act: Act, command: c.CheckPresence) -> Outcome:
    act.must_be_impartial()
    member = act.member(command.expert_id)
    night = act.state.night
    rounds = sum(check.expert_id == member.expert_id for check in night.presence)
    if command.round != rounds + 1:
        act.refuse("evaluation.session.other_round", seat=member.seat_code, round=rounds + 1)
    check = Presence(member.expert_id, command.round, act.now, command.is_present)
    state = with_night(act.state, presence=(*night.presence, check))
    state = with_member(state, member, is_present=command.is_present)
    name = "presence_checked" if command.is_present else "member_missing"
    return state, (event(name, seat=member.seat_code, round=command.round),)


def confirm_presence(act: Act, command: c.ConfirmPresence) -> Outcome:
    member = act.own_seat(command.expert_id)
    # What he says himself is recorded beside the escort's checks and replaces none of them.
    return act.state, (event("presence_confirmed", seat=member.seat_code),)


def longest_gap(night: Night, expert_id: str) -> timedelta:
    """The longest time of a night, from the sealing to the resumption, without a check on the
    member."""
    assert night.sealed_at is not None, "not sealed"
    moments = [night.sealed_at]
    moments += [check.at for check in night.presence if check.expert_id == expert_id]
    if night.resumed_at is not None:
        moments.append(night.resumed_at)
    return max((b - a for a, b in pairwise(moments)), default=timedelta())


def unseal(act: Act, command: c.Unseal) -> Outcome:
    act.must_be_impartial()
    act.must_be_staff_of(command.centre_id)
    found = act.state.night.seal_of(command.centre_id)
    if found is None:
        act.refuse("evaluation.session.no_venue", Kind.NOT_FOUND, venue=command.centre_id)
    if found.unsealed_by:
        act.refuse("evaluation.session.already_unsealed", venue=command.centre_id)
    read = replace(found, unsealed_by=act.by.id, unsealed_photo=command.photo)
    state = _with_seal(at(act.state, Stage.UNSEALING), read)
    done = event("seal_read", venue=command.centre_id, number=command.number, photo=command.photo)
    return _judge_seal(act, state, found, command, done)


def witness_unseal(act: Act, command: c.WitnessUnseal) -> Outcome:
    act.must_be_impartial()
    found = act.state.night.seal_of(command.centre_id)
    if found is None or not found.unsealed_by:
        act.refuse("evaluation.session.not_unsealed", venue=command.centre_id)
    if found.unseal_witnessed_by:
        act.refuse("evaluation.session.already_unsealed", venue=command.centre_id)
    act.must_differ(found.unsealed_by)
    state = _with_seal(act.state, replace(found, unseal_witnessed_by=act.by.id))
    done = event("unseal_witnessed", venue=command.centre_id, number=command.number)
    state, events = _judge_seal(act, state, found, command, done)
    if state.stage is Stage.INCIDENT:
        return state, events
    changed = _changed_drafts(act, state, command.centre_id)
    if changed:
        state, more = to_incident(state, IncidentKind.SHEET_DIFFERS, ",".join(changed), act.now)
        return state, (*events, *more)
    return state, events


def _judge_seal(
    act: Act, state: State, found: VenueSeal, command: c.Unseal | c.WitnessUnseal, done: Event
) -> Outcome:
    """Another number than the evening's counts only from who says that it is another one."""
    is_other = command.number != found.number
    if is_other and command.finding is not SealFinding.OTHER_NUMBER:
        act.refuse("evaluation.session.read_again", venue=found.centre_id)
    if not is_other and command.finding is SealFinding.OTHER_NUMBER:
        act.refuse("evaluation.session.same_number", venue=found.centre_id)
    if command.finding is SealFinding.INTACT:
        return state, (done,)
    state, events = to_incident(state, INCIDENT_OF[command.finding], found.centre_id, act.now)
    return state, (done, *events)


def _changed_drafts(act: Act, state: State, centre_id: str = "") -> list[str]:
    """Seats (of one venue, or of all) whose stored draft is not the one that was locked."""
    changed = []
    for member in state.sitting:
        locked = state.night.locked_of(member.expert_id)
        if not locked or (centre_id and member.centre_id != centre_id):
            continue
        stored = act.facts.sheets.get(member.expert_id)
        if stored is None or stored.digest != locked:
            changed.append(member.seat_code)
    return changed


def recheck_identity(act: Act, command: c.RecheckIdentity) -> Outcome:
    member = act.member(command.expert_id)
    act.must_be_staff_of(member.centre_id)
    if member.standing is Standing.BLOCKED:
        act.refuse("evaluation.session.blocked", seat=member.seat_code)
    if not member.identity:
        act.refuse("evaluation.session.not_identified", seat=member.seat_code)
    if not member.is_present:
        act.refuse("evaluation.session.missing", seat=member.seat_code)
    if member.is_rechecked:
        act.refuse("evaluation.session.already", seat=member.seat_code)
    if command.identity != member.identity:
        # Another person in the member's chair: he is sent away, and the record says so.
        state = with_member(act.state, member, standing=Standing.BLOCKED, cause=Cause.IDENTITY)
        return state, (
            event("identity_differs", seat=member.seat_code, identity=command.identity),
            asked_to_substitute(member, Cause.IDENTITY),
        )
    state = with_member(act.state, member, is_rechecked=True)
    return state, (event("identity_rechecked", seat=member.seat_code, identity=command.identity),)


def resume(act: Act, command: c.Resume) -> Outcome:
    act.must_be_staff_of(act.state.host)
    state = act.state
    night = state.night
    sealed = [s.centre_id for s in night.seals if not s.unseal_witnessed_by]
    if sealed:
        act.refuse("evaluation.session.still_sealed", rule="session.two_persons", venue=sealed[0])
    for member in state.sitting:
        if not member.is_present:
            act.refuse("evaluation.session.missing", seat=member.seat_code)
        if not member.is_admitted:
            act.refuse(
                "evaluation.session.not_admitted", rule="session.identity", seat=member.seat_code
            )
        if not member.is_rechecked:
            act.refuse(
                "evaluation.session.not_rechecked", rule="session.identity", seat=member.seat_code
            )
    changed = _changed_drafts(act, state)
    if changed:
        return to_incident(state, IncidentKind.SHEET_DIFFERS, ",".join(changed), act.now)
    state = with_night(at(state, Stage.REVIEWING), resumed_at=act.now)
    members = tuple(replace(m, asks_for_time=False) for m in state.members)
    longest = max(longest_gap(state.night, member.expert_id) for member in state.sitting)
    resumed = event(
        "resumed",
        night=len(state.nights),
        members=len(state.sitting),
        drafts=len(night.locked),
        presence_gap_minutes=int(longest.total_seconds()) // 60,
        presence_kept=longest <= act.rules.presence,
    )
    restored = event("rights_restored", members=len(state.sitting))
    return replace(state, members=members), (resumed, restored)
