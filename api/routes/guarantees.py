"""Buying a guarantee before the opening. Nothing is kept of it; the lot comes in the body, and paths
tell nothing."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from api.access import BidderActor
from api.flows import buying as flow
from api.routes.fields import Answer, Body, Fen, Identifier
from api.shell import shell_of
from api.transactions import ReadDb
from deposits.issuers.desk import IssuersDesk
from trading.money import Money

router = APIRouter(prefix="/api/guarantees", tags=["deposits"])
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{18}$")]
Token = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{8,64}$")]


class ApplicationBody(Body):
    """`commitment` is the SHA-256 of what `deposits.guarantees.slip` says, made by the bidder."""

    lot: Identifier
    issuer: Code
    commitment: Hex64


class ApplicationAnswer(Answer):
    order: str
    secret: str
    premium_fen: int
    amount_fen: int
    valid_to: date
    account_tail: str


class OrderBody(Body):
    order: Token
    secret: Token


class OrderAnswer(Answer):
    """`document` is the guarantee once the state is ISSUED; `reason` says why it, or its amendment,
    was declined."""

    state: str
    document: str
    reason: str
    is_amending: bool


class AmendmentBody(OrderBody):
    """`until` is moved to the end of its month."""

    lot: Identifier
    amount_fen: Fen
    until: date


class AmendmentAnswer(Answer):
    premium_fen: int
    amount_fen: int
    valid_to: date
    account_tail: str


class BackAnswer(Answer):
    fen: int


@router.post("/applications")
def apply(
    actor: BidderActor, request: Request, db: ReadDb, body: ApplicationBody
) -> ApplicationAnswer:
    """Ask an issuer for a guarantee that names the lot by a commitment alone."""
    shell = shell_of(request)
    now = shell.office.clock.now()
    found = flow.apply(db, shell.issuers, actor, body.lot, body.issuer, body.commitment, now)
    return ApplicationAnswer(
        order=found.quote.order,
        secret=found.quote.secret,
        premium_fen=found.quote.premium.fen,
        amount_fen=found.amount.fen,
        valid_to=found.valid_to,
        account_tail=found.account_tail,
    )


@router.post("/payments")
def pay(actor: BidderActor, request: Request, db: ReadDb, body: OrderBody) -> OrderAnswer:
    """Pay the premium; where the order stands then."""
    shell = shell_of(request)
    now = shell.office.clock.now()
    flow.pay(db, shell.issuers, actor, body.order, body.secret, now)
    return _order(shell.issuers, body, now)


@router.post("/collections")
def collect(_: BidderActor, request: Request, body: OrderBody) -> OrderAnswer:
    """Where an order stands, with the guarantee once it is issued."""
    shell = shell_of(request)
    return _order(shell.issuers, body, shell.office.clock.now())


@router.post("/amendments")
def amend(actor: BidderActor, request: Request, db: ReadDb, body: AmendmentBody) -> AmendmentAnswer:
    """Ask for an issued guarantee over more, or for longer, before the opening."""
    shell = shell_of(request)
    found = flow.amend(
        db,
        shell.issuers,
        actor,
        body.lot,
        body.order,
        body.secret,
        Money(body.amount_fen),
        body.until,
        shell.office.clock.now(),
    )
    return AmendmentAnswer(
        premium_fen=found.premium.fen,
        amount_fen=found.amount.fen,
        valid_to=found.valid_to,
        account_tail=found.account_tail,
    )


@router.post("/surrenders")
def surrender(_: BidderActor, request: Request, body: OrderBody) -> BackAnswer:
    """Give an unused guarantee back before the opening."""
    shell = shell_of(request)
    back = flow.surrender(shell.issuers, body.order, body.secret, shell.office.clock.now())
    return BackAnswer(fen=back.fen)


def _order(desk: IssuersDesk, body: OrderBody, now: datetime) -> OrderAnswer:
    found = flow.collect(desk, body.order, body.secret, now)
    return OrderAnswer(
        state=found.state.value,
        document=found.document.decode(),
        reason=found.reason,
        is_amending=found.is_amending,
    )
