"""A column of a register's table: how its cells are read, and what may be done with what stands there.

Its heading is the column's name or its word in either language; so are codes (招标人 for TENDERER).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache
from typing import TypeAlias

from sqlmodel import Session

from archive.words import LIST_MARK, Language, say
from evaluation.stations.opening import Opening
from trading import spreadsheet
from trading.money import Money
from trading.spreadsheet import NO_CODE, Cells

Reader: TypeAlias = Callable[[Cells, str], object]
"""Takes a cell; None, with a fault noted, where it cannot be read."""
SECRET_SHOWN = 4
CODE_CHARACTERS_MAX = 40


@dataclass(frozen=True)
class Reference:
    """What a column names: `find` gives those of the codes that are known; `code` is what is said of
    another, with the parameter `param`."""

    find: Callable[[Session, Collection[str]], Collection[str]]
    code: str
    param: str


@dataclass(frozen=True)
class Column:
    """`name` is the field of the thing that a row describes. One that `is_optional` may be left out or
    empty: what is known stays then, and of a new thing it is `empty`. `vocabulary`: where the words of
    its codes stand. What `is_secret` is shown by its last digits alone."""

    name: str
    read: Reader
    is_key: bool = False
    is_optional: bool = False
    may_change: bool = True
    is_secret: bool = False
    refers: Reference | None = None
    vocabulary: str = ""
    empty: object = None
    group: str = "api.register.column"
    """Where its heading's words stand."""

    def heading(self, language: Language) -> str:
        return say(f"{self.group}.{self.name}", {}, language)

    def text(self, value: object, language: Language) -> str:
        """A value as it is shown."""
        if value is None or value == "":
            return "—"
        if isinstance(value, tuple | frozenset):
            return (
                LIST_MARK[language].join(sorted(self.text(one, language) for one in value)) or "—"
            )
        if isinstance(value, bool):
            return say(f"api.register.switch.{'yes' if value else 'no'}", {}, language)
        if isinstance(value, Enum):
            return say(f"{self.vocabulary}.{value.name}", {}, language)
        if isinstance(value, bytes):
            return value.hex()
        if isinstance(value, float):
            return f"{value:g}"
        if isinstance(value, Opening):
            return value.text
        if isinstance(value, Money):
            return value.in_yuan()
        if self.is_secret:
            return f"…{str(value)[-SECRET_SHOWN:]}"
        return str(value)

    def cell(self, value: object, language: Language) -> str:
        """A value as `read` takes it."""
        if value is None or value in ("", (), frozenset()):
            return ""
        return str(value) if self.is_secret else self.text(value, language)


def headings(columns: Sequence[Column]) -> dict[str, str]:
    """What may stand in a heading, in lower case, and the column that it means."""
    return {
        column.heading(language).lower(): column.name for column in columns for language in Language
    }


words_of = cache(spreadsheet.words_of)


# --- How cells are read -------------------------------------------------------------------


def text(cells: Cells, name: str) -> str:
    return cells.text(name, least=1)


def code(cells: Cells, name: str) -> str:
    """A code or a number of an account; office programs part long ones by blanks."""
    return cells.text(name, least=1, most=CODE_CHARACTERS_MAX).replace(" ", "").upper()


def day(cells: Cells, name: str) -> date | None:
    return cells.day(name, is_required=True)


def switch(cells: Cells, name: str) -> bool:
    return cells.is_yes(name)


def degrees(cells: Cells, name: str) -> float | None:
    return cells.parsed(name, float, "trading.table.number")


def permille(cells: Cells, name: str) -> int | None:
    """Thousandths, or a percentage with its sign and at most one place."""

    def parse(typed: str) -> int:
        if not typed.endswith(("%", "％")):
            return int(typed)
        whole, _, place = typed[:-1].strip().partition(".")
        if len(place) > 1 or not (whole + place).isdecimal():
            raise ValueError
        return int(whole) * 10 + int(place or 0)

    return cells.parsed(name, parse, "trading.table.number")


def hexadecimal(cells: Cells, name: str) -> bytes | None:
    return cells.parsed(name, bytes.fromhex, "api.register.hexadecimal")


def whole(cells: Cells, name: str) -> int:
    return cells.whole(name)


def one_of(kind: type[Enum], vocabulary: str, refused: str = NO_CODE) -> Reader:
    return lambda cells, name: cells.code(name, kind, words_of(vocabulary), refused)


def some_of(kind: type[Enum], vocabulary: str, refused: str = NO_CODE) -> Reader:
    """In the order of the enumeration's names."""

    def read(cells: Cells, name: str) -> tuple[Enum, ...]:
        return tuple(sorted(cells.codes(name, kind, words_of(vocabulary), refused), key=str))

    return read
