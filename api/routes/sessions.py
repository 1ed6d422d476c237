"""Evaluation sessions: their state without names, and the commands of `evaluation.session`.

A member sees the sessions he sits in; staff the sessions their centre hosts or lends seats to; a
supervisor those of the lots that his department watches, all where his account has no party. To
everybody else a session does not exist.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from sqlmodel import Session as Db

from api.access import ReviewActor, StaffActor
from api.flows import review, sealing, substitution
from api.flows.places import names as names_of_places
from api.problems import input_code, pointer_of
from api.routes.fields import Answer, Body, Identifier, IdInPath, Whole
from api.transactions import ReadDb, WriteTx
from archive.actor import Actor, Role
from archive.errors import Fault, Faults, Kind, Refusal
from evaluation.session import commands
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Cause
from trading.acting import watches
from trading.projects import service as projects

router = APIRouter(prefix="/api/sessions", tags=["sessions"])

BY_FLOW = frozenset({commands.EnterBids, commands.RemoveMember, commands.ReplaceMember})
"""Bids enter from the opening record, and who leaves and who comes is the draw's matter: by flows, not
by hand."""
COMMANDS: dict[str, TypeAdapter[Any]] = {
    command.__name__: TypeAdapter(command)
    for command in get_args(commands.Command)
    if command not in BY_FLOW
}
FIELDS_MAX = 20


class ActBody(Body):
    model_config = ConfigDict(json_schema_extra={"description": ", ".join(COMMANDS)})

    command: Annotated[str, Field(max_length=40)]
    fields: Annotated[dict[str, Any], Field(max_length=FIELDS_MAX, default_factory=dict)]
    version: Whole | None = None
    """The state's version that the giver saw; with it a command is refused if it has moved on."""


class ScheduleBody(Body):
    lot: Identifier
    representatives: Annotated[list[Identifier], Field(max_length=10, default_factory=list)]
    """Accounts of the tenderer's representatives on the committee, in order of seat."""


class SessionAnswer(Answer):
    id: str
    lot_id: str
    centre_id: str
    stage: str
    version: int
    starts_at: datetime | None
    overnight: bool
    seats: int
    centres: tuple[str, ...]


class LeaveBody(Body):
    seat: Identifier
    cause: Literal["RECUSAL", "ABSENT", "LEFT_POST", "HEALTH"]
    """招标投标法实施条例 第四十八条; no other cause changes a member."""


class AppointBody(Body):
    seat: Identifier
    account: Identifier


class JoinedAnswer(Answer):
    seats: tuple[str, ...]
    """The seats whose substitutes have joined; none while the draw still calls."""


def may_see(actor: Actor, session: Session, supervisor_uscc: str = "") -> bool:
    """Whether the session exists for this actor; `supervisor_uscc` is the lot's supervisor."""
    if Role.SUPERVISOR in actor.roles and watches(actor, supervisor_uscc):
        return True
    sitting = session.state.sitting
    if Role.STAFF in actor.roles:
        centres = {session.centre_id, *(member.centre_id for member in sitting)}
        return not actor.centre_id or actor.centre_id in centres
    return bool(actor.party_id) and any(m.expert_id == actor.party_id for m in sitting)


def seen(db: Db, actor: Actor, session_id: str) -> Session:
    """The session; NOT_FOUND where there is none for this actor."""
    session = sessions.session(db, session_id)
    supervisor = ""
    if Role.SUPERVISOR in actor.roles and actor.party_id:
        supervisor = projects.lot(db, session.lot_id).supervisor_uscc
    if not may_see(actor, session, supervisor):
        raise Refusal("api.session.unknown", {"session": session.id}, Kind.NOT_FOUND)
    return session


def _answer(session: Session) -> SessionAnswer:
    sitting = session.state.sitting
    return SessionAnswer(
        id=session.id,
        lot_id=session.lot_id,
        centre_id=session.centre_id,
        stage=session.stage,
        version=session.state.version,
        starts_at=session.state.starts_at,
        overnight=session.state.is_overnight_planned,
        seats=len(sitting),
        centres=tuple(sorted({member.centre_id for member in sitting})),
    )


