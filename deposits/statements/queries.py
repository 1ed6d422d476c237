"""All SQL of statements. What counts are the lines of statements that stand; those of an undone one are
read by its take alone."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col, select

from deposits.cash.tables import ReceiptRow
from deposits.refunds.payout import FAILED
from deposits.refunds.tables import PayoutRow
from deposits.statements.matching import Open
from deposits.statements.tables import StatementLineRow, StatementRow

_COUNTS = sa.not_(col(StatementLineRow.is_undone))


def statements(db: Session, centre_id: str) -> list[StatementRow]:
    """All that a centre took in, the newest first."""
    statement = select(StatementRow).where(col(StatementRow.centre_id) == centre_id)
    return list(db.exec(statement.order_by(col(StatementRow.take).desc())))


def statement(db: Session, centre_id: str, take: int) -> StatementRow | None:
    return db.get(StatementRow, (centre_id, take))


def standing(db: Session, centre_id: str, number: int) -> StatementRow | None:
    """The statement of that number that was not undone."""
    found = select(StatementRow).where(
        col(StatementRow.centre_id) == centre_id,
        col(StatementRow.number) == number,
        col(StatementRow.undone_at).is_(None),
    )
    return db.exec(found).one_or_none()


def known(db: Session, centre_id: str, references: Collection[str]) -> set[str]:
    """Those of the references that stand on an earlier statement of the centre."""
    found: set[str] = set()
    wanted = list(references)
    for start in range(0, len(wanted), 500):
        statement = select(StatementLineRow.reference).where(
            col(StatementLineRow.centre_id) == centre_id,
            col(StatementLineRow.reference).in_(wanted[start : start + 500]),
            _COUNTS,
        )
        found.update(db.exec(statement))
    return found


def open_lines(db: Session, centre_id: str) -> list[StatementLineRow]:
    """Lines that are not matched and that nobody has dealt with, the oldest first; again those whose
    payment back the bank refused or returned. Not those of which the bank told afterwards whose they
    are."""
    failed = select(sa.literal("SENT_BACK ") + col(PayoutRow.key)).where(
        col(PayoutRow.state).in_(FAILED)
    )
    told = select(ReceiptRow.reference).where(
        col(ReceiptRow.reference) == col(StatementLineRow.reference)
    )
    resolution = col(StatementLineRow.resolution)
    statement = select(StatementLineRow).where(
        col(StatementLineRow.why) != "",
        _COUNTS,
        sa.or_(resolution == "", resolution.in_(failed)),
        sa.or_(col(StatementLineRow.why) != Open.UNKNOWN.value, ~told.exists()),
    )
    if centre_id:
        statement = statement.where(col(StatementLineRow.centre_id) == centre_id)
    return list(
        db.exec(statement.order_by(col(StatementLineRow.take), col(StatementLineRow.position)))
    )


def lines(db: Session, centre_id: str) -> list[StatementLineRow]:
    """All lines of a centre's statements that stand, the newest first."""
    statement = select(StatementLineRow).where(
        col(StatementLineRow.centre_id) == centre_id, _COUNTS
    )
    return list(
        db.exec(
            statement.order_by(col(StatementLineRow.take).desc(), col(StatementLineRow.position))
        )
    )


def of_take(db: Session, centre_id: str, take: int) -> list[StatementLineRow]:
    """The lines of one file, in their order."""
    statement = select(StatementLineRow).where(
        col(StatementLineRow.centre_id) == centre_id, col(StatementLineRow.take) == take
    )
    return list(db.exec(statement.order_by(col(StatementLineRow.position))))


def line(
    db: Session, centre_id: str, reference: str, *, lock: bool = False
) -> StatementLineRow | None:
    statement = select(StatementLineRow).where(
        col(StatementLineRow.centre_id) == centre_id,
        col(StatementLineRow.reference) == reference,
        _COUNTS,
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.exec(statement).one_or_none()


def line_at(db: Session, centre_id: str, take: int, position: int) -> StatementLineRow | None:
    return db.get(StatementLineRow, (centre_id, take, position))
