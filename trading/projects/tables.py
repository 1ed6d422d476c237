"""Rows of projects and lots. Amounts in fen; structures in canonical JSON."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from trading.projects.stages import Stage

_STAGES = ", ".join(f"'{stage}'" for stage in Stage)


class ProjectRow(SQLModel, table=True):
    """One registered project."""

    __tablename__ = "project"

    id: str = Field(primary_key=True)
    name: str
    regime: str
    kind: str
    division_code: str
    centre_id: str = Field(foreign_key="centre.id", index=True)
    tenderer_uscc: str = Field(foreign_key="organisation.uscc")
    agency_uscc: str | None = Field(default=None, foreign_key="organisation.uscc")
    supervisor_uscc: str = Field(foreign_key="organisation.uscc")
    government_invested: bool
    review_by: str | None = None
    review_on: date | None = None
    review_conclusion: str | None = None
    review_reason: str | None = None
    review_sha256: str | None = None
    order_notice: date | None = None
    registered_at: datetime = Field(sa_type=UtcDateTime)
    registered_by: str


class LotRow(SQLModel, table=True):
    """One lot; the notice's columns are empty until there is one."""

    __tablename__ = "lot"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "number"),
        sa.CheckConstraint(f"stage IN ({_STAGES})", name="stage_known"),
        sa.CheckConstraint("estimate_fen > 0 AND price_ceiling_fen > 0", name="amounts_positive"),
        sa.CheckConstraint("deposit_charged_fen >= 0", name="deposit_not_negative"),
        sa.CheckConstraint("number >= 1 AND slots >= 1", name="counts_positive"),
        sa.CheckConstraint(
            "opening_at IS NULL OR (opening_at > issued_at AND evaluation_at >= opening_at)",
            name="notice_in_order",
        ),
    )

    id: str = Field(primary_key=True)
    project_id: str = Field(foreign_key="project.id")
    number: int
    centre_id: str = Field(foreign_key="centre.id", index=True)
    name: str
    estimate_fen: int = Field(sa_type=sa.BigInteger)
    price_ceiling_fen: int = Field(sa_type=sa.BigInteger)
    committee: str
    deposit_charged_fen: int = Field(sa_type=sa.BigInteger)
    bid_validity_days: int
    method: str
    overnight_expected: bool
    slots: int
    guests: str = ""
    """Ids of the guest centres that are named, parted by blanks."""
    stage: str = Field(index=True)
    issued_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opening_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    evaluation_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    available_until: date | None = None
    notice_sha256: str | None = None
    notice_bytes: int | None = None
    evaluated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
