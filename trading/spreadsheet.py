"""Tables that office programs write (CSV with a heading, in UTF-8 or, as Chinese ones save it, GB18030):
read with every fault of every row, and written so that reading gives the same. What a row means is the
caller's.

Reading stores nothing, so that a dry run and an import are the same reading.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Generic, TypeVar

from archive.errors import Fault, Faults, Param, Refusal
from archive.words import Language, catalogue, say

ROWS_MAX = 5_000
ROW_BYTES_MAX = 1_000
"""What the rows of a table may have on average."""
ENCODINGS = ("utf-8-sig", "gb18030")
YES, NO = "yes", "no"
SWITCH: Mapping[str, bool] = {YES: True, NO: False, "是": True, "否": False}
FORMULA = ("=", "+", "-", "@")
"""What office programs take for the beginning of a formula."""
TYPED_SHOWN = 40
FAULTS_MAX = 100
_LIST = re.compile(r"[,;\uff0c\uff1b\u3001]+")
_DAY = re.compile(r"([0-9]{4})[-/.\u5e74]([0-9]{1,2})[-/.\u6708]([0-9]{1,2})\u65e5?")
NO_WORDS: Mapping[str, str] = {}
NO_CODE = "trading.table.code"

Row = TypeVar("Row")
Code = TypeVar("Code", bound=Enum)


@dataclass(frozen=True)
class RowFault:
    """A fault with the row it is in: the heading is row 1, as a spreadsheet counts. `column` is empty
    where the row as a whole, or the table, is meant."""

    row: int
    column: str
    fault: Fault


@dataclass(frozen=True)
class Dry(Generic[Row]):
    """What an import would take in: the rows without a fault, and all faults by row."""

    rows: tuple[Row, ...]
    faults: tuple[RowFault, ...]

    def checked(self, more: Iterable[RowFault]) -> Dry[Row]:
        """The same with what else was found, by row."""
        return Dry(self.rows, tuple(sorted((*self.faults, *more), key=lambda one: one.row)))

    def refuse(self, code: str) -> None:
        """Refuse INVALID with every fault, where there is any; with as many as a person reads, and how
        many there are."""
        if self.faults:
            raise Refusal(
                code, {"count": len(self.faults)}, faults=pointed(self.faults[:FAULTS_MAX])
            )


def pointed(faults: Iterable[RowFault]) -> tuple[Fault, ...]:
    """Faults by pointer: `/rows/<row>/<column>`."""
    return tuple(
        Fault(f"/rows/{one.row}/{one.column}", one.fault.code, one.fault.params, one.fault.rule)
        for one in faults
    )


class Cells:
    """One row while it is read: each method takes a cell and notes what is wrong with it."""

    def __init__(self, number: int, cells: Mapping[str, str]) -> None:
        self.number = number
        self.faults = Faults("trading.table.invalid")
        self._cells = cells

    def found(self) -> list[RowFault]:
        """What was noted so far."""
        try:
            self.faults.refuse()
        except Refusal as refusal:
            return [RowFault(self.number, one.pointer.strip("/"), one) for one in refusal.faults]
        return []

    def fault(self, column: str, code: str, **params: Param) -> None:
        self.faults.extend((Fault(f"/{column}", code, params),))

    def text(self, column: str, *, least: int = 0, most: int = 200) -> str:
        """Trimmed text, of which no program makes a formula."""
        typed = self._cells.get(column, "").strip()
        if not least <= len(typed) <= most:
            self.fault(column, "trading.table.text", length_min=least, length_max=most)
        elif typed.startswith(FORMULA) or not typed.isprintable():
            self.fault(column, "trading.table.formula")
        return typed

    def whole(self, column: str) -> int:
        typed = self._cells.get(column, "").strip()
        if typed.isascii() and typed.isdigit() and len(typed) < 10:
            return int(typed)
        self.fault(column, "trading.table.number", text=typed[:TYPED_SHOWN])
        return 0

    def has(self, column: str) -> bool:
        """Whether anything stands in the cell."""
        return bool(self._cells.get(column, "").strip())

    def parsed(self, column: str, parse: Callable[[str], Row], code: str) -> Row | None:
        """What `parse` makes of the cell; a fault `code` where it raises ValueError."""
        typed = self._cells.get(column, "").strip()
        try:
            return parse(typed)
        except ValueError:
            self.fault(column, code, text=typed[:TYPED_SHOWN])
            return None

    def is_yes(self, column: str) -> bool:
        typed = self._cells.get(column, "").strip()
        if typed.lower() not in SWITCH:
            self.fault(column, "trading.table.yes_no", text=typed[:TYPED_SHOWN])
        return SWITCH.get(typed.lower(), False)

    def day(self, column: str, *, is_required: bool = False) -> date | None:
        typed = self._cells.get(column, "").strip()
        if not typed and not is_required:
            return None
        return self.parsed(column, day_of, "trading.table.day")

    def code(
        self,
        column: str,
        kind: type[Code],
        words: Mapping[str, str] = NO_WORDS,
        refused: str = NO_CODE,
    ) -> Code | None:
        """One of the names of an enumeration, or one of its `words` (word → name); `refused` is said of
        another."""
        typed = self._cells.get(column, "").strip()
        name = words.get(typed.casefold(), typed)
        if name in kind.__members__:
            return kind[name]
        self._no_code(column, typed, kind, refused)
        return None

    def codes(
        self,
        column: str,
        kind: type[Code],
        words: Mapping[str, str] = NO_WORDS,
        refused: str = NO_CODE,
    ) -> frozenset[Code]:
        """Any number of them, parted by commas or semicolons, or by blanks where no word has one."""
        typed = [
            one
            for part in _LIST.split(self._cells.get(column, ""))
            for one in ([part.strip()] if part.strip().casefold() in words else part.split())
        ]
        names = {one: words.get(one.casefold(), one) for one in typed}
        for one, name in names.items():
            if name not in kind.__members__:
                self._no_code(column, one, kind, refused)
        return frozenset(kind[name] for name in names.values() if name in kind.__members__)

    def _no_code(self, column: str, typed: str, kind: type[Enum], refused: str) -> None:
        known = ", ".join(kind.__members__)
        self.fault(column, refused, text=typed[:TYPED_SHOWN], known=known)


def day_of(typed: str) -> date:
    """A day as ISO 8601 or an office program writes it; ValueError."""
    if found := _DAY.fullmatch(typed):
        return date(*(int(part) for part in found.groups()))
    return date.fromisoformat(typed)


def read(
    content: bytes,
    columns: Sequence[str],
    row_of: Callable[[Cells], Row | None],
    *,
    optional: Collection[str] = (),
    headings: Mapping[str, str] = NO_WORDS,
    rows_max: int = ROWS_MAX,
) -> Dry[Row]:
    """All rows, with all faults. `row_of` makes a row of its cells, None where a cell cannot be read;
    what it notes stands at the row. A file that is no such table is one fault.

    The columns may stand in any order, those of `optional` may be left out. `headings`: what may stand
    for a column (in lower case), beside its name."""
    whole: Mapping[str, Param] = {"columns": ",".join(columns), "rows_max": rows_max}
    table = _table(content) if len(content) <= rows_max * ROW_BYTES_MAX else None
    if table is None:
        return Dry((), (RowFault(1, "", Fault("/", "trading.table.file", whole)),))
    heading = [headings.get(cell.strip().lower(), cell.strip()) for cell in table[0]]
    filled = [(n, row) for n, row in enumerate(table[1:], start=2) if any(c.strip() for c in row)]
    if not set(heading) & set(columns) or not 0 < len(filled) <= rows_max:
        return Dry((), (RowFault(1, "", Fault("/", "trading.table.heading", whole)),))
    if bad := _bad_heading(heading, columns, optional):
        return Dry((), tuple(bad))
    rows: list[Row] = []
    faults: list[RowFault] = []
    for number, typed in filled:
        cells = Cells(number, dict(zip(heading, typed, strict=False)))
        if len(typed) != len(heading):
            cells.fault("", "trading.table.cells")
        row = row_of(cells)
        if found := cells.found():
            faults += found
        else:
            assert row is not None, "without a fault there is a row"
            rows.append(row)
    return Dry(tuple(rows), tuple(faults))


_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
"""Of CSV (RFC 4180); Python's own lines end at U+0085 and others too."""


