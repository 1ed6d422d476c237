"""Rows of the score sheets. Nothing that was saved is overwritten: a cell has versions, and the
newest counts."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime


class SheetRow(SQLModel, table=True):
    """One member's sheet in one session. Whether it is locked, submitted or void is the session's
    state. `version` counts saves."""

    __tablename__ = "evaluation_sheet"
    __table_args__ = (sa.CheckConstraint("version >= 0", name="version_not_negative"),)

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    expert_id: str = Field(primary_key=True)
    seat_code: str
    salt: str
    version: int = 0


class SheetCellRow(SQLModel, table=True):
    """One version of one cell; `version` counts from 1."""

    __tablename__ = "evaluation_sheet_cell"
    __table_args__ = (
        sa.CheckConstraint("version > 0", name="version_positive"),
        sa.CheckConstraint("hundredths BETWEEN 0 AND 10000", name="score_in_range"),
        sa.ForeignKeyConstraint(
            ["session_id", "expert_id"],
            ["evaluation_sheet.session_id", "evaluation_sheet.expert_id"],
        ),
    )

    session_id: str = Field(primary_key=True)
    expert_id: str = Field(primary_key=True)
    bidder: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    hundredths: int
    saved_at: datetime = Field(sa_type=UtcDateTime)
