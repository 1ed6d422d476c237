"""All SQL of objections."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from trading.awards.tables import PublicationRow
from trading.objections.objection import ObjectionState
from trading.objections.tables import ObjectionRow
from trading.opening.tables import OpeningBidRow, OpeningRow


def lock(db: Session, objection_id: str) -> ObjectionRow | None:
    """One objection, locked and read afresh."""
    return db.get(ObjectionRow, objection_id, with_for_update=True, populate_existing=True)


def of_lot(db: Session, lot_id: str) -> list[ObjectionRow]:
    """All objections of a lot."""
    return list(db.exec(select(ObjectionRow).where(col(ObjectionRow.lot_id) == lot_id)).all())


def suspending(db: Session, lot_id: str) -> list[str]:
    """The ids of the objections that suspend a lot."""
    return list(
        db.exec(
            select(ObjectionRow.id).where(
                col(ObjectionRow.lot_id) == lot_id,
                col(ObjectionRow.state) == ObjectionState.OPEN.value,
                col(ObjectionRow.suspends).is_(True),
            )
        ).all()
    )


def unanswered(db: Session, centre_id: str | None) -> list[ObjectionRow]:
    """The open objections, of one centre's lots where it is given."""
    statement = select(ObjectionRow).where(col(ObjectionRow.state) == ObjectionState.OPEN.value)
    if centre_id is not None:
        statement = statement.where(col(ObjectionRow.centre_id) == centre_id)
    return list(db.exec(statement).all())


def opening_times(db: Session, lot_id: str) -> tuple[datetime, datetime | None] | None:
    """When the opening of a lot began and ended."""
    return db.exec(
        select(OpeningRow.begun_at, OpeningRow.finished_at).where(col(OpeningRow.lot_id) == lot_id)
    ).one_or_none()


def is_bidder(db: Session, lot_id: str, uscc: str) -> bool:
    """Whether an organisation is among the bidders of a lot whose opening has begun."""
    return db.get(OpeningBidRow, (lot_id, uscc)) is not None


def published_at(db: Session, lot_id: str) -> datetime | None:
    """When the candidates of a lot were published."""
    return db.exec(
        select(PublicationRow.published_at).where(col(PublicationRow.lot_id) == lot_id)
    ).one_or_none()
