"""A bank's statement of account (对账单): what a file of either format comes to, and its checks.

Formats: ISO 20022 `camt.053` (`deposits.statements.camt`) and CSV (`deposits.statements.lines`).
Checked before anything is matched: statements follow one another by number without a gap, each
opens with the amount with which the last one closed, opening plus lines is closing, and no line's
reference stands twice. A statement that fails any of it is refused as a whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from archive.errors import Fault, Faults, Kind, Param, Refusal
from trading.money import FEN_MAX, Money

LINES_MAX = 100_000
TEXT_LENGTH_MAX = 140


class LineKind(StrEnum):
    """What the bank says a line is (交易类型)."""

    RECEIPT = "RECEIPT"  # 来账
    PAYOUT = "PAYOUT"  # 往账
    INTEREST = "INTEREST"  # 结息
    REVERSAL = "REVERSAL"  # 退汇
    OTHER = "OTHER"


@dataclass(frozen=True)
class Line:
    """One line. `amount` is above zero for what came in, below for what left. `account` is the
    sub-account, `key` the end-to-end reference of an order of ours; both may be empty."""

    reference: str
    booked_on: date
    amount: Money
    kind: LineKind
    account: str = ""
    counter_account: str = ""
    counter_name: str = ""
    key: str = ""


@dataclass(frozen=True)
class Statement:
    """One statement of one account; `number` counts its statements from 1."""

    account: str
    number: int
    closed_on: date
    opening: Money
    closing: Money
    lines: tuple[Line, ...]


class Unreadable(ValueError):
    """A file, or a part of one, that is no statement: what is wrong, by code, and all of it where the
    file as a whole was read."""

    def __init__(self, code: str, params: Mapping[str, Param] | None = None) -> None:
        super().__init__(code, params or {})
        self.faults: tuple[Fault, ...] = (Fault("/", code, dict(params or {})),)

    @classmethod
    def of(cls, faults: Sequence[Fault]) -> Unreadable:
        """With all faults of a file, each with its pointer."""
        made = cls(faults[0].code, faults[0].params)
        made.faults = tuple(faults)
        return made

    def at(self, pointer: str) -> tuple[Fault, ...]:
        """The faults of a part, which stands there."""
        return tuple(Fault(pointer, one.code, one.params) for one in self.faults)


def check_statement(
    statement: Statement, account: str, last_number: int, last_closing: Money
) -> None:
    """Refuse what cannot follow: CONFLICT for a statement that was taken before, TOO_EARLY for one
    whose predecessor is missing, INVALID with all faults of its figures."""
    if statement.number <= last_number:
        params = {"number": statement.number, "last": last_number}
        raise Refusal("deposits.statement.replayed", params, Kind.CONFLICT)
    if statement.number != last_number + 1:
        params = {"number": statement.number, "last": last_number}
        raise Refusal("deposits.statement.gap", params, Kind.TOO_EARLY)
    faults = Faults("deposits.statement.invalid")
    if statement.account != account:
        faults.add("/account", "deposits.statement.account", account=statement.account[:40])
    if statement.opening != last_closing and last_number:
        faults.add(
            "/opening",
            "deposits.statement.opening",
            opening=statement.opening.in_yuan(),
            closing=last_closing.in_yuan(),
        )
    total = statement.opening.fen + sum(line.amount.fen for line in statement.lines)
    if total != statement.closing.fen:
        difference = statement.closing.fen - total
        faults.add("/closing", "deposits.statement.sum", difference_fen=difference)
    if min(statement.opening.fen, statement.closing.fen) < 0:
        faults.add("/closing", "deposits.statement.overdrawn")
    twice = Counter(line.reference for line in statement.lines)
    for index, line in enumerate(statement.lines):
        if twice[line.reference] > 1:
            faults.add(
                f"/lines/{index}/reference",
                "deposits.statement.reference_twice",
                line=index + 1,
                reference=line.reference[:40],
            )
        if not line.amount:
            faults.add(f"/lines/{index}/amount", "deposits.statement.nothing", line=index + 1)
    faults.refuse()


def check_days(statement: Statement, last_closed_on: date | None, today: date) -> None:
    """Refuse INVALID days that cannot be, for refunds and interest are counted from them: a
    statement of tomorrow or from before the last one, a line booked after its statement."""
    faults = Faults("deposits.statement.invalid")
    closed_on = statement.closed_on
    if closed_on > today or (last_closed_on is not None and closed_on < last_closed_on):
        params = {"day": closed_on.isoformat(), "today": today.isoformat()}
        faults.add("/closed_on", "deposits.statement.day", **params)
    for index, line in enumerate(statement.lines):
        if line.booked_on > closed_on:
            faults.add(
                f"/lines/{index}/booked_on",
                "deposits.statement.line_day",
                line=index + 1,
                reference=line.reference[:40],
                day=line.booked_on.isoformat(),
            )
    faults.refuse()


def amount_of(text: str) -> Money:
    """Yuan in a statement's plain decimals, above zero. Unreadable otherwise."""
    try:
        amount = Money.yuan(text.strip())
    except ValueError as error:
        raise Unreadable("deposits.statement.amount", {"text": text[:30]}) from error
    if not 0 <= amount.fen <= FEN_MAX:
        raise Unreadable("deposits.statement.amount", {"text": text[:30]})
    return amount


def text_of(text: str | None) -> str:
    """A text of limited length; Unreadable beyond it or with control characters."""
    found = (text or "").strip()
    if len(found) > TEXT_LENGTH_MAX or any(ord(c) < 32 for c in found):
        raise Unreadable("deposits.statement.text", {"length_max": TEXT_LENGTH_MAX})
    return found


def day_of(text: str) -> date:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError as error:
        raise Unreadable("deposits.statement.no_day", {"text": text[:20]}) from error


def number_of(text: str) -> int:
    """The number of a statement, from 1; Unreadable."""
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text.strip()):
        raise Unreadable("deposits.statement.number", {"text": text[:20]})
    return int(text)


def limited(lines: Sequence[Line]) -> tuple[Line, ...]:
    if len(lines) > LINES_MAX:
        raise Unreadable("deposits.statement.too_many", {"lines_max": LINES_MAX})
    return tuple(lines)
