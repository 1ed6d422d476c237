"""Rows of parties. Names of organisations are public; natural persons have no row here."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from trading.parties.party import (
    Centre,
    DishonestyRecord,
    Link,
    Organisation,
    OrganisationKind,
    Relation,
)


def _known(column: str, values: type) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"  # type: ignore[attr-defined]


class OrganisationRow(SQLModel, table=True):
    __tablename__ = "organisation"
    __table_args__ = (
        sa.CheckConstraint("length(uscc) = 18", name="uscc_length"),
        sa.CheckConstraint(_known("kind", OrganisationKind), name="kind_known"),
    )

    uscc: str = Field(primary_key=True)
    name: str
    kind: str = Field(index=True)
    division_code: str
    basic_account: str = ""

    def to_domain(self) -> Organisation:
        return Organisation(
            self.uscc,
            self.name,
            OrganisationKind(self.kind),
            self.division_code,
            self.basic_account,
        )


class LinkRow(SQLModel, table=True):
    __tablename__ = "ownership_link"
    __table_args__ = (
        sa.CheckConstraint("share_permille BETWEEN 0 AND 1000", name="share_range"),
        sa.CheckConstraint("until IS NULL OR until > since", name="interval_positive"),
        sa.CheckConstraint("owner_uscc <> owned_uscc", name="not_itself"),
        sa.CheckConstraint(_known("relation", Relation), name="relation_known"),
    )

    owner_uscc: str = Field(primary_key=True, foreign_key="organisation.uscc")
    owned_uscc: str = Field(primary_key=True, foreign_key="organisation.uscc", index=True)
    relation: str = Field(primary_key=True)
    since: date = Field(primary_key=True)
    share_permille: int
    until: date | None = None

    def to_domain(self) -> Link:
        return Link(
            self.owner_uscc,
            self.owned_uscc,
            Relation(self.relation),
            self.share_permille,
            self.since,
            self.until,
        )


class CentreRow(SQLModel, table=True):
    __tablename__ = "centre"

    id: str = Field(primary_key=True)
    name: str
    division_code: str
    operator_uscc: str = Field(foreign_key="organisation.uscc")
    lon: float
    lat: float

    def to_domain(self) -> Centre:
        return Centre(
            self.id, self.name, self.division_code, self.operator_uscc, self.lon, self.lat
        )


class DishonestyRow(SQLModel, table=True):
    __tablename__ = "dishonesty_record"

    uscc: str = Field(primary_key=True, foreign_key="organisation.uscc")
    source: str = Field(primary_key=True)
    queried_on: date = Field(primary_key=True)
    is_listed: bool = Field(primary_key=True)
    listed_until: date | None = None
    reference: str = ""

    def to_domain(self) -> DishonestyRecord:
        return DishonestyRecord(
            self.uscc,
            self.source,
            self.queried_on,
            self.is_listed,
            self.listed_until,
            self.reference,
        )
