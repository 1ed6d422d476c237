"""Guarantees in the browser: the market of issuers, a centre's guarantees with demands, an issuer's own
page, and the tenderer's demand.

The issuer's people work on their own desk; here they see what concerns them on the platform: their
applications (carried from the desk, nothing kept), what was restored, and the demands.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import IssuerActor, OfficialActor, StaffActor, TendererActor, Visitor
from api.flows import buying
from api.flows import guarantees as flow
from api.flows.guarantees import GuaranteeLine
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.listing import CODE, DAY, MOMENT, MONEY, NUMBER, Choice, Column, listing
from api.pages.kit.page import attachment, show, words_of
from api.routes.fields import Chosen, Digest64, IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.office import Tx
from deposits.grounds import Claim, Ground
from deposits.guarantees.demands import service as demands
from deposits.guarantees.extending import service as extending
from deposits.guarantees.states import KNOWN_HERE, GuaranteeState
from deposits.issuers.desk import Offer
from trading.calendar.legal import legal_day
from trading.money import Money

router = APIRouter(include_in_schema=False)
HOME = "/centre/deposits/guarantees"

OFFERS: tuple[Column[Offer], ...] = (
    Column("name", "guarantees.issuer", lambda o: o.name),
    Column("form", "guarantees.form", lambda o: o.form.value, CODE, words="deposits.form"),
    Column("price", "guarantees.permyriad", lambda o: o.permyriad, NUMBER),
    Column("least", "guarantees.least", lambda o: o.premium_min, MONEY),
    Column("longer", "guarantees.longer", lambda o: o.extension_permyriad, NUMBER),
    Column("minutes", "guarantees.minutes", lambda o: o.minutes, NUMBER),
)
LINES: tuple[Column[GuaranteeLine], ...] = (
    Column("bidder", "money.bidder", lambda x: x.bidder, href=lambda x: f"{HOME}/{x.record.id}"),
    Column("lot", "money.lot", lambda x: x.lot.name),
    Column("issuer", "guarantees.issuer", lambda x: x.issuer),
    Column(
        "amount",
        "money.amount",
        lambda x: x.record.promise.amount if x.record.promise else None,
        MONEY,
    ),
    Column(
        "valid_to",
        "guarantees.valid_to",
        lambda x: x.record.promise.valid_to if x.record.promise else None,
        DAY,
    ),
    Column("due", "money.due", lambda x: x.record.release_due_on, DAY),
    Column(
        "state",
        "money.state",
        lambda x: x.record.state.value,
        CODE,
        words="deposits.guarantee_state",
    ),
    Column("since", "guarantees.since", lambda x: x.record.since, MOMENT),
)


@router.get("/public/guarantees")
def market(actor: Visitor, request: Request) -> Response:
    """The issuers, side by side: the same facts of each, in an order that turns daily."""
    shell = shell_of(request)
    rows = list(buying.offers(shell.issuers, shell.office.clock.now()))
    table = listing(request, OFFERS, rows)
    return table.answer(request, "deposits/market.html", actor, count=len(rows))


# --- The centre -----------------------------------------------------------------------------


@router.get(HOME)
def guarantees(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """All guarantees of the centre, by state."""
    states = Choice[GuaranteeLine](
        "state",
        "money.state",
        lambda x: x.record.state.value,
        words_of(
            request, "deposits.guarantee_state", [s for s in GuaranteeState if s in KNOWN_HERE]
        ),
    )
    rows = list(flow.of_centre(db, actor))
    table = listing(request, LINES, rows, choices=[states], sort="-since")
    return table.answer(request, "deposits/guarantees.html", actor)


def _sheet(
    request: Request, actor: Actor, db: Session, guarantee_id: str, form: Form, of: str = ""
) -> Response:
    """The page; `form` is that `of` the demand, of the extension, or of a button."""
    return show(
        request,
        "deposits/guarantee.html",
        actor,
        sheet=flow.sheet(db, actor, guarantee_id),
        base=f"{HOME}/{guarantee_id}",
        today=legal_day(shell_of(request).office.clock.now()),
        grounds=words_of(request, "money.ground", Ground),
        form=form if of == "demand" else Form(),
        extension=form if of == "extend" else Form(),
        refusal=form if not of else Form(),
    )


@router.get(HOME + "/{guarantee_id}")
def guarantee(actor: StaffActor, request: Request, db: ReadDb, guarantee_id: IdInPath) -> Response:
    """One guarantee with its life."""
    return _sheet(request, actor, db, guarantee_id, Form())


def read_demand(form: Form) -> tuple[Claim, Money, str]:
    """Ground, document and clause; how much, to which account."""
    claim = Claim(
        form.choice("ground", Ground),
        form.file("document"),
        form.text("clause", is_required=False),
    )
    return claim, form.money("amount"), form.text("account")


@router.post(HOME + "/{guarantee_id}/demand")
async def demand(
    actor: StaffActor, request: Request, guarantee_id: IdInPath, form: Sent
) -> Response:
    """Demand payment for the beneficiary."""
    return await submit(
        request,
        form,
        lambda tx, said: demands.demand(tx, actor, guarantee_id, *said),
        read=read_demand,
        again=lambda db: _sheet(request, actor, db, guarantee_id, form, "demand"),
        to=f"{HOME}/{guarantee_id}",
        said="guarantee_demanded",
    )


@router.post(HOME + "/{guarantee_id}/extend")
async def extend(
    actor: StaffActor, request: Request, guarantee_id: IdInPath, form: Sent
) -> Response:
    """Ask the issuer for a later end."""
    return await submit(
        request,
        form,
        lambda tx, until: extending.extend(tx, actor, guarantee_id, until),
        read=lambda form: form.day("until"),
        again=lambda db: _sheet(request, actor, db, guarantee_id, form, "extend"),
        to=f"{HOME}/{guarantee_id}",
        said="guarantee_extension_asked",
    )


@router.post(HOME + "/{guarantee_id}/{end}")
async def end(
    actor: StaffActor,
    request: Request,
    guarantee_id: IdInPath,
    end: Literal["close", "expire"],
    form: Sent,
) -> Response:
    """Close what is over, or put down that its last day is past."""

    def call(tx: Tx, _: None) -> object:
        return (demands.close if end == "close" else demands.expire)(tx, actor, guarantee_id)

    return await submit(
        request,
        form,
        call,
        again=lambda db: _sheet(request, actor, db, guarantee_id, form),
        to=f"{HOME}/{guarantee_id}",
        said="guarantee_ended",
    )


@router.get("/guarantees/{guarantee_id}/documents/{sha256}")
def document(
    actor: OfficialActor, request: Request, db: ReadDb, guarantee_id: IdInPath, sha256: Digest64
) -> Response:
    """A document of a guarantee's life, as a download."""
    vault = shell_of(request).office.vault
    return attachment(*flow.document(db, vault, actor, guarantee_id, sha256))


