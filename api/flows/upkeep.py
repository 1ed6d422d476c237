"""The stations of a centre as its staff keep them: which are open, calibrated and sound, what broke
when, and the tables by which rooms and calibrations come in.

A booth is closed for maintenance here as long as nobody loses a seat by it; where seats are concerned
the change is reported (`api.flows.changes`), which shows the effect before anything is done.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlmodel import Session

from api.flows.places import names as names_of_places
from archive.actor import Actor, Role
from archive.clock import SHANGHAI
from archive.errors import Faults, Kind, Refusal
from archive.office import Tx
from evaluation.seating import service as seating
from evaluation.seating.booking import taken
from evaluation.stations import service as stations
from evaluation.stations.inventory import service as inventory
from evaluation.stations.inventory.rooms import Addition, Needed
from evaluation.stations.slots import day_of, slot_at
from evaluation.stations.station import Cause, Equipment, GroupKey, Holding
from evaluation.stations.upkeep import service as upkeep
from evaluation.stations.upkeep.calibrations import Calibration, Outage
from evaluation.stations.upkeep.service import Condition
from evaluation.venues import service as venues
from evaluation.venues.venue import Venue, offered
from trading.acting import must_serve
from trading.parties import service as parties
from trading.spreadsheet import RowFault

SLOTS_MAX = 90
PROMISED_SLOTS = 3 * 400
"""So far ahead seats are looked for; none is planned later (`api.flows.plans.AHEAD`)."""


class State(StrEnum):
    """How a booth stands now."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    LAPSED = "LAPSED"


class Table(StrEnum):
    """What a table that is sent holds."""

    ROOMS = "ROOMS"
    CALIBRATIONS = "CALIBRATIONS"


@dataclass(frozen=True)
class BoothLine:
    """A booth in the list. `calibrated_until`: None where it was never calibrated. `faults`: in the
    time that the rule counts."""

    centre_id: str
    centre: str
    label: str
    equipment: Equipment
    state: State
    calibrated_until: date | None
    faults: int


@dataclass(frozen=True)
class Booth:
    """One booth with its history, the newest first."""

    line: BoothLine
    calibrations: tuple[Calibration, ...]
    outages: tuple[Outage, ...]


@dataclass(frozen=True)
class HoldingLine:
    """Stations that are held, in the list. `partner`: the name of another province's venue, or ""."""

    holding: Holding
    partner: str


@dataclass(frozen=True)
class Entry:
    """A venue of the directory, and how its stations are kept."""

    venue: Venue
    condition: Condition


@dataclass(frozen=True)
class Tried:
    """What a table would bring: rows that are good, stations that are new and that go, every fault by
    row."""

    table: Table
    rows: int
    stations: int
    removed: int
    faults: tuple[RowFault, ...]


def booths(db: Session, actor: Actor, now: datetime) -> tuple[BoothLine, ...]:
    """The booths of the actor's centre; of all for an account that no centre binds."""
    names = names_of_places(db)
    broken = upkeep.faults(db, now)
    slot = slot_at(now)
    found = []
    for group in stations.groups(db):
        if actor.centre_id not in ("", group.centre_id):
            continue
        until = upkeep.valid_until(db, group.centre_id)
        closed = stations.closed_now(db, group.centre_id, slot)
        for label in group.labels:
            last = until.get(label)
            state = State.OPEN
            if last is not None and last < day_of(slot):
                state = State.LAPSED
            if label in closed:
                state = State.CLOSED
            found.append(
                BoothLine(
                    group.centre_id,
                    names.get(group.centre_id, group.centre_id),
                    label,
                    group.equipment,
                    state,
                    last,
                    broken.get((group.centre_id, label), 0),
                )
            )
    return tuple(found)


def directory(db: Session, now: datetime) -> list[Entry]:
    """The venues whose seats may be asked for today, those of the own province first."""
    conditions = upkeep.conditions(db, now)
    today = now.astimezone(SHANGHAI).date()
    return [
        Entry(venue, conditions.get(venue.id, Condition(0, 0, 0)))
        for venue in offered(venues.directory(db), today, venues.PROVINCE)
    ]


