"""The stations at work: install them, close a booth for maintenance, keep some for the home side.

Every act stands on the stream `stations`. Which stations are given to whom is the seat plans'
matter (`evaluation.seating`); this module knows no expert and no session.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Faults, Kind, Refusal
from archive.office import Tx
from evaluation.stations import queries
from evaluation.stations.opening import Opening
from evaluation.stations.slots import day_of, slots_on
from evaluation.stations.station import (
    Capacity,
    Cause,
    Closure,
    Equipment,
    GroupKey,
    Holding,
    Room,
    StationGroup,
    Venue,
    capacity_of,
    check_venue,
    open_labels,
    reach,
)
from evaluation.stations.tables import StationGroupRow, StationRow, VenueRow
from trading.rules.book import RuleBook, book

STREAM = "stations"
REFERENCE_LENGTH_MAX = 120
VENUES_MAX = 4_000
RULE_RESERVE = "stations.reserve_permille"
RULE_CALIBRATED = "stations.calibration_closes"
RULE_STAY_DAYS = "seating.stay_days_max"


@dataclass(frozen=True)
class Installed:
    """What an installation brought."""

    venues: int
    groups: int
    stations: int


def install(tx: Tx, actor: Actor, venues: Sequence[Venue]) -> Installed:
    """Set up the stations of centres that have none yet; all of them or none.

    Refuses INVALID with every fault, CONFLICT for a centre that has its stations already.
    """
    actor.must_be(Role.STAFF, Role.OPERATOR, Role.SYSTEM)
    faults = Faults("evaluation.station.invalid")
    seen = queries.venues(tx.db)
    ids = [venue.centre_id for venue in venues]
    if not 0 < len(venues) <= VENUES_MAX:
        faults.add("", "evaluation.station.venues", count=len(venues), venues_max=VENUES_MAX)
    for index, venue in enumerate(venues):
        check_venue(venue, faults, f"/{index}")
        if ids.count(venue.centre_id) > 1:
            faults.add(
                f"/{index}/centre_id", "evaluation.station.venue_twice", centre=venue.centre_id
            )
    faults.refuse()
    for centre_id in ids:
        if centre_id in seen:
            raise Refusal(
                "evaluation.station.installed_already", {"centre": centre_id}, Kind.CONFLICT
            )
    venue_rows: list[dict[str, object]] = []
    group_rows: list[dict[str, object]] = []
    station_rows: list[dict[str, object]] = []
    for venue in sorted(venues, key=lambda venue: venue.centre_id):
        centre = {"centre_id": venue.centre_id}
        venue_rows.append({**centre, "overnight": venue.overnight, "installed_at": tx.now})
        for equipment in sorted({room.equipment for room in venue.rooms}):
            rooms = [room for room in venue.rooms if room.equipment is equipment]
            labels = sorted(label for room in rooms for label in room.labels)
            kind = {**centre, "equipment": int(equipment)}
            group_rows.append({**kind, "stations": len(labels)})
            station_rows += [{**kind, "label": label} for label in labels]
    queries.insert(tx.db, VenueRow, venue_rows)
    queries.insert(tx.db, StationGroupRow, group_rows)
    queries.insert(tx.db, StationRow, station_rows)
    done = Installed(len(venue_rows), len(group_rows), len(station_rows))
    document = tx.keep("stations.json", [_venue_json(venue) for venue in venues])
    tx.record(
        STREAM,
        "evaluation:stations:installed",
        actor,
        {"venues": done.venues, "groups": done.groups, "stations": done.stations},
        (document,),
    )
    return done


def installed(db: Session) -> tuple[Venue, ...]:
    """What stands where, room by room, by centre."""
    rooms: dict[str, dict[str, list[StationGroup]]] = {}
    nights: dict[str, bool] = {}
    for group in queries.groups(db):
        nights[group.centre_id] = group.overnight
        for label in group.labels:
            name = label.rpartition("-")[0]
            rooms.setdefault(group.centre_id, {}).setdefault(name, []).append(group)
    return tuple(
        Venue(
            centre_id,
            nights[centre_id],
            tuple(
                Room(name, found[0].equipment, len(found)) for name, found in sorted(own.items())
            ),
        )
        for centre_id, own in sorted(rooms.items())
    )


def rebuild(tx: Tx, actor: Actor, before: Venue, after: Venue) -> None:
    """Add the rooms, stations and nights that a venue has not yet, and take out for good the stations
    that it has no more. `before` is what `installed` says of it. Whether somebody was promised one of
    them is the caller's to know (`evaluation.stations.inventory`)."""
    actor.must_be(Role.STAFF, Role.OPERATOR, Role.SYSTEM)
    faults = Faults("evaluation.station.invalid")
    check_venue(after, faults)
    faults.refuse()
    queries.lock_groups(tx.db, [GroupKey(after.centre_id, equipment) for equipment in Equipment])
    known = {label for room in before.rooms for label in room.labels}
    new = [
        (room.equipment, label)
        for room in after.rooms
        for label in room.labels
        if label not in known
    ]
    queries.grow(tx.db, after.centre_id, new, after.overnight)
    gone = sorted(known - {label for room in after.rooms for label in room.labels})
    queries.shrink(tx.db, after.centre_id, gone, tx.now)
    document = tx.keep("stations.json", [_venue_json(after)])
    tx.record(
        STREAM,
        "evaluation:stations:rebuilt",
        actor,
        {"centre": after.centre_id, "stations": len(new), "removed": len(gone)},
        (document,),
    )


