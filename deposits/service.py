"""Terms of deposits on request. Nothing is written: before the opening the terms of a named bidder
for a named lot would tell who bids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from sqlmodel import Session

from archive.errors import Kind, Refusal
from deposits.lot import DepositLot, terms_of
from deposits.terms import Terms
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.rules.book import book


def deposit_lot(db: Session, lot_id: str) -> DepositLot:
    """What the deposit of a lot depends on.

    Refuses NOT_FOUND; TOO_EARLY before the notice has set the day of the opening.
    """
    lot = projects.lot(db, lot_id)
    if lot.notice is None:
        raise Refusal("deposits.terms.no_opening", {"lot": lot_id}, Kind.TOO_EARLY)
    opening_on = legal_day(lot.notice.opening_at)
    return DepositLot(
        lot_id=lot.id,
        centre_id=lot.centre_id,
        regime=lot.regime,
        kind=lot.kind,
        region=lot.division_code,
        beneficiary_uscc=lot.tenderer_uscc,
        agency_uscc=lot.agency_uscc,
        estimate=lot.estimate,
        tender_amount=_tender_amount(db, lot, opening_on),
        charged=lot.deposit_charged,
        government_invested=lot.government_invested,
        opening_on=opening_on,
        bid_validity_days=lot.bid_validity_days,
    )


def _tender_amount(db: Session, lot: Lot, on: date) -> Money:
    """What the exemption's limit is compared with: the project's lots together, or the lot."""
    counts = book().rule("deposit.exempt_counts", on, lot.regime, lot.division_code)
    if counts.text == "LOT":
        return lot.estimate
    lots = projects.lots(db, project_id=lot.project_id)
    return Money(sum(other.estimate.fen for other in lots))


def terms_for(db: Session, lot_id: str, bidder_uscc: str, on: date) -> Terms:
    """What this bidder owes for this lot by the rules and the register of dishonest acts on `on`,
    with every step."""
    lot = deposit_lot(db, lot_id)
    return terms_of(lot, parties.dishonesty_on(db, bidder_uscc, on), on)


def terms_of_many(
    db: Session, lot: DepositLot, bidders: Iterable[str], on: date
) -> Mapping[str, Terms]:
    """The same for many bidders of one lot, by code."""
    standings = parties.standings_on(db, bidders, on)
    return {uscc: terms_of(lot, standings[uscc], on) for uscc in sorted(standings)}
