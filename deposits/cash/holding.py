"""A deposit in cash (现金保证金): the states of one bidder's money in one lot.

    ANNOUNCED ──▶ HELD ───────▶ REFUNDING ──▶ REFUNDED
        │           │  │           │  ▲          │
        │           │  │           ▼  │          │
        │           │  │         BOUNCED ◀───────┘    the bank sent it back (退汇)
        │           │  ├──▶ FORFEITED
        │           │  └──▶ CONVERTED                 all of it became a performance bond
        ├──▶ REJECTED ──▶ REFUNDING …                 came, but is no deposit: a stranger's account,
        │                                             too little, too late, nothing due
        └──▶ ABSENT ──▶ HELD | REJECTED               nothing came; may still, before it is asked again

ANNOUNCED: a slip came to light at the opening and the bank has not answered yet. Whether the money
is in the book for sure is the ledger's matter (pending, posted). One end state each: REFUNDED (until
the bank sends it back), FORFEITED, CONVERTED.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from archive.errors import Kind, Reason, Refusal
from archive.journal.entry import moment_text
from deposits.cash.bank import Receipt
from deposits.release import ReleaseCause, ReleaseDue
from trading.calendar.legal import legal_day
from trading.money import Money


class HoldingState(StrEnum):
    ANNOUNCED = "ANNOUNCED"  # 已揭示,待银行确认
    ABSENT = "ABSENT"  # 未到账
    HELD = "HELD"  # 有效
    REJECTED = "REJECTED"  # 不予接受,待退
    REFUNDING = "REFUNDING"  # 退还中
    BOUNCED = "BOUNCED"  # 退汇
    REFUNDED = "REFUNDED"  # 已退还
    FORFEITED = "FORFEITED"  # 不予退还
    CONVERTED = "CONVERTED"  # 转为履约保证金


_S = HoldingState
NOTHING = Money(0)
FOLLOWS: dict[HoldingState, frozenset[HoldingState]] = {
    _S.ANNOUNCED: frozenset({_S.ABSENT, _S.HELD, _S.REJECTED}),
    _S.ABSENT: frozenset({_S.HELD, _S.REJECTED}),
    _S.HELD: frozenset({_S.REFUNDING, _S.FORFEITED, _S.CONVERTED, _S.REJECTED}),
    _S.REJECTED: frozenset({_S.REFUNDING}),
    _S.REFUNDING: frozenset({_S.REFUNDED, _S.BOUNCED}),
    _S.BOUNCED: frozenset({_S.REFUNDING}),
    _S.REFUNDED: frozenset({_S.BOUNCED}),
    _S.FORFEITED: frozenset(),
    _S.CONVERTED: frozenset(),
}
UNANSWERED = frozenset({_S.ANNOUNCED, _S.ABSENT})
"""Opened, and no money is known."""
OWED = frozenset({_S.HELD, _S.REJECTED, _S.REFUNDING, _S.BOUNCED})
"""Money of a bidder lies with the centre."""


@dataclass(frozen=True)
class Holding:
    """`account` and `salt` are the slip's, empty where it could not be read; `amount` is all that
    came in, `converted` the part that became a performance bond. `payer_account` is where it came
    from and goes back to. `reasons` say why it is rejected. `paid_on` is the day of the first
    receipt, from which interest runs. `refund_account` is another account to which it goes back, by the
    bidder's word before the award or the supervisor's after a bounce; else empty."""

    id: str
    lot_id: str
    centre_id: str
    bidder_uscc: str
    state: HoldingState
    account: str
    salt: str
    revealed_at: datetime
    amount: Money = NOTHING
    converted: Money = NOTHING
    payer_account: str = ""
    payer_name: str = ""
    paid_on: date | None = None
    valid_until: date | None = None
    reasons: tuple[Reason, ...] = ()
    release_cause: ReleaseCause | None = None
    release_due_on: date | None = None
    attempts: int = 0
    refunded_at: datetime | None = None
    refund_account: str = ""

    @property
    def rest(self) -> Money:
        """What is still the bidder's to have back."""
        return self.amount - self.converted


def move(holding: Holding, to: HoldingState) -> Holding:
    """The holding in the next state; refuses CONFLICT where it may not follow."""
    if to not in FOLLOWS[holding.state]:
        params = {"current": holding.state, "wanted": to}
        raise Refusal("deposits.cash.state", params, Kind.CONFLICT)
    return replace(holding, state=to)


