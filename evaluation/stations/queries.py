"""All SQL of the stations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from evaluation.stations.opening import read_opening
from evaluation.stations.slots import Part, slot_of
from evaluation.stations.station import (
    Cause,
    Closure,
    Equipment,
    GroupKey,
    Holding,
    StationGroup,
)
from evaluation.stations.tables import (
    CalibrationRow,
    ClosureRow,
    HoldingRow,
    StationGroupRow,
    StationRow,
    VenueRow,
)

PRESENT = col(StationRow.removed_at).is_(None)


def insert(db: Session, table: type, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        db.execute(sa.insert(table), list(rows))


def venues(db: Session) -> dict[str, bool]:
    """Centre id → whether it can hold a night."""
    return {row.centre_id: row.overnight for row in db.exec(select(VenueRow)).all()}


def groups(db: Session) -> list[StationGroup]:
    venue = {row.centre_id: row for row in db.exec(select(VenueRow)).all()}
    labels: dict[GroupKey, list[str]] = defaultdict(list)
    columns = select(StationRow.centre_id, StationRow.equipment, StationRow.label).where(PRESENT)
    for centre_id, equipment, label in db.exec(columns).all():
        labels[GroupKey(centre_id, Equipment(equipment))].append(label)
    return [
        StationGroup(
            key.centre_id,
            key.equipment,
            venue[key.centre_id].overnight,
            tuple(sorted(names)),
            read_opening(venue[key.centre_id].opening),
        )
        for key, names in sorted(labels.items())
    ]


def group(db: Session, key: GroupKey) -> StationGroup | None:
    labels = db.exec(
        select(StationRow.label).where(
            col(StationRow.centre_id) == key.centre_id,
            col(StationRow.equipment) == int(key.equipment),
            PRESENT,
        )
    ).all()
    venue = db.get(VenueRow, key.centre_id)
    if not labels or venue is None:
        return None
    return StationGroup(
        key.centre_id,
        key.equipment,
        venue.overnight,
        tuple(sorted(labels)),
        read_opening(venue.opening),
    )


def set_opening(db: Session, centre_id: str, opening: str) -> None:
    """A centre without stations has no hours to keep."""
    row = db.get(VenueRow, centre_id)
    if row is not None:
        row.opening = opening
        db.add(row)
        db.flush()


def station(db: Session, centre_id: str, label: str) -> StationRow | None:
    row = db.get(StationRow, (centre_id, label))
    return row if row is not None and row.removed_at is None else None


def lock_groups(db: Session, keys: Sequence[GroupKey] | None) -> None:
    """Lock the rows of the groups, or of all, always in the same order, so that two planners cannot
    wait for each other in a circle. SQLite has one writer at a time anyway."""
    found = select(StationGroupRow.stations).order_by(
        col(StationGroupRow.centre_id), col(StationGroupRow.equipment)
    )
    if keys is not None:
        place = sa.tuple_(col(StationGroupRow.centre_id), col(StationGroupRow.equipment))
        found = found.where(place.in_([(key.centre_id, int(key.equipment)) for key in keys]))
    db.exec(found.with_for_update()).all()


def closures(db: Session, first: int, until: int, centre_id: str | None = None) -> list[Closure]:
    """Closures that touch the slots from `first` until before `until`, sorted by id."""
    found = select(ClosureRow).where(
        col(ClosureRow.first_slot) < until, col(ClosureRow.until_slot) > first
    )
    if centre_id is not None:
        found = found.where(col(ClosureRow.centre_id) == centre_id)
    rows = db.exec(found.execution_options(populate_existing=True)).all()
    return sorted((row.to_domain() for row in rows), key=lambda closure: closure.id)


def insert_closure(db: Session, closure: Closure, cause: Cause, now: datetime, by: str) -> None:
    db.add(
        ClosureRow(
            id=closure.id,
            centre_id=closure.centre_id,
            label=closure.label,
            first_slot=closure.first,
            until_slot=closure.until,
            reason=closure.reason,
            cause=cause,
            closed_at=now,
            closed_by=by,
        )
    )
    db.flush()


def closure(db: Session, closure_id: str) -> ClosureRow | None:
    return db.get(ClosureRow, closure_id)


def end_closure(db: Session, row: ClosureRow, at_slot: int, now: datetime, by: str) -> None:
    """The booth is open again from `at_slot` on."""
    row.until_slot = max(row.first_slot, at_slot)
    row.reopened_at, row.reopened_by = now, by
    db.add(row)
    db.flush()


def lapses(db: Session, until: int, centre_id: str | None = None) -> list[Closure]:
    """A closure for each booth whose latest calibration runs out before slot `until`, from the day
    after on. A booth that has none on file needs none."""
    last = sa.func.max(col(CalibrationRow.valid_until))
    place = (col(CalibrationRow.centre_id), col(CalibrationRow.label))
    found = sa.select(*place, last).group_by(*place).order_by(*place)
    if centre_id is not None:
        found = found.where(col(CalibrationRow.centre_id) == centre_id)
    lapsed = []
    for centre, label, valid_until in db.execute(found).all():
        first = slot_of(valid_until, Part.NIGHT) + 1
        if first < until:
            lapsed.append(Closure("", centre, label, first, until, ""))
    return lapsed


def grow(
    db: Session, centre_id: str, new: Sequence[tuple[Equipment, str]], overnight: bool
) -> None:
    """Add booths to a centre that has some already; one that was removed comes back."""
    venue = db.get(VenueRow, centre_id)
    assert venue is not None, "a venue that is installed"
    venue.overnight = overnight
    for equipment in sorted({equipment for equipment, _ in new}):
        count = sum(one is equipment for one, _ in new)
        row = db.get(StationGroupRow, (centre_id, int(equipment)))
        if row is None:
            row = StationGroupRow(centre_id=centre_id, equipment=int(equipment), stations=count)
        else:
            row.stations += count
        db.add(row)
    db.flush()
    fresh: list[dict[str, object]] = []
    for equipment, label in new:
        before = db.get(StationRow, (centre_id, label))
        if before is None:
            kind = {"centre_id": centre_id, "equipment": int(equipment)}
            fresh.append({**kind, "label": label, "removed_at": None})
        else:
            before.equipment, before.removed_at = int(equipment), None
            db.add(before)
    db.flush()
    insert(db, StationRow, fresh)


def shrink(db: Session, centre_id: str, gone: Sequence[str], now: datetime) -> None:
    """Take booths out for good; each class keeps some."""
    for label in gone:
        row = db.get(StationRow, (centre_id, label))
        assert row is not None, "a booth that stands"
        group = db.get(StationGroupRow, (centre_id, row.equipment))
        assert group is not None, "its class"
        row.removed_at = now
        group.stations -= 1
        db.add_all((row, group))
    db.flush()


def home_use(db: Session, first: int, until: int) -> dict[GroupKey, dict[int, int]]:
    """How many stations of each group are held in each slot from `first` until before `until`."""
    used: dict[GroupKey, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for holding in holdings(db, first, until):
        for slot in range(max(first, holding.first), min(until, holding.until)):
            used[holding.group][slot] += holding.stations
    return used


def holdings(db: Session, first: int, until: int, centre_id: str = "") -> list[Holding]:
    """Those that touch the slots, of one centre or of all, the earliest first."""
    found = select(HoldingRow).where(
        col(HoldingRow.first_slot) < until, col(HoldingRow.until_slot) > first
    )
    if centre_id:
        found = found.where(col(HoldingRow.centre_id) == centre_id)
    rows = db.exec(found.execution_options(populate_existing=True)).all()
    return sorted((row.to_domain() for row in rows), key=lambda each: (each.first, each.id))


def holding(db: Session, holding_id: str) -> HoldingRow | None:
    return db.get(HoldingRow, holding_id)


def insert_holding(db: Session, holding: Holding, now: datetime, by: str) -> None:
    db.add(
        HoldingRow(
            id=holding.id,
            centre_id=holding.group.centre_id,
            equipment=holding.group.equipment,
            first_slot=holding.first,
            until_slot=holding.until,
            stations=holding.stations,
            partner=holding.partner,
            reference=holding.reference,
            held_at=now,
            held_by=by,
        )
    )
    db.flush()


def end_holding(db: Session, row: HoldingRow, at_slot: int, now: datetime, by: str) -> None:
    """The stations are for guests again from `at_slot` on."""
    row.until_slot = max(row.first_slot, at_slot)
    row.ended_at, row.ended_by = now, by
    db.add(row)
    db.flush()
