"""All SQL of the clearance of old deposits."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col, select

from deposits.clearance.item import CLOSED
from deposits.clearance.tables import ClearanceRow, ClearanceStepRow


def item(db: Session, item_id: str) -> ClearanceRow | None:
    return db.get(ClearanceRow, item_id, with_for_update=True)


def items(db: Session, centre_id: str) -> list[ClearanceRow]:
    """A centre's items, the longest due first; of all centres where it is empty."""
    statement = select(ClearanceRow).order_by(col(ClearanceRow.due_on), col(ClearanceRow.id))
    if centre_id:
        statement = statement.where(col(ClearanceRow.centre_id) == centre_id)
    return list(db.exec(statement))


def of_holdings(db: Session, holding_ids: Collection[str]) -> dict[str, ClearanceRow]:
    """The item that is not closed yet, by holding."""
    statement = select(ClearanceRow).where(
        col(ClearanceRow.holding_id).in_(holding_ids),
        col(ClearanceRow.state).not_in([state.value for state in CLOSED]),
    )
    return {row.holding_id: row for row in db.exec(statement)}


def steps(db: Session, item_id: str) -> list[ClearanceStepRow]:
    statement = select(ClearanceStepRow).where(col(ClearanceStepRow.item_id) == item_id)
    return list(db.exec(statement.order_by(col(ClearanceStepRow.number))))


def next_number(db: Session, item_id: str) -> int:
    statement = select(sa.func.max(ClearanceStepRow.number)).where(
        col(ClearanceStepRow.item_id) == item_id
    )
    return (db.exec(statement).one() or 0) + 1
