"""A lot as this room sees it: what its deposit depends on, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from deposits.guarantees.checks import Demand
from deposits.terms import CreditRelief, Terms, TermsFacts, terms
from trading.money import Money
from trading.parties.party import Standing
from trading.regime import ProjectKind, Regime


@dataclass(frozen=True)
class DepositLot:
    """`opening_on` is the legal day of the deadline for bids, `beneficiary_uscc` the tenderer,
    `region` the six-digit division code; `tender_amount` see `TermsFacts`."""

    lot_id: str
    centre_id: str
    regime: Regime
    kind: ProjectKind
    region: str
    beneficiary_uscc: str
    agency_uscc: str | None
    estimate: Money
    tender_amount: Money
    charged: Money
    government_invested: bool
    opening_on: date
    bid_validity_days: int
    stage: int = 0
    relief: CreditRelief | None = None


def terms_of(lot: DepositLot, honesty: Standing, on: date, grade: str = "") -> Terms:
    """The terms of a bidder of that standing and grade of credit; see `deposits.terms.terms`."""
    return terms(
        TermsFacts(
            regime=lot.regime,
            kind=lot.kind,
            region=lot.region,
            estimate=lot.estimate,
            tender_amount=lot.tender_amount,
            charged=lot.charged,
            government_invested=lot.government_invested,
            honesty=honesty,
            opening_on=lot.opening_on,
            bid_validity_days=lot.bid_validity_days,
            stage=lot.stage,
            relief=lot.relief,
            grade=grade,
        ),
        on,
    )


def demand_of(lot: DepositLot, bidder_uscc: str, asked: Terms) -> Demand:
    """What the bidder's guarantee must be."""
    return Demand(
        lot_id=lot.lot_id,
        beneficiary_uscc=lot.beneficiary_uscc,
        bidder_uscc=bidder_uscc,
        due=asked.due,
        forms=asked.forms,
        opening_on=lot.opening_on,
        valid_until=asked.valid_until,
    )
