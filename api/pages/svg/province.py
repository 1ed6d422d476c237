"""The province as points: every division a small dot, every centre with work a circle by its load.

The points are those of `trading.divisions` (seats of government); there are no borders, because the
reference data have none, and a wrong border is worse than none. Instead a thin line joins every county
to the seat of its prefecture, so that one sees what belongs together. Prefectures bear their names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians, sqrt

from markupsafe import Markup

from api.pages.svg.draw import element, picture
from trading.divisions import Division, yunnan

HEIGHT_PX, EDGE_PX, RADIUS_MIN_PX, RADIUS_MAX_PX = 560, 40, 4.0, 26.0
PREFECTURE = 2
_LONG = re.compile(r"(?:(?:哈尼|彝|壮|苗|白|傣|景颇|傈僳|藏)族)*(?:自治州|市)$")


@dataclass(frozen=True)
class Load:
    """What a circle shows: `count` by its area, `title` in words; at a division of the province."""

    division_code: str
    count: int
    title: str
    href: str = ""


@dataclass(frozen=True)
class Projection:
    """Equirectangular at the middle latitude: at this size nobody sees the difference."""

    west: float
    north: float
    scale: float
    squeeze: float

    def at(self, place: Division) -> tuple[float, float]:
        x = (place.lon - self.west) * self.squeeze * self.scale + EDGE_PX
        return round(x, 1), round((self.north - place.lat) * self.scale + EDGE_PX, 1)


def projection(places: Sequence[Division], height: int = HEIGHT_PX) -> tuple[Projection, float]:
    """The projection in which these places fill the height, and the width they need."""
    lats, lons = [p.lat for p in places], [p.lon for p in places]
    squeeze = cos(radians((max(lats) + min(lats)) / 2))
    scale = (height - 2 * EDGE_PX) / ((max(lats) - min(lats)) or 1)
    width = (max(lons) - min(lons)) * squeeze * scale + 2 * EDGE_PX
    return Projection(min(lons), max(lats), scale, squeeze), round(width, 1)


def short_name(name: str) -> str:
    """`大理白族自治州` → `大理`: what people say, and what fits."""
    return _LONG.sub("", name) or name


def radius(count: int, most: int) -> float:
    """By area, so that twice the load is twice the ink."""
    if count <= 0 or most <= 0:
        return RADIUS_MIN_PX
    return round(max(RADIUS_MIN_PX, RADIUS_MAX_PX * sqrt(min(1, count / most))), 1)


def _spokes(places: Sequence[Division], drawn: Projection) -> list[Markup]:
    """From each county to the seat of its prefecture."""
    seats = {place.code: drawn.at(place) for place in places if place.level == PREFECTURE}
    found = []
    for place in places:
        seat = seats.get(place.prefecture_code)
        if seat is not None and place.level > PREFECTURE:
            (x1, y1), (x2, y2) = drawn.at(place), seat
            found.append(element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="rule"))
    return found


def province_map(
    title: str,
    desc: str,
    loads: Sequence[Load],
    divisions: Mapping[str, Division] | None = None,
) -> Markup:
    """The map. Loads of unknown divisions are left out; largest circles lie lowest."""
    known = yunnan() if divisions is None else divisions
    places = [place for place in known.values() if place.level > 1]
    drawn, width = projection(places)
    parts = _spokes(places, drawn)
    parts += [
        element("circle", cx=x, cy=y, r=1.5, class_="circle is-empty")
        for x, y in (drawn.at(place) for place in places)
    ]
    shown = [load for load in loads if load.division_code in known]
    most = max((load.count for load in shown), default=0)
    for load in sorted(shown, key=lambda load: (-load.count, load.division_code)):
        x, y = drawn.at(known[load.division_code])
        empty = "" if load.count else " is-empty"
        circle = element(
            "circle",
            element("title", load.title),
            cx=x,
            cy=y,
            r=radius(load.count, most),
            class_=f"circle{empty}",
        )
        parts.append(
            element("a", circle, href=load.href, aria_label=load.title) if load.href else circle
        )
    by_code = {load.division_code: radius(load.count, most) for load in shown}
    for place in places:
        if place.level == PREFECTURE:
            x, y = drawn.at(place)
            below = y + by_code.get(place.code, 0.0) + 13
            name = short_name(place.name)
            parts.append(element("text", name, x=x, y=below, text_anchor="middle"))
    links = any(load.href for load in shown)
    return picture(title, desc, width, float(HEIGHT_PX), parts, holds_links=links)
