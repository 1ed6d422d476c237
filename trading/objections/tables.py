"""Rows of objections. Of one against the file the author is not kept, only a commitment."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from trading.objections.objection import ObjectionStage, ObjectionState

_STAGES = ", ".join(f"'{stage}'" for stage in ObjectionStage)
_STATES = ", ".join(f"'{state}'" for state in ObjectionState)


class ObjectionRow(SQLModel, table=True):
    """One objection."""

    __tablename__ = "objection"
    __table_args__ = (
        sa.CheckConstraint(f"stage IN ({_STAGES})", name="stage_known"),
        sa.CheckConstraint(f"state IN ({_STATES})", name="state_known"),
        sa.CheckConstraint("stage <> 'FILE' OR raised_by = ''", name="file_anonymous"),
        sa.CheckConstraint("(state = 'ANSWERED') = (outcome <> '')", name="answer_has_outcome"),
        sa.Index("ix_objection_lot_state", "lot_id", "state"),
    )

    id: str = Field(primary_key=True)
    lot_id: str = Field(foreign_key="lot.id")
    centre_id: str = Field(foreign_key="centre.id", index=True)
    stage: str
    raised_by: str = ""
    commitment: str
    raised_at: datetime = Field(sa_type=UtcDateTime)
    document_sha256: str
    document_bytes: int
    suspends: bool
    state: str
    outcome: str = ""
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
