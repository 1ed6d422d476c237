"""Who may call what: deny by default, declared by the type of a parameter.

    def show(actor: StaffActor, db: ReadDb) -> …        staff only
    def draw(actor: StaffOrSupervisor, …)               either role
    def start(_: Public) -> …                           everybody, signed in or not
    def home(visitor: Visitor) -> …                     everybody; the actor or None

A route without one of these does not start the application (`check_declared`), nor does a second
declaration on the same route. Rules about persons, centres and separation of duties are judged by
the services: this module knows roles only. Sockets are declared the same way; their Origin is
checked by `api.middleware`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Mount

from api.identity import service as identity
from api.problems import NotSignedIn
from api.shell import Shell, shell_of
from archive.actor import Actor, Role

COOKIE = "bigloop_session"
TICKET = "ticket."
TOKEN_CHARACTERS_MAX = 100
PUBLIC_MOUNTS = frozenset({"/static"})
"""Folders that everybody may read; they hold style, scripts and fonts."""


@dataclass(frozen=True)
class Anybody:
    """No sign-in is asked for."""

    def __call__(self) -> None:
        return None


@dataclass(frozen=True)
class AnybodyKnown:
    """No sign-in is asked for; who is signed in is told."""

    async def __call__(self, connection: HTTPConnection) -> Actor | None:
        return await actor_of(connection)


@dataclass(frozen=True)
class Allowed:
    """A sign-in in one of the roles; without roles any sign-in."""

    roles: frozenset[Role]

    async def __call__(self, connection: HTTPConnection) -> Actor:
        actor = await actor_of(connection)
        if actor is None:
            raise NotSignedIn
        if self.roles:
            actor.must_be(*self.roles)
        return actor


Declaration = Anybody | AnybodyKnown | Allowed


def allow(*roles: Role) -> Any:
    """The dependency of a route for these roles."""
    return Depends(Allowed(frozenset(roles)))


Public = Annotated[None, Depends(Anybody())]
Visitor = Annotated[Actor | None, Depends(AnybodyKnown())]
AnyActor = Annotated[Actor, allow()]
StaffActor = Annotated[Actor, allow(Role.STAFF)]
OperatorActor = Annotated[Actor, allow(Role.OPERATOR)]
"""Who keeps the registers of the installation."""
PoolActor = Annotated[Actor, allow(Role.POOL)]
KeeperActor = Annotated[Actor, allow(Role.POOL, Role.SUPERVISOR)]
"""Who keeps the register of trustees: the office of the pool and the supervisor."""
ExpertActor = Annotated[Actor, allow(Role.EXPERT)]
MemberActor = Annotated[Actor, allow(Role.EXPERT, Role.TENDERER)]
"""Who may sit in a committee; in which one, the flow judges."""
SupervisorActor = Annotated[Actor, allow(Role.SUPERVISOR)]
BidderActor = Annotated[Actor, allow(Role.BIDDER)]
TendererActor = Annotated[Actor, allow(Role.TENDERER)]
IssuerActor = Annotated[Actor, allow(Role.ISSUER)]
SenderActor = Annotated[Actor, allow(Role.BIDDER, Role.ISSUER)]
"""Who lodges sealed cells: bids come from bidders, guarantees from issuers."""
OfficialActor = Annotated[Actor, allow(Role.STAFF, Role.SUPERVISOR)]
"""Staff of a centre and the administrative supervisor."""
OfficialOrTenderer = Annotated[Actor, allow(Role.STAFF, Role.SUPERVISOR, Role.TENDERER)]
"""Officials, and the tenderer or its agency; whose project it is, the flow judges."""
PartyActor = Annotated[Actor, allow(Role.STAFF, Role.TENDERER)]
"""Who drives a project: the centre or the tenderer (or its agency)."""
ProcedureActor = Annotated[Actor, allow(Role.STAFF, Role.TENDERER, Role.SUPERVISOR)]
"""Who answers for a procedure or watches over it."""
ReviewActor = Annotated[Actor, allow(Role.STAFF, Role.SUPERVISOR, Role.EXPERT, Role.TENDERER)]
"""Who takes part in an evaluation session in any part."""


async def actor_of(connection: HTTPConnection) -> Actor | None:
    """Who is signed in by the cookie; None for nobody."""
    return await bearer_of(shell_of(connection), await period_of(connection))


async def period_of(connection: HTTPConnection) -> str:
    """The signed-in period that the cookie names, or a socket's ticket; empty without either.

    A ticket is offered as a subprotocol, `ticket.<ticket>`, which no log of addresses keeps. It is taken once, so
    what it stands for is kept with the connection."""
    if token := connection.cookies.get(COOKIE, ""):
        return identity.period_of(token) if len(token) <= TOKEN_CHARACTERS_MAX else ""
    offered = connection.scope.get("subprotocols", ())
    tickets = [one.removeprefix(TICKET) for one in offered if one.startswith(TICKET)]
    if not tickets or len(tickets[0]) > TOKEN_CHARACTERS_MAX:
        return ""
    if not hasattr(connection.state, "period"):
        shell = shell_of(connection)
        async with shell.writers():
            connection.state.period = await run_in_threadpool(
                identity.take_ticket, shell.office, tickets[0], shell.real_now()
            )
    return str(connection.state.period)


async def bearer_of(shell: Shell, period: str) -> Actor | None:
    """Who is signed in in this period; None for nobody."""
    if not period:
        return None
    now = shell.real_now()

    def look() -> identity.Bearer | None:
        with shell.office.read() as db:
            return identity.bearer(db, shell.limits, period, now)

    async with shell.readers():
        bearer = await run_in_threadpool(look)
    if bearer is None:
        return None
    if bearer.is_stale:
        async with shell.writers():
            await run_in_threadpool(identity.see, shell.office, period, now)
    return bearer.account.actor


# --- The check ------------------------------------------------------------------------------


def walk(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """All routes, those of included routers too."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from walk(inner.routes)
        else:
            yield route


def declarations(dependant: Dependant) -> Iterator[Declaration]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Declaration):
            yield inner.call
        yield from declarations(inner)


def undeclared(routes: Iterable[BaseRoute]) -> list[str]:
    """One line for each route that does not say, exactly once, who may call it."""
    found = []
    for route in walk(routes):
        path = getattr(route, "path", repr(route))
        if isinstance(route, APIRoute | APIWebSocketRoute):
            count = len(list(declarations(route.dependant)))
            first = next(iter(route.dependant.dependencies), None)
            if count != 1:
                found.append(f"{path}: {count} declarations of who may call it")
            elif first is None or not isinstance(first.call, Declaration):
                found.append(f"{path}: who may call it comes first, before anything is opened")
        elif not (isinstance(route, Mount) and route.path in PUBLIC_MOUNTS):
            found.append(f"{path}: a {type(route).__name__} cannot say who may call it")
    return found


def check_declared(routes: Iterable[BaseRoute]) -> None:
    """AssertionError where a route is open by mistake."""
    faults = undeclared(routes)
    assert not faults, "\n".join(faults)
