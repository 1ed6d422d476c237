"""Lists: what the query asks for is what stands there; what a file holds runs nowhere."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from api.pages.kit import listing as kit
from api.pages.kit.listing import (
    CODE,
    DANGEROUS,
    MOMENT,
    MONEY,
    NUMBER,
    PAGE_ROWS_MAX,
    Choice,
    Column,
    Listing,
    harmless,
    listing,
)
from archive.words import Language
from trading.money import Money

Row = dict[str, Any]
START = datetime(2026, 10, 21, 1, 0, tzinfo=UTC)
COLUMNS: tuple[Column[Row], ...] = (
    Column("name", "gallery.name", lambda row: row["name"]),
    Column("count", "gallery.count", lambda row: row["count"], NUMBER),
    Column("amount", "gallery.amount", lambda row: Money(row["count"] * 100), MONEY),
    Column("at", "gallery.at", lambda row: row.get("at"), MOMENT),
    Column("kind", "gallery.kind", lambda row: row.get("kind"), CODE, words="kind"),
)
KIND: Choice[Row] = Choice(
    "kind", "gallery.kind", lambda row: row.get("kind", ""), [("WORKS", "工程施工")]
)
ROWS: list[Row] = [
    {"name": "丙 road", "count": 2, "kind": "WORKS", "at": START},
    {"name": "甲 bridge", "count": 10, "kind": "GOODS"},
    {"name": "乙 ROAD", "count": 1, "kind": "WORKS"},
]


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "reader", lambda _request: Language.ZH)


def asked(
    query: str = "",
    rows: Sequence[Row] | None = None,
    *,
    path: str = "/x/list",
    around: str = "",
    **options: Any,
) -> Listing[Row]:
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": quote(query, safe="=&+%").encode(),
        "headers": [(b"host", b"h"), (b"hx-current-url", around.encode())],
    }
    given_rows = ROWS if rows is None else rows
    return listing(Request(cast("Any", scope)), COLUMNS, given_rows, choices=[KIND], **options)


def test_no_nul_reaches_a_database() -> None:
    assert asked("q=%00甲").state == asked("q=甲").state == {"q": "甲"}


def counts(table: Listing[Row]) -> list[int]:
    return [row["count"] for row in table.shown]


class TestOrder:
    def test_as_it_came_by_the_column_and_back(self) -> None:
        assert counts(asked()) == [2, 10, 1]
        assert counts(asked("sort=count")) == [1, 2, 10]
        assert counts(asked("sort=-amount")) == [10, 2, 1]
        assert counts(asked(sort="-count")) == [10, 2, 1]
        assert counts(asked("sort=count", sort="-count")) == [1, 2, 10]

    def test_what_has_no_value_comes_last_either_way(self) -> None:
        assert counts(asked("sort=at"))[0] == counts(asked("sort=-at"))[0] == 2

    def test_an_unknown_column_changes_nothing(self) -> None:
        assert counts(asked("sort=__class__")) == [2, 10, 1]

    def test_a_second_click_turns_the_order(self) -> None:
        by_count = COLUMNS[1]
        assert asked().order_href(by_count) == "/x/list?sort=count"
        assert asked("sort=count").order_href(by_count) == "/x/list?sort=-count"
        assert asked("sort=-count&page=3").order_href(by_count) == "/x/list?sort=count"


class TestInALivePart:
    """A fragment's list is that of the page around it."""

    def test_its_order_filter_and_links_are_those_of_the_page(self) -> None:
        table = asked(path="/fragments/list", around="http://h/x/list?sort=-count&kind=WORKS&day=1")
        assert counts(table) == [2, 1]
        assert table.path == "/x/list"
        assert parse_qs(urlsplit(table.href(page=2)).query)["day"] == ["1"]

    @pytest.mark.parametrize(
        "around", ["", "http://h//evil.example/x", "javascript:alert(1)", "http://h"]
    )
    def test_what_names_no_page_of_ours_is_passed_over(self, around: str) -> None:
        assert asked(path="/fragments/list", around=around).path == "/fragments/list"

    def test_a_page_believes_nobody(self) -> None:
        assert asked("sort=count", around="http://h/other?sort=-count").path == "/x/list"


