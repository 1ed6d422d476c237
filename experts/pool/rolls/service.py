"""Import and export of lists of experts, CSV or XLSX.

An import has two steps. The first keeps the file and says everything that is wrong with it, row by row,
and changes nothing (`dry_run`); the second reads the kept file again, against the pool as it then is,
and takes in all of it or nothing (`take_in`). XLSX is read and written by openpyxl; formulas are never
computed, and what could be one is written as text.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Tx
from experts.pool import service as pool
from experts.pool.expert import Expert
from experts.pool.rolls import queries
from experts.pool.rolls.roll import ROWS_MAX, Known, Roll, parse, table_of
from experts.pool.rolls.tables import ExpertRollRow
from experts.specialties import catalogue
from trading.calendar.legal import legal_day
from trading.parties import service as parties

CONTENT_BYTES_MAX = 8_000_000
UNPACKED_BYTES_MAX = 120_000_000
"""Of an XLSX, which is a ZIP: what it may hold once unpacked."""
COLUMNS_MAX = 60
WAITING_MAX = 20
NAME_CHARACTERS_MAX = 100
_ZIP = b"PK\x03\x04"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Waiting:
    """An import that waits for its second step, with what would happen."""

    id: str
    name: str
    sent_at: datetime
    actor_id: str
    roll: Roll


def dry_run(tx: Tx, actor: Actor, name: str, content: bytes) -> str:
    """Keep a file for import; its id. Refuses what is no table; faults in rows are no refusal."""
    actor.must_be(Role.POOL, Role.SYSTEM)
    read_table(content)
    for old in queries.waiting(tx.db)[WAITING_MAX - 1 :]:
        tx.db.delete(old)
    row = ExpertRollRow(
        id=tx.new_id(),
        actor_id=actor.id,
        sent_at=tx.now,
        name=name[:NAME_CHARACTERS_MAX],
        content=content,
    )
    tx.db.add(row)
    tx.db.flush()
    return row.id


def waiting(db: Session, roll_id: str, today: date) -> Waiting:
    """An import with all that is wrong with it now; NOT_FOUND."""
    row = _one(db, roll_id)
    return Waiting(row.id, row.name, row.sent_at, row.actor_id, _read(db, row, today))


def take_in(tx: Tx, actor: Actor, roll_id: str) -> int:
    """Enrol everybody of a kept file, or refuse with the number of faults; how many."""
    actor.must_be(Role.POOL, Role.SYSTEM)
    row = _one(tx.db, roll_id)
    roll = _read(tx.db, row, legal_day(tx.now))
    if roll.faults:
        raise Refusal("experts.roll.invalid", {"count": len(roll.faults)}, Kind.CONFLICT)
    done = pool.enrol_many(tx, actor, roll.experts)
    tx.db.delete(row)
    tx.db.flush()
    return done


def give_up(tx: Tx, actor: Actor, roll_id: str) -> None:
    """Delete a kept file."""
    actor.must_be(Role.POOL)
    tx.db.delete(_one(tx.db, roll_id))
    tx.db.flush()


def export_csv(db: Session, experts: Sequence[Expert]) -> bytes:
    """The experts as CSV that office programs read (UTF-8 with its mark)."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows([_harmless(cell) for cell in row] for row in _table(db, experts))
    return out.getvalue().encode("utf-8-sig")


def export_xlsx(db: Session, experts: Sequence[Expert]) -> bytes:
    """The experts as XLSX; every cell is text."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("专家名册")
    for row in _table(db, experts):
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet, value=text)
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read_table(content: bytes) -> list[list[str]]:
    """The rows of a CSV or XLSX file as texts; refuses what is neither, or too big."""
    if len(content) > CONTENT_BYTES_MAX:
        raise _too_big(CONTENT_BYTES_MAX)
    rows = _of_xlsx(content) if content.startswith(_ZIP) else _of_csv(content)
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    if not rows:
        raise Refusal("experts.roll.file", {})
    return rows


def _of_csv(content: bytes) -> list[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        try:
            return list(_cut(csv.reader(io.StringIO(text, newline=""), strict=True)))
        except csv.Error:
            break
    raise Refusal("experts.roll.file", {})


def _of_xlsx(content: bytes) -> list[list[str]]:
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > UNPACKED_BYTES_MAX:
                raise _too_big(UNPACKED_BYTES_MAX)
        with closing(load_workbook(io.BytesIO(content), read_only=True, data_only=True)) as book:
            sheet = book.worksheets[0]
            wide = min(sheet.max_column or COLUMNS_MAX, COLUMNS_MAX)
            rows = sheet.iter_rows(max_row=ROWS_MAX + 2, max_col=wide, values_only=True)
            return list(_cut([_text(value) for value in row] for row in rows))
    except Refusal:
        raise
    except Exception as error:  # openpyxl raises whatever a broken file makes it meet
        raise Refusal("experts.roll.file", {}) from error


def _cut(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    """One row more than may be, so that too many are seen to be too many."""
    for number, row in enumerate(rows):
        if number > ROWS_MAX + 1:
            return
        yield row[:COLUMNS_MAX]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _table(db: Session, experts: Sequence[Expert]) -> list[list[str]]:
    named = parties.organisations(db, {expert.employer_uscc for expert in experts})
    return table_of(experts, {uscc: each.name for uscc, each in named.items()})


def _read(db: Session, row: ExpertRollRow, today: date) -> Roll:
    names = {uscc: each.name for uscc, each in parties.organisations(db).items()}
    known = Known(pool.columns(db).experts, names)
    return parse(read_table(row.content), known, catalogue(), today)


def _one(db: Session, roll_id: str) -> ExpertRollRow:
    row = queries.one(db, roll_id)
    if row is None:
        raise Refusal("experts.roll.unknown", {"roll": roll_id[:40]}, Kind.NOT_FOUND)
    return row


def _too_big(most: int) -> Refusal:
    return Refusal("experts.roll.big", {"bytes_max": most})
