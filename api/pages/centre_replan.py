"""When a day goes wrong: report it, see what a new plan would change, confirm it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor
from api.flows import changes as flow
from api.flows.topics import numbers
from api.pages.centre_seats import slot_text
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import reader, show, words_of
from api.routes.fields import ID_PATTERN, IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.office import Tx
from evaluation.seating.proposals import service as proposals
from evaluation.seating.proposals.trouble import Kind as TroubleKind
from evaluation.seating.proposals.trouble import Trouble
from evaluation.seating.service import ConfirmedPlan

router = APIRouter(include_in_schema=False)
HOME = "/centre/changes"
SLOT_DIGITS_MAX = 8
Task = Annotated[str, Query(pattern=rf"^$|{ID_PATTERN}")]


def _report(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    office, language = shell_of(request).office, reader(request)
    now = office.clock.now()
    may = flow.choices(db, actor, now)
    slots = [(slot, slot_text(slot, language)) for slot in may.slots]
    found = [
        change
        for state in ("PROPOSED", "CONFIRMED", "LAPSED")
        for change in flow.changes(db, office.vault, actor, state, now)
    ]
    return show(
        request,
        "centre/changes.html",
        actor,
        form=form,
        may=may,
        slots=slots,
        kinds=words_of(request, "change.kind", TroubleKind),
        changes=found,
    )


@router.get(HOME)
def changes(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """Report what is wrong; the proposals so far."""
    return _report(request, actor, db, Form())


def _trouble(form: Form, actor: Actor) -> Trouble:
    kind = form.choice("kind", TroubleKind)
    first, until = (_slot(form, name) for name in ("first", "last"))
    return Trouble(
        kind=kind,
        reason=form.text("reason"),
        first=first,
        until=until + 1,
        centre_id=form.value("centre_id") or actor.centre_id,
        label=form.value("label").strip() if kind is TroubleKind.STATION else "",
        session_id=form.value("session_id"),
    )


def _slot(form: Form, name: str) -> int:
    typed = form.text(name)
    if typed.isascii() and typed.isdigit() and len(typed) <= SLOT_DIGITS_MAX:
        return int(typed)
    return 0


@router.post(HOME)
async def report(actor: StaffActor, request: Request, form: Sent) -> Response:
    """Ask for the least change."""
    return await submit(
        request,
        form,
        lambda tx, trouble: flow.ask(tx, actor, trouble),
        read=lambda form: _trouble(form, actor),
        again=lambda db: _report(request, actor, db, form),
        to=lambda asked: f"{HOME}/{asked[1]}?task={asked[0]}",
        said="change_asked",
        places={"/until": "/last"},
    )


def _known(
    request: Request, actor: Actor, db: Session, proposal_id: str, task: str
) -> dict[str, Any]:
    office, language = shell_of(request).office, reader(request)
    found = flow.change(db, office.vault, actor, proposal_id, office.clock.now())
    if found is None and not task:
        params = {"proposal": proposal_id[:40]}
        raise Refusal("evaluation.seat.proposal_unknown", params, Kind.NOT_FOUND)
    topic = f"plan/{proposal_id}"
    return {
        "change": found,
        "proposal": proposal_id,
        "task": task,
        "slot_text": lambda slot: slot_text(slot, language),
        "seq": numbers(db, [topic]).get(topic, 0),
    }


@router.get(HOME + "/{proposal_id}")
def change(
    actor: StaffActor, request: Request, db: ReadDb, proposal_id: IdInPath, task: Task = ""
) -> Response:
    """What would change, once the task has found it."""
    known = _known(request, actor, db, proposal_id, task)
    return show(request, "centre/change.html", actor, **known)


@router.get("/fragments" + HOME + "/{proposal_id}")
def change_part(
    actor: StaffActor, request: Request, db: ReadDb, proposal_id: IdInPath, task: Task = ""
) -> Response:
    known = _known(request, actor, db, proposal_id, task)
    return show(request, "centre/_change.html", actor, **known)


async def _decide(
    request: Request, actor: Actor, proposal_id: str, form: Form, call: Any, said: str
) -> Response:
    def again(db: Session) -> Response:
        known = _known(request, actor, db, proposal_id, "")
        return show(request, "centre/change.html", actor, refusal=form, **known)

    to = f"{HOME}/{proposal_id}"
    return await submit(request, form, call, again=again, to=to, said=said)


@router.post(HOME + "/{proposal_id}/confirmation")
async def confirm(
    actor: StaffActor, request: Request, proposal_id: IdInPath, form: Sent
) -> Response:
    """Make the proposal the plan; everybody concerned hears of it once."""

    def call(tx: Tx, _: None) -> ConfirmedPlan:
        return flow.accept(tx, actor, proposal_id)

    return await _decide(request, actor, proposal_id, form, call, "change_confirmed")


@router.post(HOME + "/{proposal_id}/noted")
async def noted(actor: StaffActor, request: Request, proposal_id: IdInPath, form: Sent) -> Response:
    """The centre has read what it was told of a confirmed change."""
    return await submit(
        request,
        form,
        lambda tx, _: proposals.note(tx, actor, proposal_id),
        again=lambda db: _report(request, actor, db, form),
        to="/centre/day",
        said="change_noted",
    )


@router.post(HOME + "/{proposal_id}/withdrawal")
async def withdraw(
    actor: StaffActor, request: Request, proposal_id: IdInPath, form: Sent
) -> Response:
    """Put the proposal aside; nothing changes."""
    call = lambda tx, _: flow.withdraw(tx, actor, proposal_id)  # noqa: E731
    return await _decide(request, actor, proposal_id, form, call, "change_withdrawn")
