"""Rows of openings; none of them exists before the opening has begun."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from archive.sealing import Outer
from trading.opening.counting import Found, Opened
from trading.opening.opening import BidOutcome, BidState, Revocation
from trading.projects.project import subject_of

_STATES = ", ".join(f"'{state}'" for state in BidState)


class OpeningRow(SQLModel, table=True):
    """One opening. `record_*` are there once it is finished; `failed` where too few bid."""

    __tablename__ = "opening"

    lot_id: str = Field(primary_key=True, foreign_key="lot.id")
    centre_id: str = Field(foreign_key="centre.id")
    begun_at: datetime = Field(sa_type=UtcDateTime)
    begun_by: str
    cells: int
    bidder_count: int
    failed: bool = False
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    record_sha256: str = ""
    record_bytes: int = 0


class OpeningBidRow(SQLModel, table=True):
    """A name that bids were found in, the half that came from its account, what came of it.

    `cells` were found in the name, `own` of those kept does the half open. The version and what
    follows it are of the bid that counts.
    """

    __tablename__ = "opening_bid"
    __table_args__ = (
        sa.CheckConstraint(f"state IN ({_STATES})", name="state_known"),
        sa.CheckConstraint("price_fen IS NULL OR price_fen > 0", name="price_positive"),
    )

    lot_id: str = Field(primary_key=True, foreign_key="opening.lot_id")
    bidder_uscc: str = Field(primary_key=True, foreign_key="organisation.uscc")
    state: str
    cells: int
    own: int = 0
    bidder_half: bytes = b""
    cause: str = ""
    version: int | None = Field(default=None, sa_type=sa.BigInteger)
    cell_sha256: str = ""
    price_fen: int | None = Field(default=None, sa_type=sa.BigInteger)
    content_sha256: str = ""
    content: bytes = b""

    def to_domain(self) -> BidOutcome:
        return BidOutcome(
            lot_id=self.lot_id,
            bidder=self.bidder_uscc,
            state=BidState(self.state),
            cells=self.cells,
            own=self.own,
            cause=Revocation(self.cause) if self.cause else None,
            version=self.version,
            cell_sha256=self.cell_sha256,
            price_fen=self.price_fen,
            content_sha256=self.content_sha256,
            content=self.content,
        )


class OpeningCellRow(SQLModel, table=True):
    """The inside of a cell in a bidder's name, whoever sealed it; only while the halves are waited
    for. Afterwards none is left, so that what did not count stays shut."""

    __tablename__ = "opening_cell"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["lot_id", "bidder_uscc"], ["opening_bid.lot_id", "opening_bid.bidder_uscc"]
        ),
        sa.Index("ix_opening_cell_name", "lot_id", "bidder_uscc"),
    )

    lot_id: str = Field(primary_key=True)
    cell_sha256: str = Field(primary_key=True)
    bidder_uscc: str
    tick: datetime = Field(sa_type=UtcDateTime)
    kind: str
    version: int = Field(sa_type=sa.BigInteger)
    key_commitment: bytes
    platform_half: bytes
    inner: bytes

    def to_domain(self) -> Found:
        outer = Outer(
            subject_of(self.lot_id),
            self.kind,
            self.bidder_uscc,
            self.version,
            self.key_commitment,
            self.platform_half,
            self.inner,
        )
        return Found(self.tick, self.cell_sha256, outer)

    @classmethod
    def from_domain(cls, lot_id: str, found: Found) -> OpeningCellRow:
        outer = found.outer
        return cls(
            lot_id=lot_id,
            cell_sha256=found.cell_sha256,
            bidder_uscc=outer.sender,
            tick=found.tick,
            kind=outer.kind,
            version=outer.version,
            key_commitment=outer.key_commitment,
            platform_half=outer.platform_half,
            inner=outer.inner,
        )


class OpeningEnvelopeRow(SQLModel, table=True):
    """What a bidder sent beside his bid, such as a guarantee, opened with the same half."""

    __tablename__ = "opening_envelope"

    lot_id: str = Field(primary_key=True, foreign_key="opening.lot_id")
    bidder_uscc: str = Field(primary_key=True, foreign_key="organisation.uscc")
    kind: str = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    cell_sha256: str
    content: bytes

    @classmethod
    def from_domain(cls, lot_id: str, opened: Opened) -> OpeningEnvelopeRow:
        outer = opened.found.outer
        return cls(
            lot_id=lot_id,
            bidder_uscc=outer.sender,
            kind=outer.kind,
            version=outer.version,
            cell_sha256=opened.found.cell_sha256,
            content=opened.content,
        )
