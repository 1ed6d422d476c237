"""Rows of files that wait for their second step. They may hold numbers of accounts and are deleted when the
file is taken in or dropped."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime


class RegisterFileRow(SQLModel, table=True):
    __tablename__ = "register_file"

    id: str = Field(primary_key=True)
    kind: str
    """The name of the register."""
    actor_id: str
    sent_at: datetime = Field(sa_type=UtcDateTime)
    content: bytes
