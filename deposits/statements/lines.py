"""Statements as CSV, for banks that have nothing better. UTF-8, with or without byte order mark.

    statement,<account>,<number>,<day>,<opening>,<closing>
    reference,day,amount,kind,account,counter_account,counter_name,key
    R1,2026-10-21,600000.00,RECEIPT,53290100000001,9999…,滇示例…,
    R2,2026-10-28,-600012.34,PAYOUT,,9999…,滇示例…,<key>

Amounts are yuan with two places, negative for what left. The columns stand in this order.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from archive.errors import Fault
from deposits.statements.statement import (
    Line,
    LineKind,
    Statement,
    Unreadable,
    amount_of,
    day_of,
    limited,
    number_of,
    text_of,
)
from trading.money import Money

Read = TypeVar("Read")
COLUMNS = (
    "reference",
    "day",
    "amount",
    "kind",
    "account",
    "counter_account",
    "counter_name",
    "key",
)


HEAD = ("statement", "account", "number", "day", "opening", "closing")
"""The first line: its first cell is this very word."""


def read(content: bytes) -> Statement:
    """The statement of a file. Unreadable with every fault, by line and column (`/rows/3/amount`)."""
    try:
        text = content.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable("deposits.statement.no_csv") from error
    if len(rows) < 2 or len(rows[0]) != len(HEAD) or rows[0][0] != HEAD[0]:
        raise Unreadable.of(Unreadable("deposits.statement.head").at("/rows/1/"))
    if tuple(rows[1]) != COLUMNS:
        columns = {"columns": ",".join(COLUMNS)}
        raise Unreadable.of(Unreadable("deposits.statement.columns", columns).at("/rows/2/"))
    cells = _Row(1, HEAD, rows[0])
    account, number = cells.take("account", text_of), cells.take("number", number_of)
    day = cells.take("day", day_of)
    opening, closing = cells.take("opening", _signed), cells.take("closing", _signed)
    faults = cells.faults
    lines = []
    for place, row in enumerate(rows[2:], 3):
        if row:
            cells = _Row(place, COLUMNS, row)
            line = _line(cells)
            faults += cells.faults
            lines.append(line)
    if faults:
        raise Unreadable.of(faults)
    return Statement(account, number, day, opening, closing, limited(lines))


class _Row:
    """One line while it is read; what is wrong with a cell is noted, and the reading goes on."""

    def __init__(self, place: int, columns: Sequence[str], row: Sequence[str]) -> None:
        self.faults: list[Fault] = []
        self._place = place
        self._cells = dict(zip(columns, row, strict=False))
        if len(row) != len(columns):
            self.faults += Unreadable("deposits.statement.cells").at(f"/rows/{place}/")

    def take(self, column: str, parse: Callable[[str], Read]) -> Read:
        """What `parse` makes of a cell. Where it is Unreadable there is nothing: whoever reads the
        faults does not read the value."""
        try:
            return parse(self._cells.get(column, ""))
        except Unreadable as error:
            if not self.faults or "cells" not in self.faults[0].code:
                self.faults += error.at(f"/rows/{self._place}/{column}")
            return cast("Read", None)


def _line(cells: _Row) -> Line:
    return Line(
        reference=cells.take("reference", _reference),
        booked_on=cells.take("day", day_of),
        amount=cells.take("amount", _signed),
        kind=cells.take("kind", _kind),
        account=cells.take("account", text_of),
        counter_account=cells.take("counter_account", text_of),
        counter_name=cells.take("counter_name", text_of),
        key=cells.take("key", text_of),
    )


def _reference(text: str) -> str:
    if not text_of(text):
        raise Unreadable("deposits.statement.no_reference")
    return text_of(text)


def _kind(text: str) -> LineKind:
    if text not in set(LineKind):
        raise Unreadable(
            "deposits.statement.kind", {"text": text[:20], "known": " ".join(LineKind)}
        )
    return LineKind(text)


def _signed(text: str) -> Money:
    text = text.strip()
    return -amount_of(text[1:]) if text.startswith("-") else amount_of(text)


def write(statement: Statement) -> bytes:
    """The statement as CSV; `read` gives it back."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    day = statement.closed_on.isoformat()
    ends = (statement.opening.in_yuan(), statement.closing.in_yuan())
    writer.writerow(["statement", statement.account, statement.number, day, *ends])
    writer.writerow(COLUMNS)
    for line in statement.lines:
        writer.writerow(
            [
                line.reference,
                line.booked_on.isoformat(),
                line.amount.in_yuan(),
                line.kind.value,
                line.account,
                line.counter_account,
                line.counter_name,
                line.key,
            ]
        )
    return out.getvalue().encode()
