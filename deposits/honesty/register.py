"""What registers of credit say (信用记录), as files: answers about dishonesty, and grades of credit.

    uscc,queried_on,is_listed,listed_until,reference      one source a file, named by who imports it
    uscc,grade,given_on,reference

Tables as office programs write them (`trading.spreadsheet`). Every line counts or none: a file with
faults is refused with all of them, each with line and column. An organisation of which no line speaks is *unknown*, which is not
the same as clean; how long an answer counts is a rule (`dishonesty.query_days_max`).

An answer can be wrong: whoever is listed may appeal (`Appeal`). An upheld appeal does not delete the
answer, it adds a better one of the same source, from its own day on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from archive.errors import Kind, Refusal
from deposits.terms import GRADE_LENGTH_MAX
from trading import spreadsheet
from trading.parties.party import DishonestyRecord
from trading.spreadsheet import Cells, Dry

ROWS_MAX = 50_000
REFERENCE_LENGTH_MAX = 100
ANSWER_COLUMNS = ("uscc", "queried_on", "is_listed", "listed_until", "reference")
GRADE_COLUMNS = ("uscc", "grade", "given_on", "reference")


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


def read_answers(content: bytes, source: str) -> Dry[tuple[int, DishonestyRecord]]:
    """The answers of one file with their lines, and all faults."""

    def row_of(cells: Cells) -> tuple[int, DishonestyRecord] | None:
        uscc, queried = cells.text("uscc", least=1), cells.day("queried_on", is_required=True)
        listed, until = cells.is_yes("is_listed"), cells.day("listed_until")
        reference = cells.text("reference", most=REFERENCE_LENGTH_MAX)
        if queried is None:
            return None
        return cells.number, DishonestyRecord(uscc, source, queried, listed, until, reference)

    return spreadsheet.read(content, ANSWER_COLUMNS, row_of, rows_max=ROWS_MAX)


def read_grades(content: bytes, source: str) -> Dry[tuple[int, CreditGrade]]:
    """The grades of one file with their lines, and all faults."""

    def row_of(cells: Cells) -> tuple[int, CreditGrade] | None:
        uscc, given = cells.text("uscc", least=1), cells.day("given_on", is_required=True)
        grade = cells.text("grade", least=1, most=GRADE_LENGTH_MAX)
        reference = cells.text("reference", most=REFERENCE_LENGTH_MAX)
        if given is None:
            return None
        return cells.number, CreditGrade(uscc, source, grade, given, reference)

    return spreadsheet.read(content, GRADE_COLUMNS, row_of, rows_max=ROWS_MAX)


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
