"""Synthetic stations and requests for seats: for demos, tests and benchmarks only.

About 1,200 stations over the centres of a province, larger in the prefectures' own centres; the
centres of Dali (5329…) have exactly 93 between them, as its annual report says. Everything follows
from the seed and the centres alone. No figure but the 93 is taken from life.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

from evaluation.seating.problem import SeatRequest
from evaluation.stations.slots import Part, holds_night, slot_of, stay
from evaluation.stations.station import Equipment, Room, Venue
from trading.parties.party import Centre

PROVINCE_STATIONS = 1_200
PROVINCE_CENTRES = 141
DALI = "5329"
DALI_STATIONS = 93
CENTRE_STATIONS_MIN = 3
ROOM_STATIONS = 12
POINT = 1_000_000
"""Degrees are drawn in millionths."""


def venues(
    seed: bytes, centres: Sequence[Centre], stations: int | None = None
) -> tuple[Venue, ...]:
    """The stations of `centres`, in the order of their ids. `stations`: how many outside Dali and
    Dali together; by default 1,200 for 141 centres and in proportion for fewer."""
    ordered = sorted(centres, key=lambda centre: centre.id)
    total = stations or PROVINCE_STATIONS * len(ordered) // PROVINCE_CENTRES
    dali = [centre for centre in ordered if centre.id.startswith(DALI)]
    others = [centre for centre in ordered if not centre.id.startswith(DALI)]
    sizes = _share_out(seed, dali, DALI_STATIONS)
    sizes |= _share_out(seed, others, total - (DALI_STATIONS if dali else 0))
    return tuple(_venue(seed, centre, sizes[centre.id]) for centre in ordered)


def _share_out(seed: bytes, centres: Sequence[Centre], total: int) -> dict[str, int]:
    """`total` stations by weight: everybody the least number, the rest by largest remainder."""
    if not centres:
        return {}
    spare = max(0, total - CENTRE_STATIONS_MIN * len(centres))
    weights = {
        centre.id: (180 if _is_prefecture(centre) else 25) + _number(seed, "size", centre.id) % 30
        for centre in centres
    }
    whole = sum(weights.values())
    sizes = {key: CENTRE_STATIONS_MIN + spare * weight // whole for key, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda key: (-(spare * weights[key] % whole), key))
    for key in by_remainder[: max(0, total - sum(sizes.values()))]:
        sizes[key] += 1
    return sizes


def _venue(seed: bytes, centre: Centre, stations: int) -> Venue:
    counts = {
        Equipment.CAD: stations // 6,
        Equipment.DUAL: stations // 3,
    }
    counts[Equipment.BASIC] = stations - sum(counts.values())
    rooms: list[Room] = []
    for equipment in Equipment:
        left = counts[equipment]
        while left > 0:
            size = min(left, ROOM_STATIONS)
            rooms.append(Room(f"评{len(rooms) + 1}", equipment, size))
            left -= size
    overnight = _is_prefecture(centre) or _number(seed, "night", centre.id) % 4 == 0
    return Venue(centre.id, overnight, tuple(rooms))


def seat_requests(
    seed: bytes, centres: Sequence[Centre], day: date, sessions: int
) -> tuple[SeatRequest, ...]:
    """The seats of one day: committees of 5, 7 or 9 experts from all over the province, half of
    them from the prefectures' seats; about one session in seven stays over night."""
    ordered = sorted(centres, key=lambda centre: centre.id)
    towns = [centre for centre in ordered if _is_prefecture(centre)] or ordered
    requests: list[SeatRequest] = []
    for number in range(sessions):
        session = f"S{number:04d}"
        host = ordered[_number(seed, "host", session) % len(ordered)]
        members = (5, 5, 5, 7, 7, 9)[_number(seed, "members", session) % 6]
        slots = _slots(seed, session, day)
        needs = _needs(seed, session)
        for member in range(members):
            who = f"{session}-{member}"
            pool = towns if _number(seed, "town", who) % 2 else ordered
            home = pool[_number(seed, "home", who) % len(pool)]
            employer = pool[_number(seed, "employer", who) % len(pool)]
            requests.append(
                SeatRequest(
                    session_id=session,
                    expert_id=f"E{number:04d}{member}",
                    lon=home.lon + _offset(seed, "lon", who),
                    lat=home.lat + _offset(seed, "lat", who),
                    employer_uscc=employer.operator_uscc,
                    slots=slots,
                    members=members,
                    host_centre_id=host.id,
                    tenderer_uscc=host.operator_uscc,
                    tenderer_division=host.division_code,
                    needs=needs,
                    overnight=holds_night(slots),
                )
            )
    return tuple(requests)


def _slots(seed: bytes, session: str, day: date) -> tuple[int, ...]:
    kind = _number(seed, "slots", session) % 7
    if kind == 0:
        return stay(slot_of(day, Part.AM), 3)
    if kind < 4:
        return stay(slot_of(day, Part.AM), 2)
    return (slot_of(day, Part.AM if kind < 6 else Part.PM),)


def _needs(seed: bytes, session: str) -> Equipment:
    kind = _number(seed, "needs", session) % 10
    return Equipment.CAD if kind == 0 else Equipment.DUAL if kind < 4 else Equipment.BASIC


def _is_prefecture(centre: Centre) -> bool:
    return centre.division_code.endswith("00")


def _offset(seed: bytes, label: str, key: str) -> float:
    """Up to 0.15 degrees either way."""
    return (_number(seed, label, key) % (300_001) - 150_000) / POINT


def _number(seed: bytes, label: str, key: str) -> int:
    text = b"\0".join((b"bigloop synthetic stations", seed, label.encode(), key.encode()))
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
