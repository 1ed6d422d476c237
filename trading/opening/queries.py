"""All SQL of openings."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Session, col, select

from trading.opening.tables import (
    OpeningBidRow,
    OpeningCellRow,
    OpeningEnvelopeRow,
    OpeningRow,
)


def opening(db: Session, lot_id: str) -> OpeningRow | None:
    """The opening of a lot."""
    return db.get(OpeningRow, lot_id)


def bids(db: Session, lot_id: str) -> list[OpeningBidRow]:
    """The names of an opening with what became of their bids, in order of code."""
    rows = db.exec(select(OpeningBidRow).where(col(OpeningBidRow.lot_id) == lot_id)).all()
    return sorted(rows, key=lambda row: row.bidder_uscc)


def bid(db: Session, lot_id: str, bidder_uscc: str) -> OpeningBidRow | None:
    """One name of an opening."""
    return db.get(OpeningBidRow, (lot_id, bidder_uscc))


def cells(db: Session, lot_id: str, bidder_uscc: str) -> list[OpeningCellRow]:
    """The cells kept in one name."""
    statement = select(OpeningCellRow).where(
        col(OpeningCellRow.lot_id) == lot_id, col(OpeningCellRow.bidder_uscc) == bidder_uscc
    )
    return list(db.exec(statement).all())


def drop_cells(db: Session, lot_id: str) -> None:
    """Drop the insides of all cells of an opening."""
    db.execute(sa.delete(OpeningCellRow).where(col(OpeningCellRow.lot_id) == lot_id))


def envelopes(db: Session, lot_id: str) -> list[OpeningEnvelopeRow]:
    """What was opened beside the bids, in order of bidder and kind."""
    rows = db.exec(select(OpeningEnvelopeRow).where(col(OpeningEnvelopeRow.lot_id) == lot_id)).all()
    return sorted(rows, key=lambda row: (row.bidder_uscc, row.kind))
