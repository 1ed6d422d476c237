"""Pages of the operator: the registers of the installation, and a file on its way into one."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import OperatorActor
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import attachment, reader, show
from api.registers import service
from api.registers.kinds import REGISTERS
from api.registers.register import Effect, Plan
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.words import Language, say
from trading.calendar.legal import legal_day

router = APIRouter(include_in_schema=False)
HOME = "/operator/registers"
FILES = f"{HOME}/files"
SHOWN_MAX = 500
DOES = (Effect.NEW, Effect.CHANGED, Effect.GONE)
Name = StrEnum("Name", {name.upper(): name for name in REGISTERS})  # type: ignore[misc]


def _said(vocabulary: str, code: str, language: Language) -> str:
    return say(f"api.register.{vocabulary}.{code}", {}, language)


def _list(request: Request, actor: Actor, form: Form) -> Response:
    return show(
        request,
        "operator/registers.html",
        actor,
        form=form,
        registers=tuple(REGISTERS.values()),
        names={name: _said("name", name, reader(request)) for name in REGISTERS},
    )


@router.get(HOME)
def registers(actor: OperatorActor, request: Request) -> Response:
    """The registers, their files, and the form to send one."""
    return _list(request, actor, Form())


@router.get(HOME + "/{name}/file")
def file(
    _: OperatorActor,
    request: Request,
    db: ReadDb,
    name: IdInPath,
    empty: Annotated[str, Query(max_length=4)] = "",
) -> Response:
    """A register as a file that can be changed and sent again, or an empty one."""
    register = service.register(name)
    content = register.file(None if empty else db, reader(request))
    return attachment(f"{name}{register.needs}", content)


@router.post(HOME)
async def send(actor: OperatorActor, request: Request, form: Sent) -> Response:
    """The first step: keep the file and look at it."""
    return await submit(
        request,
        form,
        lambda tx, sent: service.keep(tx, actor, *sent),
        read=lambda form: (form.choice("register", Name).value, form.file("file")),
        again=lambda db: _list(request, actor, form),
        to=lambda file_id: f"{FILES}/{file_id}",
    )


def _waiting(request: Request, actor: Actor, db: Session, file_id: str, form: Form) -> Response:
    today = legal_day(shell_of(request).office.clock.now())
    found = service.waiting(db, file_id, today)
    language = reader(request)
    return show(
        request,
        "operator/register_file.html",
        actor,
        form=form,
        waiting=found,
        name=_said("name", found.register.name, language),
        headings={each.name: each.heading(language) for each in found.register.columns},
        effects={effect: _said("effect", effect, language) for effect in Effect},
        does=_does(found.plan, language),
        total=len(found.plan.of(*DOES)),
        shown_max=SHOWN_MAX,
    )


def _does(plan: Plan, language: Language) -> list[tuple[int, Effect, str, list[str]]]:
    """(row, effect, subject, changes in words) of what would be done."""
    return [
        (
            line.row,
            line.effect,
            line.subject,
            [
                f"{change.column.heading(language)}: {change.column.text(change.before, language)}"
                f" → {change.column.text(change.after, language)}"
                for change in line.changes
            ],
        )
        for line in plan.of(*DOES)[:SHOWN_MAX]
    ]


@router.get(FILES + "/{file_id}")
def waiting(actor: OperatorActor, request: Request, db: ReadDb, file_id: IdInPath) -> Response:
    """What a file would do, and what is wrong with it, row by row."""
    return _waiting(request, actor, db, file_id, Form())


@router.post(FILES + "/{file_id}/take")
async def take(actor: OperatorActor, request: Request, file_id: IdInPath, form: Sent) -> Response:
    """The second step: do what was looked at."""
    return await submit(
        request,
        form,
        lambda tx, seen: service.take_kept(tx, actor, file_id, seen),
        read=lambda form: form.text("seen"),
        again=lambda db: _waiting(request, actor, db, file_id, form),
        to=HOME,
        said="register_file_entered",
    )


@router.post(FILES + "/{file_id}/drop")
async def drop(actor: OperatorActor, request: Request, file_id: IdInPath, form: Sent) -> Response:
    """Forget the file."""
    return await submit(
        request,
        form,
        lambda tx, _: service.drop(tx, actor, file_id),
        again=lambda db: _waiting(request, actor, db, file_id, form),
        to=HOME,
        said="register_file_dropped",
    )
