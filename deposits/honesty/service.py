"""Registers of credit at work: files are taken in whole, appeals are raised and decided.

Answers about dishonesty go to `trading.parties`, which keeps them by day and source; grades stay
here. The stream `parties` records each file by its digest, and each appeal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from datetime import date

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Fault, Kind, Param, Refusal
from archive.office import Tx
from deposits.honesty import queries
from deposits.honesty.register import (
    Appeal,
    AppealState,
    CreditGrade,
    decided,
    grade_on,
    read_answers,
    read_grades,
)
from deposits.honesty.tables import AppealRow, CreditGradeRow
from trading.acting import must_act_for
from trading.calendar.legal import legal_day
from trading.parties import service as parties
from trading.parties.party import DishonestyRecord
from trading.rules.book import book
from trading.spreadsheet import RowFault

STREAM = parties.STREAM
SOURCE_LENGTH_MAX = 100


def import_answers(tx: Tx, actor: Actor, source: str, content: bytes) -> int:
    """Take in what a register of dishonest acts answered, one file, all or nothing; how many answers.
    Refuses INVALID with all faults by line and column."""
    actor.must_be(Role.STAFF, Role.SUPERVISOR, Role.SYSTEM)
    _check_source(source)
    dry = read_answers(content, source)
    rows, today = dry.rows, legal_day(tx.now)
    usccs = {record.uscc for _, record in rows}
    known = parties.organisations(tx.db, usccs)
    held = {(r.uscc, r.source, r.queried_on) for r in parties.answers(tx.db, usccs)}
    found = Found()
    for line, record in rows:
        found.at(line, record.uscc, known, record.queried_on, "queried_on", today)
        if record.listed_until is not None and not record.is_listed:
            found.add(line, "listed_until", "deposits.register.until")
        found.once(line, (record.uscc, record.source, record.queried_on), held)
    dry.checked(found.faults).refuse("deposits.register.invalid")
    count = parties.record_dishonesties(tx, actor, [record for _, record in rows])
    _record_file(tx, actor, "dishonesty", source, content, count)
    return count


def import_grades(tx: Tx, actor: Actor, source: str, content: bytes) -> int:
    """Take in the grades of a credit evaluation, one file, all or nothing; how many grades. Refuses as
    `import_answers`."""
    actor.must_be(Role.STAFF, Role.SUPERVISOR, Role.SYSTEM)
    _check_source(source)
    dry = read_grades(content, source)
    rows, today = dry.rows, legal_day(tx.now)
    known = parties.organisations(tx.db, {grade.uscc for _, grade in rows})
    held = {(g.uscc, g.source, g.given_on) for g in queries.grades(tx.db, set(known), today)}
    found = Found()
    for line, grade in rows:
        found.at(line, grade.uscc, known, grade.given_on, "given_on", today)
        found.once(line, (grade.uscc, grade.source, grade.given_on), held)
    dry.checked(found.faults).refuse("deposits.register.invalid")
    tx.db.add_all(CreditGradeRow(**vars(grade)) for _, grade in rows)
    tx.db.flush()
    _record_file(tx, actor, "credit", source, content, len(rows))
    return len(rows)


class Found:
    """What the register of organisations and the answers on file say against the lines of a table."""

    def __init__(self) -> None:
        self.faults: list[RowFault] = []

    def add(self, line: int, column: str, code: str, **params: Param) -> None:
        self.faults.append(RowFault(line, column, Fault(f"/{column}", code, params)))

    def at(
        self, line: int, uscc: str, known: Container[str], day: date, column: str, today: date
    ) -> None:
        if uscc not in known:
            self.add(line, "uscc", "deposits.register.unknown", uscc=uscc[:40])
        if day > today:
            self.add(line, column, "deposits.register.future")

    def once(self, line: int, key: tuple[str, str, date], held: set[tuple[str, str, date]]) -> None:
        if key in held:
            self.add(line, "", "deposits.register.held")
        held.add(key)


def _check_source(source: str) -> None:
    if not 0 < len(source.strip()) <= SOURCE_LENGTH_MAX:
        raise Refusal("deposits.register.source", {"length_max": SOURCE_LENGTH_MAX})


def _record_file(
    tx: Tx, actor: Actor, subject: str, source: str, content: bytes, count: int
) -> None:
    document = tx.vault.put(f"{subject}-{legal_day(tx.now)}.csv", "text/csv", content)
    data = {"source": source, "count": count}
    tx.record(STREAM, f"deposits:{subject}:imported", actor, data, (document,))


def grades_on(db: Session, usccs: Iterable[str], on: date) -> Mapping[str, str]:
    """The grade of credit of each organisation that counts on a day; empty where none does."""
    wanted = set(usccs)
    days_max = book().rule("deposit.grade_days_max", on).number
    by_uscc: dict[str, list[CreditGrade]] = defaultdict(list)
    for grade in queries.grades(db, wanted, on):
        by_uscc[grade.uscc].append(grade)
    return {uscc: grade_on(by_uscc[uscc], on, days_max) for uscc in wanted}


def appeal(
    tx: Tx, actor: Actor, uscc: str, source: str, queried_on: date, document: bytes
) -> Appeal:
    """An organisation appeals against an answer that lists it. It stays listed until that is
    decided. Refuses FORBIDDEN for another organisation, NOT_FOUND where there is no such answer,
    INVALID without document, CONFLICT where it has appealed already."""
    actor.must_be(Role.BIDDER)
    must_act_for(actor, uscc)
    if not document:
        raise Refusal("deposits.appeal.document", {})
    answers = parties.answers_about(tx.db, uscc, legal_day(tx.now))
    if not any(a.is_listed and (a.source, a.queried_on) == (source, queried_on) for a in answers):
        raise Refusal("deposits.appeal.not_listed", {"source": source[:60]}, Kind.NOT_FOUND)
    for known in queries.appeals(tx.db, uscc):
        if known.state is AppealState.OPEN and known.source == source:
            raise Refusal("deposits.appeal.open", {"source": source[:60]}, Kind.CONFLICT)
    kept = tx.vault.put("appeal", "application/octet-stream", document)
    made = Appeal(
        id=tx.new_id(),
        uscc=uscc,
        source=source,
        queried_on=queried_on,
        state=AppealState.OPEN,
        raised_at=tx.now,
        document_sha256=kept.sha256,
    )
    tx.db.add(AppealRow.from_domain(made))
    tx.db.flush()
    data = {"appeal": made.id, "uscc": uscc, "source": source}
    tx.record(STREAM, "deposits:appeal:raised", actor, data, (kept,))
    return made


def decide(tx: Tx, actor: Actor, appeal_id: str, *, upheld: bool) -> Appeal:
    """The supervisor decides. An upheld appeal adds an answer of the same source, of today, that
    does not list; deposits of later days follow it."""
    actor.must_be(Role.SUPERVISOR)
    found = queries.appeal(tx.db, appeal_id)
    if found is None:
        raise Refusal("deposits.appeal.unknown", {"appeal": appeal_id[:40]}, Kind.NOT_FOUND)
    today = legal_day(tx.now)
    after = decided(found, upheld=upheld, by=actor.id, now=tx.now, today=today)
    tx.db.merge(AppealRow.from_domain(after))
    tx.db.flush()
    if upheld:
        better = DishonestyRecord(
            found.uscc, found.source, today, False, reference=f"appeal {found.id}"
        )
        parties.record_dishonesty(tx, actor, better)
    data = {"appeal": found.id, "uscc": found.uscc, "state": after.state}
    tx.record(STREAM, "deposits:appeal:decided", actor, data)
    return after


def appeals(db: Session, uscc: str = "", *, only_open: bool = False) -> tuple[Appeal, ...]:
    return tuple(queries.appeals(db, uscc, only_open=only_open))
