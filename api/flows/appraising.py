"""One bid, one assessment across the rooms: which sessions wait for whom, and what is odd.

The assessors see seats and specialties, never names: the committee is secret until the result is
settled (招标投标法 第三十七条).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session as Db

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Tx
from evaluation.criteria import ItemKind
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Stage, Standing
from evaluation.sheets import service as sheets
from experts.appraisal import service as appraisal
from experts.appraisal.assessment import (
    MAY_DEDUCT,
    ROLE_OF,
    Appeal,
    Appealed,
    Assessment,
    Deduction,
    Side,
    Subject,
    rule_of,
)
from experts.appraisal.patterns import Pattern, far_scores, patterns
from experts.pool.standing import service as standing
from experts.pool.standing.history import Line
from trading.calendar.legal import legal_day
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.rules.book import book

CLOSED = "evaluation:session:closed"
SESSIONS_MAX = 200
"""The newest that are looked through for what waits, or for far scores."""


@dataclass(frozen=True)
class Waiting:
    """A session that is over, as one side has it before it."""

    id: str
    lot: str
    host: str
    closed_on: date
    due_on: date
    side: str
    given: int
    seats: int

    @property
    def state(self) -> str:
        return "DONE" if self.given == self.seats else "OPEN"


@dataclass(frozen=True)
class Seat:
    """A member to assess, and what this side said of him already."""

    code: str
    given: Assessment | None


@dataclass(frozen=True)
class Choice:
    """A deduction with its points and article."""

    code: str
    points: int
    article: str


@dataclass(frozen=True)
class Desk:
    """What one side needs to assess one session."""

    waiting: Waiting
    seats: tuple[Seat, ...]
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Own:
    """An assessment as the assessed expert sees it."""

    assessment: Assessment
    lot: str
    appeal: Appeal | None
    may_appeal: bool


@dataclass(frozen=True)
class Case:
    """An appeal with what it is against."""

    appeal: Appeal
    assessment: Assessment | None
    line: Line | None
    lot: str = ""


def side_of(actor: Actor) -> Side:
    """For which side an account speaks."""
    for side, role in ROLE_OF.items():
        if role in actor.roles:
            return side
    raise Refusal(
        "archive.actor.role",
        {"needed": ", ".join(ROLE_OF.values()), "actor": actor.id},
        Kind.FORBIDDEN,
    )


def subject_of(db: Db, session: Session) -> Subject:
    """A session that is over, for its assessors; TOO_EARLY before."""
    if session.stage is not Stage.CLOSED:
        raise Refusal("experts.appraisal.not_over", {}, Kind.TOO_EARLY)
    lot = projects.lot(db, session.lot_id)
    closed = next(e for e in journal.entries(db, f"session/{session.id}") if e.action == CLOSED)
    agency = (lot.agency_uscc,) if lot.agency_uscc else ()
    return Subject(
        session_id=session.id,
        lot_id=lot.id,
        centre_id=session.centre_id,
        tenderers=(lot.tenderer_uscc, *agency),
        supervisor_uscc=lot.supervisor_uscc,
        closed_on=legal_day(closed.at),
        members={
            member.seat_code: member.expert_id
            for member in session.state.members
            if not member.is_representative and member.standing is not Standing.REPLACED
        },
    )


def waiting(db: Db, actor: Actor) -> list[Waiting]:
    """The sessions that the actor's side may assess or has, those with most time gone first."""
    side = side_of(actor)
    lots = {lot.id: lot for lot in projects.lots(db)}
    found = []
    for session in sessions.sessions(db, stages=[Stage.CLOSED])[-SESSIONS_MAX:]:
        subject = subject_of(db, session)
        try:
            appraisal.check_side(actor, subject, side)
        except Refusal:
            continue
        found.append(_waiting(db, subject, side, lots[session.lot_id]))
    return sorted(found, key=lambda each: (each.state == "DONE", each.due_on, each.id))


def _waiting(db: Db, subject: Subject, side: Side, lot: Lot) -> Waiting:
    given = [each for each in appraisal.of_session(db, subject.session_id) if each.side is side]
    return Waiting(
        id=subject.session_id,
        lot=lot.name,
        host=parties.centre(db, subject.centre_id).name,
        closed_on=subject.closed_on,
        due_on=appraisal.due_on(subject),
        side=side.value,
        given=len(given),
        seats=len(subject.members),
    )


