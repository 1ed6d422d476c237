"""The rooms of centres as a table (`trading.spreadsheet`), one row a room, and what such a table
would change.

A table adds centres, rooms and stations, and makes rooms smaller: the booths with the highest numbers go.
Not those that somebody has been promised (`Needed`); and a room does not get another class, nor does a
venue lose its nights. What is out of use for a while is closed
(`evaluation.stations.service.close_station`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from archive.errors import Fault, Faults, Refusal
from evaluation.stations.station import Equipment, GroupKey, Room, Venue, check_venue
from trading import spreadsheet
from trading.spreadsheet import NO, YES, Cells, Dry, RowFault

EQUIPMENT = spreadsheet.words_of("evaluation.equipment")
COLUMNS = ("centre", "overnight", "room", "equipment", "stations")


@dataclass(frozen=True)
class Line:
    """A row: one room of one centre, and the row it stands in."""

    number: int
    centre_id: str
    overnight: bool
    room: Room


@dataclass(frozen=True)
class Addition:
    """What a table changes: venues that have no stations yet, and of known ones the rooms that are new
    or of another size (as they will be); `stations`: how many are added, `removed`: how many go.
    `unchanged`: rows that say what is so already."""

    venues: tuple[Venue, ...]
    stations: int
    removed: int
    unchanged: int


@dataclass(frozen=True)
class Needed:
    """What has been promised of a group from now on: so many `stations` at one time, and the booths
    `labels` by name."""

    stations: int
    labels: frozenset[str] = frozenset()


NOTHING = Needed(0)


def read(
    content: bytes,
    installed: Mapping[str, Venue],
    centres: Collection[str],
    needed: Mapping[GroupKey, Needed],
) -> tuple[Dry[Line], Addition]:
    """The table with all faults by row, and what it would change of what is `installed`. `centres`:
    the ids that may have stations."""
    dry = spreadsheet.read(
        content, COLUMNS, _line, headings=spreadsheet.headings_of(COLUMNS, "evaluation.column")
    )
    faults = list(dry.faults)
    lines: dict[str, list[Line]] = defaultdict(list)
    for line in dry.rows:
        lines[line.centre_id].append(line)
        found = Faults("evaluation.station.invalid")
        if line.centre_id not in centres:
            found.add("/centre", "evaluation.station.centre_unknown", centre=line.centre_id)
        _against(line, lines[line.centre_id][0], installed.get(line.centre_id), found)
        faults += _at(line, found, {})
    for own in lines.values():
        venue = Venue(own[0].centre_id, own[0].overnight, tuple(line.room for line in own))
        faults += _promised(own, installed.get(venue.centre_id), needed)
        for index, line in enumerate(own):
            found = Faults("evaluation.station.invalid")
            check_venue(venue, found)
            faults += _at(line, found, {"name": "room", "stations": "stations"}, f"/rooms/{index}/")
    bad = {fault.row for fault in faults}
    good = tuple(line for line in dry.rows if line.number not in bad)
    faults.sort(key=lambda one: (one.row, one.column))
    return Dry(good, tuple(faults)), _addition(good, installed)


def _line(cells: Cells) -> Line | None:
    centre, room = cells.text("centre", least=1), cells.text("room", least=1)
    equipment, stations = cells.code("equipment", Equipment, EQUIPMENT), cells.whole("stations")
    overnight = cells.is_yes("overnight")
    if equipment is None:
        return None
    return Line(cells.number, centre, overnight, Room(room, equipment, stations))


def _against(line: Line, first: Line, venue: Venue | None, faults: Faults) -> None:
    """Faults of a row against the first of its centre and against what stands there."""
    if line.overnight != first.overnight:
        faults.add("/overnight", "evaluation.station.overnight_differs", row=first.number)
    if venue is None:
        return
    if venue.overnight and not line.overnight:
        faults.add("/overnight", "evaluation.station.overnight_stays", centre=line.centre_id)
    for room in venue.rooms:
        if room.name != line.room.name:
            continue
        if room.equipment is not line.room.equipment:
            faults.add(
                "/equipment", "evaluation.station.class_stays", equipment=room.equipment.name
            )


def _promised(
    lines: Sequence[Line], venue: Venue | None, needed: Mapping[GroupKey, Needed]
) -> list[RowFault]:
    """Rows of one centre that would take away what has been promised."""
    if venue is None:
        return []
    before = {room.name: room for room in venue.rooms}
    after = grown(venue, replace(venue, rooms=tuple(line.room for line in lines)))
    found: list[RowFault] = []
    for line in lines:
        room = before.get(line.room.name)
        if room is None or line.room.stations >= room.stations:
            continue
        wanted = needed.get(GroupKey(line.centre_id, room.equipment), NOTHING)
        left = sum(one.stations for one in after.rooms if one.equipment is room.equipment)
        faults = Faults("evaluation.station.invalid")
        if left < wanted.stations:
            faults.add(
                "/stations", "evaluation.station.room_booked", stations=left, seats=wanted.stations
            )
        for label in sorted(wanted.labels.intersection(room.labels) - {*line.room.labels}):
            faults.add("/stations", "evaluation.station.booth_held", label=label)
        found += _at(line, faults, {})
    return found


def _at(line: Line, faults: Faults, columns: Mapping[str, str], below: str = "/") -> list[RowFault]:
    """The faults below a pointer, at the line's row."""
    try:
        faults.refuse()
    except Refusal as refusal:
        return [
            RowFault(line.number, columns.get(name, name), Fault(f"/{name}", one.code, one.params))
            for one in refusal.faults
            if one.pointer.startswith(below)
            for name in [one.pointer.removeprefix(below)]
        ]
    return []


def _addition(lines: Iterable[Line], installed: Mapping[str, Venue]) -> Addition:
    by_centre: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_centre[line.centre_id].append(line)
    venues: list[Venue] = []
    stations = removed = unchanged = 0
    for centre_id, own in sorted(by_centre.items()):
        known = installed.get(centre_id)
        before = {room.name: room.stations for room in known.rooms} if known else {}
        rooms = tuple(line.room for line in own if line.room.stations != before.get(line.room.name))
        changes = [room.stations - before.get(room.name, 0) for room in rooms]
        stations += sum(change for change in changes if change > 0)
        removed -= sum(change for change in changes if change < 0)
        opens = known is not None and own[0].overnight and not known.overnight
        if rooms or opens:
            venues.append(Venue(centre_id, own[0].overnight, rooms))
        unchanged += len(own) - len(rooms)
    return Addition(tuple(venues), stations, removed, unchanged)


def grown(venue: Venue, more: Venue) -> Venue:
    """The venue with what `more` changes of it."""
    rooms = {room.name: room for room in (*venue.rooms, *more.rooms)}
    return replace(
        venue,
        overnight=venue.overnight or more.overnight,
        rooms=tuple(rooms[name] for name in sorted(rooms)),
    )


def write(venues: Iterable[Venue]) -> bytes:
    """The table of what is installed, one row a room."""
    return spreadsheet.write(
        COLUMNS,
        (
            (
                venue.centre_id,
                YES if venue.overnight else NO,
                room.name,
                room.equipment.name,
                str(room.stations),
            )
            for venue in venues
            for room in venue.rooms
        ),
    )
