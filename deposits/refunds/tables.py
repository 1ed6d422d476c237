"""Rows of payments, of what is not given back, and of extended validity."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive import canonical
from archive.database import UtcDateTime
from deposits.grounds import Ground
from deposits.refunds.ends import Answer, Extension, Forfeiture
from deposits.refunds.payout import Payout, PayoutState, Purpose
from trading.money import Money


class PayoutRow(SQLModel, table=True):
    __tablename__ = "deposit_payout"
    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('ORDERED', 'SENT', 'DONE', 'BOUNCED', 'REFUSED')", name="state_known"
        ),
        sa.CheckConstraint(
            "amount_fen > 0 AND interest_fen >= 0 AND late_fee_fen >= 0"
            " AND carried_fen BETWEEN 0 AND interest_fen",
            name="amounts",
        ),
    )

    key: str = Field(primary_key=True)
    subject: str = Field(index=True)
    purpose: str
    centre_id: str = Field(index=True)
    source: str
    to_account: str
    to_name: str
    amount_fen: int = Field(sa_type=sa.BigInteger)
    interest_fen: int = Field(sa_type=sa.BigInteger)
    carried_fen: int = Field(sa_type=sa.BigInteger)
    late_fee_fen: int = Field(sa_type=sa.BigInteger)
    due_on: date | None = None
    ordered_at: datetime = Field(sa_type=UtcDateTime)
    state: str
    shown: str = "[]"
    """Canonical JSON: how interest and fee came about."""
    done_on: date | None = None

    def to_domain(self) -> Payout:
        return Payout(
            key=self.key,
            subject=self.subject,
            purpose=Purpose(self.purpose),
            centre_id=self.centre_id,
            source=self.source,
            to_account=self.to_account,
            to_name=self.to_name,
            amount=Money(self.amount_fen),
            interest=Money(self.interest_fen),
            carried=Money(self.carried_fen),
            late_fee=Money(self.late_fee_fen),
            due_on=self.due_on,
            ordered_at=self.ordered_at,
            state=PayoutState(self.state),
            shown=tuple(canonical.decode(self.shown.encode())),
            done_on=self.done_on,
        )

    @classmethod
    def from_domain(cls, payout: Payout) -> PayoutRow:
        return cls(
            key=payout.key,
            subject=payout.subject,
            purpose=payout.purpose,
            centre_id=payout.centre_id,
            source=payout.source,
            to_account=payout.to_account,
            to_name=payout.to_name,
            amount_fen=payout.amount.fen,
            interest_fen=payout.interest.fen,
            carried_fen=payout.carried.fen,
            late_fee_fen=payout.late_fee.fen,
            due_on=payout.due_on,
            ordered_at=payout.ordered_at,
            state=payout.state,
            shown=canonical.encode(list(payout.shown)).decode(),
            done_on=payout.done_on,
        )


class ForfeitureRow(SQLModel, table=True):
    """A deposit that was not given back, with its ground and document (不予退还)."""

    __tablename__ = "deposit_forfeiture"
    __table_args__ = (sa.CheckConstraint("amount_fen > 0", name="amount_positive"),)

    holding_id: str = Field(primary_key=True, foreign_key="deposit_holding.id")
    lot_id: str = Field(index=True)
    centre_id: str
    bidder_uscc: str
    amount_fen: int = Field(sa_type=sa.BigInteger)
    ground: str
    rule_id: str
    article: str
    clause: str = ""
    document_name: str
    document_sha256: str
    decided_by: str
    decided_at: datetime = Field(sa_type=UtcDateTime)

    def to_domain(self) -> Forfeiture:
        return Forfeiture(
            holding_id=self.holding_id,
            lot_id=self.lot_id,
            bidder_uscc=self.bidder_uscc,
            amount=Money(self.amount_fen),
            ground=Ground(self.ground),
            article=self.article,
            clause=self.clause,
            document_name=self.document_name,
            document_sha256=self.document_sha256,
            decided_by=self.decided_by,
            decided_at=self.decided_at,
        )


class ConversionRow(SQLModel, table=True):
    """A deposit, or a part of it, that became a performance bond (转为履约保证金)."""

    __tablename__ = "deposit_conversion"
    __table_args__ = (sa.CheckConstraint("amount_fen > 0", name="amount_positive"),)

    holding_id: str = Field(primary_key=True, foreign_key="deposit_holding.id")
    lot_id: str = Field(index=True)
    amount_fen: int = Field(sa_type=sa.BigInteger)
    contract_fen: int = Field(sa_type=sa.BigInteger)
    rule_id: str
    article: str
    document_name: str
    document_sha256: str
    made_at: datetime = Field(sa_type=UtcDateTime)


class ExtensionRow(SQLModel, table=True):
    """The tenderer asks all bidders of a lot to extend the validity of their bids and deposits."""

    __tablename__ = "deposit_extension"

    lot_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    until: date
    document_name: str
    document_sha256: str
    asked_at: datetime = Field(sa_type=UtcDateTime)

    def to_domain(self) -> Extension:
        return Extension(self.lot_id, self.number, self.until, self.asked_at)


class ExtensionAnswerRow(SQLModel, table=True):
    """One bidder's answer. Who does not answer has neither agreed nor refused."""

    __tablename__ = "deposit_extension_answer"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["lot_id", "number"], ["deposit_extension.lot_id", "deposit_extension.number"]
        ),
    )

    lot_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    bidder_uscc: str = Field(primary_key=True)
    agrees: bool
    answered_at: datetime = Field(sa_type=UtcDateTime)

    def to_domain(self) -> Answer:
        return Answer(self.lot_id, self.number, self.bidder_uscc, self.agrees, self.answered_at)


class CallRow(SQLModel, table=True):
    """The bank's calls that were taken, by number without a gap."""

    __tablename__ = "deposit_bank_call"
    __table_args__ = (sa.CheckConstraint("number >= 1", name="counted_from_one"),)

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str
    key: str
    at: datetime = Field(sa_type=UtcDateTime)
    taken_at: datetime = Field(sa_type=UtcDateTime)
