"""All SQL of statements."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col, select

from deposits.refunds.payout import FAILED
from deposits.refunds.tables import PayoutRow
from deposits.statements.tables import StatementLineRow, StatementRow


def statements(db: Session, centre_id: str) -> list[StatementRow]:
    """A centre's statements, the newest first."""
    statement = select(StatementRow).where(col(StatementRow.centre_id) == centre_id)
    return list(db.exec(statement.order_by(col(StatementRow.number).desc())))


def known(db: Session, centre_id: str, references: Collection[str]) -> set[str]:
    """Those of the references that stand on an earlier statement of the centre."""
    found: set[str] = set()
    wanted = list(references)
    for start in range(0, len(wanted), 500):
        statement = select(StatementLineRow.reference).where(
            col(StatementLineRow.centre_id) == centre_id,
            col(StatementLineRow.reference).in_(wanted[start : start + 500]),
        )
        found.update(db.exec(statement))
    return found


def open_lines(db: Session, centre_id: str) -> list[StatementLineRow]:
    """Lines that are not matched and that nobody has dealt with, the oldest first; again those whose
    payment back the bank refused or returned."""
    failed = select(sa.literal("SENT_BACK ") + col(PayoutRow.key)).where(
        col(PayoutRow.state).in_(FAILED)
    )
    resolution = col(StatementLineRow.resolution)
    statement = select(StatementLineRow).where(
        col(StatementLineRow.why) != "", sa.or_(resolution == "", resolution.in_(failed))
    )
    if centre_id:
        statement = statement.where(col(StatementLineRow.centre_id) == centre_id)
    return list(
        db.exec(statement.order_by(col(StatementLineRow.statement), col(StatementLineRow.position)))
    )


def lines(db: Session, centre_id: str) -> list[StatementLineRow]:
    """All lines of a centre, the newest first."""
    statement = select(StatementLineRow).where(col(StatementLineRow.centre_id) == centre_id)
    return list(
        db.exec(
            statement.order_by(
                col(StatementLineRow.statement).desc(), col(StatementLineRow.position)
            )
        )
    )


def line(
    db: Session, centre_id: str, reference: str, *, lock: bool = False
) -> StatementLineRow | None:
    return db.get(StatementLineRow, (centre_id, reference), with_for_update=lock or None)


def line_at(db: Session, centre_id: str, statement: int, position: int) -> StatementLineRow | None:
    found = select(StatementLineRow).where(
        col(StatementLineRow.centre_id) == centre_id,
        col(StatementLineRow.statement) == statement,
        col(StatementLineRow.position) == position,
    )
    return db.exec(found).one_or_none()
