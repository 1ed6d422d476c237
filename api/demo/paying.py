"""Invented bidders that pay their deposit in cash: at the bank, not on the platform.

A bidder has a sub-account opened for a commitment, pays from his basic account, and gets the slip
that he seals beside his bid. Asked again he does the same: the salt follows from the seed, the bank
knows payment and account by their keys.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlmodel import Session

from api.desks.bank.core import centre_account
from api.desks.bank.local import BankAdapter
from archive.actor import SYSTEM
from archive.office import Tx
from deposits.cash import service as cash
from deposits.cash.slip import Slip, commitment
from deposits.service import deposit_lot
from trading.money import Money
from trading.parties import service as parties

BANK_NAME = "滇示例银行(合成)"


def open_account(tx: Tx, centre_id: str) -> None:
    """The centre's account for deposits, where it has none yet."""
    if not cash.has_account(tx.db, centre_id):
        cash.register_account(tx, SYSTEM, centre_id, centre_account(centre_id), BANK_NAME)


def pay(
    bank: BankAdapter, db: Session, seed: int, lot_id: str, bidder: str, due: Money, at: datetime
) -> bytes:
    """Pay what is due; the slip to seal."""
    lot = deposit_lot(db, lot_id)
    salt = hashlib.sha256(f"demo {seed} salt {lot_id} {bidder}".encode()).hexdigest()
    promise = commitment(lot_id, bidder, salt)
    account, _ = bank.open_account(lot.centre_id, promise, cash.quiet_until(lot))
    payer = parties.organisation(db, bidder)
    bank.pay(account, payer.basic_account, payer.name, due, key=promise, at=at)
    return Slip(lot_id, bidder, account, salt).to_bytes()
