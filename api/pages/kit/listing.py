"""Lists: sorted by column, filtered by text and choices, paged, exported; all of it in the query.

    COLUMNS = (
        Column("name", "lots.name", lambda row: row.name),
        Column("opening", "lots.opening", lambda row: row.opening_at, MOMENT),
    )
    table = listing(request, COLUMNS, rows, choices=(Choice("stage", "lots.stage", …),))
    return table.answer(request, "centre/lots.html", actor)

`?q=…` keeps the rows in which the text of some column has every word, `?<choice>=…` those with that
value, `?sort=name` or `?sort=-name` orders, `?page=2` turns over, `?format=csv` gives every row that
the filters keep as a file. Without scripts the links and the form work by themselves; with them htmx
puts the list in its place (`kit/list.html`).

A list inside a live part is read again by its fragment's route, and stays the list of the page around
it: order, filters and links are those of the page, which htmx names with each request.

Rows are held in memory: a list is for what a person may look through, `ROWS_MAX` at the most. Where
there are more, `paged` lets the database filter, order and count, and reads one page of rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Generic, TypeAlias, TypeVar, overload
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from api.pages.around import page_around
from api.pages.kit import text
from api.pages.kit.page import reader, show
from archive.actor import Actor
from archive.clock import SHANGHAI
from archive.words import Language, say
from trading.money import Money

PAGE_ROWS_MAX = 50
ROWS_MAX = 20_000
FILTER_CHARACTERS_MAX = 100
PAGE_MAX = 100_000
WORDS_MAX = 4096

TEXT, NUMBER, MONEY, DAY, MOMENT, CODE = "text", "number", "money", "day", "moment", "code"
"""How a column's value reads. CODE: a code whose word is `api.page.<words>.<value>`."""
KINDS = (TEXT, NUMBER, MONEY, DAY, MOMENT, CODE)
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""With these a cell begins that an office program would run as a formula; the wide ones too."""

Row = TypeVar("Row")
Value: TypeAlias = str | int | Money | date | datetime | None


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column. `label` is a code below `api.page.`; `value` gives what is sorted, filtered and
    exported; `words` the group of a CODE's words (`stage`); `href` where the cell leads."""

    key: str
    label: str
    value: Callable[[Row], Value]
    kind: str = TEXT
    words: str = ""
    href: Callable[[Row], str] | None = None
    is_sorted: bool = True
    part: Callable[[Row], str] | None = None
    """A fragment that takes the place of the value once its row comes into sight: what is too dear to
    be worked out for every row."""

    @property
    def is_number(self) -> bool:
        return self.kind in (NUMBER, MONEY)

    def read(self, row: Row, language: Language) -> str:
        """The cell as it is read."""
        value = self.value(row)
        if value is None or value == "":
            return text.DASH
        if self.kind == CODE:
            return _word(f"{text.page_code(self.words)}.{value}", language)
        if isinstance(value, Money):
            return text.money(value)
        if isinstance(value, datetime):
            return text.moment(value)
        if isinstance(value, date):
            return text.day(value, language)
        return str(value)

    def export(self, row: Row, language: Language) -> str:
        """The cell as a program reads it: amounts in yuan, moments in Beijing time."""
        value = self.value(row)
        if value is None or value == "":
            return ""
        if isinstance(value, str):  # first: most cells of a long list are
            return harmless(value if self.kind != CODE else self.read(row, language))
        if isinstance(value, Money):
            return value.in_yuan()
        if isinstance(value, datetime):
            return f"{value.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
        if isinstance(value, date):
            return value.isoformat()
        return str(value)


