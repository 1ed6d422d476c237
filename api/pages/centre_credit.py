"""Credit registers at a centre (信用记录): what a register answered about dishonesty, and the grades of a
credit evaluation, taken in as files. Without them every bidder is unknown, and nobody is exempt."""

from __future__ import annotations

from enum import StrEnum

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import StaffActor
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import show, words_of
from archive.actor import Actor
from archive.office import Tx
from deposits.honesty import service as honesty
from deposits.honesty.register import ANSWER_COLUMNS, GRADE_COLUMNS

router = APIRouter(include_in_schema=False)
PATH = "/centre/deposits/registers"


class Register(StrEnum):
    """What a file holds."""

    DISHONESTY = "DISHONESTY"
    CREDIT = "CREDIT"


def _page(request: Request, actor: Actor, form: Form) -> Response:
    return show(
        request,
        "deposits/registers.html",
        actor,
        form=form,
        registers=words_of(request, "money.register", Register),
        columns={Register.DISHONESTY: ANSWER_COLUMNS, Register.CREDIT: GRADE_COLUMNS},
    )


@router.get(PATH)
def registers(actor: StaffActor, request: Request) -> Response:
    """The form to take a file in."""
    return _page(request, actor, Form())


@router.post(PATH)
async def take(actor: StaffActor, request: Request, form: Sent) -> Response:
    """Take a file in, whole or not at all."""

    def act(tx: Tx, said: tuple[Register, str, bytes]) -> int:
        register, source, content = said
        if register is Register.CREDIT:
            return honesty.import_grades(tx, actor, source, content)
        return honesty.import_answers(tx, actor, source, content)

    return await submit(
        request,
        form,
        act,
        read=lambda form: (
            form.choice("register", Register),
            form.text("source"),
            form.file("document"),
        ),
        again=lambda _: _page(request, actor, form),
        to=PATH,
        said="register_taken",
    )
