"""The course of an expert through the pool, as a state machine without input or output.

    APPLIED → ADMITTED → TRAINED → CERTIFIED → ACTIVE ⇄ SUSPENDED
       ↘ REFUSED                                  ↘    ↘  LEFT (→ ACTIVE, where the cause allows it)

招标投标法实施条例 第四十五条 (one comprehensive pool), 第七十一、七十二条 (ban, removal); entry, training,
yearly assessment and exit as the provinces' rules have them. Each act names its rule; numbers are in
the rule book. A course is folded from the lines of its history; a command decides which line comes
next, or refuses:

    commands   Apply, Review, Train, Certify, Enrol, Assess, Suspend, Return, Leave, Amend, Penalise

Separation of duties: whoever filed an application does not review it. An adverse decision carries the
last day to appeal against it (行政复议法 第二十条).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeAlias

from archive.actor import Actor, Role
from archive.errors import Fault, Kind, Refusal
from experts.pool.eligibility import (
    AGE,
    FIELD_YEARS,
    PENALISED,
    RULE_OF_CODE,
    TITLE,
    EligibilityRules,
    ineligible,
)
from experts.pool.expert import Expert, of_facts
from experts.pool.standing.history import NO_PREV, STAGE_AFTER, Act, Cause, Line, Stage
from trading.rules.book import Rule

NOTE_CHARACTERS_MAX = 1000
AMENDABLE = frozenset(
    {
        "employer", "past", "boards", "past_boards", "controls", "declared", "specialties",
        "terms", "home", "title", "years", "certified", "pool",
    }
)  # fmt: skip
"""Facts that change in a life; id, birthday and day of enrolment do not."""
OWN_FACTS = frozenset({"boards", "past_boards", "controls", "declared", "past", "employer"})
"""What an expert may say of himself, and at once: it can only exclude him."""


@dataclass(frozen=True)
class Apply:
    """Somebody applies; the facts as he states them."""

    expert: Expert
    note: str = ""


@dataclass(frozen=True)
class Review:
    """The application is found to meet the conditions of entry, or not."""

    is_admitted: bool
    note: str = ""


@dataclass(frozen=True)
class Train:
    """The training was passed, with so many hours."""

    hours: int
    note: str = ""


@dataclass(frozen=True)
class Certify:
    """A certificate is issued."""

    number: str
    note: str = ""


@dataclass(frozen=True)
class Enrol:
    """He may be drawn from now on."""

    note: str = ""


@dataclass(frozen=True)
class Assess:
    """The yearly assessment (年度考核)."""

    year: int
    is_passed: bool
    note: str = ""


@dataclass(frozen=True)
class Suspend:
    cause: Cause
    note: str = ""


@dataclass(frozen=True)
class Return:
    note: str = ""
    is_parted: bool = False
    """Whether a merger is taken back: nothing else brings the second record of a person back."""


@dataclass(frozen=True)
class Leave:
    cause: Cause
    note: str = ""


@dataclass(frozen=True)
class Amend:
    """Facts as they are from `effective_on` on."""

    changes: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True)
class Penalise:
    """A penalty for acts in tendering or evaluation was imposed (条例 第七十一条)."""

    note: str = ""


Command: TypeAlias = (
    Apply | Review | Train | Certify | Enrol | Assess | Suspend | Return | Leave | Amend | Penalise
)


@dataclass(frozen=True)
class CourseRules:
    """The numbers that hold on a day. `entry`: the conditions of entry of each regime; whoever
    meets one of them may come in, and is drawn where he meets that regime's."""

    entry: tuple[EligibilityRules, ...]
    training_hours_min: int
    tenure_years: int
    appeal_days: int
    failed_leads_to: str
    returns_after_discipline: bool