@dataclass(frozen=True)
class Choice(Generic[Row]):
    """A filter by one value of several: `?<key>=<value>`. `options` are (value, word shown)."""

    key: str
    label: str
    value: Callable[[Row], str]
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """One page of a list, with what its template needs for links."""

    columns: Sequence[Column[Row]]
    choices: Sequence[Choice[Row]]
    shown: Sequence[Row]
    kept: Sequence[Row]
    """All rows that the filters keep, in order."""
    total: int
    is_cut: bool
    page: int
    pages: int
    page_rows: int
    state: Mapping[str, str]
    """What the query says of the list, without what is as it is by itself."""
    path: str
    name: str
    language: Language
    other: Sequence[tuple[str, str]] = field(default=())
    """The rest of the query, which links and the form carry on."""

    @property
    def id(self) -> str:
        """The id of the list's element on the page."""
        return f"list-{self.name or 'rows'}"

    @property
    def is_filtered(self) -> bool:
        return any(self.state.get(key) for key in ("q", *(c.key for c in self.choices)))

    @property
    def sorted_by(self) -> str:
        return self.state.get("sort", "").removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.state.get("sort", "").startswith("-")

    def parameter(self, key: str) -> str:
        """The name of a key in the query."""
        return f"{self.name}.{key}" if self.name else key

    def href(self, **changes: str | int) -> str:
        """This list with something changed; another order or filter begins on page one."""
        state = dict(self.state)
        if "page" not in changes:
            state.pop("page", None)
        state |= {key: str(value) for key, value in changes.items()}
        query = [*self.other, *((self.parameter(k), v) for k, v in state.items() if v)]
        return f"{self.path}?{urlencode(query)}" if query else self.path

    def order_href(self, column: Column[Row]) -> str:
        """Sorted by this column; the other way round where it already is."""
        turned = self.sorted_by == column.key and not self.is_descending
        return self.href(sort=f"-{column.key}" if turned else column.key)

    def csv_href(self) -> str:
        return self.href(format="csv")

    @property
    def first(self) -> int:
        """The number of the first row shown, from 1."""
        return (self.page - 1) * self.page_rows + 1

    def csv(self) -> Response:
        """Every row that is kept, as office programs read it: UTF-8 with its mark, CRLF."""
        out = io.StringIO()
        writer = csv.writer(out)
        columns = [column for column in self.columns if column.part is None]
        writer.writerow([harmless(self._label(column.label)) for column in columns])
        language = self.language
        writer.writerows(
            [column.export(row, language) for column in columns] for row in self.kept[:]
        )
        name = (self.path.strip("/").replace("/", "-") or "list") + ".csv"
        return Response(
            out.getvalue().encode("utf-8-sig"),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def answer(
        self, request: Request, template: str, actor: Actor | None, **context: Any
    ) -> Response:
        """The page with this list as `table`; or the file, where the query asks for it."""
        if self.state.get("format") == "csv":
            return self.csv()
        return show(request, template, actor, table=self, **context)

    def _label(self, code: str) -> str:
        return say(text.page_code(code), {}, self.language)


@lru_cache(WORDS_MAX)
def _word(code: str, language: Language) -> str:
    """What a code of a column is called; a list of 20,000 asks for the same few again and again."""
    return say(code, {}, language)


def harmless(cell: str) -> str:
    """The text of a cell, with an apostrophe before what a program would take for a formula."""
    return f"'{cell}" if cell.startswith(DANGEROUS) else cell


@dataclass(frozen=True)
class Wanted:
    """What a query asks of a list: words that a row must have, in lower case; values of choices by
    key; the column to order by."""

    words: tuple[str, ...]
    chosen: Mapping[str, str]
    sort: str
    is_descending: bool


class Window(Sequence[Row]):
    """Rows that a database keeps: their number is known, a slice is read when it is wanted."""

    def __init__(self, count: int, read: Callable[[int, int], Sequence[Row]]) -> None:
        self._count, self._read = count, read

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, part: int) -> Row: ...
    @overload
    def __getitem__(self, part: slice) -> Sequence[Row]: ...
    def __getitem__(self, part: int | slice) -> Row | Sequence[Row]:
        if isinstance(part, int):
            return self[part : part + 1][0]
        start, stop, _ = part.indices(self._count)
        return self._read(start, stop - start) if start < stop else []


