"""Signing in and out for programs; pages do it in `api.pages.entrance`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from api.access import COOKIE, AnyActor, Public
from api.identity import service as identity
from api.identity.accounts import PASSWORD_CHARACTERS_MAX, Account
from api.routes.fields import Answer, Body, Identifier
from api.shell import shell_of
from archive.actor import Actor, Role

router = APIRouter(prefix="/api", tags=["identity"])


class SignIn(Body):
    account: Identifier
    password: Annotated[str, Field(max_length=PASSWORD_CHARACTERS_MAX)]


class Me(Answer):
    account: str
    roles: list[Role]
    centre_id: str
    party_id: str


class Ticket(Answer):
    """`seconds`: how long it opens a socket, once."""

    ticket: str
    seconds: int


def _me(actor: Actor) -> Me:
    return Me(
        account=actor.id,
        roles=sorted(actor.roles),
        centre_id=actor.centre_id,
        party_id=actor.party_id,
    )


async def begin(request: Request, account_id: str, password: str) -> tuple[str, Account]:
    """Sign in: the token and the account. At most two hashes at a time; a flood waits in line."""
    shell = shell_of(request)
    address = request.client.host if request.client else ""
    async with shell.hashers():
        return await run_in_threadpool(
            identity.sign_in,
            shell.office,
            shell.limits,
            account_id,
            password,
            address,
            shell.real_now(),
        )


def give_cookie(request: Request, response: Response, token: str) -> None:
    """The cookie goes to our own pages only, never to scripts, and outside demos only by TLS."""
    settings = shell_of(request).settings
    response.set_cookie(
        COOKIE,
        token,
        max_age=settings.sign_in_hours * 3600,
        path="/",
        httponly=True,
        samesite="strict",
        secure=not settings.is_demo,
    )


async def end(request: Request, response: Response) -> None:
    """Sign out: the token is worth nothing afterwards, wherever a copy of it may be."""
    shell = shell_of(request)
    if token := request.cookies.get(COOKIE):
        async with shell.writers():
            await run_in_threadpool(identity.sign_out, shell.office, token)
    response.delete_cookie(
        COOKIE, path="/", httponly=True, samesite="strict", secure=not shell.settings.is_demo
    )


@router.post("/sign-in")
async def sign_in(_: Public, request: Request, response: Response, body: SignIn) -> Me:
    """Begin a signed-in period; the answer sets the cookie."""
    token, account = await begin(request, body.account, body.password)
    give_cookie(request, response, token)
    return _me(account.actor)


@router.post("/sign-out", status_code=204)
async def sign_out(_: Public, request: Request, response: Response) -> None:
    """End it; also where nobody is signed in."""
    await end(request, response)


@router.get("/me")
def me(actor: AnyActor) -> Me:
    """Who is signed in."""
    return _me(actor)


@router.post("/ticket", status_code=201)
async def ticket(_: AnyActor, request: Request) -> Ticket:
    """A ticket that opens one socket, offered as the subprotocol `ticket.<ticket>`: for programs that keep the
    cookie out of the handshake."""
    shell = shell_of(request)
    async with shell.writers():
        given = await run_in_threadpool(
            identity.give_ticket, shell.office, request.cookies[COOKIE], shell.real_now()
        )
    return Ticket(ticket=given, seconds=identity.TICKET_SECONDS)
