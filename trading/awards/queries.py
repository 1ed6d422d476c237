"""All SQL of awards."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from trading.awards.tables import (
    ArchivalRow,
    AwardRow,
    CandidateRow,
    ContractRow,
    PublicationRow,
)


def publication(db: Session, lot_id: str) -> PublicationRow | None:
    """The publicity of a lot's candidates."""
    return db.get(PublicationRow, lot_id)


def candidates(db: Session, lot_id: str) -> list[CandidateRow]:
    """The candidates of a lot by rank."""
    rows = db.exec(select(CandidateRow).where(col(CandidateRow.lot_id) == lot_id)).all()
    return sorted(rows, key=lambda row: row.rank)


def award(db: Session, lot_id: str) -> AwardRow | None:
    """The award of a lot."""
    return db.get(AwardRow, lot_id)


def contract(db: Session, lot_id: str) -> ContractRow | None:
    """The contract of a lot."""
    return db.get(ContractRow, lot_id)


def archival(db: Session, lot_id: str) -> ArchivalRow | None:
    """The archiving of a lot."""
    return db.get(ArchivalRow, lot_id)


def archivals(db: Session, centre_id: str | None) -> Sequence[ArchivalRow]:
    """The archiving of every lot of a centre, or of all, in order of lot."""
    wanted = select(ArchivalRow).order_by(ArchivalRow.lot_id)
    if centre_id is not None:
        wanted = wanted.where(ArchivalRow.centre_id == centre_id)
    return db.exec(wanted).all()