def set_opening(tx: Tx, openings: Mapping[str, Opening]) -> None:
    """When venues are open from now on; for who publishes it (`evaluation.venues`), with the entry
    that records it."""
    for centre_id, opening in sorted(openings.items()):
        queries.set_opening(tx.db, centre_id, opening.text)


def _venue_json(venue: Venue) -> dict[str, object]:
    return {
        "centre": venue.centre_id,
        "overnight": venue.overnight,
        "rooms": [
            {"name": room.name, "equipment": room.equipment.name, "stations": room.stations}
            for room in venue.rooms
        ],
    }


def groups(db: Session) -> list[StationGroup]:
    """All groups in the order of their keys."""
    return queries.groups(db)


def labels(db: Session, key: GroupKey) -> tuple[str, ...]:
    """The booths of a group; refuses NOT_FOUND."""
    return _group(db, key).labels


def capacity(db: Session, days: Iterable[date], rules: RuleBook | None = None) -> Capacity:
    """How many stations of each group may be given out in each slot of the days: those that stay
    open as far as a stay may reach, less the reserve. Bookings are not deducted here."""
    return capacity_in(db, slots_on(days), rules)


def capacity_in(
    db: Session,
    slots: Sequence[int],
    rules: RuleBook | None = None,
    only: Iterable[GroupKey] | None = None,
    *,
    and_closed: Iterable[Closure] = (),
    keeps_reserve: bool = True,
) -> Capacity:
    """The same for single slots, and for some groups only. `and_closed`: what would be closed too,
    were it so. Without `keeps_reserve` the reserve is given out: it is kept for faults."""
    if not slots:
        return Capacity({})
    stay_days_max, reserve_permille = _limits(slots[0], rules)
    reserve_permille = reserve_permille if keeps_reserve else 0
    last = max(reach(max(slots), True, stay_days_max))
    closures = [*_closures(db, min(slots), last + 1, rules=rules), *and_closed]
    home = queries.home_use(db, min(slots), last + 1)
    wanted = None if only is None else set(only)
    free: dict[tuple[GroupKey, int], int] = {}
    for group in queries.groups(db):
        if wanted is not None and group.key not in wanted:
            continue
        own = [closure for closure in closures if closure.centre_id == group.centre_id]
        counted = capacity_of(
            group,
            own,
            home.get(group.key, {}),
            slots,
            reserve_permille=reserve_permille,
            stay_days_max=stay_days_max,
        )
        free.update({(group.key, slot): count for slot, count in counted.items()})
    return Capacity(free)


