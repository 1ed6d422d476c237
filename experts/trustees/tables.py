"""Rows of the trustees' register."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from experts.trustees.trustee import Trustee


class TrusteeRow(SQLModel, table=True):
    """One entry of the register."""

    __tablename__ = "trustee"
    __table_args__ = (
        sa.CheckConstraint("length(key) = 64", name="key_length"),
        sa.CheckConstraint("confirmed_by <> registered_by", name="two_persons"),
    )

    id: str = Field(primary_key=True)
    name: str
    key: str = Field(unique=True)
    valid_from: datetime = Field(sa_type=UtcDateTime)
    valid_until: datetime = Field(sa_type=UtcDateTime)
    registered_by: str
    confirmed_by: str = ""
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def to_domain(self) -> Trustee:
        return Trustee(
            self.id,
            self.name,
            self.key,
            self.valid_from,
            self.valid_until,
            self.registered_by,
            self.confirmed_by,
            self.revoked_at,
        )
