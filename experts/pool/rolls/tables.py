"""Rows of imports that wait for their second step. They hold personal data and are deleted when the
import is done or given up."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime


class ExpertRollRow(SQLModel, table=True):
    __tablename__ = "expert_roll"

    id: str = Field(primary_key=True)
    actor_id: str
    sent_at: datetime = Field(sa_type=UtcDateTime)
    name: str
    content: bytes
