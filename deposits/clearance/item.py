"""Old deposits that were never given back (历史沉淀保证金): the list, its reasons, what is done.

An item is one deposit whose legal day of refund has passed and that still lies with the centre: from
the time before this ledger (imported with its amount), or a holding of the ledger that cannot be paid
(its holding's id stands in `holding_id`, and its money stays in its own account). Who took the money
has to find its owner and give it back (谁收取、谁清理、谁退还); a notice is a step, never an end.

    OPEN ──▶ NOTICED ──▶ … ──▶ RETURNED        paid back to its owner, or the holding was refunded
                          └──▶ HANDED_OVER     paid to the public treasury on a document that says so

Files have one line an item:

    payer,account,project,amount,received_on,due_on,reason,note
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from archive.errors import Faults, Refusal
from trading.money import Money

COLUMNS = ("payer", "account", "project", "amount", "received_on", "due_on", "reason", "note")
ROWS_MAX = 10_000
TEXT_LENGTH_MAX = 200


class Reason(StrEnum):
    """Why it was not given back."""

    NO_CONTACT = "NO_CONTACT"  # 无法联系
    DISSOLVED = "DISSOLVED"  # 单位注销
    DISPUTE = "DISPUTE"  # 争议未决
    FROZEN = "FROZEN"  # 司法冻结
    UNKNOWN_PAYER = "UNKNOWN_PAYER"  # 付款人不明
    BOUNCED = "BOUNCED"  # 退汇
    SUSPENDED = "SUSPENDED"  # 异议、投诉期间暂停
    BANK = "BANK"  # 银行未处理
    NOT_ASKED = "NOT_ASKED"  # 未申请退还


class State(StrEnum):
    OPEN = "OPEN"
    NOTICED = "NOTICED"
    PAYING = "PAYING"
    RETURNED = "RETURNED"
    HANDED_OVER = "HANDED_OVER"


CLOSED = frozenset({State.RETURNED, State.HANDED_OVER})


class Step(StrEnum):
    """What was done about an item."""

    FOUND = "FOUND"  # 清理登记
    NOTICE = "NOTICE"  # 发出通知、公告
    INQUIRY = "INQUIRY"  # 查询、函询
    REASON = "REASON"  # 更正原因
    PAYMENT = "PAYMENT"  # 退还
    HAND_OVER = "HAND_OVER"  # 上缴
    CLOSED = "CLOSED"  # 办结


@dataclass(frozen=True)
class Old:
    """One item as it is entered."""

    payer: str
    account: str
    project: str
    amount: Money
    received_on: date
    due_on: date
    reason: Reason
    note: str = ""


@dataclass(frozen=True)
class Item:
    """One item of a centre's list; `holding_id` is empty for what was imported."""

    id: str
    centre_id: str
    holding_id: str
    old: Old
    state: State
    found_at: datetime
    notices: int


@dataclass(frozen=True)
class Done:
    """One step as it was put down; the digest is empty where there is no document."""

    step: Step
    note: str
    document_sha256: str
    actor: str
    at: datetime


def read_items(content: bytes, today: date) -> list[Old]:
    """The items of one file, all or none. INVALID with every fault, by line."""
    try:
        text = content.decode("utf-8-sig")
        rows = list(csv.reader(text.splitlines(keepends=True), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refusal("deposits.clearance.unreadable", {}) from error
    if not rows or tuple(cell.strip() for cell in rows[0]) != COLUMNS:
        raise Refusal("deposits.clearance.columns", {"columns": ",".join(COLUMNS)})
    if len(rows) - 1 > ROWS_MAX:
        raise Refusal("deposits.clearance.too_many", {"count_max": ROWS_MAX})
    faults = Faults("deposits.clearance.invalid")
    items = []
    for line, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) != len(COLUMNS):
            faults.add(f"/{line}", "deposits.clearance.cells", columns=len(COLUMNS))
            continue
        cells = dict(zip(COLUMNS, (cell.strip() for cell in row), strict=True))
        item = _item(line, cells, today, faults)
        if item is not None:
            items.append(item)
    faults.refuse()
    return items


def _item(line: int, cells: dict[str, str], today: date, faults: Faults) -> Old | None:
    amount = Money(0)
    try:
        amount = Money.yuan(cells["amount"])
    except ValueError:
        faults.add(f"/{line}/amount", "deposits.clearance.amount", value=cells["amount"][:20])
    else:
        if amount.fen <= 0:
            faults.add(f"/{line}/amount", "deposits.clearance.amount", value=cells["amount"][:20])
    days: dict[str, date] = {}
    for name in ("received_on", "due_on"):
        try:
            days[name] = date.fromisoformat(cells[name])
        except ValueError:
            faults.add(f"/{line}/{name}", "deposits.clearance.day", value=cells[name][:20])
    if len(days) == 2 and not days["received_on"] <= days["due_on"] < today:
        faults.add(f"/{line}/due_on", "deposits.clearance.not_overdue")
    if cells["reason"] not in set(Reason):
        faults.add(f"/{line}/reason", "deposits.clearance.reason", value=cells["reason"][:20])
    for name in ("payer", "project", "note", "account"):
        if len(cells[name]) > TEXT_LENGTH_MAX:
            faults.add(f"/{line}/{name}", "deposits.clearance.text", length_max=TEXT_LENGTH_MAX)
    if faults:
        return None
    return Old(
        payer=cells["payer"],
        account=cells["account"],
        project=cells["project"],
        amount=amount,
        received_on=days["received_on"],
        due_on=days["due_on"],
        reason=Reason(cells["reason"]),
        note=cells["note"],
    )
