"""Payments out of a centre's account (付款), one order each: the states and what is paid.

    ORDERED ──▶ SENT ──▶ DONE ──▶ BOUNCED
        │         └──────────────▶ BOUNCED     came back (退汇); a further order is another payout
        └──▶ REFUSED                            the bank will not; the transfer is voided

ORDERED: booked as pending and on its way to the bank. SENT: the bank has it. DONE: it stands on the
statement. The key names holding and attempt, so that no order can be sent twice as two.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from archive.errors import Kind, Refusal
from deposits.cash.bank import Order
from deposits.interest import Accrual
from trading.money import Money


class PayoutState(StrEnum):
    ORDERED = "ORDERED"  # 已生成指令
    SENT = "SENT"  # 银行已受理
    DONE = "DONE"  # 已付(对账单已列)
    BOUNCED = "BOUNCED"  # 退汇
    REFUSED = "REFUSED"  # 银行拒付


class Purpose(StrEnum):
    REFUND = "REFUND"  # 退还投标人
    FORFEITED = "FORFEITED"  # 不予退还部分付招标人
    CLEARANCE = "CLEARANCE"  # 历史沉淀清退


_P = PayoutState
FOLLOWS: dict[PayoutState, frozenset[PayoutState]] = {
    _P.ORDERED: frozenset({_P.SENT, _P.DONE, _P.REFUSED}),
    _P.SENT: frozenset({_P.DONE, _P.BOUNCED, _P.REFUSED}),
    _P.DONE: frozenset({_P.BOUNCED}),
    _P.BOUNCED: frozenset(),
    _P.REFUSED: frozenset(),
}
FAILED = frozenset({_P.BOUNCED, _P.REFUSED})
"""The money is back in the book, and may be paid again by a further order."""


@dataclass(frozen=True)
class Payout:
    """`source` is the ledger account that pays, `subject` the holding (or item of clearance);
    `interest` comes on top of `amount`, `carried` of it is in the INTEREST account already.
    `late_fee` is what the purchaser owes the bidder for the days after the last one; it is worked
    out and shown, and paid by the purchaser himself, never out of other people's deposits.
    `shown` says how interest and fee came about."""

    key: str
    subject: str
    purpose: Purpose
    centre_id: str
    source: str
    to_account: str
    to_name: str
    amount: Money
    interest: Money
    carried: Money
    late_fee: Money
    due_on: date | None
    ordered_at: datetime
    state: PayoutState
    shown: tuple[dict[str, Any], ...] = ()
    done_on: date | None = None

    @property
    def total(self) -> Money:
        return self.amount + self.interest

    @property
    def order(self) -> Order:
        """What the bank is told."""
        return Order(
            key=self.key,
            centre_id=self.centre_id,
            to_account=self.to_account,
            to_name=self.to_name,
            amount=self.amount,
            interest=self.interest,
            carried=self.carried,
            ordered_at=self.ordered_at,
        )


def payout_key(subject: str, attempt: int) -> str:
    """`<subject>-<attempt>`, attempts counted from 1."""
    return f"{subject}-{attempt}"


def move(payout: Payout, to: PayoutState) -> Payout:
    """The payout in the next state; refuses CONFLICT where it may not follow."""
    if to not in FOLLOWS[payout.state]:
        params = {"key": payout.key, "current": payout.state, "wanted": to}
        raise Refusal("deposits.payout.state", params, Kind.CONFLICT)
    return replace(payout, state=to)


def spans_shown(name: str, accrual: Accrual) -> tuple[dict[str, Any], ...]:
    """The day count of an accrual in plain values, to be kept and shown."""
    return tuple(
        {
            "what": name,
            "first": span.first.isoformat(),
            "until": span.until.isoformat(),
            "days": span.days,
            "rate_ppm": span.rate_ppm,
            "permille": accrual.permille,
            "year_days": accrual.year_days,
            "article": accrual.article,
            "rate_article": span.article,
        }
        for span in accrual.spans
    )


def account_digest(account: str) -> str:
    """An account as the record names it: by its SHA-256, never by its number."""
    return hashlib.sha256(account.encode()).hexdigest()
