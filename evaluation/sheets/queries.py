"""All SQL of the score sheets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from evaluation.scoring import Cell
from evaluation.sheets.tables import SheetCellRow, SheetRow


def sheets(db: Session, session_id: str) -> dict[str, SheetRow]:
    """The sheets of a session by expert."""
    rows = db.exec(
        select(SheetRow)
        .where(col(SheetRow.session_id) == session_id)
        .execution_options(populate_existing=True)
    ).all()
    return {row.expert_id: row for row in rows}


def insert(db: Session, row: SheetRow) -> None:
    db.add(row)
    db.flush()


def count_save(db: Session, row: SheetRow) -> None:
    row.version += 1
    db.add(row)
    db.flush()


def cells(
    db: Session, session_id: str, expert_id: str | None = None
) -> dict[str, dict[Cell, tuple[int, int]]]:
    """The newest (hundredths, version) of every cell, by expert."""
    wanted = select(SheetCellRow).where(col(SheetCellRow.session_id) == session_id)
    if expert_id is not None:
        wanted = wanted.where(col(SheetCellRow.expert_id) == expert_id)
    found: dict[str, dict[Cell, tuple[int, int]]] = {}
    for row in db.exec(wanted).all():
        own = found.setdefault(row.expert_id, {})
        known = own.get((row.bidder, row.item))
        if known is None or known[1] < row.version:
            own[row.bidder, row.item] = (row.hundredths, row.version)
    return found


def history(db: Session, session_id: str, expert_id: str) -> list[SheetCellRow]:
    """Every version of every cell of one sheet, by bidder, item and version."""
    rows = db.exec(
        select(SheetCellRow).where(
            col(SheetCellRow.session_id) == session_id, col(SheetCellRow.expert_id) == expert_id
        )
    ).all()
    return sorted(rows, key=lambda row: (row.bidder, row.item, row.version))


def insert_cells(
    db: Session,
    session_id: str,
    expert_id: str,
    scores: Mapping[Cell, tuple[int, int]],
    now: datetime,
) -> None:
    """New versions: cell → (hundredths, version)."""
    db.execute(
        sa.insert(SheetCellRow),
        [
            {
                "session_id": session_id,
                "expert_id": expert_id,
                "bidder": bidder,
                "item": item,
                "version": version,
                "hundredths": score,
                "saved_at": now,
            }
            for (bidder, item), (score, version) in sorted(scores.items())
        ],
    )
