"""How a bidder buys a guarantee before the opening: the platform carries his questions to the issuers
and keeps nothing of them.

The bidder's browser makes the salt and the commitment; the issuer is told who asks, for how much, and
the month in which the validity ends, but neither lot nor beneficiary. The guarantee comes back to the
browser, which seals it with its slip and lodges it among the equal cells. Neither who asked, nor for
which lot, is in a row, a record or a log.
"""

from __future__ import annotations

import calendar as months
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from archive.actor import Actor
from archive.errors import Kind, Refusal
from deposits.issuers.desk import (
    Application,
    Collected,
    IssuersDesk,
    IssuerSilent,
    Offer,
    OrderLine,
    Quote,
)
from deposits.service import terms_for
from trading.calendar.legal import legal_day
from trading.lodging import service as lodging
from trading.money import Money
from trading.parties import service as parties


def offers(desk: IssuersDesk, now: datetime) -> tuple[Offer, ...]:
    """What can be bought, in the order of the issuers' codes turned by one place a day, so that
    nobody stands first by anybody's choice; nothing while the desk is silent."""
    try:
        found = sorted(desk.offers(now), key=lambda offer: offer.issuer_uscc)
    except IssuerSilent:
        return ()
    first = legal_day(now).toordinal() % len(found) if found else 0
    return tuple(found[first:] + found[:first])


@dataclass(frozen=True)
class Bought:
    """An order, and what is to be paid for it from which account (its last four digits)."""

    quote: Quote
    amount: Money
    valid_to: date
    account_tail: str


@dataclass(frozen=True)
class Amended:
    """What is asked for in place of an issued guarantee, and what is to be paid besides."""

    premium: Money
    amount: Money
    valid_to: date
    account_tail: str


def apply(
    db: Session,
    desk: IssuersDesk,
    actor: Actor,
    lot_id: str,
    issuer_uscc: str,
    commitment: str,
    now: datetime,
) -> Bought:
    """Ask an issuer. Refuses FORBIDDEN without an organisation, TOO_LATE after the deadline, CONFLICT
    where nothing is due, the form is not admitted or the issuer says no, NOT_FOUND for an issuer
    that offers nothing, UNAVAILABLE where the desk is silent."""
    if not actor.party_id:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)
    lodging.check_lodging_open(db, now, lot_id)
    terms = terms_for(db, lot_id, actor.party_id, legal_day(now))
    if not terms.due:
        raise Refusal("api.guarantee.nothing_due", {}, Kind.CONFLICT)
    party = parties.organisation(db, actor.party_id)
    try:
        offer = next((o for o in desk.offers(now) if o.issuer_uscc == issuer_uscc), None)
        if offer is None:
            raise Refusal("api.guarantee.issuer", {}, Kind.NOT_FOUND)
        if offer.form not in terms.forms:
            raise Refusal("api.guarantee.form", {}, Kind.CONFLICT)
        valid_to = month_end(terms.valid_until)
        quote = desk.apply(
            Application(
                issuer_uscc=issuer_uscc,
                commitment=commitment,
                principal_uscc=party.uscc,
                principal_name=party.name,
                amount=terms.due,
                valid_from=legal_day(now),
                valid_to=valid_to,
            ),
            now,
        )
    except IssuerSilent as silent:
        raise _silence() from silent
    return Bought(quote, terms.due, valid_to, party.basic_account[-4:])


def month_end(day: date) -> date:
    """The end of its month, so that a validity does not tell the lot by its day."""
    return day.replace(day=months.monthrange(day.year, day.month)[1])


def pay(
    db: Session, desk: IssuersDesk, actor: Actor, order: str, secret: str, now: datetime
) -> None:
    """Have the premium paid from the bidder's basic account. Refuses as `apply` does."""
    if not actor.party_id:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)
    account = parties.organisation(db, actor.party_id).basic_account
    try:
        desk.pay(order, secret, account, now)
    except IssuerSilent as silent:
        raise _silence() from silent


def collect(desk: IssuersDesk, order: str, secret: str, now: datetime) -> Collected:
    """Where an order stands, with the guarantee once it is issued."""
    try:
        return desk.collect(order, secret, now)
    except IssuerSilent as silent:
        raise _silence() from silent


def amend(
    db: Session,
    desk: IssuersDesk,
    actor: Actor,
    lot_id: str,
    order: str,
    secret: str,
    amount: Money,
    until: date,
    now: datetime,
) -> Amended:
    """Ask for an issued guarantee over more, or for longer, before it is opened (批改). The end is
    that of a month here too. Refuses TOO_LATE after the deadline, CONFLICT where the issuer says no,
    UNAVAILABLE where its desk is silent."""
    if not actor.party_id:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)
    lodging.check_lodging_open(db, now, lot_id)
    tail = parties.organisation(db, actor.party_id).basic_account[-4:]
    valid_to = month_end(until)
    try:
        return Amended(desk.amend(order, secret, amount, valid_to, now), amount, valid_to, tail)
    except IssuerSilent as silent:
        raise _silence() from silent


def surrender(desk: IssuersDesk, order: str, secret: str, now: datetime) -> Money:
    """Give an unused guarantee back before the opening; the premium that comes back."""
    try:
        return desk.surrender(order, secret, now)
    except IssuerSilent as silent:
        raise _silence() from silent


def applications(desk: IssuersDesk, actor: Actor, now: datetime) -> tuple[OrderLine, ...] | None:
    """The applications of the issuer for whom the actor acts, the newest first; None while the desk
    is silent. They are the issuer's own and are only carried through."""
    if not actor.party_id:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)
    try:
        found = desk.orders(actor.party_id, now)
    except (IssuerSilent, Refusal):
        return None
    return tuple(sorted(found, key=lambda line: (line.applied_at, line.order), reverse=True))


def _silence() -> Refusal:
    return Refusal("api.issuer.silent", {}, Kind.UNAVAILABLE)