class TestFilter:
    def test_every_word_somewhere_in_the_row_as_it_is_read(self) -> None:
        assert counts(asked("q=road")) == [2, 1]
        assert counts(asked("q=road+工程")) == [2, 1]
        assert counts(asked("q=road+¥1.00")) == [1]
        assert counts(asked("q=nothing")) == []

    def test_a_choice(self) -> None:
        assert counts(asked("kind=GOODS")) == [10]
        assert asked("kind=GOODS").is_filtered
        assert not asked("sort=count").is_filtered

    def test_links_carry_the_filter_and_the_rest_of_the_query(self) -> None:
        href = asked("q=road&day=2026-10-21&lang=en").href(page=2)
        query = parse_qs(urlsplit(href).query)
        assert query == {"q": ["road"], "day": ["2026-10-21"], "page": ["2"]}


class TestPages:
    MANY = tuple({"name": str(n), "count": n} for n in range(PAGE_ROWS_MAX * 2 + 1))

    def test_whole_pages_and_a_rest(self) -> None:
        table = asked("page=3", self.MANY)
        assert (table.pages, len(table.shown), table.first) == (3, 1, 2 * PAGE_ROWS_MAX + 1)

    @pytest.mark.parametrize("page", ["0", "-1", "x", "", "99999999999", "²", "1.5"])
    def test_a_page_that_is_none_is_the_first_or_the_last(self, page: str) -> None:
        assert asked(f"page={page}", self.MANY).page in (1, 3)

    def test_more_rows_than_a_list_may_have_are_cut_and_it_says_so(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kit, "ROWS_MAX", 60)
        table = asked("", self.MANY)
        assert table.is_cut
        assert table.total == 60
        assert not asked().is_cut

    def test_two_lists_of_one_page_do_not_disturb_each_other(self) -> None:
        first, second = asked("a.sort=count", name="a"), asked("a.sort=count", name="b")
        assert counts(first) == [1, 2, 10]
        assert counts(second) == [2, 10, 1]
        assert second.href(page=2) == "/x/list?a.sort=count&b.page=2"
        assert first.id != second.id

    @given(st.text(max_size=40), st.text(max_size=10), st.text(max_size=10))
    def test_no_query_makes_a_list_fail(self, words: str, sort: str, page: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kit, "reader", lambda _request: Language.EN)
            table = asked(urlencode({"q": words, "sort": sort, "page": page}))
        assert 1 <= table.page <= table.pages


class TestExport:
    def read(self, table: Listing[Row]) -> list[list[str]]:
        body = bytes(table.csv().body)
        assert body.startswith(b"\xef\xbb\xbf")  # without it office programs misread Chinese
        return list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))

    def test_all_rows_that_are_kept_in_order_as_programs_read_them(self) -> None:
        rows = [{"name": f"名{n}", "count": n, "at": START} for n in range(120)]
        read = self.read(asked("sort=-count&q=名1&page=2", rows))
        assert read[0] == ["名称", "数量", "金额", "时间", "类型"]
        assert read[1] == ["名119", "119", "119.00", "2026-10-21 09:00:00", ""]
        assert len(read) == 1 + 31

    def test_a_cell_that_would_run_as_a_formula_does_not(self) -> None:
        rows = [{"name": f'{sign}HYPERLINK("http://x","y")', "count": -5} for sign in DANGEROUS]
        for row in self.read(asked("", rows))[1:]:
            assert row[0].startswith("'")
            assert row[1] == "-5"  # a number is a number

    @given(st.text(max_size=30))
    def test_harmless_text_stays_as_it_is(self, cell: str) -> None:
        assert harmless(cell).removeprefix("'") == cell.removeprefix("'")
        assert not harmless(cell).startswith(DANGEROUS)

    def test_quotes_and_breaks_survive(self) -> None:
        name = '他说"好",\n再见'
        assert self.read(asked("", [{"name": name, "count": 1}]))[1][0] == name
