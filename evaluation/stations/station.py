"""Stations (工位), their groups, and how many of a group may be given out in a slot.

Stations of one centre and one class of equipment are interchangeable, so they are given out by the
group: (centre, class). Which booth (工位号) an expert gets is drawn at check-in. That is only right
if a booth can always be found then. Stays are intervals, and an interval graph with at most n
intervals at a time can be coloured with n colours, in the order of their beginnings, by *any* free
colour (interval graphs are perfect). A booth that is closed for some slots is a colour that is not
always there, and counting open booths slot by slot would then promise too much: with booth 1 closed
in the morning and booth 2 in the afternoon, one is open at each time and none all day.

So a booth counts in a slot only if it stays open as far as any stay that begins there could reach:
to the end of the day, or, where nights are held, to the end of the last day a stay may touch. A stay
then finds, among the booths counted in its first slot, one that nobody holds; it is open for the
whole stay, and nobody who comes later can have it. The promise errs on the side of caution.

The classes are nested: who needs a basic station may sit at any, who needs CAD only at CAD.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from archive.errors import Faults
from evaluation.stations.opening import ALWAYS, Opening
from evaluation.stations.slots import SLOTS_A_DAY, Part, part_of

ROOM_STATIONS_MAX = 99
ROOM_NAME_LENGTH_MAX = 20
PERMILLE = 1000


class Equipment(IntEnum):
    """The class of a station's equipment; a higher one can do what a lower one can."""

    BASIC = 1  # 普通工位
    DUAL = 2  # 双屏工位
    CAD = 3  # 图形工位


class Cause(StrEnum):
    """Why a booth is closed: something broke, or it is looked after."""

    FAULT = "FAULT"  # 故障
    MAINTENANCE = "MAINTENANCE"  # 维护


@dataclass(frozen=True)
class Holding:
    """Stations of a group kept from slot `first` until before `until`: for the centre's own sessions
    (主场自用), or, with `partner`, for a session of another province that sits here under an agreement.
    `partner`: that venue's id in the directory. `reference`: what the session is called."""

    id: str
    group: GroupKey
    first: int
    until: int
    stations: int
    partner: str = ""
    reference: str = ""

    @property
    def slots(self) -> range:
        return range(self.first, self.until)


@dataclass(frozen=True)
class Room:
    """A room (评标室) of `stations` booths of one class; its booths are `<name>-01`, `<name>-02`…"""

    name: str
    equipment: Equipment
    stations: int

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{self.name}-{number:02d}" for number in range(1, self.stations + 1))


@dataclass(frozen=True)
class Venue:
    """The stations of one centre. `overnight`: it can hold a review over night (隔夜休息室)."""

    centre_id: str
    overnight: bool
    rooms: tuple[Room, ...]


@dataclass(frozen=True)
class StationGroup:
    """All stations of one class in one centre; `labels` in the order of the booths' names."""

    centre_id: str
    equipment: Equipment
    overnight: bool
    labels: tuple[str, ...]
    opening: Opening = ALWAYS

    @property
    def stations(self) -> int:
        return len(self.labels)

    @property
    def key(self) -> GroupKey:
        return GroupKey(self.centre_id, self.equipment)


def groups_of(venues: Iterable[Venue]) -> tuple[StationGroup, ...]:
    """The groups of venues, by their keys."""
    labels: dict[tuple[str, Equipment, bool], list[str]] = {}
    for venue in venues:
        for room in venue.rooms:
            key = (venue.centre_id, room.equipment, venue.overnight)
            labels.setdefault(key, []).extend(room.labels)
    return tuple(
        StationGroup(centre_id, equipment, overnight, tuple(sorted(names)))
        for (centre_id, equipment, overnight), names in sorted(labels.items())
    )


@dataclass(frozen=True, order=True)
class GroupKey:
    """The name of a group; the order of keys is the order of groups everywhere."""

    centre_id: str
    equipment: Equipment

    def __str__(self) -> str:
        return f"{self.centre_id}/{self.equipment.name}"


