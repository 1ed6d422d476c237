"""Rows of assessments and appeals."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from experts.appraisal.assessment import (
    Appeal,
    Appealed,
    Assessment,
    Deduction,
    Outcome,
    Side,
    State,
)


def _known(column: str, values: type) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"  # type: ignore[attr-defined]


class ExpertAssessmentRow(SQLModel, table=True):
    """One side's word on one member; `deductions` are codes separated by blanks."""

    __tablename__ = "expert_assessment"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "expert_id", "side"),
        sa.CheckConstraint(_known("side", Side), name="side_known"),
        sa.CheckConstraint(_known("state", State), name="state_known"),
        sa.CheckConstraint("points >= 0", name="points_not_negative"),
    )

    id: str = Field(primary_key=True)
    session_id: str
    lot_id: str
    seat_code: str
    expert_id: str = Field(index=True)
    side: str
    deductions: str
    points: int
    note: str
    actor_id: str
    at: datetime = Field(sa_type=UtcDateTime)
    appeal_until: date
    state: str

    def to_domain(self) -> Assessment:
        return Assessment(
            self.id,
            self.session_id,
            self.lot_id,
            self.seat_code,
            self.expert_id,
            Side(self.side),
            tuple(Deduction(each) for each in self.deductions.split()),
            self.points,
            self.note,
            self.actor_id,
            self.at,
            self.appeal_until,
            State(self.state),
        )


class ExpertAppealRow(SQLModel, table=True):
    """One appeal; a decision is appealed once."""

    __tablename__ = "expert_appeal"
    __table_args__ = (
        sa.UniqueConstraint("kind", "subject"),
        sa.CheckConstraint(_known("kind", Appealed), name="kind_known"),
        sa.CheckConstraint(_known("outcome", Outcome), name="outcome_known"),
    )

    id: str = Field(primary_key=True)
    kind: str
    subject: str
    expert_id: str = Field(index=True)
    against: str
    grounds: str
    filed_at: datetime = Field(sa_type=UtcDateTime)
    outcome: str
    decided_by: str = ""
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reasons: str = ""

    def to_domain(self) -> Appeal:
        return Appeal(
            self.id,
            Appealed(self.kind),
            self.subject,
            self.expert_id,
            self.against,
            self.grounds,
            self.filed_at,
            Outcome(self.outcome),
            self.decided_by,
            self.decided_at,
            self.reasons,
        )
