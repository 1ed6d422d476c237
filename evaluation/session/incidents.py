"""Incidents: what stops a review, and what can be mended.

A fault of equipment or power may be mended within the hours of the rule, and the review goes on; a
seal or a draft that was not as it had been left cannot be mended: the session is void and a new
committee begins afresh (87号令 第四十九条; a city rule on remote evaluation, art. 21).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from archive.errors import Kind
from evaluation.session import commands as c
from evaluation.session.act import Act, Outcome, at, event
from evaluation.session.state import Incident, IncidentKind, Stage, State

FOUND_BY_THE_MACHINE = frozenset({IncidentKind.SEAL_DIFFERS, IncidentKind.SHEET_DIFFERS})
_NIGHT = frozenset({Stage.SEALED_OVERNIGHT, Stage.UNSEALING})


def to_incident(state: State, kind: IncidentKind, detail: str, now: datetime) -> Outcome:
    incident = Incident(kind, detail, now, state.stage)
    stopped = replace(at(state, Stage.INCIDENT), incidents=(*state.incidents, incident))
    return stopped, (event("incident", kind=kind.value, detail=detail, at=incident.stage.value),)


def report_incident(act: Act, command: c.ReportIncident) -> Outcome:
    if command.kind in FOUND_BY_THE_MACHINE or (
        command.kind is IncidentKind.SEAL_BROKEN and act.state.stage not in _NIGHT
    ):
        act.refuse(
            "evaluation.session.incident_kind", kind=Kind.INVALID, incident=command.kind.value
        )
    return to_incident(act.state, command.kind, command.reason, act.now)


def resolve_fault(act: Act, command: c.ResolveFault) -> Outcome:
    act.must_be_impartial()
    incident = act.state.incidents[-1]
    if incident.kind is not IncidentKind.FAULT:
        act.refuse("evaluation.session.not_mendable", incident=incident.kind.value)
    if act.now - incident.at > act.rules.fault:
        hours = int(act.rules.fault.total_seconds()) // 3600
        act.refuse(
            "evaluation.session.fault_too_long",
            Kind.TOO_LATE,
            rule="session.fault_hours",
            hours=hours,
        )
    mended = replace(incident, resolved_at=act.now)
    state = replace(at(act.state, incident.stage), incidents=(*act.state.incidents[:-1], mended))
    minutes = int((act.now - incident.at).total_seconds()) // 60
    return state, (event("fault_mended", minutes=minutes, back=incident.stage.value),)


def void_session(act: Act, command: c.VoidSession) -> Outcome:
    act.must_be_impartial()
    return at(act.state, Stage.VOID), (event("voided", reason=command.reason),)
