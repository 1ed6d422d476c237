"""Hosting a session, and lending a venue to one: arrival, pause, seals, report, close.

What a form asks for becomes a command of `evaluation.session`, which judges it; a refusal is shown
where the form stands. Members are shown by seat, never by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session as Db
from starlette.responses import Response

from api.access import StaffActor
from api.flows import hosting, review, sealing, substitution, witnessing
from api.flows.desk import desk, own_lot
from api.flows.places import names as names_of_places
from api.flows.topics import numbers
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import show, words_of
from api.pages.supervisor import people_of
from api.routes.fields import IdInPath
from api.routes.sessions import may_see
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Tx
from evaluation.seating.checkin.service import assign_label
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Cause, IncidentKind, PauseKind, SealFinding, Stage, Standing
from evaluation.witness.desk import service as witness_desk
from trading.projects import service as projects

router = APIRouter(include_in_schema=False)
REASON_OF: Mapping[PauseKind, str] = {PauseKind.PLANNED: "planned", PauseKind.AD_HOC: "workload"}


# --- From the lot to its session ------------------------------------------------------------


def _lot_page(request: Request, actor: Actor, db: Db, lot_id: str, form: Form) -> Response:
    held = desk(db, actor, lot_id)
    return show(request, "centre/lot_session.html", actor, form=form, desk=held)


@router.get("/centre/lots/{lot_id}/session")
def of_lot(actor: StaffActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """Whether the session can be scheduled, or where it is."""
    return _lot_page(request, actor, db, lot_id, Form())


@router.post("/centre/lots/{lot_id}/session")
async def schedule(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Schedule the session from the draw and the seats."""

    def call(tx: Tx, representatives: list[str]) -> Session:
        own_lot(tx.db, actor, lot_id)
        return review.schedule(tx, actor, lot_id, representatives)

    return await submit(
        request,
        form,
        call,
        read=lambda form: form.text("representatives", is_required=False).split(),
        again=lambda db: _lot_page(request, actor, db, lot_id, form),
        to=lambda session: f"/centre/sessions/{session.id}",
        said="session_scheduled",
    )


# --- The session ----------------------------------------------------------------------------


def _seen(db: Db, actor: Actor, session_id: str) -> Session:
    session = sessions.session(db, session_id)
    if not may_see(actor, session):
        raise Refusal("api.session.unknown", {"session": session_id}, Kind.NOT_FOUND)
    return session


def _known(request: Request, actor: Actor, db: Db, session_id: str, form: Form) -> dict[str, Any]:
    session = _seen(db, actor, session_id)
    room = hosting.room(session, actor)
    watched = witnessing.view(db, actor, session, shell_of(request).watches)
    own = [one for one in watched.orders if witness_desk.may_answer(actor, one, session.state)]
    centres = names_of_places(db)
    return {
        "session": session,
        "room": room,
        "people": people_of(request, db, session, centres) if watched.alarms else {},
        "waits": hosting.waits(session.state),
        "desk": watched,
        "own_orders": own,
        "order_words": witnessing.order_words(shell_of(request).office.vault, own),
        "centres": centres,
        "lot": projects.lot(db, session.lot_id) if room.is_host else None,
        "members": [(m.expert_id, m.seat_code) for m in room.here],
        "arriving": [(m.expert_id, m.seat_code) for m in room.arriving],
        "returning": [(m.expert_id, m.seat_code) for m in room.returning],
        "pauses": words_of(request, "pause", PauseKind),
        "findings": words_of(request, "evaluation.seal_finding", SealFinding),
        "vacancies": substitution.vacancies(db, session) if room.is_host else (),
        "leaving": [(m.seat_code, m.seat_code) for m in session.state.sitting if m.cause is None],
        "causes": words_of(request, "leave.causes", Statutory),
        "form": form,
    }


def _page(request: Request, actor: Actor, db: Db, session_id: str, form: Form) -> Response:
    known = _known(request, actor, db, session_id, form)
    topic, drawn = f"session/{session_id}", f"draw/{known['session'].draw_id}"
    seqs = numbers(db, [topic, drawn])
    return show(
        request,
        "centre/session.html",
        actor,
        topic=topic,
        seq=seqs[topic],
        draw_seq=seqs[drawn],
        **known,
    )


