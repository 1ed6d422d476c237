"""The expert pool for its office, and an expert's own standing: who stands where, since when, and why.

Names are shown to the pool's office and to the expert himself, to nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple

from sqlmodel import Session

from api.flows.names import AVOIDANCE_TASK
from archive.actor import Actor
from archive.clock import SHANGHAI
from archive.errors import Kind, Refusal
from archive.office import Tx
from archive.tasks.service import enqueue
from experts.appraisal import service as appraisal
from experts.identities import service as identities
from experts.identities.proposal import Kind as Identity
from experts.identities.proposal import Proposal
from experts.pool import service as pool
from experts.pool.expert import Expert, Title
from experts.pool.search import Find, Word
from experts.pool.standing import service as standing
from experts.pool.standing.history import Answer, Line, Stage, first_break
from experts.pool.standing.machine import FROM, Amend, Command, Course
from experts.specialties import catalogue
from trading.calendar.legal import legal_day
from trading.divisions import yunnan
from trading.identifiers import uscc_fault
from trading.parties import service as parties
from trading.regime import Regime
from trading.rules.book import book

REGIMES = (Regime.ZTB, Regime.ZFCG)
DECLARED_MAX = 20


class PoolLine(NamedTuple):
    """An expert in the list; a tuple, because an export makes as many as the pool has."""

    id: str
    name: str
    employer: str
    specialties: str
    home: str
    title: str
    status: str
    enrolled_on: date
    certified_until: date | None
    pool: str


@dataclass(frozen=True)
class Told:
    """A line of a history with its article."""

    line: Line
    articles: tuple[str, ...]
    may_appeal: bool
    is_adverse: bool


@dataclass(frozen=True)
class OnDay:
    """Whether somebody could be drawn on a day in one regime: as known then, and as known now."""

    regime: Regime
    then: Answer
    now: Answer

    @property
    def differs(self) -> bool:
        return self.then.reasons != self.now.reasons


@dataclass(frozen=True)
class Person:
    """One expert or applicant with everything that is known of him."""

    expert: Expert
    stage: Stage
    course: Course
    employer: str
    names: Mapping[str, str]
    """Names of the organisations that he is bound to, by code."""
    specialties: tuple[tuple[str, str, str], ...]
    """(code, name, term)."""
    home: str
    lines: tuple[Told, ...]
    """Newest first."""
    chain_holds: bool
    on: date
    days: tuple[OnDay, ...]
    year_hundredths: int | None
    assessments: int

    @property
    def commands(self) -> frozenset[str]:
        """The names of the commands that his stage allows."""
        return frozenset(
            each.__name__.upper() for each, stages in FROM.items() if self.stage in stages
        )


@dataclass(frozen=True)
class Applicant:
    """An applicant in the list."""

    id: str
    name: str
    employer: str
    stage: str
    filed_at: datetime
    filed_by: str


@dataclass(frozen=True)
class Merge:
    """A proposal with what both records say, for whoever decides."""

    proposal: Proposal
    one: str
    other: str


def word(text: str, titles: Iterable[str], statuses: Iterable[str]) -> Word:
    """A word of a search; `titles` and `statuses` are the codes whose words have it. A prefecture's name
    stands for its counties."""
    places = yunnan()
    named = {code for code, place in places.items() if text in place.name.casefold()}
    homes = {code for code, place in places.items() if {code, place.prefecture_code} & named}
    levels = {Title[name].value for name in titles}
    return Word(text, frozenset(homes), frozenset(levels), frozenset(statuses))


def search(words: Iterable[Word], status: str, sort: str, is_descending: bool) -> Find:
    """A search through the experts and the names of their employers."""
    return Find(tuple(words), status, sort, is_descending, parties.Names)


def experts(db: Session, find: Find, start: int, most: int) -> list[PoolLine]:
    """A part of the experts that a search keeps."""
    titles = {title.value: title.name for title in Title}
    place = cache(_place)
    return [
        PoolLine(*line[:4], place(line.home), titles[line.title], *line[6:])
        for line in pool.found(db, find, start, most)
    ]


def applicants(db: Session) -> list[Applicant]:
    """Everybody on his way into the pool, the newest first."""
    found = standing.applicants(db)
    named = parties.organisations(db, {each.expert.employer_uscc for each in found})
    names = {uscc: each.name for uscc, each in named.items()}
    return [
        Applicant(
            each.expert.id,
            each.expert.name,
            names.get(each.expert.employer_uscc, each.expert.employer_uscc),
            each.stage.value,
            each.filed_at,
            each.filed_by,
        )
        for each in found
    ]


def person(db: Session, now: datetime, expert_id: str, on: date | None = None) -> Person:
    """One expert or applicant, and how he stood on a day; NOT_FOUND."""
    lines = standing.history(db, expert_id)
    course = standing.course(db, expert_id)
    assert course.stage is not None, "a history has a first line"
    try:
        expert = pool.expert(db, expert_id)
    except Refusal as refusal:
        if refusal.kind is not Kind.NOT_FOUND:
            raise
        expert = standing.applicant(db, expert_id).expert
    today = legal_day(now)
    day = on or today
    appealed = {each.subject for each in appraisal.appeals(db, expert_id)}
    own = appraisal.of_expert(db, expert_id)
    named = parties.organisations(db, set(expert.units))
    names = {uscc: each.name for uscc, each in named.items()}
    return Person(
        expert=expert,
        stage=course.stage,
        course=course,
        employer=names.get(expert.employer_uscc, expert.employer_uscc),
        names=names,
        specialties=tuple(_specialty(expert, code) for code in expert.specialties),
        home=_place(expert.home_division),
        lines=tuple(_told(line, today, appealed) for line in reversed(lines)),
        chain_holds=first_break(lines) is None,
        on=day,
        days=tuple(on_day(db, expert_id, day, regime) for regime in REGIMES),
        year_hundredths=appraisal.year_hundredths(own, today.year),
        assessments=len(own),
    )


def on_day(db: Session, expert_id: str, on: date, regime: Regime) -> OnDay:
    """Whether an expert could be drawn on a day, twice."""
    end = datetime.combine(on + timedelta(days=1), time(), SHANGHAI).astimezone(UTC)
    return OnDay(
        regime,
        standing.was_eligible(db, expert_id, on, regime, known_at=end),
        standing.was_eligible(db, expert_id, on, regime),
    )


def _told(line: Line, today: date, appealed: set[str]) -> Told:
    until = line.appeal_until
    is_open = until is not None and today <= until
    articles = dict.fromkeys(version.article for version in book().versions(line.rule))
    subject = f"{line.expert_id}/{line.seq}"
    return Told(line, tuple(articles), is_open and subject not in appealed, until is not None)


def _specialty(expert: Expert, code: str) -> tuple[str, str, str]:
    term = next((each for each in expert.specialty_terms if each.code == code), None)
    limits = "" if term is None else f"{term.since or ''} ~ {term.until or ''}"
    return code, catalogue()[code].name if code in catalogue() else "", limits


def _place(code: str) -> str:
    found = yunnan().get(code)
    return found.name if found else code


def merges(db: Session) -> list[Merge]:
    """All proposals that two records are one, those that wait first."""
    found = identities.proposals(db)
    codes = {
        code for each in found if each.kind is Identity.COMPANY for code in (each.one, each.other)
    }
    names = {uscc: each.name for uscc, each in parties.organisations(db, codes).items()}
    return [
        Merge(each, *(_described(db, each.kind, key, names) for key in (each.one, each.other)))
        for each in found
    ]


def _described(db: Session, kind: Identity, key: str, names: Mapping[str, str]) -> str:
    if kind is Identity.COMPANY:
        return names.get(key, key)
    found = pool.expert(db, key)
    return f"{found.name} · {found.born} · {found.employer_uscc}"


def declare(tx: Tx, actor: Actor, usccs: tuple[str, ...]) -> Line:
    """The expert says which units he has kinship or another interest in; all of them, each time."""
    faulty = [uscc for uscc in usccs if uscc_fault(uscc) is not None]
    if faulty:
        raise Refusal("experts.expert.uscc", {"value": faulty[0][:18]})
    if len(usccs) > DECLARED_MAX:
        raise Refusal("experts.expert.units", {"count_max": DECLARED_MAX})
    line = standing.act(tx, actor, actor.party_id, Amend({"declared": sorted(set(usccs))}))
    enqueue(tx, AVOIDANCE_TASK, {"expert": actor.party_id})
    return line


def act(tx: Tx, actor: Actor, expert_id: str, command: Command) -> Line:
    """An act of the pool's office; what it changes is held against the committees he sits in."""
    line = standing.act(tx, actor, expert_id, command)
    if line.changes:
        enqueue(tx, AVOIDANCE_TASK, {"expert": expert_id})
    return line
