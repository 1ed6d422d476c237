"""All SQL of files that wait."""

from __future__ import annotations

from sqlmodel import Session, col, select

from api.registers.tables import RegisterFileRow


def one(db: Session, file_id: str) -> RegisterFileRow | None:
    return db.get(RegisterFileRow, file_id)


def waiting(db: Session) -> list[RegisterFileRow]:
    """The newest first."""
    newest = (col(RegisterFileRow.sent_at).desc(), col(RegisterFileRow.id).desc())
    return list(db.exec(select(RegisterFileRow).order_by(*newest)).all())