@router.post("", status_code=201)
def schedule(actor: StaffActor, tx: WriteTx, body: ScheduleBody) -> SessionAnswer:
    """Schedule the lot's session from its draw and its seats."""
    return _answer(review.schedule(tx, actor, body.lot, body.representatives))


@router.get("")
def mine(actor: ReviewActor, db: ReadDb) -> list[SessionAnswer]:
    """The sessions that this actor may see, in order of id."""
    watched = {lot.id: lot.supervisor_uscc for lot in projects.lots(db)}
    found = [
        session
        for session in sessions.sessions(db)
        if may_see(actor, session, watched.get(session.lot_id, ""))
    ]
    return [_answer(session) for session in sorted(found, key=lambda session: session.id)]


@router.get("/{session_id}")
def show(actor: ReviewActor, db: ReadDb, session_id: IdInPath) -> SessionAnswer:
    return _answer(seen(db, actor, session_id))


@router.get("/{session_id}/places")
def places(actor: ReviewActor, db: ReadDb, session_id: IdInPath) -> dict[str, str]:
    """The names of the session's venues by id: its record has the ids alone."""
    session, names = seen(db, actor, session_id), names_of_places(db)
    return {venue: names.get(venue, venue) for venue in session.state.venues}


@router.post("/{session_id}/acts", status_code=201)
def act(actor: ReviewActor, tx: WriteTx, session_id: IdInPath, body: ActBody) -> SessionAnswer:
    """Give the session a command."""
    seen(tx.db, actor, session_id)
    command = command_of(body)
    return _answer(sealing.act(tx, actor, session_id, command, version=body.version))


@router.post("/{session_id}/bids", status_code=201)
def enter_bids(actor: StaffActor, tx: WriteTx, session_id: IdInPath) -> SessionAnswer:
    """Enter the bids from the opening record."""
    session = seen(tx.db, actor, session_id)
    return _answer(review.enter_bids(tx, actor, session))


@router.post("/{session_id}/departures", status_code=201)
def leave(actor: StaffActor, tx: WriteTx, session_id: IdInPath, body: LeaveBody) -> SessionAnswer:
    """Remove the member of a seat for a statutory cause; the draw calls the next ranks."""
    seen(tx.db, actor, session_id)
    return _answer(substitution.leave(tx, actor, session_id, body.seat, Cause(body.cause)))


@router.post("/{session_id}/substitutes", status_code=201)
def join(actor: StaffActor, tx: WriteTx, session_id: IdInPath) -> JoinedAnswer:
    """Seat the substitutes who were drawn and have accepted."""
    seen(tx.db, actor, session_id)
    joined = substitution.join(tx, actor, session_id)
    state = sessions.session(tx.db, session_id).state
    return JoinedAnswer(seats=tuple(m.seat_code for m in state.sitting if m.expert_id in joined))


@router.post("/{session_id}/representatives", status_code=201)
def appoint(
    actor: StaffActor, tx: WriteTx, session_id: IdInPath, body: AppointBody
) -> SessionAnswer:
    """Seat another representative of the tenderer in the place of one who left."""
    seen(tx.db, actor, session_id)
    return _answer(substitution.appoint(tx, actor, session_id, body.seat, body.account))


def command_of(body: ActBody) -> Any:
    """The command that a body asks for; INVALID with a pointer to each wrong field."""
    faults = Faults("api.http.invalid")
    adapter = COMMANDS.get(body.command)
    if adapter is None:
        faults.add("/command", "api.input.enum", limit=", ".join(COMMANDS))
    else:
        known = {field.name for field in dataclasses.fields(commands.COMMANDS[body.command])}
        for name in sorted(set(body.fields) - known):
            faults.add(f"/fields{pointer_of([name])}", "api.input.extra_forbidden")
        try:
            command = adapter.validate_python(body.fields, strict=False)
        except ValidationError as error:
            for fault in error.errors(include_input=False, include_url=False):
                code, params = input_code(fault)
                at = f"/fields{pointer_of(fault['loc'])}"
                faults.extend((Fault(at, code, params),))
        else:
            faults.refuse()
            return command
    faults.refuse()
    raise AssertionError("either a command or faults")
