"""All SQL of the shared directory."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from evaluation.venues.tables import DirectoryRow


def all_rows(db: Session) -> Sequence[DirectoryRow]:
    return db.exec(select(DirectoryRow).order_by(col(DirectoryRow.id))).all()


def row(db: Session, venue_id: str) -> DirectoryRow | None:
    return db.get(DirectoryRow, venue_id)


def put(db: Session, rows: Sequence[DirectoryRow]) -> None:
    """New entries, or what stands instead of the old ones."""
    for each in rows:
        db.merge(each)
    db.flush()
