"""A venue as the shared directory shows it (评标场所工位共享目录, 发改办法规〔2025〕807号 三): when it
is open, what half a day costs, meals and lodging, how to get there, and how far it meets the standard
of the province's centres (五大功能区、三个全覆盖).

What the five zones and the three coverages are called is not published in a text that could be read;
the names here are a proposal and stand in the words of both languages, so that a centre may say
otherwise without a change here.

A venue of another province is in the directory while an agreement (协议) is in force. Opening hours
are by weekday and part of the day; a station is given out in no slot in which its venue is closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from archive.errors import Faults
from evaluation.stations.opening import Opening
from evaluation.stations.slots import Part
from trading.money import Money
from trading.spreadsheet import FORMULA

TEXT_LENGTH_MAX = 200
DIVISION_DIGITS = 6
EAST, NORTH = (73, 136), (3, 54)
"""Degrees between which the country lies."""
FEE_FEN_MAX = 1_000_000
_AREAS = {1: 5, 2: 3, 3: 7, 4: 6, 5: 4, 6: 5}
PROVINCE_CODES = frozenset(
    f"{area}{number}" for area, last in _AREAS.items() for number in range(1, last + 1)
) | {"50"}
"""The first two digits of the mainland's division codes (GB/T 2260)."""


class Zone(StrEnum):
    """The five functional zones (五大功能区); names proposed."""

    SERVICE = "SERVICE"  # 综合服务区
    OPENING = "OPENING"  # 开标区
    EVALUATION = "EVALUATION"  # 评标区
    SUPERVISION = "SUPERVISION"  # 监督区
    WAITING = "WAITING"  # 等候休息区


class Coverage(StrEnum):
    """The three full coverages (三个全覆盖); names proposed."""

    VIDEO = "VIDEO"  # 音视频监控
    ACCESS = "ACCESS"  # 门禁
    ISOLATION = "ISOLATION"  # 网络与通讯隔离


@dataclass(frozen=True)
class Venue:
    """An entry of the directory. `province`: two digits of its code. `stations`: how many it offers;
    which are given out is told by those installed. `fee`: half a day of one seat. For one outside the
    own province, whose register of centres does not know it: `agreement_from`, `agreement_until` (the
    last day), its `division` (GB/T 2260), and where it lies (`lon`, `lat` in degrees)."""

    id: str
    name: str
    province: str
    stations: int
    opening: Opening
    overnight: bool
    fee: Money
    meals: str
    lodging: str
    way: str
    zones: frozenset[Zone]
    coverages: frozenset[Coverage]
    agreement: str = ""
    agreement_from: date | None = None
    agreement_until: date | None = None
    division: str = ""
    lon: float = 0.0
    lat: float = 0.0

    def is_offered(self, on: date, own_province: str) -> bool:
        """Whether its seats may be asked for on a day."""
        if self.province == own_province:
            return True
        return (
            self.agreement_from is not None
            and self.agreement_until is not None
            and self.agreement_from <= on <= self.agreement_until
        )

    @property
    def missing(self) -> tuple[StrEnum, ...]:
        """What the standard asks for and the venue has not."""
        zones = [zone for zone in Zone if zone not in self.zones]
        return (*zones, *(each for each in Coverage if each not in self.coverages))

    @property
    def meets_standard(self) -> bool:
        return not self.missing


def check(venue: Venue, own_province: str, faults: Faults, pointer: str = "") -> None:
    """Add every fault of an entry."""
    if not venue.id or len(venue.id) > 40 or not venue.id.replace("-", "").isalnum():
        faults.add(f"{pointer}/id", "evaluation.venue.id")
    if not 0 < len(venue.name) <= TEXT_LENGTH_MAX:
        faults.add(f"{pointer}/name", "evaluation.venue.text", length_max=TEXT_LENGTH_MAX)
    if venue.province not in PROVINCE_CODES:
        faults.add(f"{pointer}/province", "evaluation.venue.province", province=venue.province)
    if not 0 <= venue.stations <= 999:
        faults.add(f"{pointer}/stations", "evaluation.venue.stations", stations=venue.stations)
    if not 0 <= venue.fee.fen <= FEE_FEN_MAX:
        faults.add(f"{pointer}/fee", "evaluation.venue.fee", fen_max=FEE_FEN_MAX)
    for name in ("meals", "lodging", "way"):
        if len(getattr(venue, name)) > TEXT_LENGTH_MAX:
            faults.add(f"{pointer}/{name}", "evaluation.venue.text", length_max=TEXT_LENGTH_MAX)
    for name in ("name", "meals", "lodging", "way", "agreement"):
        if getattr(venue, name).startswith(FORMULA):
            faults.add(f"{pointer}/{name}", "trading.table.formula")
    if not any(venue.opening.parts):
        faults.add(f"{pointer}/opening", "evaluation.venue.never_open")
    if venue.overnight and not any(Part.NIGHT in parts for parts in venue.opening.parts):
        faults.add(f"{pointer}/opening", "evaluation.venue.night_closed")
    _check_agreement(venue, own_province, faults, pointer)


def _check_agreement(venue: Venue, own_province: str, faults: Faults, pointer: str) -> None:
    first, last = venue.agreement_from, venue.agreement_until
    if venue.province == own_province:
        if venue.agreement or first or last or venue.division:
            faults.add(f"{pointer}/agreement", "evaluation.venue.agreement_here")
        return
    if not 0 < len(venue.agreement) <= TEXT_LENGTH_MAX or first is None or last is None:
        faults.add(f"{pointer}/agreement", "evaluation.venue.agreement_needed")
    elif first > last:
        faults.add(f"{pointer}/agreement_until", "evaluation.venue.agreement_order")
    division = venue.division
    is_code = division.isascii() and division.isdigit() and len(division) == DIVISION_DIGITS
    if not is_code or not division.startswith(venue.province):
        faults.add(f"{pointer}/division", "evaluation.venue.division", province=venue.province)
    if not (EAST[0] <= venue.lon <= EAST[1] and NORTH[0] <= venue.lat <= NORTH[1]):
        faults.add(f"{pointer}/lon", "evaluation.venue.point")


def offered(venues: Iterable[Venue], on: date, own_province: str) -> list[Venue]:
    """The entries whose seats may be asked for on a day, those of the own province first."""
    found = [venue for venue in venues if venue.is_offered(on, own_province)]
    return sorted(found, key=lambda venue: (venue.province != own_province, venue.id))
