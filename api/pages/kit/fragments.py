"""Fragments that belong to the kit and to no role: amounts in words and a task's progress."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from api.access import AnyActor, Public, StaffActor
from api.flows.names import DOSSIER_TASK, PLAN_TASK
from api.pages.kit.forms import Form, submit
from api.pages.kit.page import show
from api.pages.kit.text import yuan
from api.routes.fields import IdInPath
from api.transactions import ReadDb
from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Tx
from archive.tasks import service as tasks

router = APIRouter(include_in_schema=False)

MAY_BE_CANCELLED = frozenset({PLAN_TASK, DOSSIER_TASK})
"""What a person asked for, and may ask for again. An opening comes by law and is not among them."""


@router.get("/fragments/amount")
def amount(_: Public, typed: Annotated[str, Query(alias="yuan", max_length=40)] = "") -> Response:
    """大写 of what stands in a field for yuan; nothing where it is no amount."""
    found = yuan(typed)
    return PlainTextResponse(found.in_words() if found else "")


def _progress(
    request: Request,
    template: str,
    actor: Actor,
    task: tasks.Status,
    refusal: Form | None = None,
) -> Response:
    may_cancel = (
        Role.STAFF in actor.roles and task.state == "WAITING" and task.name in MAY_BE_CANCELLED
    )
    return show(request, template, actor, task=task, may_cancel=may_cancel, refusal=refusal)


@router.get("/fragments/tasks/{task_id}")
def progress(actor: AnyActor, request: Request, db: ReadDb, task_id: IdInPath) -> Response:
    """Where a task stands. It asks again by itself until it is over."""
    return _progress(request, "kit/_task.html", actor, tasks.status(db, task_id))


@router.get("/tasks/{task_id}")
def task(actor: AnyActor, request: Request, db: ReadDb, task_id: IdInPath) -> Response:
    """The same as a page of its own."""
    return _progress(request, "kit/task.html", actor, tasks.status(db, task_id))


@router.post("/tasks/{task_id}/cancel")
async def cancel(actor: StaffActor, request: Request, task_id: IdInPath) -> Response:
    """Call a waiting task off."""

    def call(tx: Tx, _: None) -> tasks.Status:
        if tasks.status(tx.db, task_id).name not in MAY_BE_CANCELLED:
            raise Refusal("api.task.not_yours", {}, Kind.FORBIDDEN)
        return tasks.cancel(tx, actor, task_id)

    form = Form()
    return await submit(
        request,
        form,
        call,
        again=lambda db: _progress(
            request, "kit/task.html", actor, tasks.status(db, task_id), form
        ),
        to=f"/tasks/{task_id}",
        said="task_cancelled",
    )
