"""Rows of publications, awards and contracts; one of each a lot at most."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from archive.journal.entry import DocumentRef
from trading.awards.award import Candidate
from trading.money import Money


class PublicationRow(SQLModel, table=True):
    """The publicity of a lot's candidates."""

    __tablename__ = "candidate_publication"

    lot_id: str = Field(primary_key=True, foreign_key="lot.id")
    centre_id: str = Field(foreign_key="centre.id")
    published_at: datetime = Field(sa_type=UtcDateTime)
    report_name: str
    report_sha256: str
    report_bytes: int
    report_type: str

    def report(self) -> DocumentRef:
        return DocumentRef(
            self.report_name, self.report_sha256, self.report_bytes, self.report_type
        )


class CandidateRow(SQLModel, table=True):
    """One candidate."""

    __tablename__ = "candidate"
    __table_args__ = (
        sa.CheckConstraint("rank >= 1", name="rank_positive"),
        sa.CheckConstraint("price_fen > 0", name="price_positive"),
        sa.UniqueConstraint("lot_id", "bidder_uscc"),
    )

    lot_id: str = Field(primary_key=True, foreign_key="candidate_publication.lot_id")
    rank: int = Field(primary_key=True)
    bidder_uscc: str = Field(foreign_key="organisation.uscc")
    price_fen: int = Field(sa_type=sa.BigInteger)
    score: int | None = None

    def to_domain(self) -> Candidate:
        return Candidate(self.rank, self.bidder_uscc, Money(self.price_fen), self.score)


class AwardRow(SQLModel, table=True):
    """The award of a lot."""

    __tablename__ = "award"

    lot_id: str = Field(primary_key=True, foreign_key="lot.id")
    centre_id: str = Field(foreign_key="centre.id")
    rank: int
    awarded_at: datetime = Field(sa_type=UtcDateTime)
    awarded_by: str
    cause: str = ""
    document_sha256: str = ""
    document_bytes: int = 0


class ContractRow(SQLModel, table=True):
    """The contract of a lot."""

    __tablename__ = "contract"
    __table_args__ = (sa.CheckConstraint("amount_fen > 0", name="amount_positive"),)

    lot_id: str = Field(primary_key=True, foreign_key="lot.id")
    centre_id: str = Field(foreign_key="centre.id")
    winner_uscc: str = Field(foreign_key="organisation.uscc")
    amount_fen: int = Field(sa_type=sa.BigInteger)
    signed_at: datetime = Field(sa_type=UtcDateTime)
    signed_by: str
    document_sha256: str
    document_bytes: int
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ArchivalRow(SQLModel, table=True):
    """The archiving of a lot: the root of the dossier that was sealed."""

    __tablename__ = "lot_archival"

    lot_id: str = Field(primary_key=True, foreign_key="lot.id")
    centre_id: str = Field(foreign_key="centre.id")
    archived_at: datetime = Field(sa_type=UtcDateTime)
    dossier_root: str
