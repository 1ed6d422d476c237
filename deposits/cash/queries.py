"""All SQL of cash deposits."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlmodel import Session, col, select

from deposits.cash.bank import Receipt
from deposits.cash.holding import OWED, Holding, Lead
from deposits.cash.tables import CentreAccountRow, HoldingRow, LeadRow, ReceiptRow


def of_lot(db: Session, lot_id: str, *, lock: bool = False) -> list[Holding]:
    """A lot's holdings in order of the bidders' codes, locked where they are to be changed."""
    statement = (
        select(HoldingRow)
        .where(col(HoldingRow.lot_id) == lot_id)
        .order_by(col(HoldingRow.bidder_uscc))
    )
    if lock:
        statement = statement.with_for_update()
    return [row.to_domain() for row in db.exec(statement)]


def of_bidder(db: Session, bidder_uscc: str) -> list[Holding]:
    """Everything that a bidder ever paid in cash."""
    statement = select(HoldingRow).where(col(HoldingRow.bidder_uscc) == bidder_uscc)
    return [row.to_domain() for row in db.exec(statement.order_by(col(HoldingRow.id)))]


def of_centre(db: Session, centre_id: str) -> list[Holding]:
    """All holdings of a centre; of all centres where it is empty."""
    statement = select(HoldingRow).order_by(col(HoldingRow.id))
    if centre_id:
        statement = statement.where(col(HoldingRow.centre_id) == centre_id)
    return [row.to_domain() for row in db.exec(statement)]


def by_id(db: Session, holding_id: str, *, lock: bool = False) -> Holding | None:
    row = db.get(HoldingRow, holding_id, with_for_update=lock or None)
    return row.to_domain() if row is not None else None


def owed_by(db: Session, day: date) -> list[Holding]:
    """Money whose clock ends on `day` or earlier and that still lies with the centre."""
    statement = (
        select(HoldingRow)
        .where(
            col(HoldingRow.release_due_on).is_not(None),
            col(HoldingRow.release_due_on) <= day,
            col(HoldingRow.state).in_([state.value for state in OWED]),
        )
        .order_by(col(HoldingRow.release_due_on), col(HoldingRow.id))
    )
    return [row.to_domain() for row in db.exec(statement)]


def add(db: Session, holding: Holding) -> None:
    db.add(HoldingRow.from_domain(holding))


def store(db: Session, holding: Holding) -> None:
    db.merge(HoldingRow.from_domain(holding))


def receipts(db: Session, holding_ids: Collection[str]) -> dict[str, list[Receipt]]:
    """What came in, by holding."""
    found: dict[str, list[Receipt]] = {}
    statement = (
        select(ReceiptRow)
        .where(col(ReceiptRow.holding_id).in_(holding_ids))
        .order_by(col(ReceiptRow.reference))
    )
    for row in db.exec(statement):
        found.setdefault(row.holding_id, []).append(row.to_domain())
    return found


def used(db: Session, references: Collection[str]) -> dict[str, str]:
    """Which holding has used these receipts, by reference."""
    rows = db.exec(select(ReceiptRow).where(col(ReceiptRow.reference).in_(references)))
    return {row.reference: row.holding_id for row in rows}


def leads(db: Session, lot_id: str = "") -> list[Lead]:
    statement = select(LeadRow).order_by(col(LeadRow.lot_id), col(LeadRow.payer_account))
    if lot_id:
        statement = statement.where(col(LeadRow.lot_id) == lot_id)
    return [row.to_domain() for row in db.exec(statement)]


def centre_account(db: Session, centre_id: str, *, lock: bool = False) -> CentreAccountRow | None:
    return db.get(CentreAccountRow, centre_id, with_for_update=lock or None, populate_existing=lock)


def centre_accounts(db: Session) -> list[CentreAccountRow]:
    return list(db.exec(select(CentreAccountRow).order_by(col(CentreAccountRow.centre_id))))
