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
import re

from deposits.statements.statement import (
    Line,
    LineKind,
    Statement,
    Unreadable,
    amount_of,
    day_of,
    limited,
    text_of,
)
from trading.money import Money

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


def read(content: bytes) -> Statement:
    """The statement of a file. Unreadable, naming the line, for anything else."""
    try:
        text = content.decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable("not a CSV file in UTF-8") from error
    if len(rows) < 2 or len(rows[0]) != 6 or rows[0][0] != "statement":
        raise Unreadable("line 1 does not say which statement this is")
    if tuple(rows[1]) != COLUMNS:
        raise Unreadable("line 2 does not name the columns")
    _, account, number, day, opening, closing = rows[0]
    if not re.fullmatch(r"[1-9][0-9]{0,8}", number):
        raise Unreadable("line 1: not a number")
    lines = []
    for index, row in enumerate(rows[2:], 3):
        if len(row) != len(COLUMNS):
            raise Unreadable(f"line {index}: {len(row)} columns")
        try:
            lines.append(_line(dict(zip(COLUMNS, row, strict=True))))
        except Unreadable as error:
            raise Unreadable(f"line {index}: {error}") from error
    return Statement(
        account=text_of(account),
        number=int(number),
        closed_on=day_of(day),
        opening=_signed(opening),
        closing=_signed(closing),
        lines=limited(lines),
    )


def _line(row: dict[str, str]) -> Line:
    reference = text_of(row["reference"])
    if not reference:
        raise Unreadable("no reference")
    if row["kind"] not in set(LineKind):
        raise Unreadable(f"no kind {row['kind'][:20]!r}")
    return Line(
        reference=reference,
        booked_on=day_of(row["day"]),
        amount=_signed(row["amount"]),
        kind=LineKind(row["kind"]),
        account=text_of(row["account"]),
        counter_account=text_of(row["counter_account"]),
        counter_name=text_of(row["counter_name"]),
        key=text_of(row["key"]),
    )


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
