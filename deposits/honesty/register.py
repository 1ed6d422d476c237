"""What registers of credit say (信用记录), as files: answers about dishonesty, and grades of credit.

    uscc,queried_on,is_listed,listed_until,reference      one source a file, named by who imports it
    uscc,grade,given_on,reference

UTF-8, with or without byte order mark. Every line counts or none: a file with faults is refused with
all of them, each with its line. An organisation of which no line speaks is *unknown*, which is not
the same as clean; how long an answer counts is a rule (`dishonesty.query_days_max`).

An answer can be wrong: whoever is listed may appeal (`Appeal`). An upheld appeal does not delete the
answer, it adds a better one of the same source, from its own day on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from archive.errors import Faults, Kind, Refusal
from deposits.terms import GRADE_LENGTH_MAX
from trading.parties.party import DishonestyRecord

ROWS_MAX = 50_000
FAULTS_MAX = 50
ANSWER_COLUMNS = ("uscc", "queried_on", "is_listed", "listed_until", "reference")
GRADE_COLUMNS = ("uscc", "grade", "given_on", "reference")
_SWITCH = {"yes": True, "no": False, "是": True, "否": False}


@dataclass(frozen=True)
class CreditGrade:
    """A grade of credit that a source gave to an organisation."""

    uscc: str
    source: str
    grade: str
    given_on: date
    reference: str = ""


class AppealState(StrEnum):
    OPEN = "OPEN"  # 待处理
    UPHELD = "UPHELD"  # 异议成立
    DISMISSED = "DISMISSED"  # 异议不成立


@dataclass(frozen=True)
class Appeal:
    """An organisation says that it is listed wrongly by `source` in the answer of `queried_on`."""

    id: str
    uscc: str
    source: str
    queried_on: date
    state: AppealState
    raised_at: datetime
    document_sha256: str
    decided_by: str = ""
    decided_at: datetime | None = None


def read_answers(content: bytes, source: str) -> list[DishonestyRecord]:
    """The answers of one file. INVALID with all faults (at most 50 are named)."""
    faults = Faults("deposits.register.invalid")
    records = []
    for line, row in _rows(content, ANSWER_COLUMNS):
        queried = _day(row["queried_on"], f"/{line}/queried_on", faults)
        listed = _SWITCH.get(row["is_listed"].lower())
        if listed is None:
            faults.add(
                f"/{line}/is_listed", "deposits.register.switch", value=row["is_listed"][:20]
            )
        until = None
        if row["listed_until"]:
            until = _day(row["listed_until"], f"/{line}/listed_until", faults)
        if queried is not None and listed is not None:
            records.append(
                DishonestyRecord(
                    row["uscc"], source, queried, listed, until, row["reference"][:100]
                )
            )
        _stop(faults, line)
    faults.refuse()
    return records


def read_grades(content: bytes, source: str) -> list[CreditGrade]:
    """The grades of one file. INVALID with all faults (at most 50 are named)."""
    faults = Faults("deposits.register.invalid")
    grades = []
    for line, row in _rows(content, GRADE_COLUMNS):
        given = _day(row["given_on"], f"/{line}/given_on", faults)
        if not 0 < len(row["grade"]) <= GRADE_LENGTH_MAX:
            faults.add(f"/{line}/grade", "deposits.register.grade", length_max=GRADE_LENGTH_MAX)
        if given is not None:
            grade = CreditGrade(row["uscc"], source, row["grade"], given, row["reference"][:100])
            grades.append(grade)
        _stop(faults, line)
    faults.refuse()
    return grades


def _rows(content: bytes, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, values by column), lines counted as an editor counts them."""
    try:
        rows = list(csv.reader(content.decode("utf-8-sig").splitlines(keepends=True), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refusal("deposits.register.unreadable", {}) from error
    if not rows or tuple(cell.strip() for cell in rows[0]) != columns:
        raise Refusal("deposits.register.columns", {"columns": ",".join(columns)})
    if len(rows) - 1 > ROWS_MAX:
        raise Refusal("deposits.register.too_many", {"count": len(rows) - 1, "count_max": ROWS_MAX})
    for line, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) != len(columns):
            raise Refusal("deposits.register.cells", {"line": line, "columns": len(columns)})
        yield line, dict(zip(columns, (cell.strip() for cell in row), strict=True))


def _day(text: str, pointer: str, faults: Faults) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        faults.add(pointer, "deposits.register.day", value=text[:20])
        return None


def _stop(faults: Faults, line: int) -> None:
    """A file of another kind has a fault in every line: nobody reads the rest."""
    if faults and line > FAULTS_MAX:
        faults.refuse()


def grade_on(grades: list[CreditGrade], on: date, days_max: int) -> str:
    """The grade that counts on a day: the newest that is not too old, of all sources the last in
    order of name where several are as new; empty where none counts."""
    counting = [
        grade for grade in grades if grade.given_on <= on and (on - grade.given_on).days <= days_max
    ]
    newest = max(counting, key=lambda g: (g.given_on, g.source), default=None)
    return newest.grade if newest is not None else ""


def decided(appeal: Appeal, *, upheld: bool, by: str, now: datetime, today: date) -> Appeal:
    """The appeal decided. Refuses CONFLICT where it is, or, for an upheld one, on the very day of
    the answer: of two answers of one day the bad one counts, so the better one has to be younger."""
    if appeal.state is not AppealState.OPEN:
        raise Refusal("deposits.appeal.decided", {"state": appeal.state}, Kind.CONFLICT)
    if upheld and appeal.queried_on >= today:
        raise Refusal("deposits.appeal.same_day", {"day": today.isoformat()}, Kind.CONFLICT)
    state = AppealState.UPHELD if upheld else AppealState.DISMISSED
    return Appeal(
        id=appeal.id,
        uscc=appeal.uscc,
        source=appeal.source,
        queried_on=appeal.queried_on,
        state=state,
        raised_at=appeal.raised_at,
        document_sha256=appeal.document_sha256,
        decided_by=by,
        decided_at=now,
    )
