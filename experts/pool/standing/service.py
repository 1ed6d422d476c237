"""Histories at work: one act, one line, in the transaction that changes the pool.

The stream `pool` records each line by its digest, with the expert's id, the day and the rule; grounds
and facts stay in the history. The pool's row of an expert is always what his lines say of today.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from sqlmodel import Session

from archive.actor import Actor
from archive.errors import Faults, Kind, Refusal
from archive.office import Tx
from experts.pool import queries as pool_queries
from experts.pool import service as pool
from experts.pool.columns import build
from experts.pool.eligibility import EligibilityRules, eligibility_rules, ineligible_all
from experts.pool.expert import Expert, check, of_facts
from experts.pool.standing import queries
from experts.pool.standing.history import (
    POOLED,
    Act,
    Answer,
    Line,
    Stage,
    eligible_on,
    standing_on,
)
from experts.pool.standing.machine import (
    Apply,
    Command,
    Course,
    CourseRules,
    apply,
    course_of,
    course_rules,
)
from experts.pool.standing.tables import ExpertApplicationRow, line_of
from experts.specialties import catalogue
from trading.calendar.legal import legal_day
from trading.regime import Regime
from trading.rules.book import Rule, book

PROVINCE = "530000"
ENTRY_REGIMES = (Regime.ZTB, Regime.ZFCG)


@dataclass(frozen=True)
class Applicant:
    """Somebody on his way into the pool: who he is, and where he stands."""

    expert: Expert
    stage: Stage
    filed_at: datetime
    filed_by: str


@dataclass(frozen=True)
class PoolDay:
    """The whole pool on one day: how many it held, who could be drawn, and how many each rule kept
    out (one expert may be kept out by several)."""

    on: date
    held: int
    eligible: tuple[str, ...]
    reasons: Mapping[str, int]


def rules_on(on: date, region: str = PROVINCE) -> CourseRules:
    """The rules of the course on a day."""

    def rule(rule_id: str) -> Rule:
        return book().rule(rule_id, on, region=region)

    entry = tuple(eligibility_on(on, regime, region) for regime in ENTRY_REGIMES)
    return course_rules(rule, entry)


def eligibility_on(on: date, regime: Regime, region: str = PROVINCE) -> EligibilityRules:
    """The conditions of being drawn that held on a day."""
    return eligibility_rules(lambda rule_id: book().rule(rule_id, on, regime, region))


def file(tx: Tx, actor: Actor, expert: Expert, note: str = "") -> Line:
    """Take an application in. INVALID with every fault of form; CONFLICT for a taken id, and for
    somebody who was removed for good."""
    today = legal_day(tx.now)
    expert = replace(expert, enrolled_on=today, certified_until=None, penalised=False)
    faults = Faults("experts.pool.invalid")
    check(expert, catalogue(), today, faults, "")
    faults.refuse()
    line, _ = _act(tx, actor, expert.id, Apply(expert, note), None)
    row = queries.application(tx.db, expert.id) or ExpertApplicationRow(
        expert_id=expert.id, name="", gender="", lon=0, lat=0, stage="", filed_at=tx.now
    )
    row.name, row.gender = expert.name, expert.gender
    row.lon, row.lat = expert.lon, expert.lat
    row.stage, row.filed_at = Stage.APPLIED.value, tx.now
    tx.db.add(row)
    tx.db.flush()
    return line


def act(
    tx: Tx, actor: Actor, expert_id: str, command: Command, effective_on: date | None = None
) -> Line:
    """Give one expert's course a command; what is refused is said in `machine.apply`. An amendment
    that leaves an expert who could not be enrolled is INVALID."""
    line, course = _act(tx, actor, expert_id, command, effective_on)
    row = queries.application(tx.db, expert_id)
    if row is not None:
        if line.act is Act.ENROLLED:
            _enrol(tx, row, course)
            tx.db.delete(row)
        elif course.stage is not None:
            row.stage = course.stage.value
            tx.db.add(row)
        tx.db.flush()
    return line


def _act(
    tx: Tx, actor: Actor, expert_id: str, command: Command, effective_on: date | None
) -> tuple[Line, Course]:
    before = pool_queries.lock_head(tx.db)
    lines = queries.lines(tx.db, expert_id)
    if not lines and not isinstance(command, Apply):
        raise Refusal("experts.expert.unknown", {"expert": expert_id[:40]}, Kind.NOT_FOUND)
    today = legal_day(tx.now)
    course = course_of(expert_id, lines)
    line = apply(course, command, actor, tx.now, today, rules_on(today), effective_on)
    queries.insert(tx.db, [line])
    _follow(tx, [*lines, line], today)
    data: dict[str, str] = {
        "expert": expert_id,
        "effective_on": line.effective_on.isoformat(),
        "rule": line.rule,
        "line": line.digest,
    }
    if line.cause is not None:
        data["cause"] = line.cause.value
    if line.note:
        data["grounds"] = hashlib.sha256(line.note.encode()).hexdigest()
    pool.move_on(tx, actor, before, line.act.value.lower(), line.digest, data)
    return line, course_of(expert_id, [*lines, line])


def _follow(tx: Tx, lines: list[Line], today: date) -> None:
    """Let the pool's row say what the lines say of today."""
    row = pool_queries.expert(tx.db, lines[0].expert_id)
    found = standing_on(lines, today).expert
    if row is None or found is None:
        return
    was = row.to_domain()
    now = replace(found, name=was.name, gender=was.gender, lon=was.lon, lat=was.lat)
    faults = Faults("experts.pool.invalid")
    check(now, catalogue(), today, faults, "")
    faults.refuse()
    pool.write(tx.db, row, now)


