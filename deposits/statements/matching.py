"""Matching a statement's lines with the book (对账核销): pure.

Each line becomes moves of the ledger or a reason why it has none. What came in and is nobody's is
booked as UNMATCHED, so that the book's bank account agrees with the statement; what left without an
order of ours cannot be booked by anybody, so it stays open and the difference stays visible.

    RECEIPT    the receipt was announced with this very amount    → posted
               announced with another amount                      → UNMATCHED, "amount"
               not announced                                      → UNMATCHED, "unknown"
    PAYOUT     an order with this key, amount and account          → posted
               such an order, paid already                         → open, "paid_twice"
               such an order, something else differs               → open, "payout_differs"
               no such order                                       → open, "unknown_payout"
    INTEREST   for an order, as much as the bank had to add        → booked
    REVERSAL   of an order that was paid, the whole of it          → booked back
    everything else that came in                                   → UNMATCHED, "unknown"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from deposits.ledger import keys, ledger
from deposits.ledger.ledger import Book, Move, Post, Transfer, TransferState
from deposits.refunds.payout import Payout, PayoutState
from deposits.statements.statement import Line, LineKind
from trading.money import Money


class Open(StrEnum):
    """Why a line is not matched."""

    UNKNOWN = "UNKNOWN"  # 来款无法识别
    AMOUNT = "AMOUNT"  # 与银行回单金额不符
    PAID_TWICE = "PAID_TWICE"  # 重复付款
    PAYOUT_DIFFERS = "PAYOUT_DIFFERS"  # 与付款指令不符
    UNKNOWN_PAYOUT = "UNKNOWN_PAYOUT"  # 无付款指令
    INTEREST_DIFFERS = "INTEREST_DIFFERS"  # 利息与指令不符
    REVERSAL_DIFFERS = "REVERSAL_DIFFERS"  # 退汇与付款不符


@dataclass(frozen=True)
class Matched:
    """What a line came to. `why` is None where it is matched; `subject` is the receipt's or the
    order's; `is_booked` says whether the money stands in the book (matched or as UNMATCHED)."""

    line: Line
    why: Open | None
    is_booked: bool
    subject: str = ""


@dataclass(frozen=True)
class Undone:
    """Who undid a statement, when, and why."""

    by: str
    at: datetime
    why: str


@dataclass(frozen=True)
class Taken:
    """A statement that was taken in; `take` counts them, `number` is the bank's. `undone` is None
    where it stands."""

    take: int
    number: int
    closed_on: date
    opening: Money
    closing: Money
    lines: int
    sha256: str
    taken_by: str
    taken_at: datetime
    undone: Undone | None = None


@dataclass(frozen=True)
class Proposal:
    """One person's word that an open line is the money of a deposit, with the document that shows it
    and the moment at which the money came by that document; it waits for a second person's."""

    holding_id: str
    why: str
    came_at: datetime
    document_sha256: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Stated:
    """A line as it stands on a statement, with what was done about it. `resolution` is what a person
    did with an open line (or that the bank told afterwards whose it is), empty while nobody has; `take`
    counts the files that were taken in. A line whose statement was undone is history."""

    take: int
    statement: int
    position: int
    line: Line
    why: Open | None
    is_booked: bool
    subject: str
    resolution: str
    proposal: Proposal | None = None
    is_undone: bool = False

    @property
    def is_open(self) -> bool:
        return self.why is not None and not self.resolution and not self.is_undone

    @property
    def is_payment(self) -> bool:
        """Whether it may be somebody's deposit: it came in, and not from us."""
        kinds = (LineKind.RECEIPT, LineKind.OTHER)
        return self.is_booked and self.line.amount.fen > 0 and self.line.kind in kinds


@dataclass
class Outcome:
    """`moves` for the ledger, `orders` as they stand afterwards."""

    moves: list[Move]
    orders: dict[str, Payout]
    lines: list[Matched]
    undone: int = 0


