"""Lodging sealed cells, and what a bidder asks before (投递).

Nothing here names a lot in a path: the lot comes in the body, is used in memory to look at its
deadline, and is neither stored nor logged (docs/decisions/0003). Who lodged is not stored either.
An acknowledgement means that the cell is committed; it comes at the end of a tick
(`api.lodging_desk`).
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from api.access import BidderActor, SenderActor
from api.routes.fields import Answer, Body, Content, Fen, Identifier
from api.shell import Shell, shell_of
from api.transactions import ReadDb
from archive import sealing
from archive.clock import SHANGHAI
from archive.errors import Fault, Faults, Kind, Refusal
from archive.words import Language, render
from deposits import service as deposits
from trading.lodging import service as lodging
from trading.projects.project import subject_of

router = APIRouter(prefix="/api", tags=["lodging"])


class LotBody(Body):
    lot: Identifier


class LodgingBody(Body):
    lot: Identifier
    cell: Content


class KeyAnswer(Answer):
    subject: str
    public_key: str
    """Uncompressed P-256 point in hex; see archive/sealing.py for what is made of it."""


class LodgingAnswer(Answer):
    tick: datetime
    receipt: str
    """A signed note over the cell's digest."""


class StepAnswer(Answer):
    rule_id: str
    article: str
    status: str
    amount_before_fen: Fen
    amount_after_fen: Fen
    text_zh: str
    text_en: str


class TermsAnswer(Answer):
    due_fen: Fen
    ceiling_fen: Fen
    exempt: bool
    forms: tuple[str, ...]
    valid_until: date
    steps: tuple[StepAnswer, ...]


@router.post("/lots/key")
def key(_: SenderActor, request: Request, db: ReadDb, body: LotBody) -> KeyAnswer:
    """The key to which cells for a lot are sealed."""
    shell = shell_of(request)
    lodging.check_lodging_open(db, shell.office.clock.now(), body.lot)
    subject = subject_of(body.lot)
    return KeyAnswer(subject=subject, public_key=shell.custodian.public_key(subject).hex())


@router.post("/lodgings", status_code=201)
async def lodge(_: SenderActor, request: Request, body: LodgingBody) -> LodgingAnswer:
    """Lodge one sealed cell: a bid, a new version of it, its withdrawal, or a guarantee. The
    answer comes when the batch of the tick is committed."""
    shell = shell_of(request)
    async with shell.readers():
        await run_in_threadpool(_check, shell, body)
    receipt = await asyncio.wrap_future(shell.lodgings.take(body.lot, body.cell))
    return LodgingAnswer(tick=receipt.tick, receipt=receipt.note)


def _check(shell: Shell, body: LodgingBody) -> None:
    """Refuse at once what no batch will take: one bad cell must not spoil those of others."""
    faults = Faults("trading.lodging.invalid")
    try:
        sealing.check_cell(body.cell)
    except Refusal as refusal:
        faults.extend((Fault("/cell", refusal.code, refusal.params),))
    faults.refuse()
    with shell.office.read() as db:
        lodging.check_lodging_open(db, shell.office.clock.now(), body.lot)


@router.post("/deposit-terms")
def terms(actor: BidderActor, request: Request, db: ReadDb, body: LotBody) -> TermsAnswer:
    """What deposit the asking bidder owes for a lot, step by step; computed, not kept."""
    if not actor.party_id:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)
    today = shell_of(request).office.clock.now().astimezone(SHANGHAI).date()
    found = deposits.terms_for(db, body.lot, actor.party_id, today)
    steps = tuple(
        StepAnswer(
            rule_id=step.rule_id,
            article=step.article,
            status=step.status,
            amount_before_fen=step.amount_before.fen,
            amount_after_fen=step.amount_after.fen,
            text_zh=render(step.text, Language.ZH),
            text_en=render(step.text, Language.EN),
        )
        for step in found.steps
    )
    return TermsAnswer(
        due_fen=found.due.fen,
        ceiling_fen=found.ceiling.fen,
        exempt=found.exempt,
        forms=tuple(found.forms),
        valid_until=found.valid_until,
        steps=steps,
    )
