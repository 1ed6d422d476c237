"""Rows of openings; none of them exists before the opening has begun."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from trading.opening.opening import BidState

_STATES = ", ".join(f"'{state}'" for state in BidState)


class OpeningRow(SQLModel, table=True):
    """One opening. `record_*` are there once it is finished."""

    __tablename__ = "opening"

    lot_id: str = Field(primary_key=True, foreign_key="lot.id")
    centre_id: str = Field(foreign_key="centre.id")
    begun_at: datetime = Field(sa_type=UtcDateTime)
    begun_by: str
    cells: int
    bidder_count: int
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    record_sha256: str = ""
    record_bytes: int = 0


class OpeningBidRow(SQLModel, table=True):
    """One bid of an opening: the inside of its cell, the bidder's half, what came of it."""

    __tablename__ = "opening_bid"
    __table_args__ = (
        sa.CheckConstraint(f"state IN ({_STATES})", name="state_known"),
        sa.CheckConstraint("price_fen IS NULL OR price_fen > 0", name="price_positive"),
    )

    lot_id: str = Field(primary_key=True, foreign_key="opening.lot_id")
    bidder_uscc: str = Field(primary_key=True, foreign_key="organisation.uscc")
    version: int = Field(sa_type=sa.BigInteger)
    cell_sha256: str
    key_commitment: bytes
    platform_half: bytes
    inner: bytes
    state: str
    bidder_half: bytes = b""
    cause: str = ""
    price_fen: int | None = Field(default=None, sa_type=sa.BigInteger)
    content_sha256: str = ""
    content: bytes = b""


class OpeningEnvelopeRow(SQLModel, table=True):
    """A cell of another kind that a bidder sent beside his bid, such as a guarantee. His half opens
    it at the end of the opening; `content` stays empty where it does not."""

    __tablename__ = "opening_envelope"

    lot_id: str = Field(primary_key=True, foreign_key="opening.lot_id")
    bidder_uscc: str = Field(primary_key=True, foreign_key="organisation.uscc")
    kind: str = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    key_commitment: bytes
    platform_half: bytes
    inner: bytes
    content: bytes = b""
