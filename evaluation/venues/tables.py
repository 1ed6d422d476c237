"""Rows of the shared directory."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from evaluation.stations.opening import read_opening
from evaluation.venues.venue import Coverage, Venue, Zone
from trading.money import Money


class DirectoryRow(SQLModel, table=True):
    """An entry as it stands; what it was before is on the record."""

    __tablename__ = "venue_directory"
    __table_args__ = (
        sa.CheckConstraint("stations >= 0 AND fee_fen >= 0", name="numbers_not_negative"),
        sa.CheckConstraint("agreement_from <= agreement_until", name="agreement_in_order"),
    )

    id: str = Field(primary_key=True)
    name: str
    province: str
    stations: int
    opening: str
    overnight: bool
    fee_fen: int = Field(sa_type=sa.BigInteger)
    meals: str
    lodging: str
    way: str
    zones: str
    coverages: str
    agreement: str = ""
    agreement_from: date | None = None
    agreement_until: date | None = None
    division: str = ""
    lon: float = 0.0
    lat: float = 0.0
    published_at: datetime = Field(sa_type=UtcDateTime)
    published_by: str

    def to_domain(self) -> Venue:
        return Venue(
            id=self.id,
            name=self.name,
            province=self.province,
            stations=self.stations,
            opening=read_opening(self.opening),
            overnight=self.overnight,
            fee=Money(self.fee_fen),
            meals=self.meals,
            lodging=self.lodging,
            way=self.way,
            zones=frozenset(Zone(code) for code in self.zones.split()),
            coverages=frozenset(Coverage(code) for code in self.coverages.split()),
            agreement=self.agreement,
            agreement_from=self.agreement_from,
            agreement_until=self.agreement_until,
            division=self.division,
            lon=self.lon,
            lat=self.lat,
        )


def from_domain(venue: Venue, at: datetime, by: str) -> DirectoryRow:
    return DirectoryRow(
        id=venue.id,
        name=venue.name,
        province=venue.province,
        stations=venue.stations,
        opening=venue.opening.text,
        overnight=venue.overnight,
        fee_fen=venue.fee.fen,
        meals=venue.meals,
        lodging=venue.lodging,
        way=venue.way,
        zones=" ".join(sorted(venue.zones)),
        coverages=" ".join(sorted(venue.coverages)),
        agreement=venue.agreement,
        agreement_from=venue.agreement_from,
        agreement_until=venue.agreement_until,
        division=venue.division,
        lon=venue.lon,
        lat=venue.lat,
        published_at=at,
        published_by=by,
    )