def course_rules(rule: Callable[[str], Rule], entry: tuple[EligibilityRules, ...]) -> CourseRules:
    """The rules in force; `rule` looks one up."""
    failed = rule("pool.assessment_failed").text
    assert failed in ("SUSPEND", "LEAVE")
    return CourseRules(
        entry,
        rule("pool.training_hours_min").number,
        rule("expert.tenure_years").number,
        rule("pool.appeal_days").number,
        failed,
        rule("pool.return_after_discipline").is_on,
    )


@dataclass(frozen=True)
class Course:
    """Where somebody stands now, folded from all lines."""

    expert_id: str
    stage: Stage | None = None
    cause: Cause | None = None
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    filed_by: str = ""
    assessed: frozenset[int] = frozenset()
    since: date | None = None
    """The day from which the stage holds."""
    seq: int = 0
    head: str = NO_PREV


def course_of(expert_id: str, lines: Iterable[Line]) -> Course:
    """The course that these lines tell, in their order."""
    course = Course(expert_id)
    for line in lines:
        moves = line.act in STAGE_AFTER
        year = line.changes.get("assessed")
        course = Course(
            expert_id,
            STAGE_AFTER[line.act] if moves else course.stage,
            line.cause if moves else course.cause,
            {**course.facts, **line.changes},
            line.actor_id if line.act is Act.APPLIED else course.filed_by,
            course.assessed | ({int(year)} if year is not None else frozenset()),
            line.effective_on if moves else course.since,
            line.seq,
            line.digest,
        )
    return course


@dataclass(frozen=True)
class _Move:
    """What a command turns into, before it is a line."""

    act: Act
    rule: str
    cause: Cause | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    is_adverse: bool = False


@dataclass(frozen=True)
class _Asked:
    """A command with all that decides about it."""

    course: Course
    actor: Actor
    on: date
    rules: CourseRules


FROM: Mapping[type[Any], frozenset[Stage | None]] = MappingProxyType(
    {
        Apply: frozenset({None, Stage.REFUSED, Stage.LEFT}),
        Review: frozenset({Stage.APPLIED}),
        Train: frozenset({Stage.ADMITTED}),
        Certify: frozenset({Stage.TRAINED}),
        Enrol: frozenset({Stage.CERTIFIED}),
        Assess: frozenset({Stage.ACTIVE, Stage.SUSPENDED}),
        Suspend: frozenset({Stage.ACTIVE}),
        Return: frozenset({Stage.SUSPENDED, Stage.LEFT}),
        Leave: frozenset({Stage.ACTIVE, Stage.SUSPENDED}),
        Amend: frozenset({*Stage} - {Stage.REFUSED}),
        Penalise: frozenset({Stage.ACTIVE, Stage.SUSPENDED, Stage.LEFT}),
    }
)
"""From which stages each command may be given."""

RULE_OF_CAUSE: Mapping[Cause, str] = MappingProxyType(
    {
        Cause.AGE: "expert.age_max",
        Cause.HEALTH: "pool.exit",
        Cause.WISH: "pool.exit",
        Cause.ABSENCE: "pool.exit",
        Cause.DISCIPLINE: "pool.discipline",
        Cause.ASSESSMENT: "pool.assessment_failed",
        Cause.MERGED: "pool.identity",
    }
)
WITHOUT_APPEAL = frozenset({Cause.WISH, Cause.AGE, Cause.MERGED})
"""Nothing was decided against anybody: he asked for it, the calendar says so, or his other record
stands. A merger is undone where it was wrong."""


