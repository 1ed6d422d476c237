"""Rows of the experts' histories and of applications. Histories hold no names; an application does,
until its applicant is enrolled or the law demands that it goes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row
from sqlmodel import Field, SQLModel

from archive import canonical
from archive.database import UtcDateTime
from experts.pool.standing.history import Act, Cause, Line

_ACTS = ", ".join(f"'{act.value}'" for act in Act)
_CAUSES = ", ".join(f"'{cause.value}'" for cause in Cause)


class ExpertLineRow(SQLModel, table=True):
    """One line of a history. `changes` is canonical JSON."""

    __tablename__ = "expert_line"
    __table_args__ = (
        sa.CheckConstraint(f"act IN ({_ACTS})", name="act_known"),
        sa.CheckConstraint(f"cause IN ('', {_CAUSES})", name="cause_known"),
        sa.CheckConstraint("seq > 0", name="seq_positive"),
        sa.CheckConstraint("length(prev) = 64", name="prev_length"),
    )

    expert_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    act: str = Field(index=True)
    effective_on: date
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    rule: str
    actor_id: str
    cause: str = ""
    note: str = ""
    changes: bytes
    appeal_until: date | None = None
    prev: str

    def to_domain(self) -> Line:
        return line_of(self)


def line_of(row: ExpertLineRow | Row[Any]) -> Line:
    """The line of a row, mapped or plain."""
    return Line(
        expert_id=row.expert_id,
        seq=row.seq,
        act=Act(row.act),
        effective_on=row.effective_on,
        recorded_at=row.recorded_at,
        rule=row.rule,
        actor_id=row.actor_id,
        cause=Cause(row.cause) if row.cause else None,
        note=row.note,
        changes=canonical.decode(row.changes),
        appeal_until=row.appeal_until,
        prev=row.prev,
    )


def values_of(line: Line) -> dict[str, object]:
    """The columns of a line's row."""
    return {
        "expert_id": line.expert_id,
        "seq": line.seq,
        "act": line.act.value,
        "effective_on": line.effective_on,
        "recorded_at": line.recorded_at,
        "rule": line.rule,
        "actor_id": line.actor_id,
        "cause": line.cause.value if line.cause else "",
        "note": line.note,
        "changes": line.said,
        "appeal_until": line.appeal_until,
        "prev": line.prev,
    }


class ExpertApplicationRow(SQLModel, table=True):
    """Who applies: what facts do not hold. `stage` is where the history stands, for lists."""

    __tablename__ = "expert_application"

    expert_id: str = Field(primary_key=True)
    name: str
    gender: str
    lon: float
    lat: float
    stage: str = Field(index=True)
    filed_at: datetime = Field(sa_type=UtcDateTime)