@dataclass(frozen=True)
class Closure:
    """A booth that cannot be used in the slots from `first` until before `until` (维护)."""

    id: str
    centre_id: str
    label: str
    first: int
    until: int
    reason: str

    def holds(self, slot: int) -> bool:
        return self.first <= slot < self.until


@dataclass(frozen=True)
class Capacity:
    """How many stations of each group may be given out in each slot, before any booking. A slot
    that was not asked for is not in the table."""

    free: Mapping[tuple[GroupKey, int], int]

    def of(self, group: GroupKey, slot: int) -> int:
        return self.free.get((group, slot), 0)


def closed_labels(
    group: StationGroup, closures: Sequence[Closure], home_use: int, slot: int
) -> frozenset[str]:
    """The booths of a group that are not for guests in a slot: under maintenance, or among the
    first `home_use` others, which are held for sessions that the planner does not seat."""
    closed = {c.label for c in closures if c.centre_id == group.centre_id and c.holds(slot)}
    others = [label for label in group.labels if label not in closed]
    return frozenset(closed.intersection(group.labels)) | frozenset(others[:home_use])


def reach(slot: int, overnight: bool, stay_days_max: int) -> range:
    """The slots that a stay beginning in `slot` could hold at most."""
    day = slot // SLOTS_A_DAY
    if not overnight:
        last = max(slot, day * SLOTS_A_DAY + Part.PM)
    else:
        last = (day + stay_days_max) * SLOTS_A_DAY - 1
    return range(slot, last + 1)


def open_labels(
    group: StationGroup,
    closures: Sequence[Closure],
    home_use: Mapping[int, int],
    slots: Iterable[int],
) -> tuple[str, ...]:
    """The booths that guests may have in all of the slots, in the group's order."""
    closed: set[str] = set()
    for slot in slots:
        closed |= closed_labels(group, closures, home_use.get(slot, 0), slot)
    return tuple(label for label in group.labels if label not in closed)


def reserve_of(stations: int, reserve_permille: int) -> int:
    """How many stations of a group are kept back for faults: a share, rounded down."""
    return stations * reserve_permille // PERMILLE


def capacity_of(
    group: StationGroup,
    closures: Sequence[Closure],
    home_use: Mapping[int, int],
    slots: Iterable[int],
    *,
    reserve_permille: int,
    stay_days_max: int,
) -> dict[int, int]:
    """How many stations of the group may be given out in each slot, before any booking.

    `home_use` gives for a slot how many stations are held. In a venue that
    cannot hold a night there is none at night, in one that is closed none at all.
    """
    kept = reserve_of(group.stations, reserve_permille)
    free = {}
    for slot in slots:
        is_night = part_of(slot) is Part.NIGHT and not group.overnight
        if is_night or not group.opening.holds(slot):
            free[slot] = 0
            continue
        reachable = reach(slot, group.overnight, stay_days_max)
        free[slot] = max(0, len(open_labels(group, closures, home_use, reachable)) - kept)
    return free


def check_venue(venue: Venue, faults: Faults, pointer: str = "") -> None:
    """Add every fault of a venue's description."""
    names = [room.name for room in venue.rooms]
    if not venue.rooms:
        faults.add(f"{pointer}/rooms", "evaluation.station.no_room", centre=venue.centre_id)
    for index, room in enumerate(venue.rooms):
        place = f"{pointer}/rooms/{index}"
        name = room.name
        if not 0 < len(name) <= ROOM_NAME_LENGTH_MAX or not name.isalnum():
            faults.add(
                f"{place}/name", "evaluation.station.room_name", length_max=ROOM_NAME_LENGTH_MAX
            )
        elif names.count(name) > 1:
            faults.add(f"{place}/name", "evaluation.station.room_twice", room=name)
        if not 1 <= room.stations <= ROOM_STATIONS_MAX:
            faults.add(
                f"{place}/stations",
                "evaluation.station.room_size",
                stations=room.stations,
                stations_max=ROOM_STATIONS_MAX,
            )
