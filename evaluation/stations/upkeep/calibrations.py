"""Calibrations as values and as a table (`trading.spreadsheet`), one row a calibration, and the
history of a booth: what was calibrated, what broke, what was looked after."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from archive.errors import Faults
from evaluation.stations.station import Cause
from trading import spreadsheet
from trading.spreadsheet import Cells, Dry

COLUMNS = ("centre", "station", "done_on", "valid_until", "certificate")
CERTIFICATE_LENGTH_MAX = 80
VALID_YEARS_MAX = 10
YEAR_DAYS = 366


@dataclass(frozen=True)
class Calibration:
    """A booth's equipment was measured on `done_on`; that is good up to and including
    `valid_until`. `certificate`: its number."""

    centre_id: str
    label: str
    done_on: date
    valid_until: date
    certificate: str


@dataclass(frozen=True)
class Outage:
    """A booth was closed: why, for which slots (`until` is the first open one), and by whom."""

    id: str
    centre_id: str
    label: str
    cause: Cause
    reason: str
    first: int
    until: int
    closed_at: datetime
    closed_by: str
    reopened_at: datetime | None
    reopened_by: str


def check(one: Calibration, today: date, faults: Faults) -> None:
    """Add every fault of a calibration."""
    if one.done_on > today:
        faults.add("/done_on", "evaluation.station.calibrated_ahead", today=today.isoformat())
    if not one.done_on <= one.valid_until:
        faults.add("/valid_until", "evaluation.station.calibration_order")
    elif (one.valid_until - one.done_on).days > VALID_YEARS_MAX * YEAR_DAYS:
        faults.add("/valid_until", "evaluation.station.calibration_long", years_max=VALID_YEARS_MAX)
    if not 0 < len(one.certificate) <= CERTIFICATE_LENGTH_MAX:
        faults.add(
            "/certificate", "evaluation.station.certificate", length_max=CERTIFICATE_LENGTH_MAX
        )


def read(
    content: bytes,
    today: date,
    stations: Collection[tuple[str, str]],
    known: Collection[tuple[str, str, date]],
) -> Dry[Calibration]:
    """The table with all faults by row. `stations`: (centre, booth) of those installed; `known`:
    (centre, booth, day) of the calibrations on file."""
    seen = set(known)

    def row_of(cells: Cells) -> Calibration | None:
        centre, label = cells.text("centre", least=1), cells.text("station", least=1)
        done, until = (cells.day(name, is_required=True) for name in ("done_on", "valid_until"))
        certificate = cells.text("certificate")
        if done is None or until is None:
            return None
        one = Calibration(centre, label, done, until, certificate)
        check(one, today, cells.faults)
        if (centre, label) not in stations:
            cells.fault("station", "evaluation.station.unknown", centre=centre, label=label)
        if (centre, label, done) in seen:
            cells.fault(
                "done_on", "evaluation.station.calibrated_twice", label=label, day=done.isoformat()
            )
        seen.add((centre, label, done))
        return one

    return spreadsheet.read(
        content, COLUMNS, row_of, headings=spreadsheet.headings_of(COLUMNS, "evaluation.column")
    )


def write(calibrations: Iterable[Calibration]) -> bytes:
    """The table, one row a calibration."""
    return spreadsheet.write(
        COLUMNS,
        (
            (
                one.centre_id,
                one.label,
                one.done_on.isoformat(),
                one.valid_until.isoformat(),
                one.certificate,
            )
            for one in calibrations
        ),
    )
