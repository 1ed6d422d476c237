"""Seeded seating problems of five sizes, for benchmarks and tests: nothing in them is taken from life.

Provinces are squares side by side, each with 16 prefectures; a prefecture has a main centre and some
in its counties around it. Distances are straight, in minutes. Centres have three classes of station
(two where they are small); the main ones and every second other can hold a night. A station is not
free where the centre uses it itself, it is kept in reserve, in maintenance or given out already.
Sessions take one, two or four slots (the last over night); their experts come from a pool, live near
a centre, are ready to travel 60 to 180 minutes, and are drawn for several sessions that do not
collide. Each session bars its host and two more centres.

    size       centres  stations  sessions  seats
    centre          12        93        20    ~120
    day            140     1,500       100    ~630
    day_tight      140     1,500       100    ~630, 40 in 100 stations given out before
    week           140     1,500       500  ~3,200, three starts each in five days
    nation       4,340    46,500     3,000 ~19,000
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.seating.problem import (
    MILLI,
    Committee,
    Group,
    Limits,
    Place,
    Problem,
    Seat,
    Weights,
)
from evaluation.stations.slots import Part
from evaluation.stations.station import Equipment

DAY_ZERO = 739_000
"""Slots are counted from here; any day would do."""
SLOTS_A_DAY = 3
SIDE = 680
"""Minutes across a province."""
PREFECTURES = 16
MEMBERS = (5, 5, 5, 7, 7, 9)
LIMITS = Limits(
    travel_minutes=180,
    centre_free=1,
    centre_max=2,
    prefecture_share=3,
    prefecture_permille=1000,
    solve_seconds=600,
    gap_ppm=100,
)
WEIGHTS = Weights(
    second_member=25 * MILLI,
    same_prefecture=10 * MILLI,
    load=(4 * MILLI, 12 * MILLI, 30 * MILLI),
    unseated=5_000 * MILLI,
    amplitude=0,
    move=60 * MILLI,
)


@dataclass(frozen=True)
class Size:
    """How large a problem is. `background`: stations given out before, per cent."""

    provinces: int
    centres: int
    stations: int
    sessions: int
    days: int = 1
    background: int = 0
    starts: int = 1
    prefectures: int = PREFECTURES


SIZES = {
    "centre": Size(1, 12, 93, 20, prefectures=3),
    "day": Size(1, 140, 1_500, 100),
    "day_tight": Size(1, 140, 1_500, 100, background=40),
    "week": Size(1, 140, 1_500, 500, days=5, starts=3),
    "nation": Size(31, 140, 1_500, 97),
}


@dataclass(frozen=True)
class _Map:
    at: NDArray[np.float64]
    prefecture: NDArray[np.int64]
    main: NDArray[np.bool_]
    stations: NDArray[np.int64]


def problem(name: str, seed: int) -> Problem:
    """The problem of a size; the same for the same seed."""
    size = SIZES[name]
    dice = np.random.Generator(np.random.PCG64(seed))
    ground = _map(size, dice)
    slots = tuple(range(DAY_ZERO * 3, DAY_ZERO * 3 + SLOTS_A_DAY * (size.days + 1)))
    committees, seats = _sessions(size, dice, ground, slots)
    places = _places(ground, len(seats))
    return Problem(
        slots=slots,
        places=places,
        groups=_groups(size, dice, ground, slots),
        committees=committees,
        seats=seats,
        pinned=(),
        moved=(),
        weights=WEIGHTS,
        limits=LIMITS,
        seed=f"synthetic {name} {seed}".encode(),
    )


def _map(size: Size, dice: np.random.Generator) -> _Map:
    at, prefecture, main, stations = [], [], [], []
    side = int(np.ceil(np.sqrt(size.provinces)))
    for province in range(size.provinces):
        corner = SIDE * np.array([province % side, province // side])
        extent = SIDE if size.centres > 50 else SIDE / 4
        towns = dice.uniform(0.08, 0.92, (size.prefectures, 2)) * extent
        of = np.arange(size.centres) % size.prefectures
        is_main = np.arange(size.centres) < size.prefectures
        spread = dice.normal(0, extent / 12, (size.centres, 2)) * ~is_main[:, None]
        at.append(np.clip(towns[of] + spread, 0, extent) + corner)
        weight = np.where(is_main, 6.0, 1.0) * dice.uniform(0.6, 1.4, size.centres)
        share = np.maximum(3, np.floor(size.stations * weight / weight.sum()).astype(int))
        prefecture.append(of + province * size.prefectures)
        main.append(is_main)
        stations.append(share)
    return _Map(*(np.concatenate(part) for part in (at, prefecture, main, stations)))


def _places(ground: _Map, seats: int) -> tuple[Place, ...]:
    total = int(ground.stations.sum())
    return tuple(
        Place(
            centre_id=f"C{index:05d}",
            division=f"D{index:05d}",
            prefecture=f"P{int(ground.prefecture[index]):04d}",
            operator_uscc=f"O{index:05d}",
            overnight=bool(ground.main[index]) or index % 2 == 0,
            load=0,
            fair=-(-seats * int(ground.stations[index]) // total),
        )
        for index in range(len(ground.at))
    )


def _groups(
    size: Size, dice: np.random.Generator, ground: _Map, slots: tuple[int, ...]
) -> tuple[Group, ...]:
    groups = []
    for index, stations in enumerate(ground.stations.tolist()):
        cad, dual = (stations + 3) // 8, (stations + 2) // 4
        counts = (stations - cad - dual, dual, cad)
        overnight = bool(ground.main[index]) or index % 2 == 0
        for equipment, count in zip(Equipment, counts, strict=True):
            if not count:
                continue
            home = dice.binomial(count, 0.2 * dice.random(len(slots)))
            broken = dice.binomial(count, 0.03)
            given = dice.binomial(count, size.background / 100, len(slots))
            free = np.maximum(0, count - count // 20 - home - broken - given)
            free[dice.random(len(slots)) < 0.01] = 0  # closed for the half-day
            if not overnight:
                free[[slot % SLOTS_A_DAY == Part.NIGHT for slot in slots]] = 0
            groups.append(Group(f"C{index:05d}", equipment, tuple(free.tolist())))
    return tuple(groups)


def _sessions(
    size: Size, dice: np.random.Generator, ground: _Map, slots: tuple[int, ...]
) -> tuple[tuple[Committee, ...], tuple[Seat, ...]]:
    centres = len(ground.at)
    sessions = size.sessions * size.provinces if size.provinces > 1 else size.sessions
    pool = sessions * 20
    weight = np.where(ground.main, 4.0, 1.0)
    homes = dice.choice(centres, pool, p=weight / weight.sum())
    spot = ground.at[homes] + dice.normal(0, 12, (pool, 2))
    limit = dice.integers(60, 181, pool)
    needs = dice.choice(3, sessions, p=(0.6, 0.3, 0.1)) + 1
    employer = dice.integers(0, centres, pool)
    pools = [np.flatnonzero(homes // size.centres == n) for n in range(size.provinces)]
    held: dict[int, set[int]] = {}
    committees, seats = [], []
    for number in range(sessions):
        host = int(dice.integers(centres))
        members = MEMBERS[int(dice.integers(len(MEMBERS)))]
        stays = _stays(size, dice, slots)
        barred = dice.choice(centres, 2, replace=False).tolist()
        committees.append(
            Committee(
                session_id=f"S{number:05d}",
                members=members,
                host_centre_id=f"C{host:05d}",
                tenderer_uscc=f"O{host:05d}",
                tenderer_division="",
                forbidden=tuple(f"C{index:05d}" for index in sorted(barred)),
            )
        )
        own = pools[host // size.centres]
        chosen: list[int] = []
        for expert in dice.permutation(own).tolist():
            if held.get(expert, set()).isdisjoint(stays[0]):
                chosen.append(expert)
                held.setdefault(expert, set()).update(stays[0])
                if len(chosen) == members:
                    break
        for expert in sorted(chosen):
            seats.append(_seat(number, expert, stays, needs, limit, employer, spot, ground))
    return tuple(committees), tuple(seats)


def _seat(
    number: int,
    expert: int,
    stays: Any,
    needs: Any,
    limit: Any,
    employer: Any,
    spot: Any,
    ground: _Map,
) -> Seat:
    minutes = np.ceil(np.hypot(*(ground.at - spot[expert]).T)).astype(int) + 1
    near = np.flatnonzero(minutes <= LIMITS.travel_minutes)
    return Seat(
        session_id=f"S{number:05d}",
        expert_id=f"E{expert:06d}",
        stays=stays,
        needs=Equipment(int(needs[number])),
        overnight=False,
        employer_uscc=f"O{int(employer[expert]):05d}",
        near=tuple(near.tolist()),
        minutes=tuple(minutes[near].tolist()),
        reach=int(limit[expert]),
    )


def _stays(
    size: Size, dice: np.random.Generator, slots: tuple[int, ...]
) -> tuple[tuple[int, ...], ...]:
    """One, two or four slots from a morning, one from an afternoon too; later starts on other days."""
    length = (1, 1, 1, 2, 2, 4)[int(dice.integers(6))]
    parts = (Part.AM, Part.PM) if length == 1 else (Part.AM,)
    firsts = [slots[day * SLOTS_A_DAY + part] for day in range(size.days) for part in parts]
    begin = int(dice.integers(len(firsts)))
    window = firsts[begin : begin + size.starts] or firsts[-1:]
    return tuple(tuple(range(first, first + length)) for first in window)
