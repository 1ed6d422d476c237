"""Synthetic entries of the shared directory: for demos and tests only. Fees, meals and lodging are
invented, and so are the venues of other provinces and their agreement."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from evaluation.stations.opening import Opening, read_opening
from evaluation.stations.station import Equipment, Room
from evaluation.stations.station import Venue as Installed
from evaluation.venues.venue import Coverage, Venue, Zone
from trading.money import Money

DAYS, DAYS_AND_NIGHTS = "1-7:AM PM", "1-7:AM PM NIGHT"
ELSEWHERE = (
    ("450000-1", "451002", 106.62, 23.90),
    ("510000-1", "510411", 101.72, 26.58),
    ("520000-1", "520201", 104.83, 26.59),
)
"""Invented venues across the border: id, division, and where it lies."""
AGREEMENT_DAYS = 365
STATIONS_ABROAD = 12


def directory(
    seed: bytes, installed: Sequence[Installed], names: Mapping[str, str], today: date
) -> tuple[Venue, ...]:
    """An entry for each venue of the province, and a few of others under an agreement that began a
    month before `today`."""
    own = [
        _venue(
            seed, venue.centre_id, names[venue.centre_id], "53", venue.overnight,
            sum(room.stations for room in venue.rooms),
        )
        for venue in installed
    ]  # fmt: skip
    begins = today - timedelta(days=30)
    others = [
        _venue(
            seed, venue_id, f"示例外省中心{n}", division[:2], True, STATIONS_ABROAD,
            agreement="示例跨省远程异地评标合作协议",
            first=begins, last=begins + timedelta(days=AGREEMENT_DAYS - 1),
            division=division, lon=lon, lat=lat,
        )
        for n, (venue_id, division, lon, lat) in enumerate(ELSEWHERE, start=1)
    ]  # fmt: skip
    return (*own, *others)


def rooms_abroad() -> tuple[Installed, ...]:
    """The stations that the invented venues of other provinces offer."""
    rooms = tuple(
        Room(name, equipment, STATIONS_ABROAD // len(Equipment))
        for name, equipment in zip("UVW", Equipment, strict=True)
    )
    return tuple(Installed(venue_id, True, rooms) for venue_id, *_ in ELSEWHERE)


def _venue(
    seed: bytes,
    venue_id: str,
    name: str,
    province: str,
    overnight: bool,
    stations: int,
    *,
    agreement: str = "",
    first: date | None = None,
    last: date | None = None,
    division: str = "",
    lon: float = 0.0,
    lat: float = 0.0,
) -> Venue:
    dice = hashlib.sha256(b"bigloop synthetic venues\0" + seed + venue_id.encode()).digest()
    zones = frozenset(zone for zone, byte in zip(Zone, dice[1:], strict=False) if byte > 20)
    opening: Opening = read_opening(DAYS_AND_NIGHTS if overnight else DAYS)
    return Venue(
        id=venue_id,
        name=name,
        province=province,
        stations=stations,
        opening=opening,
        overnight=overnight,
        fee=Money.yuan(60 + 10 * (dice[0] % 7)),
        meals="示例食堂,每餐30元",
        lodging="示例宾馆,每晚200元" if overnight else "",
        way="示例路1号,凭评标通知入场",
        zones=zones,
        coverages=frozenset(Coverage),
        agreement=agreement,
        agreement_from=first,
        agreement_until=last,
        division=division,
        lon=lon,
        lat=lat,
    )