def open_in(db: Session, slots: Sequence[int]) -> Capacity:
    """How many booths of each group are open to guests in each slot taken by itself, the reserve
    included: what is left when something has been closed after seats were given."""
    if not slots:
        return Capacity({})
    closures = _closures(db, min(slots), max(slots) + 1)
    home = queries.home_use(db, min(slots), max(slots) + 1)
    return Capacity(
        {
            (group.key, slot): len(open_labels(group, closures, home.get(group.key, {}), [slot]))
            if group.opening.holds(slot)
            else 0
            for group in queries.groups(db)
            for slot in slots
        }
    )


def _closures(
    db: Session,
    first: int,
    until: int,
    centre_id: str | None = None,
    rules: RuleBook | None = None,
) -> list[Closure]:
    """What is closed, and where the rule asks for it the booths whose calibration has run out."""
    found = queries.closures(db, first, until, centre_id)
    if (rules or book()).rule(RULE_CALIBRATED, day_of(first)).is_on:
        found += queries.lapses(db, until, centre_id)
    return found


def _limits(slot: int, rules: RuleBook | None) -> tuple[int, int]:
    source, on = rules or book(), day_of(slot)
    return source.rule(RULE_STAY_DAYS, on).number, source.rule(RULE_RESERVE, on).number


def open_booths(db: Session, key: GroupKey, slots: Sequence[int]) -> tuple[str, ...]:
    """The booths of a group that guests may have in all of the slots, whoever holds them."""
    group = _group(db, key)
    first, until = min(slots), max(slots) + 1
    closures = _closures(db, first, until, key.centre_id)
    home = queries.home_use(db, first, until).get(key, {})
    return open_labels(group, closures, home, slots)


def closures_in(db: Session, first: int, until: int) -> list[Closure]:
    """What is closed between two slots, and whose calibration has run out by then."""
    return _closures(db, first, until)


def closed_now(db: Session, centre_id: str, slot: int) -> frozenset[str]:
    """The booths of a centre that are closed in a slot, whatever their calibration says."""
    found = queries.closures(db, slot, slot + 1, centre_id)
    return frozenset(closure.label for closure in found if closure.holds(slot))


def lock(db: Session, keys: Sequence[GroupKey]) -> None:
    """Hold the groups until the end of the transaction; nobody else gives out their stations."""
    queries.lock_groups(db, keys)


def lock_all(db: Session) -> None:
    """The same for all groups: one planner at a time."""
    queries.lock_groups(db, None)


def close_station(
    tx: Tx,
    actor: Actor,
    centre_id: str,
    label: str,
    first: int,
    until: int,
    reason: str,
    cause: Cause = Cause.FAULT,
) -> Closure:
    """Take a booth out of use from slot `first` until before `until`. Seats already given out are
    not touched: see `evaluation.seating.service.overbooked`."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    faults = Faults("evaluation.station.closure_invalid")
    if first >= until:
        faults.add("/until", "evaluation.station.closure_interval")
    if not 0 < len(reason) <= 200:
        faults.add("/reason", "evaluation.station.closure_reason", length_max=200)
    faults.refuse()
    row = queries.station(tx.db, centre_id, label)
    if row is None:
        raise Refusal(
            "evaluation.station.unknown", {"centre": centre_id, "label": label}, Kind.NOT_FOUND
        )
    queries.lock_groups(tx.db, [GroupKey(centre_id, Equipment(row.equipment))])
    closure = Closure(tx.new_id(), centre_id, label, first, until, reason)
    queries.insert_closure(tx.db, closure, cause, tx.now, actor.id)
    tx.record(
        STREAM,
        "evaluation:stations:closed",
        actor,
        {
            "closure": closure.id,
            "centre": centre_id,
            "label": label,
            "cause": str(cause),
            "first_slot": first,
            "until_slot": until,
        },
    )
    return closure


def reopen_station(tx: Tx, actor: Actor, closure_id: str, at_slot: int) -> None:
    """The booth of a closure is open again from `at_slot` on."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row = queries.closure(tx.db, closure_id)
    if row is None:
        raise Refusal("evaluation.station.closure_unknown", {"closure": closure_id}, Kind.NOT_FOUND)
    if row.reopened_at is not None or at_slot >= row.until_slot:
        raise Refusal("evaluation.station.open_already", {"closure": closure_id}, Kind.CONFLICT)
    queries.end_closure(tx.db, row, at_slot, tx.now, actor.id)
    tx.record(
        STREAM,
        "evaluation:stations:reopened",
        actor,
        {"closure": closure_id, "centre": row.centre_id, "label": row.label, "slot": at_slot},
    )


