"""A bidder's own deposits: where they stand, the refund clock, an extension, the account; and what he
asks of his guarantees since the opening."""

from __future__ import annotations

from datetime import date
from typing import Literal

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import BidderActor
from api.flows import guarantees as guarantee_flow
from api.flows import money as flow
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import show
from api.routes.fields import Chosen, IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from deposits.cash import service as cash
from deposits.guarantees.extending import service as extending
from deposits.honesty import service as honesty
from deposits.refunds import service as refunds
from deposits.refunds.extensions import service as extensions

router = APIRouter(include_in_schema=False)
HOME = "/bidder/deposits"


def _page(request: Request, actor: Actor, db: Session, form: Form, extending: str = "") -> Response:
    """The page, with the form to extend one guarantee where it is chosen."""
    return show(
        request,
        "deposits/bidder.html",
        actor,
        deposits=flow.own_deposits(db, actor),
        guarantees=guarantee_flow.own(db, actor),
        appeals=flow.own_appeals(db, actor),
        listed=[
            (f"{one.queried_on} {one.source}", f"{one.source} · {one.queried_on}")
            for one in flow.own_listings(db, actor, shell_of(request).office.clock.now())
        ],
        form=form,
        extending=extending,
    )


@router.get(HOME)
def deposits(actor: BidderActor, request: Request, db: ReadDb, extend: Chosen = "") -> Response:
    return _page(request, actor, db, Form(), extend)


@router.post(HOME + "/holdings/{holding_id}/account")
async def readdress(
    actor: BidderActor, request: Request, holding_id: IdInPath, form: Sent
) -> Response:
    """Have the money sent to the registered basic account; before the award."""
    return await submit(
        request,
        form,
        lambda tx, account: refunds.set_refund_account(tx, actor, holding_id, account),
        read=lambda form: form.text("account"),
        again=lambda db: _page(request, actor, db, form),
        to=HOME,
        said="refund_account_set",
    )


@router.post(HOME + "/lots/{lot_id}/extension/{answer}")
async def extension(
    actor: BidderActor,
    request: Request,
    lot_id: IdInPath,
    answer: Literal["agree", "refuse"],
    form: Sent,
) -> Response:
    """Agree to extend bid and deposit, or refuse and have it back."""
    return await submit(
        request,
        form,
        lambda tx, _: extensions.answer_extension(tx, actor, lot_id, agrees=answer == "agree"),
        again=lambda db: _page(request, actor, db, form),
        to=HOME,
        said="extension_answered",
    )


@router.post(HOME + "/guarantees/{guarantee_id}/extend")
async def lengthen(
    actor: BidderActor, request: Request, guarantee_id: IdInPath, form: Sent
) -> Response:
    """Ask the issuer for a later end of one's own guarantee."""
    return await submit(
        request,
        form,
        lambda tx, until: extending.extend(tx, actor, guarantee_id, until),
        read=lambda form: form.day("until"),
        again=lambda db: _page(request, actor, db, form, guarantee_id),
        to=HOME,
        said="guarantee_extension_asked",
    )


@router.post(HOME + "/guarantees/{guarantee_id}/pay")
async def pay_extension(
    actor: BidderActor, request: Request, guarantee_id: IdInPath, form: Sent
) -> Response:
    """Pay what the issuer asks for the later end."""
    return await submit(
        request,
        form,
        lambda tx, _: extending.pay(tx, actor, guarantee_id),
        again=lambda db: _page(request, actor, db, form),
        to=HOME,
        said="guarantee_extension_paid",
    )


@router.post(HOME + "/slips")
async def reclaim(actor: BidderActor, request: Request, form: Sent) -> Response:
    """Hand in the slip of money whose bid was withdrawn, or never opened."""
    return await submit(
        request,
        form,
        lambda tx, content: cash.reclaim(tx, actor, content),
        read=lambda form: form.file("document"),
        again=lambda db: _page(request, actor, db, form),
        to=HOME,
        said="slip_taken",
    )


def _appeal(form: Form) -> tuple[str, date, bytes]:
    """(source, day, proof): the answer is chosen as `2026-10-21 source`."""
    day, _, source = form.text("answer").partition(" ")
    proof = form.file("proof")
    try:
        return source, date.fromisoformat(day), proof
    except ValueError:
        form.fault("answer", "api.form.choice")
        return source, date.min, proof


@router.post(HOME + "/appeals")
async def appeal(actor: BidderActor, request: Request, form: Sent) -> Response:
    """Appeal against an answer of a register that lists the bidder."""
    return await submit(
        request,
        form,
        lambda tx, said: honesty.appeal(tx, actor, actor.party_id, *said),
        read=_appeal,
        again=lambda db: _page(request, actor, db, form),
        to=HOME,
        said="appeal_raised",
    )
