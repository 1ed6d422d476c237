"""Rows of the witness desk: what must be looked up quickly or locked; the facts are on the record."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from evaluation.witness.sources import Algorithm, Line, StationKey, decode64


class StationLineRow(SQLModel, table=True):
    """A station bound to a session: its key, and how far its numbering has come."""

    __tablename__ = "witness_station"
    __table_args__ = (
        sa.CheckConstraint("next >= 0", name="next_not_negative"),
        sa.CheckConstraint("algorithm IN ('ED25519', 'P-256')", name="algorithm_known"),
    )

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    station: str = Field(primary_key=True)
    venue: str
    algorithm: str
    public_key: str
    every: int
    next: int = Field(default=0, sa_type=sa.BigInteger)
    last: str
    last_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_up: int = Field(default=0, sa_type=sa.BigInteger)
    rejected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When a report of it was last refused on the record; not more than one a minute is."""

    def to_domain(self) -> Line:
        key = StationKey(Algorithm(self.algorithm), decode64(self.public_key) or b"")
        return Line(self.venue, key, self.next, self.last, self.last_at, self.last_up)

    def take(self, line: Line) -> None:
        self.next, self.last = line.next, line.last
        self.last_at, self.last_up = line.last_at, line.last_up


class WitnessKeyRow(SQLModel, table=True):
    """A cosigner's key (C2SP: one key, one name): whose it is, wherever he watches."""

    __tablename__ = "witness_key"

    public_key: str = Field(primary_key=True)
    """Base64 of 32 bytes."""
    witness: str = Field(index=True)
    name: str


class CosignatureRow(SQLModel, table=True):
    """A verified cosignature on a session's checkpoint: the note's line."""

    __tablename__ = "witness_cosignature"

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    size: int = Field(primary_key=True, sa_type=sa.BigInteger)
    name: str = Field(primary_key=True)
    line: str
    at: datetime = Field(sa_type=UtcDateTime)


class CheckpointRow(SQLModel, table=True):
    """A checkpoint of a session's log, as it was signed."""

    __tablename__ = "witness_checkpoint"

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    size: int = Field(primary_key=True, sa_type=sa.BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)
    note: str


class LeaseRow(SQLModel, table=True):
    """Who keeps a session's watch. Whoever takes it over gets the next fence number; what the one
    before still wants to write is refused by it. `until` is real time."""

    __tablename__ = "witness_lease"
    __table_args__ = (sa.CheckConstraint("fence > 0", name="fence_positive"),)

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    holder: str
    fence: int = Field(sa_type=sa.BigInteger)
    until: datetime = Field(sa_type=UtcDateTime)


class OutsideRow(SQLModel, table=True):
    """How far an outside witness has cosigned a session's log."""

    __tablename__ = "witness_outside"

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    name: str = Field(primary_key=True)
    size: int = Field(sa_type=sa.BigInteger)