def booth(db: Session, actor: Actor, centre_id: str, label: str, now: datetime) -> Booth:
    """One booth; NOT_FOUND, and FORBIDDEN for another centre's."""
    must_serve(actor, centre_id)
    for line in booths(db, actor, now):
        if (line.centre_id, line.label) == (centre_id, label):
            return Booth(
                line,
                upkeep.calibrations(db, centre_id, label),
                upkeep.outages(db, centre_id, label),
            )
    raise _unknown(centre_id, label)


def calibrate(tx: Tx, actor: Actor, one: Calibration) -> None:
    """Put a calibration on file."""
    upkeep.calibrate(tx, actor, one)


def maintain(
    tx: Tx, actor: Actor, centre_id: str, label: str, first: int, until: int, reason: str
) -> None:
    """Close a booth for maintenance. CONFLICT where somebody would lose a seat by it: that is a change
    of the day, to be reported as one."""
    actor.must_be(Role.STAFF)
    must_serve(actor, centre_id)
    if until - first > SLOTS_MAX or first < slot_at(tx.now):
        faults = Faults("evaluation.station.closure_invalid")
        faults.add("/first", "api.upkeep.slots", slots_max=SLOTS_MAX)
        faults.refuse()
    stations.close_station(
        tx, actor, centre_id, label, first, until, reason, cause=Cause.MAINTENANCE
    )
    _refuse_overbooked(tx.db, centre_id, first, until, "api.upkeep.seats_concerned", label=label)


def _refuse_overbooked(
    db: Session, centre_id: str, first: int, until: int, code: str, **more: str
) -> None:
    """CONFLICT where confirmed seats of the centre no longer have a station in the slots."""
    days = {day_of(slot) for slot in range(first, until)}
    for over in seating.overbooked(db, sorted(days)):
        if over.centre_id == centre_id and first <= over.slot < until:
            raise Refusal(
                code, {**more, "seats": over.seats, "stations": over.stations}, Kind.CONFLICT
            )


def holdings(db: Session, actor: Actor, now: datetime) -> tuple[HoldingLine, ...]:
    """What the actor's centre holds from now on."""
    names, first = names_of_places(db), slot_at(now)
    return tuple(
        HoldingLine(holding, names.get(holding.partner, holding.partner))
        for holding in stations.holdings(db, first, first + PROMISED_SLOTS, actor.centre_id)
    )


def partners(db: Session, now: datetime) -> tuple[Venue, ...]:
    """The venues of other provinces whose agreement is in force today."""
    today = now.astimezone(SHANGHAI).date()
    return tuple(v for v in venues.abroad(db) if v.is_offered(today, venues.PROVINCE))


def hold(
    tx: Tx,
    actor: Actor,
    group: GroupKey,
    first: int,
    until: int,
    count: int,
    partner: str,
    reference: str,
) -> None:
    """Keep stations for the centre's own sessions, or for one of a partner's in another province whose
    agreement is in force on every day. CONFLICT where somebody would lose a seat by it."""
    actor.must_be(Role.STAFF)
    must_serve(actor, group.centre_id)
    faults = Faults("evaluation.station.holding_invalid")
    if until - first > SLOTS_MAX or first < slot_at(tx.now):
        faults.add("/first", "api.upkeep.slots", slots_max=SLOTS_MAX)
        faults.refuse()
    if partner:
        venue = next((v for v in venues.abroad(tx.db) if v.id == partner), None)
        days = {day_of(slot) for slot in range(first, until)}
        if venue is None or not all(venue.is_offered(day, venues.PROVINCE) for day in days):
            faults.add("/partner", "api.upkeep.no_agreement")
    faults.refuse()
    stations.hold(tx, actor, group, first, until, count, partner, reference)
    _refuse_overbooked(tx.db, group.centre_id, first, until, "api.upkeep.holding_concerns")