def listing(
    request: Request,
    columns: Sequence[Column[Row]],
    rows: Iterable[Row],
    *,
    choices: Sequence[Choice[Row]] = (),
    sort: str = "",
    name: str = "",
    page_rows: int = PAGE_ROWS_MAX,
) -> Listing[Row]:
    """The rows as the query asks for them. `sort` is the order without a query (`"-opening"`);
    `name` tells several lists of one page apart (`?bids.page=2`); a page of the list has at most
    `page_rows`. What the query says wrongly is passed over: a list never refuses."""
    language = reader(request)
    held = list(islice(rows, ROWS_MAX + 1))
    is_cut, held = len(held) > ROWS_MAX, held[:ROWS_MAX]

    def find(wanted: Wanted) -> tuple[Sequence[Row], int]:
        kept = [row for row in held if _is_kept(row, columns, choices, wanted, language)]
        _sort(kept, columns, wanted)
        return kept, len(held)

    return paged(
        request,
        columns,
        find,
        choices=choices,
        sort=sort,
        name=name,
        page_rows=page_rows,
        is_cut=is_cut,
    )


def paged(
    request: Request,
    columns: Sequence[Column[Row]],
    find: Callable[[Wanted], tuple[Sequence[Row], int]],
    *,
    choices: Sequence[Choice[Row]] = (),
    sort: str = "",
    name: str = "",
    page_rows: int = PAGE_ROWS_MAX,
    is_cut: bool = False,
) -> Listing[Row]:
    """The same with the rows that `find` keeps (a `Window` on a database), and how many there are
    without filters."""
    language = reader(request)
    path, query = page_around(request)
    keys = ("q", "sort", "page", "format", *(choice.key for choice in choices))
    prefix = f"{name}." if name else ""
    # A database takes no NUL in a text.
    asked = {key: query.get(prefix + key, "").replace("\0", "") for key in keys}
    state = {k: v[:FILTER_CHARACTERS_MAX] for k, v in asked.items() if v}
    order = state.get("sort") or sort
    kept, total = find(
        Wanted(
            tuple(state.get("q", "").casefold().split()),
            {choice.key: state[choice.key] for choice in choices if choice.key in state},
            order.removeprefix("-"),
            order.startswith("-"),
        )
    )
    pages = max(1, -(-len(kept) // page_rows))
    page = min(_whole(state.get("page", "")), pages)
    start = (page - 1) * page_rows
    own = {prefix + key for key in keys} | {"lang"}
    return Listing(
        columns=columns,
        choices=choices,
        shown=kept[start : start + page_rows],
        kept=kept,
        total=total,
        is_cut=is_cut,
        page=page,
        pages=pages,
        page_rows=page_rows,
        state={"sort": sort, **state} if sort else state,
        path=path,
        name=name,
        language=language,
        other=[(k, v) for k, v in query.multi_items() if k not in own],
    )


def _whole(digits: str) -> int:
    is_number = digits.isascii() and digits.isdigit() and len(digits) < 9
    return max(1, min(int(digits), PAGE_MAX)) if is_number else 1


def _is_kept(
    row: Row,
    columns: Sequence[Column[Row]],
    choices: Sequence[Choice[Row]],
    wanted: Wanted,
    language: Language,
) -> bool:
    for choice in choices:
        value = wanted.chosen.get(choice.key)
        if value and choice.value(row) != value:
            return False
    if not wanted.words:
        return True
    found = "\n".join(column.read(row, language) for column in columns).casefold()
    return all(word in found for word in wanted.words)


def _sort(rows: list[Row], columns: Sequence[Column[Row]], wanted: Wanted) -> None:
    """In place; what has no value comes last either way. Ties keep the order they came in."""
    column = next((c for c in columns if c.key == wanted.sort and c.is_sorted), None)
    if column is None:
        return
    empty = [row for row in rows if column.value(row) is None]
    valued = [row for row in rows if column.value(row) is not None]
    valued.sort(key=lambda row: _order(column.value(row)), reverse=wanted.is_descending)
    rows[:] = valued + empty


def _order(value: Value) -> Any:
    return value.fen if isinstance(value, Money) else value