@router.get("/centre/sessions/{session_id}")
def page(actor: StaffActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    return _page(request, actor, db, session_id, Form())


@router.get("/fragments/centre/sessions/{session_id}")
def fragment(actor: StaffActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    """The same when the session moved."""
    known = _known(request, actor, db, session_id, Form())
    return show(request, "centre/_session.html", actor, **known)


@router.get("/fragments/centre/sessions/{session_id}/substitutes")
def substitutes(actor: StaffActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    """Empty seats and their substitutes, when the draw moved."""
    known = _known(request, actor, db, session_id, Form())
    return show(request, "centre/_substitutes.html", actor, **known)


@router.post("/centre/sessions/{session_id}/acts")
async def act(actor: StaffActor, request: Request, session_id: IdInPath, form: Sent) -> Response:
    """Give the session the command that the form is for."""
    return await submit(
        request,
        form,
        lambda tx, made: _act(tx, actor, session_id, form.value("command"), made),
        read=_made,
        again=lambda db: _page(request, actor, db, session_id, form),
        to=f"/centre/sessions/{session_id}",
        said=lambda told: told,
        places={"/expert_id": "/member", "/identity": "/code"},
    )


@router.post("/centre/sessions/{session_id}/answers")
async def answer(actor: StaffActor, request: Request, session_id: IdInPath, form: Sent) -> Response:
    """Answer an order of the supervisor's, in words."""

    def read(form: Form) -> tuple[int, str]:
        return form.whole("order_seq"), form.text("answer", long=True)

    def write(tx: Tx, made: tuple[int, str]) -> None:
        _seen(tx.db, actor, session_id)
        witness_desk.answer(tx, actor, session_id, *made)

    return await submit(
        request,
        form,
        write,
        read=read,
        again=lambda db: _page(request, actor, db, session_id, form),
        to=f"/centre/sessions/{session_id}",
        said="order_answered",
    )


@router.post("/centre/sessions/{session_id}/acknowledgements")
async def acknowledge(
    actor: StaffActor, request: Request, session_id: IdInPath, form: Sent
) -> Response:
    """Take an alarm on oneself."""

    def write(tx: Tx, seq: int) -> None:
        _seen(tx.db, actor, session_id)
        witness_desk.acknowledge(tx, actor, session_id, seq)

    return await submit(
        request,
        form,
        write,
        read=lambda form: form.whole("alarm_seq"),
        again=lambda db: _page(request, actor, db, session_id, form),
        to=f"/centre/sessions/{session_id}",
        said="alarm_acknowledged",
    )


class Statutory(StrEnum):
    """The causes that staff may find (条例 第四十八条); the door finds a false identity."""

    HEALTH = "HEALTH"
    ABSENT = "ABSENT"
    LEFT_POST = "LEFT_POST"
    RECUSAL = "RECUSAL"


@router.post("/centre/sessions/{session_id}/departures")
async def leave(actor: StaffActor, request: Request, session_id: IdInPath, form: Sent) -> Response:
    """Remove a member for a statutory cause."""
    return await submit(
        request,
        form,
        lambda tx, read: substitution.leave(tx, actor, session_id, read[0], Cause(read[1])),
        read=lambda form: (form.text("seat"), form.choice("cause", Statutory)),
        again=lambda db: _page(request, actor, db, session_id, form),
        to=f"/centre/sessions/{session_id}",
        said="member_left",
    )


@router.post("/centre/sessions/{session_id}/substitutes")
async def join(actor: StaffActor, request: Request, session_id: IdInPath, form: Sent) -> Response:
    """Seat the substitutes who have accepted."""
    return await submit(
        request,
        form,
        lambda tx, _: substitution.join(tx, actor, session_id),
        again=lambda db: _page(request, actor, db, session_id, form),
        to=f"/centre/sessions/{session_id}",
        said=lambda joined: "substitute_joined" if joined else "substitute_called",
    )


@router.post("/centre/sessions/{session_id}/representatives")
async def appoint(
    actor: StaffActor, request: Request, session_id: IdInPath, form: Sent
) -> Response:
    """Seat another representative of the tenderer."""
    return await submit(
        request,
        form,
        lambda tx, read: substitution.appoint(tx, actor, session_id, *read),
        read=lambda form: (form.text("vacant"), form.text("account")),
        again=lambda db: _page(request, actor, db, session_id, form),
        to=f"/centre/sessions/{session_id}",
        said="representative_appointed",
        places={"/substitute_id": "/account"},
    )


Made = Callable[[Tx, Session, Actor], tuple[c.Command, tuple[DocumentRef, ...]]]


def _made(form: Form) -> Made:
    """What makes the command of a form, with the documents that its digests stand for."""
    reader = READERS.get(form.value("command"))
    if reader is None:
        raise Refusal("api.desk.command", {})
    return reader(form)


def _act(tx: Tx, actor: Actor, session_id: str, name: str, made: Made) -> str:
    """What is said of the act: that it is on the record, or what it has brought to light."""
    session = _seen(tx.db, actor, session_id)
    if name == "EnterBids":
        own_lot(tx.db, actor, session.lot_id)
        review.enter_bids(tx, actor, session)
        return "session_acted"
    command, documents = made(tx, session, actor)
    session = sealing.act(tx, actor, session_id, command, documents=documents)
    if isinstance(command, c.CheckIn):
        member = session.state.member(command.expert_id)
        if member is not None and not member.is_representative:
            assign_label(tx, actor, session_id, command.expert_id)
    if isinstance(command, c.RecheckIdentity):
        member = session.state.member(command.expert_id)
        if member is not None and member.standing is Standing.BLOCKED:
            return "identity_differs"
    is_found = session.stage is Stage.INCIDENT and not isinstance(command, c.ReportIncident)
    return "session_stopped" if is_found else "session_acted"


def _plain(command: Callable[[], c.Command]) -> Callable[[Form], Made]:
    return lambda form: lambda tx, session, actor: (command(), ())


def _identified(
    kind: type[c.CheckIn] | type[c.RecheckIdentity], who: str, shown: str
) -> Callable[[Form], Made]:
    def read(form: Form) -> Made:
        member, code = form.text(who), form.text(shown)
        return lambda tx, session, actor: (
            kind(member, hosting.identity_of(session.id, code)),
            (),
        )

    return read


def _photo(form: Form) -> Callable[[Tx], DocumentRef]:
    content = form.file("photo")
    return lambda tx: tx.vault.put("seal-photo", "application/octet-stream", content)


def _seal(form: Form) -> Made:
    number, photo = form.text("number"), _photo(form)
    custodian = form.text("custodian", is_required=False)

    def make(tx: Tx, session: Session, actor: Actor) -> tuple[c.Command, tuple[DocumentRef, ...]]:
        kept = photo(tx)
        return c.Seal(actor.centre_id, number, kept.sha256, custodian), (kept,)

    return make


def _unseal(form: Form) -> Made:
    number, photo = form.text("number"), _photo(form)
    finding = form.choice("finding", SealFinding)

    def make(tx: Tx, session: Session, actor: Actor) -> tuple[c.Command, tuple[DocumentRef, ...]]:
        kept = photo(tx)
        return c.Unseal(actor.centre_id, number, kept.sha256, finding), (kept,)

    return make


def _witness_seal(form: Form) -> Made:
    number = form.text("number")
    return lambda tx, session, actor: (c.WitnessSeal(actor.centre_id, number), ())


def _witness_unseal(form: Form) -> Made:
    number, finding = form.text("number"), form.choice("finding", SealFinding)
    return lambda tx, session, actor: (c.WitnessUnseal(actor.centre_id, number, finding), ())


def _presence(form: Form) -> Made:
    member, is_present = form.text("checked"), form.switch("is_present")

    def make(tx: Tx, session: Session, actor: Actor) -> tuple[c.Command, tuple[DocumentRef, ...]]:
        before = sum(p.expert_id == member for p in session.state.night.presence)
        return c.CheckPresence(member, before + 1, is_present), ()

    return make


def _pause(form: Form) -> Made:
    kind = form.choice("kind", PauseKind)
    return lambda tx, session, actor: (c.RequestPause(kind, REASON_OF[kind]), ())


def _report(form: Form) -> Made:
    content = form.file("statement", is_required=False)

    def make(tx: Tx, session: Session, actor: Actor) -> tuple[c.Command, tuple[DocumentRef, ...]]:
        if not content:
            return c.FileReport(), ()
        kept = tx.vault.put("argument", "application/octet-stream", content)
        return c.FileReport(kept.sha256), (kept,)

    return make


def _incident(form: Form) -> Made:
    reason = form.text("reason")
    return lambda tx, session, actor: (c.ReportIncident(IncidentKind.FAULT, reason), ())


READERS: Mapping[str, Callable[[Form], Made]] = {
    "OpenCheckIn": _plain(c.OpenCheckIn),
    "EnterBids": _plain(c.BeginReview),
    "BeginReview": _plain(c.BeginReview),
    "CheckIn": _identified(c.CheckIn, "member", "code"),
    "RequestPause": _pause,
    "Seal": _seal,
    "WitnessSeal": _witness_seal,
    "CheckPresence": _presence,
    "Unseal": _unseal,
    "WitnessUnseal": _witness_unseal,
    "RecheckIdentity": _identified(c.RecheckIdentity, "returning", "returning_code"),
    "Resume": _plain(c.Resume),
    "FileReport": _report,
    "Close": _plain(c.Close),
    "ReportIncident": _incident,
}
"""What staff may ask for by a form. `EnterBids` takes the bids from the opening record instead."""