def _enrol(tx: Tx, row: ExpertApplicationRow, course: Course) -> None:
    status = POOLED[Stage.ACTIVE].value
    made = of_facts(
        {**course.facts, "status": status},
        name=row.name,
        gender=row.gender,
        lon=row.lon,
        lat=row.lat,
    )
    if pool_queries.expert(tx.db, made.id) is None:
        pool.insert(tx.db, [made])


# --- Reading ----------------------------------------------------------------------------------


def history(db: Session, expert_id: str) -> list[Line]:
    """All lines of one expert or applicant; NOT_FOUND where there is none."""
    found = queries.lines(db, expert_id)
    if not found:
        raise Refusal("experts.expert.unknown", {"expert": expert_id[:40]}, Kind.NOT_FOUND)
    return found


def course(db: Session, expert_id: str) -> Course:
    """Where one expert or applicant stands; NOT_FOUND."""
    return course_of(expert_id, history(db, expert_id))


def applicant(db: Session, expert_id: str) -> Applicant:
    """Somebody on his way into the pool; NOT_FOUND."""
    row = queries.application(db, expert_id)
    if row is None:
        raise Refusal("experts.expert.unknown", {"expert": expert_id[:40]}, Kind.NOT_FOUND)
    return _applicant(db, row)


def applicants(db: Session) -> list[Applicant]:
    """Everybody on his way into the pool, and those who were refused, the newest first."""
    return [_applicant(db, row) for row in queries.applications(db)]


def _applicant(db: Session, row: ExpertApplicationRow) -> Applicant:
    stands = course_of(row.expert_id, queries.lines(db, row.expert_id))
    expert = of_facts(stands.facts, name=row.name, gender=row.gender, lon=row.lon, lat=row.lat)
    return Applicant(expert, Stage(row.stage), row.filed_at, stands.filed_by)


def was_eligible(
    db: Session,
    expert_id: str,
    on: date,
    regime: Regime,
    region: str = PROVINCE,
    known_at: datetime | None = None,
) -> Answer:
    """Whether an expert could be drawn on a day, and why not, by the rules of that day: as known
    now, or as known at a moment."""
    return eligible_on(history(db, expert_id), on, eligibility_on(on, regime, region), known_at)


def pool_on(
    db: Session,
    on: date,
    regime: Regime,
    region: str = PROVINCE,
    specialty: str = "",
    known_at: datetime | None = None,
) -> PoolDay:
    """The pool on a day, for one specialty code or for all: who could be drawn."""
    experts = []
    rows = queries.all_lines(db)
    for _, lines in groupby(rows, key=lambda row: row.expert_id):
        found = standing_on(map(line_of, lines), on, known_at).expert
        if found is not None:
            experts.append(found)
    columns = build("", experts, on)
    masks = ineligible_all(columns, on, eligibility_on(on, regime, region))
    wanted = columns.matching(specialty)
    out: dict[int, int] = dict.fromkeys(wanted.tolist(), 0)
    counts: dict[str, int] = {}
    for code, mask in masks.items():
        hit = wanted[mask[wanted]].tolist()
        if hit:
            counts[code] = len(hit)
        for row in hit:
            out[row] += 1
    eligible = tuple(columns.experts[row].id for row, times in out.items() if not times)
    return PoolDay(on, len(wanted), eligible, counts)
