"""Small pictures for a line of text: a sparkline of counts, and a strip of moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from api.pages.svg.draw import element, fitted, picture, width_of


def sparkline(
    title: str, desc: str, values: Sequence[int], width: int = 120, height: int = 28
) -> Markup:
    """Counts from left to right, from zero up. Without values an empty picture."""
    most = max(values, default=0) or 1
    step = (width - 4) / max(1, len(values) - 1)
    points = [
        (2 + step * index, height - 2 - (height - 4) * value / most)
        for index, value in enumerate(values)
    ]
    if len(points) == 1:
        points.append((float(width - 2), points[0][1]))
    parts: list[Markup] = []
    if points:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        floor = f"{points[-1][0]:.1f},{height - 2} {points[0][0]:.1f},{height - 2}"
        parts.append(element("polygon", points=f"{line} {floor}", class_="area"))
        parts.append(element("polyline", points=line, class_="line"))
    return picture(title, desc, width, height, parts)


@dataclass(frozen=True)
class Mark:
    """One moment: `text` beneath it where there is room, `title` in full."""

    at: datetime
    text: str
    title: str
    is_alarm: bool = False


def strip(
    title: str,
    desc: str,
    start: datetime,
    stop: datetime,
    marks: Sequence[Mark],
    now: datetime | None = None,
    width: int = 1100,
) -> Markup:
    """Moments on a line from `start` to `stop`; what lies outside is left out."""
    length = (stop - start).total_seconds()
    if length <= 0:
        raise ValueError("the strip ends before it begins")

    def place(at: datetime) -> float:
        return 8 + (width - 16) * (at - start).total_seconds() / length

    parts = [element("line", x1=8, y1=16, x2=width - 8, y2=16, class_="rule")]
    free_from = 0.0
    for mark in sorted(marks, key=lambda mark: mark.at):
        if not start <= mark.at <= stop:
            continue
        x = place(mark.at)
        state = "bar is-late" if mark.is_alarm else "bar"
        parts.append(
            element("circle", element("title", mark.title), cx=x, cy=16, r=6, class_=state)
        )
        text = fitted(mark.text, width - x)
        if x >= free_from and text:
            parts.append(element("text", text, x=x - 5, y=38))
            free_from = x + width_of(text) + 8
    if now is not None and start <= now <= stop:
        parts.append(element("line", x1=place(now), y1=4, x2=place(now), y2=28, class_="now"))
    return picture(title, desc, width, 44, parts)
