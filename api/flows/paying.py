"""How a bidder comes to an account to pay to, before the opening: the platform carries the question to
the bank and keeps nothing of it.

The bidder's browser makes the salt and the commitment; the bank opens a sub-account for the
commitment; the slip is sealed in the browser and lodged among the equal cells. Neither who asked, nor
for which lot, is in a row, a record or a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from archive.actor import Actor
from archive.errors import Kind, Refusal
from deposits.cash import service as cash
from deposits.cash.bank import Bank, BankSilent
from deposits.forms import DepositForm
from deposits.service import deposit_lot, terms_for
from trading.calendar.legal import legal_day
from trading.lodging import service as lodging
from trading.money import Money


@dataclass(frozen=True)
class PayTo:
    """Where to pay what. With `secret` the bank gives the money back before the opening, to whoever
    paid, without asking for the lot."""

    account: str
    secret: str
    bank_name: str
    due: Money


def open_account(
    db: Session, bank: Bank, actor: Actor, lot_id: str, commitment: str, now: datetime
) -> PayTo:
    """Refuses FORBIDDEN without an organisation, TOO_LATE after the deadline, CONFLICT where nothing
    is due, cash is not admitted or the centre has no account, UNAVAILABLE where the bank is silent."""
    if not actor.party_id:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)
    lodging.check_lodging_open(db, now, lot_id)
    lot = deposit_lot(db, lot_id)
    terms = terms_for(db, lot_id, actor.party_id, legal_day(now))
    if not terms.due:
        raise Refusal("api.payment.nothing_due", {}, Kind.CONFLICT)
    if DepositForm.TRANSFER not in terms.forms:
        raise Refusal("api.payment.no_transfer", {}, Kind.CONFLICT)
    bank_name = cash.bank_of(db, lot.centre_id)
    try:
        account, secret = bank.open_account(lot.centre_id, commitment, cash.quiet_until(lot))
    except BankSilent as silent:
        raise Refusal("api.bank.silent", {}, Kind.UNAVAILABLE) from silent
    return PayTo(account, secret, bank_name, terms.due)


def take_back(bank: Bank, account: str, secret: str) -> Money:
    """Before the opening the payer has his money back from the bank; how much. Refuses CONFLICT
    where the bank declines, UNAVAILABLE where it is silent."""
    try:
        return bank.take_back(account, secret)
    except BankSilent as silent:
        raise Refusal("api.bank.silent", {}, Kind.UNAVAILABLE) from silent
