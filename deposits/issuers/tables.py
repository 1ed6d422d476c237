"""Rows of the registry of issuers. Keys are added and never changed: an old signature must stay
answerable."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from deposits.forms import DepositForm
from deposits.issuers.issuer import Issuer, IssuerKey


class IssuerKeyRow(SQLModel, table=True):
    __tablename__ = "deposit_issuer_key"
    __table_args__ = (
        sa.CheckConstraint("length(public_key) = 64", name="public_key_hex"),
        sa.CheckConstraint("valid_from <= valid_to", name="days_in_order"),
    )

    issuer_uscc: str = Field(primary_key=True, foreign_key="deposit_issuer.uscc")
    public_key: str = Field(primary_key=True)
    """Ed25519, hex."""
    valid_from: date
    valid_to: date

    def to_domain(self) -> IssuerKey:
        return IssuerKey(bytes.fromhex(self.public_key), self.valid_from, self.valid_to)

    @classmethod
    def from_domain(cls, uscc: str, key: IssuerKey) -> IssuerKeyRow:
        return cls(
            issuer_uscc=uscc,
            public_key=key.public_key.hex(),
            valid_from=key.valid_from,
            valid_to=key.valid_to,
        )


class IssuerRow(SQLModel, table=True):
    __tablename__ = "deposit_issuer"
    __table_args__ = (sa.CheckConstraint("licensed_from <= licensed_to", name="days_in_order"),)

    uscc: str = Field(primary_key=True)
    name: str
    forms: str
    """`DepositForm`s separated by blanks, sorted."""
    licence: str
    licensed_from: date
    licensed_to: date
    registered_at: datetime = Field(sa_type=UtcDateTime)

    def to_domain(self, keys: list[IssuerKeyRow]) -> Issuer:
        return Issuer(
            uscc=self.uscc,
            name=self.name,
            forms=tuple(DepositForm(form) for form in self.forms.split()),
            licence=self.licence,
            licensed_from=self.licensed_from,
            licensed_to=self.licensed_to,
            keys=tuple(
                row.to_domain() for row in sorted(keys, key=lambda k: (k.valid_from, k.public_key))
            ),
        )

    @classmethod
    def from_domain(cls, issuer: Issuer, registered_at: datetime) -> IssuerRow:
        return cls(
            uscc=issuer.uscc,
            name=issuer.name,
            forms=" ".join(sorted(issuer.forms)),
            licence=issuer.licence,
            licensed_from=issuer.licensed_from,
            licensed_to=issuer.licensed_to,
            registered_at=registered_at,
        )
