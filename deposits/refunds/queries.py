"""All SQL of payments and of what becomes of a deposit in the end."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col, select

from deposits.refunds.ends import Answer, Extension, Forfeiture
from deposits.refunds.payout import Payout, PayoutState
from deposits.refunds.tables import (
    CallRow,
    ConversionRow,
    ExtensionAnswerRow,
    ExtensionRow,
    ForfeitureRow,
    PayoutRow,
)

_OPEN = (PayoutState.ORDERED.value, PayoutState.SENT.value)


def payout(db: Session, key: str, *, lock: bool = False) -> Payout | None:
    row = db.get(PayoutRow, key, with_for_update=lock or None)
    return row.to_domain() if row is not None else None


def payouts(db: Session, keys: Collection[str], *, lock: bool = False) -> dict[str, Payout]:
    """Payouts by key; locked in the order of their keys."""
    statement = select(PayoutRow).where(col(PayoutRow.key).in_(keys)).order_by(col(PayoutRow.key))
    if lock:
        statement = statement.with_for_update()
    return {row.key: row.to_domain() for row in db.exec(statement)}


def of_centre(db: Session, centre_id: str, *, only_open: bool = False) -> list[Payout]:
    """A centre's payouts, the newest first."""
    statement = select(PayoutRow).order_by(col(PayoutRow.ordered_at).desc(), col(PayoutRow.key))
    if centre_id:
        statement = statement.where(col(PayoutRow.centre_id) == centre_id)
    if only_open:
        statement = statement.where(col(PayoutRow.state).in_(_OPEN))
    return [row.to_domain() for row in db.exec(statement)]


def of_subjects(db: Session, subjects: Collection[str]) -> list[Payout]:
    """All attempts for these holdings or items, the oldest first."""
    statement = (
        select(PayoutRow)
        .where(col(PayoutRow.subject).in_(subjects))
        .order_by(col(PayoutRow.ordered_at), col(PayoutRow.key))
    )
    return [row.to_domain() for row in db.exec(statement)]


def store(db: Session, payout: Payout) -> None:
    db.merge(PayoutRow.from_domain(payout))


def forfeitures(db: Session, lot_id: str = "") -> list[Forfeiture]:
    statement = select(ForfeitureRow).order_by(col(ForfeitureRow.decided_at).desc())
    if lot_id:
        statement = statement.where(col(ForfeitureRow.lot_id) == lot_id)
    return [row.to_domain() for row in db.exec(statement)]


def conversions(db: Session, lot_id: str) -> list[ConversionRow]:
    return list(db.exec(select(ConversionRow).where(col(ConversionRow.lot_id) == lot_id)))


def extensions(db: Session, lot_id: str) -> list[Extension]:
    """A lot's extensions in order of number."""
    statement = select(ExtensionRow).where(col(ExtensionRow.lot_id) == lot_id)
    return [row.to_domain() for row in db.exec(statement.order_by(col(ExtensionRow.number)))]


def answers(db: Session, lot_id: str, number: int) -> list[Answer]:
    statement = select(ExtensionAnswerRow).where(
        col(ExtensionAnswerRow.lot_id) == lot_id, col(ExtensionAnswerRow.number) == number
    )
    return [row.to_domain() for row in db.exec(statement)]


def refusals(db: Session) -> list[Answer]:
    """All refused extensions, the newest first."""
    statement = select(ExtensionAnswerRow).where(col(ExtensionAnswerRow.agrees).is_(False))
    ordered = statement.order_by(col(ExtensionAnswerRow.answered_at).desc())
    return [row.to_domain() for row in db.exec(ordered)]


def last_call(db: Session) -> int:
    """The number of the last call of the bank that was taken; 0 before the first."""
    return db.exec(select(sa.func.max(CallRow.number))).one() or 0


def call(db: Session, number: int) -> CallRow | None:
    return db.get(CallRow, number)
