"""All SQL of the trustees' register."""

from __future__ import annotations

from sqlmodel import Session, col, select

from experts.trustees.tables import TrusteeRow


def trustee(db: Session, trustee_id: str) -> TrusteeRow | None:
    return db.get(TrusteeRow, trustee_id)


def locked(db: Session, trustee_id: str) -> TrusteeRow | None:
    """An entry, locked until the transaction ends."""
    return db.exec(
        select(TrusteeRow)
        .where(col(TrusteeRow.id) == trustee_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def holder_of(db: Session, key: str) -> TrusteeRow | None:
    return db.exec(select(TrusteeRow).where(col(TrusteeRow.key) == key)).one_or_none()


def trustees(db: Session) -> list[TrusteeRow]:
    """All entries by id."""
    return sorted(db.exec(select(TrusteeRow)).all(), key=lambda row: row.id)
