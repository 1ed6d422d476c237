"""Rows of cash deposits. There is none before the opening: until then a slip is a sealed cell among
others, in the table of `trading.lodging`."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive import canonical
from archive.database import UtcDateTime
from archive.errors import Reason
from deposits.cash.bank import CentreAccount, Receipt
from deposits.cash.holding import Holding, HoldingState, Lead
from deposits.release import ReleaseCause
from trading.money import Money

_STATES = ", ".join(f"'{state}'" for state in HoldingState)


class HoldingRow(SQLModel, table=True):
    __tablename__ = "deposit_holding"
    __table_args__ = (
        sa.CheckConstraint(f"state IN ({_STATES})", name="state_known"),
        sa.CheckConstraint("0 <= converted_fen AND converted_fen <= amount_fen", name="converted"),
        sa.CheckConstraint(
            "(release_due_on IS NULL) = (release_cause = '')", name="clock_has_cause"
        ),
        sa.CheckConstraint(
            "(state = 'REFUNDED') = (refunded_at IS NOT NULL)", name="refunded_when"
        ),
        sa.CheckConstraint(
            "state IN ('ANNOUNCED', 'ABSENT') OR (amount_fen > 0 AND payer_account <> '')",
            name="came_from_somebody",
        ),
        sa.UniqueConstraint("lot_id", "bidder_uscc"),
    )

    id: str = Field(primary_key=True)
    lot_id: str = Field(index=True)
    centre_id: str = Field(index=True)
    bidder_uscc: str = Field(index=True)
    state: str
    account: str
    salt: str
    revealed_at: datetime = Field(sa_type=UtcDateTime)
    amount_fen: int = Field(default=0, sa_type=sa.BigInteger)
    converted_fen: int = Field(default=0, sa_type=sa.BigInteger)
    payer_account: str = ""
    payer_name: str = ""
    paid_on: date | None = None
    valid_until: date | None = None
    reasons: str = "[]"
    """Canonical JSON: why it is rejected."""
    release_cause: str = ""
    release_due_on: date | None = Field(default=None, index=True)
    attempts: int = 0
    refunded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    refund_account: str = ""

    def to_domain(self) -> Holding:
        return Holding(
            id=self.id,
            lot_id=self.lot_id,
            centre_id=self.centre_id,
            bidder_uscc=self.bidder_uscc,
            state=HoldingState(self.state),
            account=self.account,
            salt=self.salt,
            revealed_at=self.revealed_at,
            amount=Money(self.amount_fen),
            converted=Money(self.converted_fen),
            payer_account=self.payer_account,
            payer_name=self.payer_name,
            paid_on=self.paid_on,
            valid_until=self.valid_until,
            reasons=tuple(
                Reason(reason["code"], reason["params"])
                for reason in canonical.decode(self.reasons.encode())
            ),
            release_cause=ReleaseCause(self.release_cause) if self.release_cause else None,
            release_due_on=self.release_due_on,
            attempts=self.attempts,
            refunded_at=self.refunded_at,
            refund_account=self.refund_account,
        )

    @classmethod
    def from_domain(cls, holding: Holding) -> HoldingRow:
        reasons = [{"code": r.code, "params": dict(r.params)} for r in holding.reasons]
        return cls(
            id=holding.id,
            lot_id=holding.lot_id,
            centre_id=holding.centre_id,
            bidder_uscc=holding.bidder_uscc,
            state=holding.state,
            account=holding.account,
            salt=holding.salt,
            revealed_at=holding.revealed_at,
            amount_fen=holding.amount.fen,
            converted_fen=holding.converted.fen,
            payer_account=holding.payer_account,
            payer_name=holding.payer_name,
            paid_on=holding.paid_on,
            valid_until=holding.valid_until,
            reasons=canonical.encode(reasons).decode(),
            release_cause=holding.release_cause or "",
            release_due_on=holding.release_due_on,
            attempts=holding.attempts,
            refunded_at=holding.refunded_at,
            refund_account=holding.refund_account,
        )


class ReceiptRow(SQLModel, table=True):
    """What the bank said came in. The reference is the bank's, once for ever: a receipt that was
    used for one deposit is never used for another."""

    __tablename__ = "deposit_receipt"
    __table_args__ = (sa.CheckConstraint("amount_fen > 0", name="amount_positive"),)

    reference: str = Field(primary_key=True)
    holding_id: str = Field(foreign_key="deposit_holding.id", index=True)
    account: str
    payer_account: str
    payer_name: str
    amount_fen: int = Field(sa_type=sa.BigInteger)
    paid_at: datetime = Field(sa_type=UtcDateTime)

    def to_domain(self) -> Receipt:
        return Receipt(
            self.reference,
            self.account,
            self.payer_account,
            self.payer_name,
            Money(self.amount_fen),
            self.paid_at,
        )


class LeadRow(SQLModel, table=True):
    """One account that paid for several bidders of a lot (视为串通的线索)."""

    __tablename__ = "deposit_lead"

    lot_id: str = Field(primary_key=True)
    payer_account: str = Field(primary_key=True)
    payer_name: str
    bidders: str
    """Codes, separated by blanks, sorted."""
    raised_at: datetime = Field(sa_type=UtcDateTime)

    def to_domain(self) -> Lead:
        bidders = tuple(self.bidders.split())
        return Lead(self.lot_id, self.payer_account, self.payer_name, bidders, self.raised_at)


class CentreAccountRow(SQLModel, table=True):
    """A centre's account at the bank, and how far its statements have been taken in."""

    __tablename__ = "deposit_centre_account"
    __table_args__ = (
        sa.CheckConstraint("statements >= 0", name="statements_counted"),
        sa.CheckConstraint("closing_fen >= 0", name="never_overdrawn"),
    )

    centre_id: str = Field(primary_key=True)
    number: str = Field(unique=True)
    bank_name: str
    statements: int = 0
    """The number of the last statement."""
    closing_fen: int = Field(default=0, sa_type=sa.BigInteger)
    closed_on: date | None = None
    taken: int = 0
    """How many files were taken in, those that were undone among them."""
    undone: int = 0
    """How many were undone."""
    asked_for: date | None = None
    """The morning for which the next statement is asked."""

    def to_domain(self) -> CentreAccount:
        return CentreAccount(self.centre_id, self.number, self.bank_name, self.statements)
