"""The one table of sealed cells. Its columns are a whitelist, held by a test: whatever is added
here would be readable before the opening."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime


class LodgedCellRow(SQLModel, table=True):
    """One cell. `id` is random, not made of time; `tick` is the moment of its whole batch."""

    __tablename__ = "lodged_cell"
    __table_args__ = (sa.CheckConstraint("length(cell) = 16384", name="cell_size"),)

    id: str = Field(primary_key=True)
    tick: datetime = Field(sa_type=UtcDateTime, index=True)
    cell: bytes
