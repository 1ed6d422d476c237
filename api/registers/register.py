"""A register that comes in as a table: what a file would change of what is known, and the change.

One declaration a register (`api.registers.kinds`); this reads, compares and does it for all of them.
A file is a whole or nothing. What it says of a known thing is a change only where it differs; what it
does not say stays as it is, and nothing is taken out of a register because a file lacks it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from sqlmodel import Session

from api.registers.column import CODE_CHARACTERS_MAX, Column, Reference, headings
from archive.actor import Actor
from archive.errors import Fault, Faults, Refusal
from archive.office import Tx
from archive.words import Language
from trading import spreadsheet
from trading.spreadsheet import Cells, RowFault

ROWS_MAX = 200_000

Item = TypeVar("Item")
Key: TypeAlias = tuple[object, ...]
Values: TypeAlias = Mapping[str, Any]


class Effect(StrEnum):
    """What becomes of a row."""

    NEW = "NEW"
    CHANGED = "CHANGED"
    GONE = "GONE"  # of a list that is replaced as a whole: stood there, and stands there no more
    SAME = "SAME"


@dataclass(frozen=True)
class Change:
    """What stands in a column of a known thing, and what will."""

    column: Column
    before: object
    after: object


@dataclass(frozen=True)
class Line:
    """One row of the file, or a thing that the file leaves out (row 0). `before` and `after` are the
    register's own values."""

    row: int
    effect: Effect
    subject: str
    changes: tuple[Change, ...] = ()
    before: Any = None
    after: Any = None


@dataclass(frozen=True)
class Plan:
    """What a file would do, row by row, and every fault by its row. `content`: the file, for who takes it
    in as it is."""

    lines: tuple[Line, ...]
    faults: tuple[RowFault, ...] = ()
    content: bytes = b""

    def of(self, *effects: Effect) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.effect in effects)

    def count(self, effect: Effect) -> int:
        return len(self.of(effect))

    @property
    def is_change(self) -> bool:
        """Whether something known would become different."""
        return bool(self.of(Effect.CHANGED, Effect.GONE))

    @property
    def refused(self) -> int:
        """Rows with a fault."""
        return len({fault.row for fault in self.faults})

    @property
    def digest(self) -> str:
        """Stands for everything that would be done, so that what is done is what was looked at."""
        told = [
            (line.row, line.effect, line.subject, *((c.column.name, c.before, c.after) for c in line.changes))
            for line in self.lines
        ]  # fmt: skip
        return hashlib.sha256(repr(told).encode()).hexdigest()


class Register(Protocol):
    """What the command and the page know of a register."""

    @property
    def name(self) -> str: ...

    @property
    def needs(self) -> str:
        """How a file of it ends."""
        ...

    @property
    def columns(self) -> tuple[Column, ...]:
        """None of a register that is no table."""
        ...

    def plan(self, db: Session, today: date, content: bytes) -> Plan: ...

    def take(self, tx: Tx, actor: Actor, plan: Plan) -> None: ...

    def file(self, db: Session | None, language: Language) -> bytes:
        """What is known, as a file that can be changed and sent again; without a database an empty one."""
        ...


def _nothing(_: Any, __: Any, ___: date, ____: Faults) -> None:
    return None


def _no_sequel(_: Tx, __: Plan) -> None:
    return None


def _no_more(_: Sequence[Line], __: Iterable[Any]) -> Iterable[RowFault]:
    return ()


