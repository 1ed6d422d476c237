"""The sign-in page, and signing out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from api import problems
from api.access import Public
from api.demo.doors import ALL, PASSWORD, Door, door
from api.identity import service as identity
from api.identity.accounts import ACCOUNT_ID, PASSWORD_CHARACTERS_MAX
from api.identity.service import Throttled
from api.negotiation import language_of
from api.pages.templating import page
from api.routes.sign_in import begin, end, give_cookie
from api.shell import shell_of
from archive.errors import Kind, Refusal

router = APIRouter(include_in_schema=False)

Next = Annotated[str, Query(alias="next", max_length=500)]

Account = Annotated[str, Query(max_length=200)]


def inner_path(text: str) -> str:
    """`text` where it is a path of ours, else the start page: nobody is led elsewhere."""
    plain = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if plain and text.isprintable() and "\\" not in text else "/"


def _doors(request: Request) -> list[Door]:
    """The accounts that a demonstration offers, those that are there already; elsewhere none."""
    shell = shell_of(request)
    if not shell.settings.is_demo:
        return []
    with shell.office.read() as db:
        return [each for each in ALL if identity.account(db, each.account) is not None]


def _show(
    request: Request, next_path: str, said: problems.Problem | None = None, account: str = ""
) -> Response:
    shell = shell_of(request)
    language = language_of(request, shell.settings.language)
    is_door = shell.settings.is_demo and door(account) is not None
    context = {
        "next": inner_path(next_path),
        "problem": said.document(language) if said else None,
        "doors": _doors(request),
        "account": account if is_door else "",
        "password": PASSWORD if is_door else "",
    }
    return page(request, "sign_in.html", context, language, status=said.status if said else 200)


@router.get("/sign-in")
def show(_: Public, request: Request, next_path: Next = "/", account: Account = "") -> Response:
    return _show(request, next_path, account=account)


@router.post("/sign-in")
async def sign_in(
    _: Public,
    request: Request,
    account: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=PASSWORD_CHARACTERS_MAX)] = "",
    next_path: Annotated[str, Form(alias="next", max_length=500)] = "/",
) -> Response:
    try:
        if not ACCOUNT_ID.fullmatch(account):
            raise Refusal("api.sign_in.wrong", {}, Kind.FORBIDDEN)
        token, _account = await begin(request, account, password)
    except (Refusal, Throttled) as error:
        return _show(request, next_path, problems.problem_of(error, request))
    response = RedirectResponse(inner_path(next_path), 303)
    give_cookie(request, response, token)
    return response


@router.post("/sign-out")
async def sign_out(_: Public, request: Request) -> Response:
    response = RedirectResponse("/", 303)
    await end(request, response)
    return response
