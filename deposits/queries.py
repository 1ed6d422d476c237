"""SQL of the clauses of tender files."""

from __future__ import annotations

from sqlmodel import Session

from deposits.tables import ClauseRow


def clause(db: Session, lot_id: str) -> ClauseRow | None:
    return db.get(ClauseRow, lot_id)
