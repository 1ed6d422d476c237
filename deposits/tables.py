"""The row of what a lot's tender file says of deposits beyond the amount, which `trading` keeps."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from deposits.terms import CreditRelief


class ClauseRow(SQLModel, table=True):
    __tablename__ = "deposit_clause"
    __table_args__ = (
        sa.CheckConstraint("stage BETWEEN 0 AND 2", name="stage_known"),
        sa.CheckConstraint("permille BETWEEN 0 AND 1000", name="permille_in_range"),
        sa.CheckConstraint("(permille = 0) = (grades = '')", name="relief_whole"),
    )

    lot_id: str = Field(primary_key=True)
    stage: int = 0
    grades: str = ""
    """Grades of credit that get relief, separated by blanks; empty for no relief."""
    permille: int = 0

    @property
    def relief(self) -> CreditRelief | None:
        return CreditRelief(tuple(self.grades.split()), self.permille) if self.grades else None
