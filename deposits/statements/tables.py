"""Rows of statements and their lines, as they came from the bank and what they were matched to."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from deposits.statements.matching import Matched, Open, Proposal, Stated, Taken, Undone
from deposits.statements.statement import Line, LineKind
from trading.money import Money

_STANDS = "undone_at IS NULL"
_COUNTS = "NOT is_undone"


class StatementRow(SQLModel, table=True):
    """One file that was taken in; one that was undone stays as history."""

    __tablename__ = "deposit_statement"
    __table_args__ = (
        sa.CheckConstraint("number >= 1", name="counted_from_one"),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by = '')", name="undone_by_somebody"),
        sa.Index(
            "uq_deposit_statement_number",
            "centre_id",
            "number",
            unique=True,
            sqlite_where=sa.text(_STANDS),
            postgresql_where=sa.text(_STANDS),
        ),
    )

    centre_id: str = Field(primary_key=True)
    take: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: int
    closed_on: date
    opening_fen: int = Field(sa_type=sa.BigInteger)
    closing_fen: int = Field(sa_type=sa.BigInteger)
    lines: int
    sha256: str
    taken_by: str
    taken_at: datetime = Field(sa_type=UtcDateTime)
    undone_by: str = ""
    undone_why: str = ""
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def to_domain(self) -> Taken:
        undone = None
        if self.undone_at is not None:
            undone = Undone(self.undone_by, self.undone_at, self.undone_why)
        return Taken(
            take=self.take,
            number=self.number,
            closed_on=self.closed_on,
            opening=Money(self.opening_fen),
            closing=Money(self.closing_fen),
            lines=self.lines,
            sha256=self.sha256,
            taken_by=self.taken_by,
            taken_at=self.taken_at,
            undone=undone,
        )


class StatementLineRow(SQLModel, table=True):
    __tablename__ = "deposit_statement_line"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["centre_id", "take"], ["deposit_statement.centre_id", "deposit_statement.take"]
        ),
        sa.Index(
            "uq_deposit_statement_line_reference",
            "centre_id",
            "reference",
            unique=True,
            sqlite_where=sa.text(_COUNTS),
            postgresql_where=sa.text(_COUNTS),
        ),
        sa.CheckConstraint("amount_fen <> 0", name="amount_something"),
        sa.CheckConstraint("why <> '' OR is_booked", name="matched_is_booked"),
        sa.CheckConstraint(
            "proposed_for = '' OR (proposed_by <> '' AND proposed_document <> '' AND "
            "proposed_at IS NOT NULL AND proposed_came_at IS NOT NULL)",
            name="proposed_by_somebody",
        ),
    )

    centre_id: str = Field(primary_key=True)
    take: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    statement: int
    reference: str
    booked_on: date
    amount_fen: int = Field(sa_type=sa.BigInteger)
    kind: str
    account: str
    counter_account: str
    counter_name: str
    key: str
    why: str = Field(index=True)
    """Why it is open (`Open`); empty where it is matched."""
    is_booked: bool
    is_undone: bool = False
    subject: str
    resolution: str = ""
    """What a person did with an open line; empty while nobody has."""
    resolved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    proposed_for: str = ""
    """The holding to which one person would assign it; empty where nobody would."""
    proposed_why: str = ""
    proposed_came_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    proposed_document: str = ""
    """SHA-256 of what shows it."""
    proposed_by: str = ""
    proposed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def line(self) -> Line:
        return Line(
            reference=self.reference,
            booked_on=self.booked_on,
            amount=Money(self.amount_fen),
            kind=LineKind(self.kind),
            account=self.account,
            counter_account=self.counter_account,
            counter_name=self.counter_name,
            key=self.key,
        )

    @property
    def proposal(self) -> Proposal | None:
        if self.proposed_at is None or self.proposed_came_at is None:
            return None
        return Proposal(
            self.proposed_for,
            self.proposed_why,
            self.proposed_came_at,
            self.proposed_document,
            self.proposed_by,
            self.proposed_at,
        )

    def to_domain(self) -> Stated:
        return Stated(
            take=self.take,
            statement=self.statement,
            position=self.position,
            line=self.line,
            why=Open(self.why) if self.why else None,
            is_booked=self.is_booked,
            subject=self.subject,
            resolution=self.resolution,
            proposal=self.proposal,
            is_undone=self.is_undone,
        )

    @classmethod
    def from_domain(
        cls, centre_id: str, take: int, statement: int, position: int, matched: Matched
    ) -> StatementLineRow:
        line = matched.line
        return cls(
            centre_id=centre_id,
            take=take,
            reference=line.reference,
            statement=statement,
            position=position,
            booked_on=line.booked_on,
            amount_fen=line.amount.fen,
            kind=line.kind,
            account=line.account,
            counter_account=line.counter_account,
            counter_name=line.counter_name,
            key=line.key,
            why=matched.why or "",
            is_booked=matched.is_booked,
            subject=matched.subject,
        )
