"""All SQL of openings."""

from __future__ import annotations

from sqlmodel import Session, col, select

from trading.opening.tables import OpeningBidRow, OpeningEnvelopeRow, OpeningRow


def opening(db: Session, lot_id: str) -> OpeningRow | None:
    """The opening of a lot."""
    return db.get(OpeningRow, lot_id)


def bids(db: Session, lot_id: str) -> list[OpeningBidRow]:
    """The bids of an opening, in order of the bidders' codes."""
    rows = db.exec(select(OpeningBidRow).where(col(OpeningBidRow.lot_id) == lot_id)).all()
    return sorted(rows, key=lambda row: row.bidder_uscc)


def bid(db: Session, lot_id: str, bidder_uscc: str) -> OpeningBidRow | None:
    """One bid."""
    return db.get(OpeningBidRow, (lot_id, bidder_uscc))


def envelopes(db: Session, lot_id: str) -> list[OpeningEnvelopeRow]:
    """The cells of other kinds, in order of bidder and kind."""
    rows = db.exec(select(OpeningEnvelopeRow).where(col(OpeningEnvelopeRow.lot_id) == lot_id)).all()
    return sorted(rows, key=lambda row: (row.bidder_uscc, row.kind))
