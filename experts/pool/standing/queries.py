"""All SQL of histories and applications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row
from sqlmodel import Session, col, select

from experts.pool.standing.history import Line
from experts.pool.standing.tables import ExpertApplicationRow, ExpertLineRow, values_of

CHUNK_ROWS = 2000
_COLUMNS = list(ExpertLineRow.__table__.columns)  # type: ignore[attr-defined]


def insert(db: Session, lines: Sequence[Line]) -> None:
    """Add lines to the ends of their histories."""
    for start in range(0, len(lines), CHUNK_ROWS):
        chunk = lines[start : start + CHUNK_ROWS]
        db.execute(sa.insert(ExpertLineRow), [values_of(line) for line in chunk])


def lines(db: Session, expert_id: str) -> list[Line]:
    """One history, from its first line."""
    statement = select(ExpertLineRow).where(col(ExpertLineRow.expert_id) == expert_id)
    rows = db.exec(statement.order_by(col(ExpertLineRow.seq))).all()
    return [row.to_domain() for row in rows]


def all_lines(db: Session) -> Sequence[Row[Any]]:
    """Every line of every history as a plain tuple, by expert and number."""
    order = (col(ExpertLineRow.expert_id), col(ExpertLineRow.seq))
    return db.execute(sa.select(*_COLUMNS).order_by(*order)).all()


def application(db: Session, expert_id: str) -> ExpertApplicationRow | None:
    return db.get(ExpertApplicationRow, expert_id)


def applications(db: Session) -> list[ExpertApplicationRow]:
    """All that are kept, the newest first."""
    rows = db.exec(select(ExpertApplicationRow)).all()
    return sorted(rows, key=lambda row: (row.filed_at, row.expert_id), reverse=True)
