"""All SQL of imports."""

from __future__ import annotations

from sqlmodel import Session, select

from experts.pool.rolls.tables import ExpertRollRow


def one(db: Session, roll_id: str) -> ExpertRollRow | None:
    return db.get(ExpertRollRow, roll_id)


def waiting(db: Session) -> list[ExpertRollRow]:
    """The newest first."""
    rows = db.exec(select(ExpertRollRow)).all()
    return sorted(rows, key=lambda row: (row.sent_at, row.id), reverse=True)
