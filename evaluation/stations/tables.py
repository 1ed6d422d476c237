"""Rows of the stations: venues, booths, closures, and what the centres use themselves."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from evaluation.stations.opening import ALWAYS
from evaluation.stations.station import Closure, Equipment, GroupKey, Holding


class VenueRow(SQLModel, table=True):
    __tablename__ = "station_venue"

    centre_id: str = Field(primary_key=True)
    overnight: bool
    opening: str = ALWAYS.text
    """When it is open (`evaluation.stations.opening`)."""
    installed_at: datetime = Field(sa_type=UtcDateTime)


class StationGroupRow(SQLModel, table=True):
    """The row that a planner locks: whoever gives out stations of a group holds it."""

    __tablename__ = "station_group"
    __table_args__ = (
        sa.CheckConstraint("equipment IN (1, 2, 3)", name="equipment_known"),
        sa.CheckConstraint("stations > 0", name="stations_positive"),
    )

    centre_id: str = Field(primary_key=True, foreign_key="station_venue.centre_id")
    equipment: int = Field(primary_key=True)
    stations: int


class StationRow(SQLModel, table=True):
    __tablename__ = "station"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["centre_id", "equipment"], ["station_group.centre_id", "station_group.equipment"]
        ),
    )

    centre_id: str = Field(primary_key=True)
    label: str = Field(primary_key=True)
    equipment: int
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Taken out for good; the row stays for the booth's history."""


class ClosureRow(SQLModel, table=True):
    """A booth out of use from slot `first_slot` until before `until_slot`. One that was ended before
    it began holds no slot; it stays for the history."""

    __tablename__ = "station_closure"
    __table_args__ = (
        sa.CheckConstraint("first_slot <= until_slot", name="interval"),
        sa.CheckConstraint("cause IN ('FAULT', 'MAINTENANCE')", name="cause_known"),
        sa.ForeignKeyConstraint(["centre_id", "label"], ["station.centre_id", "station.label"]),
        sa.Index("ix_station_closure_centre", "centre_id", "until_slot"),
    )

    id: str = Field(primary_key=True)
    centre_id: str
    label: str
    first_slot: int
    until_slot: int
    reason: str
    cause: str
    closed_at: datetime = Field(sa_type=UtcDateTime)
    closed_by: str
    reopened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reopened_by: str = ""

    def to_domain(self) -> Closure:
        return Closure(
            self.id, self.centre_id, self.label, self.first_slot, self.until_slot, self.reason
        )


class CalibrationRow(SQLModel, table=True):
    """A calibration (校准) of a booth's equipment, good up to and including `valid_until`."""

    __tablename__ = "station_calibration"
    __table_args__ = (
        sa.CheckConstraint("done_on <= valid_until", name="interval"),
        sa.ForeignKeyConstraint(["centre_id", "label"], ["station.centre_id", "station.label"]),
        sa.UniqueConstraint("centre_id", "label", "done_on", name="uq_station_calibration_day"),
    )

    id: str = Field(primary_key=True)
    centre_id: str
    label: str
    done_on: date
    valid_until: date
    certificate: str
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    recorded_by: str


class HoldingRow(SQLModel, table=True):
    """Stations of a group that are not for guests from slot `first_slot` until before `until_slot`.
    One that was given back before it began holds no slot; it stays for the accounts."""

    __tablename__ = "station_holding"
    __table_args__ = (
        sa.CheckConstraint("stations > 0", name="stations_positive"),
        sa.CheckConstraint("first_slot <= until_slot", name="interval"),
        sa.ForeignKeyConstraint(
            ["centre_id", "equipment"], ["station_group.centre_id", "station_group.equipment"]
        ),
        sa.Index("ix_station_holding_until", "until_slot"),
    )

    id: str = Field(primary_key=True)
    centre_id: str
    equipment: int
    first_slot: int
    until_slot: int
    stations: int
    partner: str
    reference: str
    held_at: datetime = Field(sa_type=UtcDateTime)
    held_by: str
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = ""

    def to_domain(self) -> Holding:
        return Holding(
            self.id,
            GroupKey(self.centre_id, Equipment(self.equipment)),
            self.first_slot,
            self.until_slot,
            self.stations,
            self.partner,
            self.reference,
        )