def _table(content: bytes) -> list[list[str]] | None:
    """The cells by row, the heading first; None for what is no table."""
    for encoding in ENCODINGS:
        try:
            lines = _LINE.findall(content.decode(encoding))
            return list(csv.reader(lines, strict=True)) or None
        except (UnicodeDecodeError, csv.Error):
            continue
    return None


def _bad_heading(
    heading: Sequence[str], columns: Sequence[str], optional: Collection[str]
) -> list[RowFault]:
    """What is wrong with a heading: a column that is missing, stands twice, or that nobody knows."""
    bad = [
        Fault(f"/{name}", "trading.table.column_missing", {"column": name})
        for name in columns
        if name not in heading and name not in optional
    ]
    for place, name in enumerate(heading):
        shown = {"column": name[:TYPED_SHOWN]}
        if name and name not in columns:
            bad.append(Fault("/", "trading.table.column_unknown", shown))
        elif name and name in heading[:place]:
            bad.append(Fault(f"/{name}", "trading.table.column_twice", shown))
    return [RowFault(1, one.pointer.strip("/"), one) for one in bad]


def headings_of(columns: Iterable[str], group: str) -> dict[str, str]:
    """What may stand for these columns in a heading: their words in both languages, `<group>.<column>`."""
    return {
        say(f"{group}.{name}", {}, language).lower(): name
        for name in columns
        for language in Language
    }


def words_of(vocabulary: str) -> dict[str, str]:
    """The words of a vocabulary in both languages, and the code of each."""
    start = f"{vocabulary}."
    return {
        word.casefold(): code.removeprefix(start)
        for language in Language
        for code, word in catalogue(vocabulary.partition(".")[0], language).items()
        if code.startswith(start)
    }


def write(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """The table, with the mark by which office programs know UTF-8."""
    lines = _Lines()
    table = csv.writer(lines, lineterminator="\r\n")
    table.writerow(columns)
    table.writerows(rows)
    return "".join(lines.written).encode("utf-8-sig")


class _Lines:
    """What `csv` writes to."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> int:
        self.written.append(line)
        return len(line)
