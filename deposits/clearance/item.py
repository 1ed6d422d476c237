"""Old deposits that were never given back (历史沉淀保证金): the list, its reasons, what is done.

An item is one deposit whose legal day of refund has passed and that still lies with the centre: from
the time before this ledger (imported with its amount), or a holding of the ledger that cannot be paid
(its holding's id stands in `holding_id`, and its money stays in its own account). Who took the money
has to find its owner and give it back (谁收取、谁清理、谁退还); a notice is a step, never an end.

    OPEN ──▶ NOTICED ──▶ … ──▶ RETURNED        paid back to its owner, or the holding was refunded
                          └──▶ HANDED_OVER     paid to the public treasury on a document that says so

Files have one line an item (`trading.spreadsheet`):

    payer,account,project,amount,received_on,due_on,reason,note
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from trading import spreadsheet
from trading.money import Money
from trading.spreadsheet import Cells, Dry

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


def read_items(content: bytes, today: date) -> Dry[Old]:
    """The items of one file, and every fault by line and column."""

    def row_of(cells: Cells) -> Old | None:
        amount = cells.parsed("amount", _amount, "deposits.clearance.amount")
        received = cells.day("received_on", is_required=True)
        due = cells.day("due_on", is_required=True)
        reason = cells.code("reason", Reason)
        payer, account, project, note = (
            cells.text(name, most=TEXT_LENGTH_MAX)
            for name in ("payer", "account", "project", "note")
        )
        if received is None or due is None:
            return None
        if not received <= due < today:
            cells.fault("due_on", "deposits.clearance.not_overdue")
        if amount is None or reason is None:
            return None
        return Old(payer, account, project, amount, received, due, reason, note)

    return spreadsheet.read(content, COLUMNS, row_of, rows_max=ROWS_MAX)


def _amount(typed: str) -> Money:
    """Yuan above zero; ValueError."""
    found = Money.yuan(typed)
    if found.fen <= 0:
        raise ValueError(typed)
    return found
