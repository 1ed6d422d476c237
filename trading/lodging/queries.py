"""All SQL of the lodging table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from trading.lodging.tables import LodgedCellRow

PAGE_CELLS = 500
_CELLS = sa.literal(0x6C6F6467696E67, sa.BigInteger)
"""The key of PostgreSQL's advisory lock on the cells. Not a lock on a lot's row: that would leave a
trace on disk of which lot somebody lodges for."""


def share(db: Session) -> None:
    """Let no opening read the cells until this transaction ends. SQLite has one writer anyway."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(_CELLS)))


def hold(db: Session) -> None:
    """Wait for every lodging that is under way, and let none begin until this transaction ends."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_CELLS)))


def insert(db: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the cells of a batch."""
    db.execute(sa.insert(LodgedCellRow), rows)


def cells(db: Session, start: datetime, end: datetime) -> Iterator[LodgedCellRow]:
    """The cells with start ≤ tick < end, in pages: a window may hold more than memory likes."""
    after = ""
    while True:
        page = db.exec(
            select(LodgedCellRow)
            .where(
                col(LodgedCellRow.tick) >= start,
                col(LodgedCellRow.tick) < end,
                col(LodgedCellRow.id) > after,
            )
            .order_by(col(LodgedCellRow.id))
            .limit(PAGE_CELLS)
        ).all()
        for row in page:
            db.expunge(row)
            yield row
        if len(page) < PAGE_CELLS:
            return
        after = page[-1].id
