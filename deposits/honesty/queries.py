"""All SQL of credit grades and appeals."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlmodel import Session, col, select

from deposits.honesty.register import Appeal, AppealState, CreditGrade
from deposits.honesty.tables import AppealRow, CreditGradeRow


def grades(db: Session, usccs: Collection[str], on: date) -> list[CreditGrade]:
    """Grades given up to a day."""
    found: list[CreditGrade] = []
    wanted = sorted(usccs)
    for start in range(0, len(wanted), 500):
        statement = select(CreditGradeRow).where(
            col(CreditGradeRow.uscc).in_(wanted[start : start + 500]),
            col(CreditGradeRow.given_on) <= on,
        )
        found += [row.to_domain() for row in db.exec(statement)]
    return found


def appeal(db: Session, appeal_id: str) -> Appeal | None:
    row = db.get(AppealRow, appeal_id, with_for_update=True)
    return row.to_domain() if row is not None else None


def appeals(db: Session, uscc: str = "", *, only_open: bool = False) -> list[Appeal]:
    """Appeals, the newest first: of one organisation, or all."""
    statement = select(AppealRow).order_by(col(AppealRow.raised_at).desc(), col(AppealRow.id))
    if uscc:
        statement = statement.where(col(AppealRow.uscc) == uscc)
    if only_open:
        statement = statement.where(col(AppealRow.state) == AppealState.OPEN.value)
    return [row.to_domain() for row in db.exec(statement)]