def apply(
    course: Course,
    command: Command,
    actor: Actor,
    now: datetime,
    today: date,
    rules: CourseRules,
    effective_on: date | None = None,
) -> Line:
    """The line that a command adds. `today` is the legal day of `now`; `effective_on`, by default
    today, may lie before it for what became known late.

    FORBIDDEN for the wrong person, CONFLICT from the wrong stage, INVALID with all that speaks
    against an admission.
    """
    on = effective_on or today
    if course.stage not in FROM[type(command)]:
        raise Refusal(
            "experts.standing.stage",
            {"command": type(command).__name__, "stage": course.stage or "NONE"},
            Kind.CONFLICT,
        )
    if on > today:
        raise Refusal("experts.standing.future", {"on": on.isoformat()}, Kind.TOO_EARLY)
    note = command.note.strip()
    if len(note) > NOTE_CHARACTERS_MAX:
        raise Refusal("experts.standing.note", {"length_max": NOTE_CHARACTERS_MAX})
    move = _DECIDE[type(command)](_Asked(course, actor, on, rules), command)
    if move.act in STAGE_AFTER and course.since is not None and on < course.since:
        raise Refusal("experts.standing.order", {"since": course.since.isoformat()}, Kind.CONFLICT)
    if move.is_adverse and not note:
        raise Refusal("experts.standing.grounds", {}, rule=move.rule)
    return Line(
        expert_id=course.expert_id,
        seq=course.seq + 1,
        act=move.act,
        effective_on=on,
        recorded_at=now,
        rule=move.rule,
        actor_id=actor.id,
        cause=move.cause,
        note=note,
        changes=move.changes,
        appeal_until=today + timedelta(days=rules.appeal_days) if move.is_adverse else None,
        prev=course.head,
    )


def entry_faults(expert: Expert, on: date, rules: CourseRules) -> tuple[Fault, ...]:
    """What speaks against an admission: the faults under the conditions that he misses by least."""
    asked = {AGE, FIELD_YEARS, TITLE, PENALISED}
    found = [
        [code for code in ineligible(expert, on, entry) if code in asked] for entry in rules.entry
    ]
    least = min(found, key=len)
    return tuple(Fault("/expert", code, {}, RULE_OF_CODE[code]) for code in least)


def _applied(asked: _Asked, command: Apply) -> _Move:
    asked.actor.must_be(Role.POOL, Role.SYSTEM)
    if asked.course.stage is Stage.LEFT:
        _may_come_back(asked)
    return _Move(Act.APPLIED, "pool.application", changes=command.expert.facts())


def _reviewed(asked: _Asked, command: Review) -> _Move:
    asked.actor.must_be(Role.POOL)
    asked.actor.must_not_be(asked.course.filed_by)
    if not command.is_admitted:
        return _Move(Act.REFUSED, "pool.review", is_adverse=True)
    faults = entry_faults(of_facts(asked.course.facts), asked.on, asked.rules)
    if faults:
        raise Refusal("experts.standing.entry", {"count": len(faults)}, faults=faults)
    return _Move(Act.ADMITTED, "pool.review")


def _trained(asked: _Asked, command: Train) -> _Move:
    asked.actor.must_be(Role.POOL)
    least = asked.rules.training_hours_min
    if command.hours < least:
        raise Refusal(
            "experts.standing.hours",
            {"hours": command.hours, "hours_min": least},
            rule="pool.training_hours_min",
        )
    return _Move(Act.TRAINED, "pool.training_hours_min", changes={"training_hours": command.hours})


def _certified(asked: _Asked, command: Certify) -> _Move:
    asked.actor.must_be(Role.POOL)
    number = command.number.strip()
    if not number or len(number) > 40:
        raise Refusal("experts.standing.certificate", {})
    until = _years_later(asked.on, asked.rules.tenure_years)
    changes = {"certificate": number, "certified": until.isoformat()}
    return _Move(Act.CERTIFIED, "expert.tenure_years", changes=changes)


def _enrolled(asked: _Asked, command: Enrol) -> _Move:
    asked.actor.must_be(Role.POOL)
    return _Move(Act.ENROLLED, "pool.enrolment", changes={"enrolled": asked.on.isoformat()})


