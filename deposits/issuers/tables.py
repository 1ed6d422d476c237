"""Rows of the registry of issuers. Keys are added, and ended no earlier than on the day of that:
an old signature must stay answerable."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from deposits.forms import DepositForm
from deposits.issuers.issuer import Issuer, IssuerKey, KeyAlgorithm
from deposits.issuers.trust import TrustList


class IssuerKeyRow(SQLModel, table=True):
    __tablename__ = "deposit_issuer_key"
    __table_args__ = (
        sa.CheckConstraint(
            "length(public_key) = CASE algorithm WHEN 'SM2' THEN 128 ELSE 64 END",
            name="public_key_hex",
        ),
        sa.CheckConstraint("valid_from <= valid_to", name="days_in_order"),
    )

    issuer_uscc: str = Field(primary_key=True, foreign_key="deposit_issuer.uscc")
    public_key: str = Field(primary_key=True)
    """Hex."""
    algorithm: str
    valid_from: date
    valid_to: date

    def to_domain(self) -> IssuerKey:
        return IssuerKey(
            bytes.fromhex(self.public_key),
            self.valid_from,
            self.valid_to,
            KeyAlgorithm(self.algorithm),
        )

    @classmethod
    def from_domain(cls, uscc: str, key: IssuerKey) -> IssuerKeyRow:
        return cls(
            issuer_uscc=uscc,
            public_key=key.public_key.hex(),
            algorithm=key.algorithm,
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


class TrustListRow(SQLModel, table=True):
    """One version of the list of pinned roots; versions are added and never changed."""

    __tablename__ = "deposit_trust_list"
    __table_args__ = (sa.CheckConstraint("version >= 1", name="counted_from_one"),)

    version: int = Field(primary_key=True)
    roots: str
    """PEM."""
    digest: str
    pinned_by: str
    pinned_at: datetime = Field(sa_type=UtcDateTime)

    def to_domain(self) -> TrustList:
        return TrustList(self.version, self.roots)


class IssuerCallRow(SQLModel, table=True):
    """A call of an issuer that was taken; an issuer numbers its calls from 1."""

    __tablename__ = "deposit_issuer_call"

    issuer_uscc: str = Field(primary_key=True, foreign_key="deposit_issuer.uscc")
    number: int = Field(primary_key=True)
    kind: str
    key: str
    at: datetime = Field(sa_type=UtcDateTime)
    taken_at: datetime = Field(sa_type=UtcDateTime)
