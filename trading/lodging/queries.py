"""All SQL of the lodging table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from trading.lodging.tables import LodgedCellRow

PAGE_CELLS = 500


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
