"""Rows of the clearance of old deposits: items, and what was done about each."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from deposits.clearance.item import Done, Item, Old, Reason, State, Step
from trading.money import Money


class ClearanceRow(SQLModel, table=True):
    __tablename__ = "deposit_clearance"
    __table_args__ = (
        sa.CheckConstraint("amount_fen > 0", name="amount_positive"),
        sa.CheckConstraint(
            "state IN ('OPEN', 'NOTICED', 'PAYING', 'RETURNED', 'HANDED_OVER')", name="state_known"
        ),
    )

    id: str = Field(primary_key=True)
    centre_id: str = Field(index=True)
    holding_id: str = Field(default="", index=True)
    payer: str
    account: str
    project: str
    amount_fen: int = Field(sa_type=sa.BigInteger)
    received_on: date
    due_on: date
    reason: str
    note: str
    state: str
    found_at: datetime = Field(sa_type=UtcDateTime)
    notices: int = 0

    def to_domain(self) -> Item:
        old = Old(
            self.payer,
            self.account,
            self.project,
            Money(self.amount_fen),
            self.received_on,
            self.due_on,
            Reason(self.reason),
            self.note,
        )
        return Item(
            self.id,
            self.centre_id,
            self.holding_id,
            old,
            State(self.state),
            self.found_at,
            self.notices,
        )


class ClearanceStepRow(SQLModel, table=True):
    __tablename__ = "deposit_clearance_step"

    item_id: str = Field(primary_key=True, foreign_key="deposit_clearance.id")
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    step: str
    note: str
    document_name: str = ""
    document_sha256: str = ""
    actor: str
    at: datetime = Field(sa_type=UtcDateTime)

    def to_domain(self) -> Done:
        return Done(Step(self.step), self.note, self.document_sha256, self.actor, self.at)
