"""Rows of the journal. Entries and anchors are append-only: triggers forbid UPDATE and DELETE on
both databases (see `api.migrations`); these tables are never batch-altered."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime


class StreamRow(SQLModel, table=True):
    """The head of one stream: the row that a writer locks, so that seq order is commit order."""

    __tablename__ = "journal_stream"
    __table_args__ = (sa.CheckConstraint("size >= 0", name="size_not_negative"),)

    id: str = Field(primary_key=True)
    size: int = Field(default=0, sa_type=sa.BigInteger)
    last_hash: str
    last_at: datetime = Field(sa_type=UtcDateTime)
    frontier: bytes
    """`merkle.Frontier.to_bytes()` for `size` leaves."""
    anchored_size: int = Field(default=0, sa_type=sa.BigInteger)


class EntryRow(SQLModel, table=True):
    __tablename__ = "journal_entry"

    stream: str = Field(primary_key=True, foreign_key="journal_stream.id")
    seq: int = Field(primary_key=True, sa_type=sa.BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)
    action: str
    body: bytes


class AnchorRow(SQLModel, table=True):
    """One tick: the signed checkpoint over the heads of all streams at that moment."""

    __tablename__ = "journal_anchor"

    tick: int = Field(primary_key=True, sa_type=sa.BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)
    streams: int
    root: str
    note: str


class AnchoredHeadRow(SQLModel, table=True):
    """A head that changed at a tick, with its signed checkpoint. The heads at tick t are, for each
    stream, its newest row with `tick <= t`."""

    __tablename__ = "journal_anchored_head"

    stream: str = Field(primary_key=True, foreign_key="journal_stream.id")
    tick: int = Field(primary_key=True, foreign_key="journal_anchor.tick", sa_type=sa.BigInteger)
    size: int = Field(sa_type=sa.BigInteger)
    root: str
    note: str
