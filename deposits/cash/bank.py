"""The bank as this room sees it (存款银行): what is asked of it, and what it answers.

The bank's word is never the book: a receipt makes a pending transfer, an accepted payment stays
pending; only the statement (`deposits.statements`) posts. Every command carries a key, and the bank
does a command once however often it hears it.

`Bank` is spoken over HTTP by `api.desks`; who answers is another house, and may be silent, late,
or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from archive.errors import Faults
from deposits.cash.slip import Slip
from trading.money import Money

BANK_NAME_LENGTH_MAX = 100


class BankSilent(Exception):
    """The bank cannot be reached, or answers nonsense. Nothing is known of what it did."""


@dataclass(frozen=True)
class CentreAccount:
    """A centre's account for deposits, and how many of its statements have been taken in."""

    centre_id: str
    number: str
    bank_name: str
    statements: int = 0


def is_account(number: str) -> bool:
    """Whether it has the form of an account's number."""
    return number.isascii() and number.isdigit() and 8 <= len(number) <= 32


def check_account(account: CentreAccount, before: CentreAccount | None, faults: Faults) -> None:
    """Add every fault of an account, and of a change of it: its number tells whose statements are taken."""
    if not is_account(account.number):
        faults.add("/number", "deposits.cash.account_number", number=account.number[:40])
    if not 0 < len(account.bank_name.strip()) <= BANK_NAME_LENGTH_MAX:
        faults.add("/bank_name", "deposits.cash.bank_name", length_max=BANK_NAME_LENGTH_MAX)
    if before is not None and before.statements and before.number != account.number:
        faults.add("/number", "deposits.cash.account_used", statements=before.statements)


@dataclass(frozen=True)
class Receipt:
    """Money that came in on a sub-account (入账回单). `reference` is the bank's own, once for ever."""

    reference: str
    account: str
    payer_account: str
    payer_name: str
    amount: Money
    paid_at: datetime


@dataclass(frozen=True)
class Order:
    """A payment out of the centre's account. `key` makes it one payment however often it is sent.
    `interest` is added by the bank, beyond the `amount` that it holds, and paid with it; of that
    `carried` is in the account already, from a payment that came back."""

    key: str
    centre_id: str
    to_account: str
    to_name: str
    amount: Money
    interest: Money
    carried: Money
    ordered_at: datetime


class NoticeKind(StrEnum):
    """What the bank calls about."""

    SETTLED = "SETTLED"  # 已付出
    BOUNCED = "BOUNCED"  # 退汇
    REFUSED = "REFUSED"  # 拒付


@dataclass(frozen=True)
class Notice:
    """A call of the bank about one order. `number` counts all its calls from 1 without a gap."""

    number: int
    kind: NoticeKind
    key: str
    at: datetime


class Bank(Protocol):
    """Every call raises BankSilent where nothing certain came back."""

    def open_account(self, centre_id: str, commitment: str, quiet_until: date) -> tuple[str, str]:
        """(number, secret) of a sub-account; for the same commitment the same. The bank keeps silent
        about what comes in until it is restored, at most to the end of `quiet_until`; until then
        the secret takes the money back."""

    def take_back(self, account: str, secret: str) -> Money:
        """Give back what came in to its payer, before the opening; how much."""

    def restore(self, slip: Slip, now: datetime) -> tuple[Receipt, ...]:
        """What came in on the slip's account; Refusal where the salt does not open the commitment."""

    def pay_out(self, order: Order) -> None:
        """Order a payment. Accepted, not done."""

    def statement(self, centre_id: str, number: int, now: datetime) -> bytes | None:
        """The statement with that number (camt.053), None where there is nothing to state yet."""

    def calls(self, after: int, now: datetime) -> tuple[bytes, ...]:
        """The canonical bytes of its calls after number `after`, for whoever missed them."""


class NoBank:
    """An installation that has no bank: everything waits."""

    def open_account(self, centre_id: str, commitment: str, quiet_until: date) -> tuple[str, str]:
        raise BankSilent("no bank is configured")

    def take_back(self, account: str, secret: str) -> Money:
        raise BankSilent("no bank is configured")

    def restore(self, slip: Slip, now: datetime) -> tuple[Receipt, ...]:
        raise BankSilent("no bank is configured")

    def pay_out(self, order: Order) -> None:
        raise BankSilent("no bank is configured")

    def statement(self, centre_id: str, number: int, now: datetime) -> bytes | None:
        raise BankSilent("no bank is configured")

    def calls(self, after: int, now: datetime) -> tuple[bytes, ...]:
        raise BankSilent("no bank is configured")