def give_back(tx: Tx, actor: Actor, holding_id: str) -> None:
    """What the actor's centre holds is for guests again from now on; NOT_FOUND for another's."""
    actor.must_be(Role.STAFF)
    stations.give_back(tx, actor, actor.centre_id, holding_id, slot_at(tx.now))


def reopen(tx: Tx, actor: Actor, centre_id: str, label: str, closure_id: str) -> None:
    """The booth is in use again from now on."""
    actor.must_be(Role.STAFF)
    must_serve(actor, centre_id)
    if closure_id not in {one.id for one in upkeep.outages(tx.db, centre_id, label)}:
        raise _unknown(centre_id, label)
    stations.reopen_station(tx, actor, closure_id, slot_at(tx.now))


def _unknown(centre_id: str, label: str) -> Refusal:
    return Refusal(
        "evaluation.station.unknown",
        {"centre": centre_id[:40], "label": label[:40]},
        Kind.NOT_FOUND,
    )


def centres_with_stations(db: Session) -> Collection[str]:
    """The ids that may have stations: the province's centres, and venues of others with an entry in
    the directory."""
    return {c.id for c in parties.centres(db)} | {v.id for v in venues.abroad(db)}


def promised(db: Session, now: datetime) -> Mapping[GroupKey, Needed]:
    """What has been promised of each group from now on, counted with the booths that are out of use in
    the same slot."""
    first = slot_at(now)
    seats = seating.seats_in(db, first, first + PROMISED_SLOTS)
    last = max((seat.slots[-1] for seat in seats), default=first)
    closed = stations.closures_in(db, first, last + 1)
    held = stations.held(db, first, first + PROMISED_SLOTS)
    most: Counter[GroupKey] = Counter()
    for group, by_slot in held.items():
        most[group] = max(by_slot.values(), default=0)
    for (group, slot), count in taken(seats).items():
        labels = {c.label for c in closed if c.centre_id == group.centre_id and c.holds(slot)}
        if slot >= first:
            out = labels.intersection(stations.labels(db, group)) if labels else ()
            most[group] = max(most[group], count + len(out) + held.get(group, {}).get(slot, 0))
    booths: dict[GroupKey, set[str]] = defaultdict(set)
    for seat in seats:
        if seat.label:
            booths[seat.group].add(seat.label)
    return {key: Needed(count, frozenset(booths[key])) for key, count in most.items()}


def try_table(db: Session, actor: Actor, table: Table, content: bytes, now: datetime) -> Tried:
    """What a table would bring; nothing is stored."""
    if table is Table.ROOMS:
        dry, addition = inventory.dry_run(
            db, actor, content, centres_with_stations(db), lambda db: promised(db, now)
        )
        return Tried(table, len(dry.rows), addition.stations, addition.removed, dry.faults)
    found = upkeep.dry_run(db, actor, content, now)
    return Tried(table, len(found.rows), 0, 0, found.faults)


def take_table(tx: Tx, actor: Actor, table: Table, content: bytes) -> Addition | int:
    """Take a table in, all rows or none."""
    if table is Table.ROOMS:
        return inventory.import_rooms(
            tx, actor, content, centres_with_stations(tx.db), lambda db: promised(db, tx.now)
        )
    return upkeep.import_calibrations(tx, actor, content)


def table_of(db: Session, actor: Actor, table: Table) -> bytes:
    """The same tables as they stand."""
    if table is Table.ROOMS:
        return inventory.export_rooms(db, actor.centre_id)
    return upkeep.export_calibrations(db, actor.centre_id)


def coming_slots(now: datetime) -> tuple[int, ...]:
    """The slots for which a booth may be closed beforehand, from now on."""
    first = slot_at(now)
    last = slot_at(now.astimezone(SHANGHAI) + timedelta(days=14))
    return tuple(range(first, last + 1))
