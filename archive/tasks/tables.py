"""The task table: work that a transaction wants done later, written in that transaction."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime


class TaskRow(SQLModel, table=True):
    __tablename__ = "task"
    __table_args__ = (
        sa.CheckConstraint("state IN ('WAITING', 'DONE', 'FAILED')", name="state_known"),
        sa.Index("ix_task_due", "state", "due_at", "id"),
    )

    id: str = Field(primary_key=True)
    name: str
    args: str
    """Canonical JSON object."""
    due_at: datetime = Field(sa_type=UtcDateTime)
    """Legal time: not before this moment."""
    state: str = "WAITING"
    attempts: int = 0
    error: str = ""
    """The newest failure: a refusal's code, or the exception's last line."""
    refusal: str = ""
    """Of a refusal, all that it says: canonical JSON, [[code, parameters]], its faults after it."""
    claimed_by: str = ""
    claimed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Real time of the host: a lease has no legal meaning."""
    progress: str = ""
    """What a long task last said of itself."""
    cancel_asked: bool = False
    """Somebody wants a running task to end; it looks when it next says how far it is."""
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