def desk(db: Db, actor: Actor, session_id: str) -> Desk:
    """One session for one side; FORBIDDEN for another's."""
    side = side_of(actor)
    session = sessions.session(db, session_id)
    subject = subject_of(db, session)
    appraisal.check_side(actor, subject, side)
    given = {
        each.seat_code: each for each in appraisal.of_session(db, session_id) if each.side is side
    }
    rules = appraisal.rules_on(subject.closed_on)
    return Desk(
        _waiting(db, subject, side, projects.lot(db, session.lot_id)),
        tuple(Seat(code, given.get(code)) for code in sorted(subject.members)),
        tuple(
            Choice(each.value, rules.points[each], book().versions(rule_of(each))[-1].article)
            for each in MAY_DEDUCT[side]
        ),
    )


def assess(
    tx: Tx,
    actor: Actor,
    session_id: str,
    seat_code: str,
    deductions: Sequence[Deduction],
    note: str,
) -> Assessment:
    """Keep what the actor's side says of a seat."""
    subject = subject_of(tx.db, sessions.session(tx.db, session_id))
    return appraisal.assess(tx, actor, subject, side_of(actor), seat_code, deductions, note)


def own(db: Db, now: datetime, actor: Actor) -> list[Own]:
    """The expert's own assessments, the newest first."""
    today = legal_day(now)
    filed = {
        each.subject: each
        for each in appraisal.appeals(db, actor.party_id)
        if each.kind is Appealed.ASSESSMENT
    }
    return [
        Own(
            each,
            projects.lot(db, each.lot_id).name,
            filed.get(each.id),
            each.is_adverse and each.id not in filed and today <= each.appeal_until,
        )
        for each in appraisal.of_expert(db, actor.party_id)
    ]


def cases(db: Db, actor: Actor) -> list[Case]:
    """The appeals that the actor's office decides: the pool's all of them, a supervisor's those
    against assessments."""
    return [
        _case(db, each)
        for each in appraisal.appeals(db)
        if Role.POOL in actor.roles or each.kind is Appealed.ASSESSMENT
    ]


def _case(db: Db, appeal: Appeal) -> Case:
    if appeal.kind is Appealed.ASSESSMENT:
        found = appraisal.of_expert(db, appeal.expert_id)
        meant = next(each for each in found if each.id == appeal.subject)
        return Case(appeal, meant, None, projects.lot(db, meant.lot_id).name)
    number = int(appeal.subject.rpartition("/")[2])
    told = standing.history(db, appeal.expert_id)
    return Case(appeal, None, next(line for line in told if line.seq == number))


# --- Odd patterns -------------------------------------------------------------------------------


def odd_patterns(db: Db, now: datetime) -> list[Pattern]:
    """What was seen of each expert beside chance, the oddest first; those without any call or score
    are left out."""
    rules = appraisal.rules_on(legal_day(now))
    tallies = {
        expert_id: tally
        for expert_id, tally in appraisal.tallies(db, far(db, rules.deviation_permille)).items()
        if tally.called or tally.scores or sum(tally.chances) >= 1
    }
    return patterns(tallies, rules.alpha_permille / 1000)


def far(db: Db, permille: int) -> Mapping[str, tuple[int, int]]:
    """By expert how many of his scores are far from the other members' mean, and of how many: of
    the subjective items of sessions that are over."""
    counted: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for session in sessions.sessions(db, stages=[Stage.CLOSED])[-SESSIONS_MAX:]:
        seated = [m for m in session.state.sitting if not m.is_representative]
        stored = sheets.sheets_of(db, session)
        members = [m.expert_id for m in seated if m.expert_id in stored]
        for item in session.method.items:
            if item.kind is not ItemKind.SUBJECTIVE:
                continue
            for bid in session.state.bids:
                cell = (bid.bidder, item.code)
                holding = [e for e in members if cell in stored[e].cells]
                scores = [stored[e].cells[cell] for e in holding]
                for expert_id, is_far in zip(
                    holding, far_scores(scores, item.max, permille), strict=True
                ):
                    counted[expert_id] += 1
                    hits[expert_id] += is_far
    return {expert_id: (hits[expert_id], total) for expert_id, total in counted.items()}
