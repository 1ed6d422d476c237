"""Rows of credit grades and appeals; answers about dishonesty stand in `trading.parties`."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from deposits.honesty.register import Appeal, AppealState, CreditGrade


class CreditGradeRow(SQLModel, table=True):
    __tablename__ = "deposit_credit_grade"

    uscc: str = Field(primary_key=True, foreign_key="organisation.uscc")
    source: str = Field(primary_key=True)
    given_on: date = Field(primary_key=True)
    grade: str
    reference: str = ""

    def to_domain(self) -> CreditGrade:
        return CreditGrade(self.uscc, self.source, self.grade, self.given_on, self.reference)


class AppealRow(SQLModel, table=True):
    __tablename__ = "deposit_appeal"
    __table_args__ = (
        sa.CheckConstraint("state IN ('OPEN', 'UPHELD', 'DISMISSED')", name="state_known"),
        sa.CheckConstraint("(state = 'OPEN') = (decided_at IS NULL)", name="decided_when"),
    )

    id: str = Field(primary_key=True)
    uscc: str = Field(foreign_key="organisation.uscc", index=True)
    source: str
    queried_on: date
    state: str
    raised_at: datetime = Field(sa_type=UtcDateTime)
    document_sha256: str
    decided_by: str = ""
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def to_domain(self) -> Appeal:
        return Appeal(
            self.id,
            self.uscc,
            self.source,
            self.queried_on,
            AppealState(self.state),
            self.raised_at,
            self.document_sha256,
            self.decided_by,
            self.decided_at,
        )

    @classmethod
    def from_domain(cls, appeal: Appeal) -> AppealRow:
        return cls(**vars(appeal))