def _assessed(asked: _Asked, command: Assess) -> _Move:
    asked.actor.must_be(Role.POOL)
    year = {"assessed": command.year}
    if command.year in asked.course.assessed:
        raise Refusal("experts.standing.assessed", {"year": command.year}, Kind.CONFLICT)
    if not asked.on.year - 1 <= command.year <= asked.on.year:
        raise Refusal("experts.standing.year", {"year": command.year})
    if command.is_passed:
        return _Move(Act.ASSESSED, "pool.assessment_yearly", changes=year)
    act = Act.SUSPENDED if asked.rules.failed_leads_to == "SUSPEND" else Act.LEFT
    rule = RULE_OF_CAUSE[Cause.ASSESSMENT]
    return _Move(act, rule, Cause.ASSESSMENT, year, is_adverse=True)


def _suspended(asked: _Asked, command: Suspend) -> _Move:
    _must_decide(asked, command.cause)
    rule = RULE_OF_CAUSE[command.cause]
    return _Move(Act.SUSPENDED, rule, command.cause, is_adverse=_is_adverse(command.cause))


def _returned(asked: _Asked, command: Return) -> _Move:
    asked.actor.must_be(Role.POOL)
    if not command.is_parted:
        _may_come_back(asked)
    return _Move(Act.RETURNED, "pool.return")


def _left(asked: _Asked, command: Leave) -> _Move:
    _must_decide(asked, command.cause)
    if command.cause is Cause.AGE and not any(
        AGE in ineligible(of_facts(asked.course.facts), asked.on, entry)
        for entry in asked.rules.entry
    ):
        raise Refusal("experts.standing.not_old", {}, Kind.CONFLICT, rule="expert.age_max")
    rule = RULE_OF_CAUSE[command.cause]
    return _Move(Act.LEFT, rule, command.cause, is_adverse=_is_adverse(command.cause))


def _amended(asked: _Asked, command: Amend) -> _Move:
    names = frozenset(command.changes)
    is_own = Role.EXPERT in asked.actor.roles and asked.actor.party_id == asked.course.expert_id
    if not is_own or not names <= OWN_FACTS:
        asked.actor.must_be(Role.POOL, Role.SYSTEM)
    unknown = names - AMENDABLE
    if unknown or not names:
        raise Refusal("experts.standing.facts", {"facts": ", ".join(sorted(unknown))})
    return _Move(Act.AMENDED, "pool.amendment", changes=dict(command.changes))


def _penalised(asked: _Asked, command: Penalise) -> _Move:
    asked.actor.must_be(Role.SUPERVISOR)
    return _Move(Act.PENALISED, "recusal.penalised", changes={"penalised": True}, is_adverse=True)


def _must_decide(asked: _Asked, cause: Cause) -> None:
    """The pool's office decides; discipline is the supervisor's too, a wish the expert's own."""
    roles = {Role.POOL}
    if cause is Cause.DISCIPLINE:
        roles.add(Role.SUPERVISOR)
    is_own = asked.actor.party_id == asked.course.expert_id
    if not (cause is Cause.WISH and is_own and Role.EXPERT in asked.actor.roles):
        asked.actor.must_be(*roles)


def _may_come_back(asked: _Asked) -> None:
    cause = asked.course.cause
    left = asked.course.stage is Stage.LEFT
    if left and cause is Cause.MERGED:
        raise Refusal("experts.standing.merged", {}, Kind.CONFLICT, rule="pool.identity")
    if left and cause is Cause.DISCIPLINE and not asked.rules.returns_after_discipline:
        raise Refusal(
            "experts.standing.removed", {}, Kind.CONFLICT, rule="pool.return_after_discipline"
        )
    if cause is Cause.AGE and left:
        raise Refusal("experts.standing.too_old", {}, Kind.CONFLICT, rule="expert.age_max")


def _is_adverse(cause: Cause) -> bool:
    return cause not in WITHOUT_APPEAL


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


_DECIDE: Mapping[type[Any], Callable[[_Asked, Any], _Move]] = MappingProxyType(
    {
        Apply: _applied,
        Review: _reviewed,
        Train: _trained,
        Certify: _certified,
        Enrol: _enrolled,
        Assess: _assessed,
        Suspend: _suspended,
        Return: _returned,
        Leave: _left,
        Amend: _amended,
        Penalise: _penalised,
    }
)
