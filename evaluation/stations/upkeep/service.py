"""How the stations are kept: calibrated (校准), and what broke when. Every act stands on the stream of
the stations. What a lapsed calibration means for the planner is `evaluation.stations.service`'s."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.clock import SHANGHAI
from archive.errors import Faults, Kind, Refusal
from archive.office import Tx
from evaluation.stations.service import STREAM
from evaluation.stations.tables import CalibrationRow
from evaluation.stations.upkeep import calibrations as table
from evaluation.stations.upkeep import queries
from evaluation.stations.upkeep.calibrations import Calibration, Outage
from trading.acting import must_serve
from trading.rules.book import RuleBook, book
from trading.spreadsheet import Dry

RULE_HISTORY = "stations.history_days"


@dataclass(frozen=True)
class Condition:
    """How a venue's stations are kept: how many have a calibration that is good today, of how many
    that were ever calibrated, and their faults in the time that the rule counts."""

    calibrated: int
    on_file: int
    faults: int


def calibrate(tx: Tx, actor: Actor, one: Calibration) -> None:
    """Put a calibration on file. INVALID with every fault, NOT_FOUND for a booth that is not there,
    CONFLICT where one of that day is on file."""
    _may(actor, one.centre_id)
    faults = Faults("evaluation.station.calibration_invalid")
    table.check(one, _today(tx.now), faults)
    faults.refuse()
    if (one.centre_id, one.label) not in queries.stations(tx.db, one.centre_id):
        raise Refusal(
            "evaluation.station.unknown",
            {"centre": one.centre_id, "label": one.label},
            Kind.NOT_FOUND,
        )
    known = queries.calibrations(tx.db, one.centre_id, one.label)
    if any(other.done_on == one.done_on for other in known):
        raise Refusal(
            "evaluation.station.calibrated_twice",
            {"label": one.label, "day": one.done_on.isoformat()},
            Kind.CONFLICT,
        )
    calibrate_many(tx, actor, [one])


def dry_run(db: Session, actor: Actor, content: bytes, now: datetime) -> Dry[Calibration]:
    """What a table would put on file, and every fault by its row. Rows of another centre are
    FORBIDDEN."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    known = {
        (one.centre_id, one.label, one.done_on) for one in queries.calibrations(db, actor.centre_id)
    }
    dry = table.read(content, _today(now), queries.stations(db, actor.centre_id), known)
    for one in dry.rows:
        must_serve(actor, one.centre_id)
    return dry


def import_calibrations(tx: Tx, actor: Actor, content: bytes) -> int:
    """Put a table on file, all rows or none. INVALID with every fault by its row."""
    dry = dry_run(tx.db, actor, content, tx.now)
    dry.refuse("evaluation.station.calibration_invalid")
    calibrate_many(tx, actor, dry.rows)
    return len(dry.rows)


def export_calibrations(db: Session, centre_id: str = "") -> bytes:
    """The calibrations of a centre, or of all, as a table."""
    return table.write(queries.calibrations(db, centre_id))


def _may(actor: Actor, centre_id: str) -> None:
    actor.must_be(Role.STAFF, Role.SYSTEM)
    must_serve(actor, centre_id)


def calibrate_many(tx: Tx, actor: Actor, found: Sequence[Calibration]) -> None:
    """Put calibrations on file that were checked."""
    rows = [
        CalibrationRow(
            id=tx.new_id(),
            centre_id=one.centre_id,
            label=one.label,
            done_on=one.done_on,
            valid_until=one.valid_until,
            certificate=one.certificate,
            recorded_at=tx.now,
            recorded_by=actor.id,
        )
        for one in found
    ]
    queries.add_calibrations(tx.db, rows)
    document = tx.vault.put("calibrations.csv", "text/csv", table.write(found))
    tx.record(
        STREAM, "evaluation:stations:calibrated", actor, {"stations": len(found)}, (document,)
    )


def calibrations(db: Session, centre_id: str, label: str) -> tuple[Calibration, ...]:
    """A booth's calibrations, the newest first."""
    return tuple(queries.calibrations(db, centre_id, label))


def outages(db: Session, centre_id: str, label: str = "") -> tuple[Outage, ...]:
    """When a booth, or a centre's booths, were closed and why, the newest first."""
    return tuple(queries.outages(db, centre_id, label))


def valid_until(db: Session, centre_id: str) -> Mapping[str, date]:
    """Until when each booth of a centre is calibrated; those never calibrated are not named."""
    return {
        label: until
        for (centre, label), until in queries.valid_until(db).items()
        if centre == centre_id
    }


def faults(
    db: Session, now: datetime, rules: RuleBook | None = None
) -> Mapping[tuple[str, str], int]:
    """How many faults each booth had in the time that the rule counts."""
    days = (rules or book()).rule(RULE_HISTORY, _today(now)).number
    return queries.faults_since(db, now - timedelta(days=days))


def conditions(db: Session, now: datetime) -> Mapping[str, Condition]:
    """The condition of every venue that has anything on file."""
    until, today = queries.valid_until(db), _today(now)
    on_file = Counter(centre for centre, _ in until)
    good = Counter(centre for (centre, _), last in until.items() if last >= today)
    broken: Counter[str] = Counter()
    for (centre, _), count in faults(db, now).items():
        broken[centre] += count
    return {
        centre: Condition(good[centre], on_file[centre], broken[centre])
        for centre in sorted({*on_file, *broken})
    }


def _today(now: datetime) -> date:
    return now.astimezone(SHANGHAI).date()
