"""The session's machine: what follows from what, without a clock, a database or a socket.

    apply(state, command, by, now, rules, facts) -> (state, events)

`TRANSITIONS` is the law of the house as data: who may give a command, in which stages, under which
rule, and to which stages it may lead; `STAYS` means that the stage may remain. The steps themselves
are in `arrival`, `chair`, `departure`, `night`, `conclusion` and `incidents`. A refusal changes nothing and names the
code, the command, the stage and the rule; the same command given twice is refused the second time.

    SCHEDULED → CHECK_IN → REVIEWING → SCORED → REPORTED → CLOSED
                           REVIEWING → PAUSE_REQUESTED → PAUSE_APPROVED → SEALING
                           → SEALED_OVERNIGHT → UNSEALING → REVIEWING      as many nights as needed
    any → INCIDENT → back, when a fault is mended in time; SCORED, REPORTED → REVIEWING, when a member
    is removed; any → VOID, a closed one too: what is found later voids what was concluded
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from evaluation.session import arrival, chair, conclusion, departure, incidents, night
from evaluation.session import commands as c
from evaluation.session.act import Act, Handler, Outcome
from evaluation.session.rules import CHAIR, SessionRules
from evaluation.session.state import FINAL, Facts, Stage, State

NO_FACTS = Facts()
STAYS: frozenset[Stage] = frozenset()

_STAFF = frozenset({Role.STAFF})
_HOST = frozenset({Role.STAFF, Role.SYSTEM})
_MEMBER = frozenset({Role.EXPERT, Role.TENDERER})
_SUPERVISOR = frozenset({Role.SUPERVISOR})
_WITNESS = frozenset({Role.STAFF, Role.SUPERVISOR})
_ASKS = frozenset({Role.TENDERER, Role.STAFF})
_REMOVES = frozenset({Role.STAFF, Role.SUPERVISOR, Role.SYSTEM})

S = Stage
_ARRIVING = frozenset({S.CHECK_IN, S.REVIEWING, S.PAUSE_REQUESTED, S.UNSEALING})
_JOINING = _ARRIVING | {S.SCHEDULED, S.SEALED_OVERNIGHT}
_OPEN = frozenset(Stage) - FINAL


@dataclass(frozen=True)
class Transition:
    """One line of the table. `leads_to`: other stages than the present one that may follow."""

    command: type
    stages: frozenset[Stage]
    roles: frozenset[Role]
    leads_to: frozenset[Stage]
    may_stay: bool
    rule: str
    handler: Handler


def _line(
    command: type,
    stages: Iterable[Stage],
    roles: frozenset[Role],
    leads_to: Iterable[Stage],
    rule: str,
    handler: Handler,
    *,
    may_stay: bool | None = None,
) -> Transition:
    next_stages = frozenset(leads_to)
    stay = not next_stages if may_stay is None else may_stay
    return Transition(command, frozenset(stages), roles, next_stages, stay, rule, handler)


TRANSITIONS: tuple[Transition, ...] = (
    # Arrival
    _line(c.OpenCheckIn, {S.SCHEDULED}, _HOST, {S.CHECK_IN}, "session.arrival_minutes",
          arrival.open_check_in),
    _line(c.ReadDiscipline, _ARRIVING, _MEMBER, STAYS, "session.discipline",
          arrival.read_discipline),
    _line(c.CheckIn, _ARRIVING, _STAFF, STAYS, "session.identity", arrival.check_in),
    _line(c.SignRecusal, _ARRIVING, _MEMBER, STAYS, "session.recusal", arrival.sign_recusal),
    # Departure
    _line(c.RemoveMember, _OPEN, _REMOVES, {S.REVIEWING, S.SEALING}, "session.replacement",
          departure.remove_member, may_stay=True),
    _line(c.ReplaceMember, _JOINING, _HOST, STAYS, "session.replacement",
          departure.replace_member),
    # Review
    _line(c.EnterBids, {S.SCHEDULED, S.CHECK_IN}, _HOST, STAYS, "session.bids",
          conclusion.enter_bids),
    _line(c.BeginReview, {S.CHECK_IN}, _STAFF, {S.REVIEWING}, "session.identity",
          conclusion.begin_review),
    _line(c.VoteRejection, {S.REVIEWING}, _MEMBER, STAYS, "score.rejection",
          conclusion.vote_rejection),
    _line(c.VoteChair, {S.CHECK_IN, S.REVIEWING}, _MEMBER, STAYS, CHAIR, chair.vote_chair),
    _line(c.AskForTime, {S.REVIEWING}, _MEMBER, STAYS, "session.extend_share", night.ask_for_time),
    # Night
    _line(c.RequestPause, {S.REVIEWING}, _ASKS, {S.PAUSE_REQUESTED}, "session.pause",
          night.request_pause),
    _line(c.ApprovePause, {S.PAUSE_REQUESTED}, _SUPERVISOR, {S.PAUSE_APPROVED}, "session.pause",
          night.approve_pause),
    _line(c.RefusePause, {S.PAUSE_REQUESTED}, _SUPERVISOR, {S.REVIEWING}, "session.pause",
          night.refuse_pause),
    _line(c.LockSheet, {S.PAUSE_APPROVED}, _MEMBER, {S.SEALING}, "session.lock", night.lock_sheet,
          may_stay=True),
    _line(c.Seal, {S.SEALING}, _STAFF, STAYS, "session.two_persons", night.seal),
    _line(c.WitnessSeal, {S.SEALING}, _WITNESS, {S.SEALED_OVERNIGHT}, "session.two_persons",
          night.witness_seal, may_stay=True),
    _line(c.CheckPresence, {S.SEALED_OVERNIGHT, S.UNSEALING}, _WITNESS, STAYS,
          "session.presence_hours", night.check_presence),
    _line(c.ConfirmPresence, {S.SEALED_OVERNIGHT, S.UNSEALING}, _MEMBER, STAYS,
          "session.presence_hours", night.confirm_presence),
    _line(c.Unseal, {S.SEALED_OVERNIGHT, S.UNSEALING}, _STAFF, {S.UNSEALING, S.INCIDENT},
          "session.two_persons", night.unseal),
    _line(c.WitnessUnseal, {S.UNSEALING}, _WITNESS, {S.INCIDENT}, "session.two_persons",
          night.witness_unseal, may_stay=True),
    _line(c.RecheckIdentity, {S.UNSEALING}, _STAFF, STAYS, "session.identity",
          night.recheck_identity),
    _line(c.Resume, {S.UNSEALING}, _STAFF, {S.REVIEWING, S.INCIDENT}, "session.lock",
          night.resume),
    # Conclusion
    _line(c.SubmitScores, {S.REVIEWING}, _MEMBER, {S.SCORED}, "score.result_check",
          conclusion.submit_scores, may_stay=True),
    _line(c.ReopenScores, {S.REVIEWING, S.SCORED}, _MEMBER, {S.REVIEWING}, "score.result_check",
          conclusion.reopen_scores, may_stay=True),
    _line(c.FileReport, {S.SCORED}, _HOST, STAYS, "session.report", conclusion.file_report),
    _line(c.SignReport, {S.SCORED}, _MEMBER, {S.REPORTED}, "session.report",
          conclusion.sign_report, may_stay=True),
    _line(c.DissentReport, {S.SCORED}, _MEMBER, {S.REPORTED}, "session.report",
          conclusion.dissent_report, may_stay=True),
    _line(c.RecordSilence, {S.SCORED}, _WITNESS, {S.REPORTED}, "session.report",
          conclusion.record_silence, may_stay=True),
    _line(c.Close, {S.REPORTED}, _HOST, {S.CLOSED}, "session.report", conclusion.close),
    # Incidents
    _line(c.ReportIncident, _OPEN - {S.INCIDENT, S.REPORTED, S.SCHEDULED}, _WITNESS, {S.INCIDENT},
          "session.fault_hours", incidents.report_incident),
    _line(c.ResolveFault, {S.INCIDENT}, _SUPERVISOR, _OPEN - {S.INCIDENT}, "session.fault_hours",
          incidents.resolve_fault),
    _line(c.VoidSession, _OPEN | {S.CLOSED}, _SUPERVISOR, {S.VOID}, "session.void",
          incidents.void_session),
)  # fmt: skip

BY_COMMAND = {line.command: line for line in TRANSITIONS}


def apply(
    state: State,
    command: c.Command,
    by: Actor,
    now: datetime,
    rules: SessionRules,
    facts: Facts = NO_FACTS,
) -> Outcome:
    """The state after `command`, and what happened. Refuses; never changes its arguments."""
    line = BY_COMMAND[type(command)]
    c.check_form(command)
    said: dict[str, Any] = {"command": type(command).__name__, "stage": state.stage.value}
    if by.roles.isdisjoint(line.roles):
        said["needed"] = ", ".join(sorted(line.roles))
        raise Refusal("evaluation.session.role", said, Kind.FORBIDDEN, rule=line.rule)
    if state.stage not in line.stages:
        said["needed"] = ", ".join(sorted(line.stages))
        raise Refusal("evaluation.session.stage", said, Kind.CONFLICT, rule=line.rule)
    act = Act(type(command).__name__, line.rule, state, by, now, rules, facts)
    new, events = line.handler(act, command)
    assert new.stage in line.leads_to or (line.may_stay and new.stage is state.stage), (
        f"{act.name} led from {state.stage} to {new.stage}"
    )
    assert events, f"{act.name} left no trace"
    return replace(new, version=state.version + 1), events


def commands_for(stage: Stage, roles: frozenset[Role]) -> tuple[str, ...]:
    """The commands that the table allows these roles in this stage, in the table's order. Whether
    one succeeds depends on more than that."""
    return tuple(
        line.command.__name__
        for line in TRANSITIONS
        if stage in line.stages and not roles.isdisjoint(line.roles)
    )


def check_may_write(
    state: State, expert_id: str, by: Actor, now: datetime, rules: SessionRules
) -> None:
    """Refuse a change of this member's sheet unless he himself makes it, admitted, while the review
    goes on, and neither locked nor submitted it."""
    act = Act("SaveCells", "session.lock", state, by, now, rules, NO_FACTS)
    member = act.admitted_seat(expert_id)
    if state.stage not in _WRITING:
        act.refuse("evaluation.session.sheets_closed", seat=member.seat_code)
    if state.stage is S.PAUSE_APPROVED and state.night.locked_of(expert_id):
        act.refuse("evaluation.session.sheet_locked", seat=member.seat_code)
    if member.submitted:
        act.refuse(
            "evaluation.session.sheet_submitted", rule="score.result_check", seat=member.seat_code
        )


def check_may_read(state: State, expert_id: str) -> None:
    """Refuse a member his sheet and the bids while the session is sealed: the logical seal."""
    member = state.member(expert_id)
    if member is not None and is_sealed(state):
        params = {"command": "Read", "stage": state.stage.value, "seat": member.seat_code}
        code = "evaluation.session.rights_revoked"
        raise Refusal(code, params, Kind.FORBIDDEN, rule="session.two_persons")


def is_sealed(state: State) -> bool:
    """From the last seal until the committee resumes; an incident in between lifts nothing."""
    stage = state.incidents[-1].stage if state.stage is S.INCIDENT else state.stage
    return stage in SEALED


SEALED = frozenset({S.SEALED_OVERNIGHT, S.UNSEALING})
_WRITING = frozenset({S.REVIEWING, S.PAUSE_REQUESTED, S.PAUSE_APPROVED})
