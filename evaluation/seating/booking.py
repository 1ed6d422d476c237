"""Confirmed seats as values, and what they leave free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evaluation.seating.problem import SeatKey
from evaluation.stations.station import Equipment, GroupKey


@dataclass(frozen=True)
class BookedSeat:
    """A confirmed seat. `label` is empty until the expert has checked in, whether or not a booth
    was drawn before: nobody knows it earlier."""

    id: str
    plan_id: str
    session_id: str
    expert_id: str
    centre_id: str
    equipment: Equipment
    slots: tuple[int, ...]
    label: str = ""

    @property
    def key(self) -> SeatKey:
        return SeatKey(self.session_id, self.expert_id)

    @property
    def group(self) -> GroupKey:
        return GroupKey(self.centre_id, self.equipment)


@dataclass(frozen=True)
class CentreSeat:
    """What a centre may see of a seat it gives (发改办法规〔2025〕807号: minimal call): where and when,
    and a number that names neither the project nor the expert."""

    id: str
    equipment: Equipment
    slots: tuple[int, ...]
    label: str


@dataclass(frozen=True)
class Overbooked:
    """A group in a slot with more confirmed seats than stations, after a closure; `sessions` are
    those that may have to move."""

    centre_id: str
    equipment: Equipment
    slot: int
    stations: int
    seats: int
    sessions: tuple[str, ...]


def is_running(seat: BookedSeat, now_slot: int) -> bool:
    """Whether a seat is taken: its expert is checked in, or its stay has begun."""
    return bool(seat.label) or seat.slots[0] < now_slot


def taken(seats: Iterable[BookedSeat]) -> Counter[tuple[GroupKey, int]]:
    """How many seats of each group are taken in each slot."""
    counted: Counter[tuple[GroupKey, int]] = Counter()
    for seat in seats:
        counted.update((seat.group, slot) for slot in seat.slots)
    return counted


def without(seats: Sequence[BookedSeat], keys: Iterable[SeatKey]) -> list[BookedSeat]:
    """The seats that are not named by `keys`."""
    gone = set(keys)
    return [seat for seat in seats if seat.key not in gone]
