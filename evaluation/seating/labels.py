"""Which booth: drawn when the expert checks in (工位号现场随机), not when the seat is planned.

Booths are coloured in the order in which stays begin, with any booth that is free for the whole of
what is left of the stay. In that order any free choice will do (`evaluation.stations.station` says
why), so the choice can be chance: the booth with the least SHA-256(salt|booth), for a salt drawn at
that moment and put on the record, so that the draw can be done again by anybody.

When somebody checks in, those of the same group whose stay begins no later and who have no booth
yet get theirs drawn first; it stays unknown until they come. So the order holds whoever is early.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evaluation.seating.problem import SeatKey


@dataclass(frozen=True)
class Stay:
    """A seat of one group on the floor: `label` is empty until a booth is drawn."""

    key: SeatKey
    slots: tuple[int, ...]
    label: str


@dataclass(frozen=True)
class Drawn:
    """The draw of one booth: among `free`, by `salt` (hex)."""

    key: SeatKey
    label: str
    free: tuple[str, ...]
    salt: str


def draw(free: Iterable[str], salt: bytes) -> str:
    """One of the free booths; everybody with the salt finds the same."""
    return min(free, key=lambda label: hashlib.sha256(salt + b"|" + label.encode()).digest())


def draw_up_to(
    key: SeatKey,
    stays: Sequence[Stay],
    open_booths: Callable[[tuple[int, ...]], Sequence[str]],
    now_slot: int,
    new_salt: Callable[[], bytes],
) -> list[Drawn] | None:
    """Booths for the stay `key` and for those before it that have none, in the order of their
    beginnings; its own is the last. None where no booth is free for it.

    `open_booths(slots)` gives the booths that are open in all of the slots. Slots before `now_slot`
    are past and do not matter.
    """
    wanted = next(stay for stay in stays if stay.key == key)
    held = {stay.key: stay for stay in stays if stay.label}
    waiting = [
        stay
        for stay in stays
        if not stay.label and stay.slots[-1] >= now_slot and _order(stay) < _order(wanted)
    ]
    drawn: list[Drawn] = []
    for stay in [*sorted(waiting, key=_order), wanted]:
        left = tuple(slot for slot in stay.slots if slot >= now_slot) or stay.slots[-1:]
        taken = {
            other.label
            for other in held.values()
            if other.key != stay.key and not set(other.slots).isdisjoint(left)
        }
        free = tuple(label for label in open_booths(left) if label not in taken)
        if not free:
            if stay is wanted:
                return None
            continue
        salt = new_salt()
        label = draw(free, salt)
        held[stay.key] = Stay(stay.key, stay.slots, label)
        drawn.append(Drawn(stay.key, label, free, salt.hex()))
    return drawn


def _order(stay: Stay) -> tuple[int, SeatKey]:
    return stay.slots[0], stay.key
