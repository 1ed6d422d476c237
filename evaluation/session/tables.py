"""Rows of the sessions: the state as canonical JSON, with the columns that are asked for beside it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from evaluation.session.state import Stage, Standing, State

_STATE = TypeAdapter(State)


def _one_of(column: str, values: type[Stage] | type[Standing]) -> str:
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"


class SessionRow(SQLModel, table=True):
    """One evaluation session. `version` is the state's: a writer that comes second changes no row.

    `method` and `state` are JSON texts; `centre_id` is the host's.
    """

    __tablename__ = "evaluation_session"
    __table_args__ = (
        sa.CheckConstraint(_one_of("stage", Stage), name="stage_known"),
        sa.CheckConstraint("version >= 0", name="version_not_negative"),
        sa.CheckConstraint("slots > 0", name="slots_positive"),
        # One lot has one session that counts: a void one makes room for the next.
        sa.Index(
            "uq_evaluation_session_lot_live",
            "lot_id",
            unique=True,
            sqlite_where=sa.text("stage <> 'VOID'"),
            postgresql_where=sa.text("stage <> 'VOID'"),
        ),
    )

    id: str = Field(primary_key=True)
    centre_id: str = Field(index=True)
    lot_id: str = Field(index=True)
    draw_id: str
    regime: str
    kind: str
    region: str
    starts_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    slots: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    method: str
    stage: str
    version: int
    state: str
    report_sha256: str = ""
    """The vault's document with the signed report; empty before."""
    report_bytes: int = 0

    def to_domain(self) -> State:
        return _STATE.validate_json(self.state)


def state_text(state: State) -> str:
    return _STATE.dump_json(state).decode()


class SessionMemberRow(SQLModel, table=True):
    """Who sits in which session: what a venue or an expert asks for. Derived from the state."""

    __tablename__ = "evaluation_session_member"
    __table_args__ = (sa.CheckConstraint(_one_of("standing", Standing), name="standing_known"),)

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    expert_id: str = Field(primary_key=True, index=True)
    seat_code: str
    centre_id: str = Field(index=True)
    standing: str
