"""A working day of a centre: its lots by stage, what is due, its draws and calls, its nights."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from api.flows.desk import Course, course
from archive.actor import Actor
from archive.clock import SHANGHAI
from evaluation.session import service as sessions
from evaluation.session.session import Session as Review
from evaluation.session.state import FINAL
from evaluation.session.state import Stage as SessionStage
from experts.draws import service as draws
from experts.draws.service import Draw
from trading.awards import service as awards
from trading.calendar.legal import Deadline
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.projects.stages import BEFORE_OPENING, Stage

NOT_BEGUN = frozenset({SessionStage.SCHEDULED, SessionStage.CHECK_IN, SessionStage.VOID})


@dataclass(frozen=True)
class Due:
    """Something of the day: an hour (`opening`, `evaluation`), or a legal clock's last day."""

    code: str
    lot: Lot
    at: datetime
    is_done: bool


@dataclass(frozen=True)
class DrawLine:
    lot: Lot
    draw: Draw
    course: Course
    seated: int
    wanted: int


@dataclass(frozen=True)
class Workday:
    stages: tuple[tuple[str, int], ...]
    dues: tuple[Due, ...]
    draws: tuple[DrawLine, ...]
    reviews: tuple[tuple[Review, Lot], ...]
    """Sessions that the centre hosts on the day or that are still open from before."""


def workday(db: Session, actor: Actor, day: date) -> Workday:
    """The day of the actor's centre; of all centres for an account that no centre binds."""
    lots = projects.lots(db, centre_id=actor.centre_id or None)
    by_stage = Counter(lot.stage for lot in lots)
    dues, lines, reviews = [], [], []
    for lot in lots:
        if lot.notice is not None and _is_near(lot.notice.evaluation_at, day):
            lines += _draws(db, lot)
        review = sessions.session_of_lot(db, lot.id)
        dues += [due for due in _dues(db, lot, review) if legal_day(due.at) == day]
        if review is not None and _is_of(review, day):
            reviews.append((review, lot))
    return Workday(
        stages=tuple((stage.value, by_stage[stage]) for stage in Stage),
        dues=tuple(sorted(dues, key=lambda due: (due.at, due.lot.name, due.code))),
        draws=tuple(sorted(lines, key=lambda line: (line.draw.evaluation_at, line.lot.name))),
        reviews=tuple(sorted(reviews, key=lambda pair: pair[1].name)),
    )


def legal_day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def _dues(db: Session, lot: Lot, review: Review | None) -> list[Due]:
    found = []
    if lot.notice is not None:
        begun = lot.stage not in BEFORE_OPENING
        found.append(Due("opening", lot, lot.notice.opening_at, begun))
        held = review is not None and review.stage not in NOT_BEGUN
        found.append(Due("evaluation", lot, lot.notice.evaluation_at, held))
    for clock in awards.clocks(db, lot.id):
        found.append(Due(clock.rule, lot, _last_moment(clock.due), clock.done_at is not None))
    return found


def _last_moment(due: Deadline) -> datetime:
    """The last minute of a period, which ends at 24:00."""
    return due.ends_at - timedelta(minutes=1)


def _draws(db: Session, lot: Lot) -> list[DrawLine]:
    made = draws.draws_of_lot(db, lot.id)
    if not made:
        return []
    seated = len(draws.committee(db, made[-1].id))
    wanted = sum(lot.committee.quotas.values())
    return [DrawLine(lot, made[-1], course(db, made[-1]), seated, wanted)]


def _is_near(at: datetime, day: date) -> bool:
    return day <= legal_day(at) <= day + timedelta(days=1)


def _is_of(review: Review, day: date) -> bool:
    starts_at = review.state.starts_at
    starts = legal_day(starts_at) if starts_at else day
    return starts == day or (starts < day and review.stage not in FINAL)
