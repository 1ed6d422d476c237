"""All SQL of guarantees."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlmodel import Session, col, select

from deposits.guarantees.record import GuaranteeRecord
from deposits.guarantees.states import GuaranteeState
from deposits.guarantees.tables import GuaranteeRow

_COUNTING = (GuaranteeState.VERIFIED, GuaranteeState.RELEASED)


def of_lot(db: Session, lot_id: str, *, lock: bool = False) -> list[GuaranteeRecord]:
    """The guarantees of a lot by bidder, in code-point order; `lock`ed against other writers."""
    statement = select(GuaranteeRow).where(col(GuaranteeRow.lot_id) == lot_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    rows = sorted(db.exec(statement), key=lambda row: row.bidder_uscc)
    return [row.to_domain() for row in rows]


def of_bidder(db: Session, lot_id: str, bidder_uscc: str) -> GuaranteeRecord | None:
    row = db.exec(
        select(GuaranteeRow).where(
            col(GuaranteeRow.lot_id) == lot_id, col(GuaranteeRow.bidder_uscc) == bidder_uscc
        )
    ).one_or_none()
    return row.to_domain() if row else None


def counting(db: Session, issuers: Collection[str]) -> dict[tuple[str, str], str]:
    """(issuer, number) → lot, of all guarantees of these issuers that count or have counted."""
    rows = db.exec(
        select(GuaranteeRow.issuer_uscc, GuaranteeRow.number, GuaranteeRow.lot_id).where(
            col(GuaranteeRow.issuer_uscc).in_(issuers), col(GuaranteeRow.state).in_(_COUNTING)
        )
    )
    return {(issuer, number): lot_id for issuer, number, lot_id in rows}


def due_by(db: Session, on: date) -> list[GuaranteeRecord]:
    """In force although their last day for giving back is `on` or earlier; the oldest first."""
    rows = db.exec(
        select(GuaranteeRow).where(
            col(GuaranteeRow.state) == GuaranteeState.VERIFIED.value,
            col(GuaranteeRow.release_due_on) <= on,
        )
    ).all()
    found = [row.to_domain() for row in rows]
    return sorted(found, key=lambda r: (r.release_due_on or date.max, r.lot_id, r.bidder_uscc))


def add(db: Session, record: GuaranteeRecord) -> None:
    db.add(GuaranteeRow.from_domain(record))


def store(db: Session, record: GuaranteeRecord) -> None:
    """Write a record over its row."""
    db.merge(GuaranteeRow.from_domain(record))