@dataclass(frozen=True)
class Table(Generic[Item]):
    """A register as a table, one row a thing.

    `make`: the thing of a row's values, and what is known of it; `known`: what is known of the things of
    these values, at least, and of all where none are given; `check`: adds the faults of a thing (with what is known of it, and today), each
    at `/<column>`; `check_all`: what is wrong
    between the rows, and with what is known. `enter` and `change` do it;
    `sequel`: what has to follow."""

    name: str
    columns: tuple[Column, ...]
    make: Callable[[Values, Item | None], Item]
    known: Callable[[Session, Sequence[Values] | None], Iterable[Item]]
    enter: Callable[[Tx, Actor, Sequence[Item]], object]
    change: Callable[[Tx, Actor, Sequence[tuple[Item, Item]]], object] | None = None
    check: Callable[[Item, Item | None, date, Faults], None] = _nothing
    check_all: Callable[[Sequence[Line], Iterable[Item]], Iterable[RowFault]] = _no_more
    sequel: Callable[[Tx, Plan], object] = _no_sequel
    needs: str = field(default=".csv")

    def file(self, db: Session | None, language: Language) -> bytes:
        """An account's number goes out to nobody; a row that lacks it leaves it as it is."""
        columns = [each for each in self.columns if db is None or not each.is_secret]
        rows = [
            [column.cell(getattr(item, column.name), language) for column in columns]
            for item in (self.known(db, None) if db is not None else ())
        ]
        return spreadsheet.write([column.heading(language) for column in columns], sorted(rows))

    def plan(self, db: Session, today: date, content: bytes) -> Plan:
        typed: list[tuple[int, Values]] = []
        dry = spreadsheet.read(
            content,
            [column.name for column in self.columns],
            lambda cells: self._read(cells, typed),
            optional=[column.name for column in self.columns if column.is_optional],
            headings=headings(self.columns),
            rows_max=ROWS_MAX,
        )
        values_of = [values for _, values in typed]
        known = {self._key(vars(item)): item for item in self.known(db, values_of)}
        referred = self._referred(db, values_of)
        lines: list[Line] = []
        faults = {(one.row, one.column): one for one in reversed(dry.faults)}
        rows: dict[Key, int] = {}
        for row, values in typed:
            found = Faults("api.register.invalid")
            key = self._key(values)
            if key in rows:
                found.add(f"/{self._first_key}", "api.register.twice", row=rows[key])
            rows.setdefault(key, row)
            line = self._line(row, values, known.get(key))
            self.check(line.after, line.before, today, found)
            self._check_line(line, referred, found)
            for one in _listed(found):
                column = one.pointer.strip("/")
                faults.setdefault((row, column), RowFault(row, column, one))
            lines.append(line)
        bad = {row for row, _ in faults}
        lines = [line for line in lines if line.row not in bad]
        for each in self.check_all(lines, known.values()):
            faults.setdefault((each.row, each.column), each)
        bad = {row for row, _ in faults}
        return Plan(
            tuple(line for line in lines if line.row not in bad),
            tuple(sorted(faults.values(), key=lambda one: (one.row, one.column))),
        )

    def take(self, tx: Tx, actor: Actor, plan: Plan) -> None:
        new = [line.after for line in plan.of(Effect.NEW)]
        changed = [(line.before, line.after) for line in plan.of(Effect.CHANGED)]
        if new:
            self.enter(tx, actor, new)
        if changed:
            assert self.change is not None, "what may not change is a fault"
            self.change(tx, actor, changed)
        if new or changed:
            self.sequel(tx, plan)

    def _read(self, cells: Cells, typed: list[tuple[int, Values]]) -> Values:
        """The values of a row, None where an optional cell is empty; `typed` gets those rows whose
        cells can all be read, whatever else is wrong with them."""
        values = {
            column.name: None
            if column.is_optional and not cells.has(column.name)
            else column.read(cells, column.name)
            for column in self.columns
        }
        unread = [name for name, value in values.items() if value is None and cells.has(name)]
        must = [column.name for column in self.columns if not column.is_optional]
        if not unread and all(values[name] is not None for name in must):
            typed.append((cells.number, values))
        return values

    def _key(self, values: Values) -> Key:
        return tuple(values[column.name] for column in self.columns if column.is_key)

    @property
    def _first_key(self) -> str:
        return next(column.name for column in self.columns if column.is_key)

    def _line(self, row: int, values: Values, before: Item | None) -> Line:
        filled = {
            column.name: values[column.name]
            if values[column.name] is not None
            else getattr(before, column.name)
            if before is not None
            else column.empty
            for column in self.columns
        }
        after = self.make(filled, before)
        changes = tuple(
            Change(column, getattr(before, column.name), getattr(after, column.name))
            for column in self.columns
            if before is not None and getattr(before, column.name) != getattr(after, column.name)
        )
        effect = Effect.NEW if before is None else Effect.CHANGED if changes else Effect.SAME
        key = (column for column in self.columns if column.is_key)
        named = (
            *(column.cell(filled[column.name], Language.ZH) for column in key),
            getattr(after, "name", ""),
        )
        subject = " ".join(filter(None, named))
        return Line(row, effect, subject, changes, before, after)

    def _referred(self, db: Session, typed: Sequence[Values]) -> dict[Reference, set[str]]:
        """What is known of the things that the rows name."""
        wanted: dict[Reference, set[str]] = {}
        for column in self.columns:
            if column.refers is not None:
                named = {str(values[column.name]) for values in typed}
                wanted.setdefault(column.refers, set()).update(named)
        return {reference: set(reference.find(db, named)) for reference, named in wanted.items()}

    def _check_line(
        self, line: Line, referred: Mapping[Reference, set[str]], faults: Faults
    ) -> None:
        at_fault = {one.pointer for one in _listed(faults)}
        for column in self.columns:
            value, refers = str(getattr(line.after, column.name)), column.refers
            if refers is None or f"/{column.name}" in at_fault or value in referred[refers]:
                continue
            params = {refers.param: value[:CODE_CHARACTERS_MAX]}
            faults.extend((Fault(f"/{column.name}", refers.code, params),))
        for change in line.changes:
            if not change.column.may_change:
                stands = change.column.text(change.before, Language.ZH)
                faults.add(f"/{change.column.name}", "api.register.stays", before=stands)


def _listed(faults: Faults) -> tuple[Fault, ...]:
    try:
        faults.refuse()
    except Refusal as refusal:
        return refusal.faults
    return ()