# --- The tenderer ---------------------------------------------------------------------------


def _of_lot(
    request: Request, actor: Actor, db: Session, lot_id: str, form: Form, chosen: str = ""
) -> Response:
    return show(
        request,
        "deposits/guarantees_of_lot.html",
        actor,
        lot_id=lot_id,
        chosen=chosen,
        lines=flow.of_lot(db, actor, lot_id),
        grounds=words_of(request, "money.ground", Ground),
        form=form,
    )


@router.get("/tenderer/lots/{lot_id}/guarantees")
def of_lot(
    actor: TendererActor, request: Request, db: ReadDb, lot_id: IdInPath, demand: Chosen = ""
) -> Response:
    """The guarantees of a lot, before its beneficiary; with the form for a `demand` on one."""
    return _of_lot(request, actor, db, lot_id, Form(), demand)


@router.post("/tenderer/lots/{lot_id}/guarantees/{guarantee_id}/demand")
async def demand_as_beneficiary(
    actor: TendererActor, request: Request, lot_id: IdInPath, guarantee_id: IdInPath, form: Sent
) -> Response:
    """Demand payment."""
    return await submit(
        request,
        form,
        lambda tx, said: demands.demand(tx, actor, guarantee_id, *said),
        read=read_demand,
        again=lambda db: _of_lot(request, actor, db, lot_id, form, guarantee_id),
        to=f"/tenderer/lots/{lot_id}/guarantees",
        said="guarantee_demanded",
    )


# --- The issuer -----------------------------------------------------------------------------


@router.get("/issuer/guarantees")
def issuer(actor: IssuerActor, request: Request, db: ReadDb) -> Response:
    """Applications, restored guarantees and demands of the issuer who is signed in."""
    shell = shell_of(request)
    lines = flow.of_issuer(db, actor)
    return show(
        request,
        "deposits/issuer.html",
        actor,
        applications=buying.applications(shell.issuers, actor, shell.office.clock.now()),
        lines=lines,
        demands=[(line, each) for line in lines for each in line.demands],
    )
