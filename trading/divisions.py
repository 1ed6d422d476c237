"""The administrative divisions of Yunnan (GB/T 2260 codes), with a point for each.

Levels: 1 province, 2 prefecture (州市), 3 county (县市区). Distances are great circles between
the points, which lie at or near the seats of government; they are not distances by road, and in
these mountains the road is often twice as long.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import asin, cos, radians, sin, sqrt
from types import MappingProxyType
from typing import Protocol

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""


class Place(Protocol):
    """Anything with a point: a division, a centre, an expert's home."""

    @property
    def lon(self) -> float: ...

    @property
    def lat(self) -> float: ...


@dataclass(frozen=True)
class Division:
    """`prefecture_code` is the division's own code for a prefecture, empty for the province;
    `lon`, `lat` in degrees (GCJ-02 or WGS-84 by source: good to about a kilometre)."""

    code: str
    name: str
    level: int
    prefecture_code: str
    lon: float
    lat: float


@cache
def yunnan() -> Mapping[str, Division]:
    """The province, its 16 prefectures and 129 counties by code, in order of code."""
    text = (resources.files("trading.reference") / "yunnan_divisions.csv").read_text("utf-8")
    found = {
        row["code"]: Division(
            row["code"],
            row["name"],
            int(row["level"]),
            row["prefecture_code"],
            float(row["lon"]),
            float(row["lat"]),
        )
        for row in csv.DictReader(text.splitlines())
    }
    return MappingProxyType(dict(sorted(found.items())))


def kilometres(a: Place, b: Place) -> float:
    """Great-circle distance (haversine) in kilometres. For rules and costs take
    `whole_kilometres`: the last bits of a float depend on the machine."""
    lat_a, lat_b = radians(a.lat), radians(b.lat)
    half = sin((lat_b - lat_a) / 2) ** 2
    half += cos(lat_a) * cos(lat_b) * sin(radians(b.lon - a.lon) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half)))


def whole_kilometres(a: Place, b: Place) -> int:
    """The same, to the nearest kilometre."""
    return round(kilometres(a, b))