def match(
    centre_id: str,
    lines: Sequence[Line],
    transfers: Mapping[str, Transfer],
    orders: Mapping[str, Payout],
    undone: int = 0,
) -> Outcome:
    """Match the lines of one statement in their order. `transfers` are those of the announced
    receipts by name, `orders` the payouts that the lines name; `undone` is how many statements were
    undone before, for what is nobody's may stand on this one again."""
    outcome = Outcome([], dict(orders), [], undone)
    for line in lines:
        if line.kind is LineKind.RECEIPT and line.amount.fen > 0:
            _receipt(outcome, centre_id, line, transfers)
        elif line.amount.fen < 0:
            _payout(outcome, centre_id, line)
        elif line.kind is LineKind.INTEREST:
            _interest(outcome, centre_id, line)
        elif line.kind is LineKind.REVERSAL:
            _reversal(outcome, centre_id, line)
        else:
            _nobodys(outcome, centre_id, line, Open.UNKNOWN)
    return outcome


def _nobodys(outcome: Outcome, centre_id: str, line: Line, why: Open) -> None:
    outcome.moves.append(
        Book(
            keys.again(keys.nobodys(line.reference), outcome.undone),
            ledger.bank(centre_id).id,
            ledger.unmatched(centre_id).id,
            line.amount,
            line.reference,
        )
    )
    outcome.lines.append(Matched(line, why, is_booked=True))


def _receipt(
    outcome: Outcome, centre_id: str, line: Line, transfers: Mapping[str, Transfer]
) -> None:
    announced = transfers.get(keys.received(line.reference))
    if announced is None or announced.state is not TransferState.PENDING:
        _nobodys(outcome, centre_id, line, Open.UNKNOWN)
    elif announced.amount != line.amount:
        _nobodys(outcome, centre_id, line, Open.AMOUNT)
    else:
        outcome.moves.append(Post(announced.key))
        outcome.lines.append(Matched(line, None, is_booked=True, subject=announced.subject))


def _payout(outcome: Outcome, centre_id: str, line: Line) -> None:
    order = outcome.orders.get(line.key)
    why = None
    if order is None:
        why = Open.UNKNOWN_PAYOUT
    elif order.state in (PayoutState.DONE, PayoutState.BOUNCED):
        why = Open.PAID_TWICE
    elif order.total != -line.amount or line.counter_account != order.to_account:
        why = Open.PAYOUT_DIFFERS
    if why is not None or order is None or order.state is PayoutState.REFUSED:
        outcome.lines.append(Matched(line, why or Open.PAYOUT_DIFFERS, is_booked=False))
        return
    outcome.moves.append(Post(keys.paid(order.key)))
    if order.interest:
        outcome.moves.append(
            Book(
                keys.interest_paid(order.key),
                ledger.interest(centre_id).id,
                ledger.bank(centre_id).id,
                order.interest,
                order.subject,
            )
        )
    outcome.orders[order.key] = _done(order, line.booked_on)
    outcome.lines.append(Matched(line, None, is_booked=True, subject=order.key))


def _done(order: Payout, on: date) -> Payout:
    return replace(order, state=PayoutState.DONE, done_on=on)


def _interest(outcome: Outcome, centre_id: str, line: Line) -> None:
    order = outcome.orders.get(line.key)
    wanted = order.interest - order.carried if order is not None else Money(0)
    is_open = order is not None and order.state in (PayoutState.ORDERED, PayoutState.SENT)
    if order is None or not is_open or wanted != line.amount:
        _nobodys(outcome, centre_id, line, Open.INTEREST_DIFFERS)
        return
    outcome.moves.append(
        Book(
            keys.interest_added(order.key),
            ledger.bank(centre_id).id,
            ledger.interest(centre_id).id,
            line.amount,
            order.subject,
        )
    )
    outcome.lines.append(Matched(line, None, is_booked=True, subject=order.key))


def _reversal(outcome: Outcome, centre_id: str, line: Line) -> None:
    order = outcome.orders.get(line.key)
    if order is None or order.state is not PayoutState.DONE or order.total != line.amount:
        _nobodys(outcome, centre_id, line, Open.REVERSAL_DIFFERS)
        return
    bank = ledger.bank(centre_id).id
    outcome.moves.append(
        Book(keys.bounced(order.key), bank, order.source, order.amount, order.subject)
    )
    if order.interest:
        outcome.moves.append(
            Book(
                keys.interest_back(order.key),
                bank,
                ledger.interest(centre_id).id,
                order.interest,
                order.subject,
            )
        )
    outcome.orders[order.key] = replace(order, state=PayoutState.BOUNCED)
    outcome.lines.append(Matched(line, None, is_booked=True, subject=order.key))
