"""A Gantt chart: rows are centres or groups of stations, columns half-day slots, bars sessions.

Bars of one row that overlap stand below each other. Nothing is known here of what they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from markupsafe import Markup

from api.pages.svg.draw import element, fitted, picture

LABEL_PX, COLUMN_PX_MIN, WIDTH_PX, HEAD_PX, LANE_PX, PAD_PX = 224, 72, 1100, 28, 24, 4
STATES = ("", "done", "night", "late")


@dataclass(frozen=True)
class Bar:
    """Columns `start` up to `stop` (half-open). `title` is what is read out and shown on hovering;
    `state` one of `STATES`; `href` where it leads."""

    start: int
    stop: int
    text: str
    title: str = ""
    state: str = ""
    href: str = ""


@dataclass(frozen=True)
class Row:
    """`note` stands small beside the label, such as `12/93`."""

    label: str
    bars: Sequence[Bar]
    note: str = ""


def lanes(bars: Sequence[Bar]) -> list[int]:
    """The lane of each bar: the first in which it overlaps none before it, by start."""
    ends: list[int] = []
    found = [0] * len(bars)
    for index in sorted(range(len(bars)), key=lambda i: (bars[i].start, bars[i].stop, i)):
        bar = bars[index]
        lane = next((n for n, end in enumerate(ends) if end <= bar.start), len(ends))
        ends[lane : lane + 1] = [bar.stop]
        found[index] = lane
    return found


def gantt(
    title: str,
    desc: str,
    columns: Sequence[str],
    rows: Sequence[Row],
    now: Fraction | None = None,
) -> Markup:
    """The chart. `columns` are the slots' names; `now` is in columns from the left, if it is shown.
    ValueError for a bar outside the columns."""
    column = max(COLUMN_PX_MIN, (WIDTH_PX - LABEL_PX) // max(1, len(columns)))
    width = LABEL_PX + column * len(columns)
    parts: list[Markup] = []
    bars: list[Markup] = []
    for index, name in enumerate(columns):
        middle = LABEL_PX + column * index + column / 2
        shown = fitted(name, column - PAD_PX)
        parts.append(element("text", shown, x=middle, y=18, text_anchor="middle", class_="quiet"))
    top = HEAD_PX
    for row in rows:
        placed = lanes(row.bars)
        height = LANE_PX * (max(placed, default=0) + 1) + 2 * PAD_PX
        parts.append(_line(0, top, width, top))
        parts += _label(row, top)
        for bar, lane in zip(row.bars, placed, strict=True):
            if not 0 <= bar.start < bar.stop <= len(columns) or bar.state not in STATES:
                raise ValueError(f"not a bar of this chart: {bar}")
            bars.append(_bar(bar, column, top + PAD_PX + LANE_PX * lane))
        top += height
    for index in range(len(columns) + 1):
        x = LABEL_PX + column * index
        parts.append(_line(x, HEAD_PX, x, top))
    parts += bars  # above the lines
    if now is not None and 0 <= now <= len(columns):
        at = LABEL_PX + float(now) * column
        parts.append(element("line", x1=at, y1=HEAD_PX - 6, x2=at, y2=top, class_="now"))
    links = any(bar.href for row in rows for bar in row.bars)
    return picture(title, desc, width + 1, top + 1, parts, holds_links=links)


def _label(row: Row, top: int) -> list[Markup]:
    baseline = top + PAD_PX + 16
    room = LABEL_PX - 12 - (48 if row.note else 0)
    found = [element("text", element("title", row.label), fitted(row.label, room), x=0, y=baseline)]
    if row.note:
        note = element(
            "text", row.note, x=LABEL_PX - 8, y=baseline, text_anchor="end", class_="quiet"
        )
        found.append(note)
    return found


def _bar(bar: Bar, column: int, y: int) -> Markup:
    x, width = LABEL_PX + column * bar.start + 1, column * (bar.stop - bar.start) - 2
    shape = element(
        "rect",
        element("title", bar.title or bar.text),
        x=x,
        y=y + 1,
        width=width,
        height=LANE_PX - 3,
        rx=3,
        class_=f"bar is-{bar.state}" if bar.state else "bar",
    )
    text = element("text", fitted(bar.text, width - 10), x=x + 5, y=y + 16, class_="bar-text")
    if not bar.href:
        return element("g", shape, text)
    return element("a", shape, text, href=bar.href, aria_label=bar.title or bar.text)


def _line(x1: int, y1: int, x2: int, y2: int) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="rule")
