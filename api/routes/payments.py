"""Paying a deposit in cash: an account to pay to, and the money back before the opening. Nothing is
kept of either; the lot comes in the body, and paths tell nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from api.access import BidderActor
from api.flows import paying as flow
from api.routes.fields import Answer, Body, Identifier
from api.shell import shell_of
from api.transactions import ReadDb

router = APIRouter(prefix="/api/payments", tags=["deposits"])
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Digits = Annotated[str, Field(pattern=r"^[0-9]{8,40}$")]


class AccountBody(Body):
    """`commitment` is the SHA-256 of what `deposits.cash.slip` says, made by the bidder."""

    lot: Identifier
    commitment: Hex64


class AccountAnswer(Answer):
    account: str
    secret: str
    bank_name: str
    due_fen: int


class BackBody(Body):
    account: Digits
    secret: Hex64


class BackAnswer(Answer):
    fen: int


@router.post("/accounts")
def account(actor: BidderActor, request: Request, db: ReadDb, body: AccountBody) -> AccountAnswer:
    """Have the bank open a sub-account for a commitment."""
    shell = shell_of(request)
    now = shell.office.clock.now()
    found = flow.open_account(db, shell.bank, actor, body.lot, body.commitment, now)
    return AccountAnswer(
        account=found.account,
        secret=found.secret,
        bank_name=found.bank_name,
        due_fen=found.due.fen,
    )


@router.post("/returns")
def back(_: BidderActor, request: Request, body: BackBody) -> BackAnswer:
    """Have the bank give the money back to its payer, before the opening."""
    return BackAnswer(fen=flow.take_back(shell_of(request).bank, body.account, body.secret).fen)
