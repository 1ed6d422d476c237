"""Pictures: well-formed, escaped, named, without style attributes, and in the right places."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pages.svg.draw import element, fitted, picture, width_of
from api.pages.svg.gantt import COLUMN_PX_MIN, Bar, Row, gantt, lanes
from api.pages.svg.province import (
    HEIGHT_PX,
    RADIUS_MAX_PX,
    Load,
    projection,
    province_map,
    radius,
    short_name,
)
from api.pages.svg.spark import Mark, sparkline, strip
from trading.divisions import yunnan

SVG = "{http://www.w3.org/2000/svg}"
START = datetime(2026, 10, 21, 1, 0, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


def parsed(drawn: str) -> ElementTree.Element:
    root = ElementTree.fromstring(drawn)
    assert root.tag == f"{SVG}svg"
    assert root.get("aria-label")
    assert root.findtext(f"{SVG}title")
    assert "style" not in {name for each in root.iter() for name in each.attrib}
    return root


def classed(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [each for each in root.iter() if name in (each.get("class") or "").split()]


class TestDrawing:
    @given(TEXT)
    def test_nothing_gets_out_of_its_place(self, text: str) -> None:
        root = parsed(picture(f"t{text}", text, 1, 1, [element("text", text, class_=text)]))
        assert (root[2].text or "") == text
        assert root[2].get("class", "") == text

    def test_an_attribute_of_none_is_left_out(self) -> None:
        assert element("a", x=None, y=1.0, text_anchor="end") == '<a y="1" text-anchor="end"></a>'

    @given(TEXT, st.floats(0, 400))
    def test_a_fitted_text_fits(self, text: str, width: float) -> None:
        assert width_of(fitted(text, width)) <= max(width, 0)


class TestGantt:
    @given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=20))
    def test_bars_of_one_lane_never_overlap(self, spans: list[tuple[int, int]]) -> None:
        bars = [Bar(start, start + length, "") for start, length in spans]
        placed = lanes(bars)
        for lane in set(placed):
            taken = [b for b, own in zip(bars, placed, strict=True) if own == lane]
            slots = [slot for bar in taken for slot in range(bar.start, bar.stop)]
            assert len(slots) == len(set(slots))
        most = max((sum(b.start <= s < b.stop for b in bars) for s in range(20)), default=0)
        assert len(set(placed)) == most  # no more lanes than bars that stand at once

    def test_each_bar_at_its_slots_with_its_title(self) -> None:
        bars = (Bar(0, 2, "甲", "甲标段 <1>"), Bar(1, 3, "乙", state="night", href="/lots/1"))
        root = parsed(gantt("占用", "两条", ["a", "b", "c"], [Row("中心", bars, "2/9")]))
        first, second = classed(root, "bar")
        assert first.findtext(f"{SVG}title") == "甲标段 <1>"
        assert second.get("class") == "bar is-night"
        step = float(second.get("x", 0)) - float(first.get("x", 0))
        assert step >= COLUMN_PX_MIN
        assert float(first.get("width", 0)) == 2 * step - 2
        assert first.get("y") != second.get("y")
        assert root.get("role") == "group"  # it holds a link
        assert [a.get("href") for a in root.iter(f"{SVG}a")] == ["/lots/1"]

    def test_now_is_shown_where_it_is_and_not_where_it_is_not(self) -> None:
        assert classed(parsed(gantt("t", "", ["a"], [], Fraction(1, 2))), "now")
        assert not classed(parsed(gantt("t", "", ["a"], [], Fraction(3, 2))), "now")
        assert not classed(parsed(gantt("t", "", [], [])), "now")

    @pytest.mark.parametrize(
        "bar", [Bar(0, 4, ""), Bar(-1, 1, ""), Bar(2, 2, ""), Bar(0, 1, "", state="x")]
    )
    def test_a_bar_that_is_none_is_a_mistake(self, bar: Bar) -> None:
        with pytest.raises(ValueError, match="not a bar"):
            gantt("t", "", ["a", "b", "c"], [Row("r", (bar,))])


class TestMap:
    def test_every_division_within_the_picture(self) -> None:
        places = [place for place in yunnan().values() if place.level > 1]
        drawn, width = projection(places)
        for place in places:
            x, y = drawn.at(place)
            assert 0 < x < width
            assert 0 < y < HEIGHT_PX

    def test_north_is_up_and_east_is_right(self) -> None:
        places = yunnan()
        drawn, _ = projection([place for place in places.values() if place.level > 1])
        diqing, banna = drawn.at(places["533400"]), drawn.at(places["532800"])
        kunming, dehong = drawn.at(places["530100"]), drawn.at(places["533100"])
        assert diqing[1] < banna[1]
        assert dehong[0] < kunming[0]

    def test_circles_by_area_with_titles_and_names(self) -> None:
        assert radius(100, 100) == RADIUS_MAX_PX
        assert radius(25, 100) == RADIUS_MAX_PX / 2
        loads = [
            Load("532900", 9, "大理 9", "/x"),
            Load("530100", 0, "昆明 0"),
            Load("999999", 5, "?"),
        ]
        root = parsed(province_map("图", "", loads))
        titles = [each.findtext(f"{SVG}title") for each in root.iter(f"{SVG}circle")]
        assert {"大理 9", "昆明 0"} <= set(titles)
        assert "?" not in titles
        names = [each.text for each in root.iter(f"{SVG}text")]
        assert len(names) == 16
        assert {"大理", "西双版纳", "昆明"} <= set(names)

    def test_short_names_differ(self) -> None:
        names = [short_name(p.name) for p in yunnan().values() if p.level == 2]
        assert len(set(names)) == 16
        assert max(map(len, names)) == 4


class TestSmallOnes:
    @given(st.lists(st.integers(0, 10_000), max_size=40))
    def test_a_sparkline_stays_in_its_frame(self, values: list[int]) -> None:
        root = parsed(sparkline("t", "", values))
        for line in root.iter(f"{SVG}polyline"):
            for x, y in re.findall(r"([\d.]+),([\d.]+)", line.get("points", "")):
                assert 0 <= float(x) <= 120
                assert 0 <= float(y) <= 28

    def test_a_strip_leaves_out_what_lies_outside(self) -> None:
        marks = [Mark(START + timedelta(hours=h), "m", f"m{h}", h == 2) for h in (-1, 1, 2, 9)]
        root = parsed(strip("t", "", START, START + timedelta(hours=4), marks, START))
        assert [c.findtext(f"{SVG}title") for c in root.iter(f"{SVG}circle")] == ["m1", "m2"]
        assert len(classed(root, "is-late")) == 1
        with pytest.raises(ValueError, match="ends before"):
            strip("t", "", START, START, [])
