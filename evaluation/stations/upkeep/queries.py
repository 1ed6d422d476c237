"""All SQL of calibrations and of the history of booths."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from evaluation.stations.queries import PRESENT
from evaluation.stations.station import Cause
from evaluation.stations.tables import CalibrationRow, ClosureRow, StationRow
from evaluation.stations.upkeep.calibrations import Calibration, Outage


def stations(db: Session, centre_id: str) -> set[tuple[str, str]]:
    """(centre, booth) of a centre, or of all."""
    found = select(StationRow.centre_id, StationRow.label).where(PRESENT)
    if centre_id:
        found = found.where(col(StationRow.centre_id) == centre_id)
    return {(centre, label) for centre, label in db.exec(found).all()}


def calibrations(db: Session, centre_id: str, label: str = "") -> list[Calibration]:
    """Those of a centre (of all, for none) or of one booth, the newest first."""
    found = select(CalibrationRow).order_by(
        col(CalibrationRow.done_on).desc(), col(CalibrationRow.centre_id), col(CalibrationRow.label)
    )
    if centre_id:
        found = found.where(col(CalibrationRow.centre_id) == centre_id)
    if label:
        found = found.where(col(CalibrationRow.label) == label)
    return [
        Calibration(row.centre_id, row.label, row.done_on, row.valid_until, row.certificate)
        for row in db.exec(found).all()
    ]


def valid_until(db: Session) -> dict[tuple[str, str], date]:
    """The last good day of each booth that stands and was ever calibrated."""
    place = (col(CalibrationRow.centre_id), col(CalibrationRow.label))
    station = (col(StationRow.centre_id), col(StationRow.label))
    found = (
        sa.select(*place, sa.func.max(col(CalibrationRow.valid_until)))
        .join(StationRow, sa.tuple_(*place) == sa.tuple_(*station))
        .where(PRESENT)
        .group_by(*place)
    )
    return {(centre, label): until for centre, label, until in db.execute(found).all()}


def add_calibrations(db: Session, rows: Sequence[CalibrationRow]) -> None:
    db.add_all(rows)
    db.flush()


def outages(db: Session, centre_id: str = "", label: str = "") -> list[Outage]:
    """Closures, past and coming, the newest first."""
    found = select(ClosureRow).order_by(col(ClosureRow.closed_at).desc(), col(ClosureRow.id).desc())
    if centre_id:
        found = found.where(col(ClosureRow.centre_id) == centre_id)
    if label:
        found = found.where(col(ClosureRow.label) == label)
    return [
        Outage(
            row.id,
            row.centre_id,
            row.label,
            Cause(row.cause),
            row.reason,
            row.first_slot,
            row.until_slot,
            row.closed_at,
            row.closed_by,
            row.reopened_at,
            row.reopened_by,
        )
        for row in db.exec(found).all()
    ]


def faults_since(db: Session, since: datetime) -> dict[tuple[str, str], int]:
    """How many faults each booth had since a moment."""
    place = (col(ClosureRow.centre_id), col(ClosureRow.label))
    found = (
        sa.select(*place, sa.func.count())
        .where(col(ClosureRow.cause) == Cause.FAULT, col(ClosureRow.closed_at) >= since)
        .group_by(*place)
    )
    return {(centre, label): count for centre, label, count in db.execute(found).all()}
