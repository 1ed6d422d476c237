"""Tables that office programs write (CSV, UTF-8, with a heading): read with every fault of every row,
and written so that reading gives the same. What a row means is the caller's.

Reading stores nothing, so that a dry run and an import are the same reading.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Generic, TypeVar

from archive.errors import Fault, Faults, Param, Refusal

ROWS_MAX = 5_000
BYTES_MAX = 5_000_000
YES, NO = "yes", "no"
FORMULA = ("=", "+", "-", "@")
"""What office programs take for the beginning of a formula."""
TYPED_SHOWN = 40

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

    def refuse(self, code: str) -> None:
        """Refuse INVALID with every fault, where there is any."""
        if self.faults:
            raise Refusal(
                code,
                {"count": len(self.faults)},
                faults=tuple(
                    Fault(f"/rows/{one.row}/{one.column}", one.fault.code, one.fault.params)
                    for one in self.faults
                ),
            )


class Cells:
    """One row while it is read: each method takes a cell and notes what is wrong with it."""

    def __init__(self, number: int, cells: Mapping[str, str]) -> None:
        self.number = number
        self.faults = Faults("evaluation.table.invalid")
        self._cells = cells

    def fault(self, column: str, code: str, **params: Param) -> None:
        self.faults.extend((Fault(f"/{column}", code, params),))

    def text(self, column: str, *, least: int = 0, most: int = 200) -> str:
        """Trimmed text, of which no program makes a formula."""
        typed = self._cells.get(column, "").strip()
        if not least <= len(typed) <= most:
            self.fault(column, "evaluation.table.text", length_min=least, length_max=most)
        elif typed.startswith(FORMULA) or not typed.isprintable():
            self.fault(column, "evaluation.table.formula")
        return typed

    def whole(self, column: str) -> int:
        typed = self._cells.get(column, "").strip()
        if typed.isascii() and typed.isdigit() and len(typed) < 10:
            return int(typed)
        self.fault(column, "evaluation.table.number", text=typed[:TYPED_SHOWN])
        return 0

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
        if typed not in (YES, NO):
            self.fault(column, "evaluation.table.yes_no", text=typed[:TYPED_SHOWN])
        return typed == YES

    def day(self, column: str, *, is_required: bool = False) -> date | None:
        typed = self._cells.get(column, "").strip()
        if not typed and not is_required:
            return None
        return self.parsed(column, date.fromisoformat, "evaluation.table.day")

    def code(self, column: str, kind: type[Code]) -> Code | None:
        """One of the names of an enumeration."""
        typed = self._cells.get(column, "").strip()
        if typed in kind.__members__:
            return kind[typed]
        self._no_code(column, typed, kind)
        return None

    def codes(self, column: str, kind: type[Code]) -> frozenset[Code]:
        """Any number of names, parted by blanks."""
        typed = self._cells.get(column, "").split()
        for one in typed:
            if one not in kind.__members__:
                self._no_code(column, one, kind)
        return frozenset(kind[one] for one in typed if one in kind.__members__)

    def _no_code(self, column: str, typed: str, kind: type[Enum]) -> None:
        known = " ".join(kind.__members__)
        self.fault(column, "evaluation.table.code", text=typed[:TYPED_SHOWN], known=known)


def read(content: bytes, columns: Sequence[str], row_of: Callable[[Cells], Row | None]) -> Dry[Row]:
    """All rows, with all faults. `row_of` makes a row of its cells, None where a cell cannot be read;
    what it notes stands at the row. A file that is no such table is one fault."""
    whole: Mapping[str, Param] = {"columns": ",".join(columns), "rows_max": ROWS_MAX}
    try:
        if len(content) > BYTES_MAX:
            raise ValueError
        text = content.decode("utf-8-sig")
        found = list(csv.DictReader(text.splitlines(keepends=True), strict=True))
    except (ValueError, csv.Error):
        return Dry((), (RowFault(1, "", Fault("/", "evaluation.table.file", whole)),))
    if not found or tuple(found[0])[: len(columns)] != tuple(columns) or len(found) > ROWS_MAX:
        return Dry((), (RowFault(1, "", Fault("/", "evaluation.table.heading", whole)),))
    rows: list[Row] = []
    faults: list[RowFault] = []
    for number, typed in enumerate(found, start=2):
        cells = Cells(number, {k: v for k, v in typed.items() if k and isinstance(v, str)})
        if len(typed) != len(columns) or None in typed.values():
            cells.fault("", "evaluation.table.cells")
        row = row_of(cells)
        try:
            cells.faults.refuse()
        except Refusal as refusal:
            faults += [RowFault(number, one.pointer.strip("/"), one) for one in refusal.faults]
        else:
            assert row is not None, "without a fault there is a row"
            rows.append(row)
    return Dry(tuple(rows), tuple(faults))


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