def with_clock(holding: Holding, due: ReleaseDue) -> Holding:
    """The clock set; one that runs is never set anew."""
    if holding.release_due_on is not None:
        return holding
    return replace(holding, release_cause=due.cause, release_due_on=due.deadline.day)


def converted(holding: Holding, amount: Money) -> Holding:
    """A part (or all) turned into a performance bond; all of it ends the holding."""
    if holding.state is not HoldingState.HELD or not 0 < amount.fen <= holding.rest.fen:
        params = {"current": holding.state, "wanted": HoldingState.CONVERTED}
        raise Refusal("deposits.cash.state", params, Kind.CONFLICT)
    after = replace(holding, converted=holding.converted + amount)
    return move(after, HoldingState.CONVERTED) if not after.rest else after


@dataclass(frozen=True)
class Asked:
    """What a payment is judged by: what is due, the deadline for bids, and the bidder's registered
    basic account, with whether the regime demands that account."""

    due: Money
    is_excused: bool
    """Nothing is due at all: not charged, or exempt."""
    deadline: datetime
    basic_account: str
    must_be_basic: bool
    bidder_name: str
    rule_amount: str
    rule_account: str


def judge(holding: Holding, receipts: Iterable[Receipt], asked: Asked) -> Holding:
    """The holding after the bank has told what came in (nothing: ABSENT).

    All faults are found, so that the bidder learns them at once: money from a stranger's account
    (条例 §26: from the basic account; where no such duty is known, from an account in the bidder's
    name), from several accounts, after the deadline, one fen short, or where nothing is due.
    """
    came = sorted(receipts, key=lambda r: (r.paid_at, r.reference))
    if not came:
        return holding if holding.state is HoldingState.ABSENT else move(holding, _S.ABSENT)
    total = Money(sum(receipt.amount.fen for receipt in came))
    reasons: list[Reason] = []
    if asked.is_excused:
        reasons.append(Reason("deposits.payment.nothing_due", {"amount": total.in_yuan()}))
    accounts = sorted({receipt.payer_account for receipt in came})
    if len(accounts) > 1:
        reasons.append(Reason("deposits.payment.several_accounts", {"count": len(accounts)}))
    reasons += _strangers(came, asked)
    in_time = Money(sum(r.amount.fen for r in came if r.paid_at < asked.deadline))
    if in_time < asked.due and total >= asked.due:
        reasons.append(
            Reason(
                "deposits.payment.late",
                {"deadline": moment_text(asked.deadline), "in_time": in_time.in_yuan()},
            )
        )
    elif total < asked.due:
        reasons.append(
            Reason(
                "deposits.payment.short",
                {
                    "amount": total.in_yuan(),
                    "due": asked.due.in_yuan(),
                    "short_fen": (asked.due - total).fen,
                },
            )
        )
    told = replace(
        holding,
        amount=total,
        payer_account=came[0].payer_account,
        payer_name=came[0].payer_name,
        paid_on=legal_day(came[0].paid_at),
        reasons=tuple(reasons),
    )
    return move(told, HoldingState.REJECTED if reasons else HoldingState.HELD)


def _strangers(came: Iterable[Receipt], asked: Asked) -> list[Reason]:
    if asked.must_be_basic and not asked.basic_account:
        return [Reason("deposits.payment.no_basic_account")]
    for receipt in came:
        if asked.must_be_basic and receipt.payer_account != asked.basic_account:
            return [Reason("deposits.payment.stranger", {"tail": receipt.payer_account[-4:]})]
        if not asked.must_be_basic and receipt.payer_name != asked.bidder_name:
            return [Reason("deposits.payment.stranger_name", {"tail": receipt.payer_account[-4:]})]
    return []


@dataclass(frozen=True)
class Lead:
    """One account that paid for several bidders of a lot (视为串通的线索); codes sorted."""

    lot_id: str
    payer_account: str
    payer_name: str
    bidders: tuple[str, ...]
    raised_at: datetime


def one_account(holdings: Iterable[Holding]) -> dict[str, tuple[str, ...]]:
    """Accounts that paid for several bidders of one lot, with those bidders (条例 §40(6): deemed
    collusion). A lead for people, never a verdict of this code."""
    payers: dict[str, set[str]] = {}
    for holding in holdings:
        if holding.payer_account:
            payers.setdefault(holding.payer_account, set()).add(holding.bidder_uscc)
    return {
        account: tuple(sorted(bidders))
        for account, bidders in sorted(payers.items())
        if len(bidders) > 1
    }
