"""Rows of the ledger. The database keeps each account within its limits by itself, and lets a
transfer's key stand once."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from deposits.ledger.ledger import (
    BALANCE_FEN_MAX,
    Account,
    AccountKind,
    Transfer,
    TransferState,
)
from trading.money import Money

_SUMS = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")


class AccountRow(SQLModel, table=True):
    __tablename__ = "ledger_account"
    __table_args__ = (
        sa.CheckConstraint(
            " AND ".join(f"{name} BETWEEN 0 AND {BALANCE_FEN_MAX}" for name in _SUMS),
            name="sums_in_range",
        ),
        sa.CheckConstraint(
            "kind <> 'BANK' OR credits_pending + credits_posted <= debits_posted",
            name="bank_covered",
        ),
        sa.CheckConstraint(
            "kind = 'BANK' OR debits_pending + debits_posted <= credits_posted",
            name="debt_covered",
        ),
    )

    id: str = Field(primary_key=True)
    centre_id: str = Field(index=True)
    kind: str
    lot_id: str = Field(default="", index=True)
    holder: str = ""
    debits_pending: int = Field(default=0, sa_type=sa.BigInteger)
    debits_posted: int = Field(default=0, sa_type=sa.BigInteger)
    credits_pending: int = Field(default=0, sa_type=sa.BigInteger)
    credits_posted: int = Field(default=0, sa_type=sa.BigInteger)

    def to_domain(self) -> Account:
        return Account(
            self.id,
            self.centre_id,
            AccountKind(self.kind),
            self.lot_id,
            self.holder,
            self.debits_pending,
            self.debits_posted,
            self.credits_pending,
            self.credits_posted,
        )


class TransferRow(SQLModel, table=True):
    __tablename__ = "ledger_transfer"
    __table_args__ = (
        sa.CheckConstraint("amount_fen > 0", name="amount_positive"),
        sa.CheckConstraint("debit <> credit", name="two_accounts"),
        sa.CheckConstraint("state IN ('PENDING', 'POSTED', 'VOIDED')", name="state_known"),
        sa.CheckConstraint("(state = 'PENDING') = (settled_at IS NULL)", name="settled_when"),
    )

    key: str = Field(primary_key=True)
    debit: str = Field(foreign_key="ledger_account.id", index=True)
    credit: str = Field(foreign_key="ledger_account.id", index=True)
    amount_fen: int = Field(sa_type=sa.BigInteger)
    subject: str = ""
    state: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def to_domain(self) -> Transfer:
        return Transfer(
            self.key,
            self.debit,
            self.credit,
            Money(self.amount_fen),
            self.subject,
            TransferState(self.state),
        )
