"""Half-days: the grid of time in which stations are given out.

A *slot* (时段) is a whole number, `day.toordinal() * 3 + part`; the parts of a legal day are morning,
afternoon and night. Consecutive numbers are consecutive half-days, so a stay is a run of numbers and
an overnight stay (隔夜评标) is one that holds a night: the station is kept until the review resumes.

When the parts begin is a house rule of the centres, not law; it only matters where a moment must be
turned into a slot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from enum import IntEnum

from archive.clock import SHANGHAI

SLOTS_A_DAY = 3
AFTERNOON_BEGINS_HOUR = 13
NIGHT_BEGINS_HOUR = 18


class Part(IntEnum):
    """The part of a day."""

    AM = 0  # 上午
    PM = 1  # 下午
    NIGHT = 2  # 夜间


def slot_of(day: date, part: Part) -> int:
    return day.toordinal() * SLOTS_A_DAY + part


def day_of(slot: int) -> date:
    return date.fromordinal(slot // SLOTS_A_DAY)


def part_of(slot: int) -> Part:
    return Part(slot % SLOTS_A_DAY)


def slot_at(moment: datetime) -> int:
    """The slot in which an aware moment lies, read in Shanghai; a night ends at midnight."""
    local = moment.astimezone(SHANGHAI)
    if local.hour < AFTERNOON_BEGINS_HOUR:
        part = Part.AM
    elif local.hour < NIGHT_BEGINS_HOUR:
        part = Part.PM
    else:
        part = Part.NIGHT
    return slot_of(local.date(), part)


def begins_at(slot: int) -> datetime:
    """The moment at which a slot begins; a morning begins at midnight."""
    hour = (0, AFTERNOON_BEGINS_HOUR, NIGHT_BEGINS_HOUR)[part_of(slot)]
    return datetime.combine(day_of(slot), time(hour), SHANGHAI)


def slots_on(days: Iterable[date]) -> tuple[int, ...]:
    """All slots of the days, ascending."""
    return tuple(slot_of(day, part) for day in sorted(set(days)) for part in Part)


def days_from(first: date, count: int) -> tuple[date, ...]:
    return tuple(first + timedelta(days=offset) for offset in range(count))


def stay(first: int, half_days: int) -> tuple[int, ...]:
    """The run of slots that a review of `half_days` working half-days holds when it begins in slot
    `first`; nights in between are held as well and do not count as working half-days."""
    if half_days < 1:
        raise ValueError(f"a review takes at least one half-day, not {half_days}")
    slots = [first]
    worked = 0 if part_of(first) is Part.NIGHT else 1
    while worked < half_days:
        slots.append(slots[-1] + 1)
        worked += part_of(slots[-1]) is not Part.NIGHT
    return tuple(slots)


def is_run(slots: Sequence[int]) -> bool:
    """Whether the slots are at least one, ascending and without a gap."""
    return bool(slots) and list(slots) == list(range(slots[0], slots[0] + len(slots)))


def holds_night(slots: Iterable[int]) -> bool:
    return any(part_of(slot) is Part.NIGHT for slot in slots)


def days_touched(slots: Sequence[int]) -> int:
    """How many legal days a run of slots touches."""
    return day_of(slots[-1]).toordinal() - day_of(slots[0]).toordinal() + 1