def hold(
    tx: Tx,
    actor: Actor,
    group: GroupKey,
    first: int,
    until: int,
    stations: int,
    partner: str = "",
    reference: str = "",
) -> Holding:
    """Keep stations of a group from slot `first` until before `until` for the centre's own sessions, or
    for a partner's. Refuses INVALID where the group has not so many beside what is held already. Seats
    given out are not touched: see `evaluation.seating.service.overbooked`."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    known = _group(tx.db, group)
    queries.lock_groups(tx.db, [group])
    held = queries.home_use(tx.db, first, until).get(group, {})
    left = known.stations - max(held.values(), default=0)
    faults = Faults("evaluation.station.holding_invalid")
    if first >= until:
        faults.add("/until", "evaluation.station.closure_interval")
    if not 1 <= stations <= left:
        faults.add("/stations", "evaluation.station.holding_size", stations_max=max(0, left))
    if len(reference) > REFERENCE_LENGTH_MAX or (partner and not reference):
        faults.add(
            "/reference", "evaluation.station.holding_reference", length_max=REFERENCE_LENGTH_MAX
        )
    faults.refuse()
    holding = Holding(tx.new_id(), group, first, until, stations, partner, reference)
    queries.insert_holding(tx.db, holding, tx.now, actor.id)
    tx.record(
        STREAM,
        "evaluation:stations:held",
        actor,
        {
            "holding": holding.id,
            "centre": group.centre_id,
            "equipment": group.equipment.name,
            "first_slot": first,
            "until_slot": until,
            "stations": stations,
            "partner": partner,
            "reference": reference,
        },
    )
    return holding


def give_back(tx: Tx, actor: Actor, centre_id: str, holding_id: str, at_slot: int) -> None:
    """What is held is for guests again from `at_slot` on. NOT_FOUND where the centre holds no such."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row = queries.holding(tx.db, holding_id)
    if row is None or row.centre_id != centre_id:
        raise Refusal(
            "evaluation.station.holding_unknown", {"holding": holding_id[:40]}, Kind.NOT_FOUND
        )
    if row.ended_at is not None or at_slot >= row.until_slot:
        raise Refusal("evaluation.station.holding_over", {"holding": holding_id}, Kind.CONFLICT)
    queries.end_holding(tx.db, row, at_slot, tx.now, actor.id)
    tx.record(
        STREAM,
        "evaluation:stations:given_back",
        actor,
        {"holding": holding_id, "centre": centre_id, "slot": at_slot},
    )


def held(db: Session, first: int, until: int) -> Mapping[GroupKey, Mapping[int, int]]:
    """How many stations of each group are held in each slot from `first` until before `until`."""
    return queries.home_use(db, first, until)


def holdings(db: Session, first: int, until: int, centre_id: str = "") -> list[Holding]:
    """What is held in the slots from `first` until before `until`, of one centre or of all."""
    return queries.holdings(db, first, until, centre_id)


def _group(db: Session, key: GroupKey) -> StationGroup:
    group = queries.group(db, key)
    if group is None:
        raise Refusal("evaluation.station.no_group", {"group": str(key)}, Kind.NOT_FOUND)
    return group
