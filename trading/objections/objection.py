"""Objections (异议, 质疑): who may raise them when, and until when they must be answered.

| stage | about | window | answer |
|---|---|---|---|
| FILE | the tender file (条例 第二十二条) | from the notice to 10 days before the deadline | 3 days |
| OPENING | the opening (条例 第四十四条) | on the spot | on the spot |
| RESULT | the candidates (条例 第五十四条) | while they are published | 3 days |

In government procurement (政府采购法 第五十二、五十三条) the windows are seven working days from
the notice and from the result. From the raising until the answer or the withdrawal the lot is
suspended. Complaints to the supervisor (投诉, 条例 第六十条) are not here.

Before the opening nobody may know who takes an interest in a lot (招标投标法 第二十二条): an
objection to the file is kept without its author, who gets a secret to withdraw it with.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef, moment_text
from trading.calendar.legal import Deadline, LegalCalendar, legal_day
from trading.projects.project import Lot
from trading.projects.stages import BEFORE_OPENING, ENDED, Stage
from trading.regime import Regime
from trading.rules.book import Rule, RuleBook


class ObjectionStage(StrEnum):
    """What an objection is against."""

    FILE = "FILE"
    OPENING = "OPENING"
    RESULT = "RESULT"


class ObjectionState(StrEnum):
    """Whether it still suspends the lot."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    WITHDRAWN = "WITHDRAWN"


class Outcome(StrEnum):
    """What the tenderer answers."""

    UPHELD = "UPHELD"  # 异议成立
    REJECTED = "REJECTED"  # 异议不成立


@dataclass(frozen=True)
class Objection:
    """One objection. `raised_by` is empty for one against the file; `due` is the answer's last day,
    for one at the opening the day itself; `withdrawal_secret` (hex) is only in the answer to its
    author, once."""

    id: str
    lot_id: str
    centre_id: str
    stage: ObjectionStage
    raised_by: str
    raised_at: datetime
    due: Deadline
    document: DocumentRef
    state: ObjectionState
    outcome: Outcome | None
    closed_at: datetime | None
    rules: tuple[str, ...]
    withdrawal_secret: str = ""

    def is_overdue(self, now: datetime) -> bool:
        return self.state is ObjectionState.OPEN and now >= self.due.ends_at

    @property
    def was_late(self) -> bool:
        """Whether the answer came after its last day."""
        answered = self.state is ObjectionState.ANSWERED and self.closed_at is not None
        return answered and (self.closed_at or self.raised_at) >= self.due.ends_at


@dataclass(frozen=True)
class Window:
    """When objections of one stage may be raised: start ≤ now < end, by rule `rule`."""

    start: datetime
    end: datetime
    rule: str


def window_rule(stage: ObjectionStage, regime: Regime) -> str:
    """The id of the rule that makes a stage's window."""
    procurement = regime is Regime.ZFCG
    if stage is ObjectionStage.FILE:
        return "objection.file.after_notice" if procurement else "objection.file.before_deadline"
    if stage is ObjectionStage.OPENING:
        return "objection.opening.on_the_spot"
    return "objection.result.after_publication" if procurement else "candidates.publicity"


def answer_rule(stage: ObjectionStage) -> str:
    """The id of the rule that makes a stage's answer clock."""
    if stage is ObjectionStage.OPENING:
        return "objection.opening.on_the_spot"
    return f"objection.{stage.value.lower()}.answer"


def window(
    stage: ObjectionStage,
    lot: Lot,
    opening: tuple[datetime, datetime | None] | None,
    published_at: datetime | None,
    book: RuleBook,
    days: LegalCalendar,
) -> Window | None:
    """The window of a stage; None while what it hangs on (notice, opening, publication) is not
    there. `opening` are the moments at which the opening began and ended."""
    name = window_rule(stage, lot.regime)
    if stage is ObjectionStage.FILE:
        if lot.notice is None:
            return None
        rule = _rule(book, name, lot, lot.notice.issued_at)
        if lot.regime is Regime.ZFCG:
            last = days.period(legal_day(lot.notice.issued_at), rule.number, rule.unit)
        else:
            last = days.days_before(legal_day(lot.notice.opening_at), rule.number)
        return Window(lot.notice.issued_at, min(last.ends_at, lot.notice.opening_at), name)
    if stage is ObjectionStage.OPENING:
        if opening is None:
            return None
        begun_at, finished_at = opening
        spot = _rule(book, "objection.opening.minutes_after", lot, begun_at)
        end = datetime.max.replace(tzinfo=begun_at.tzinfo)
        if finished_at is not None:
            end = finished_at + timedelta(minutes=spot.number)
        return Window(begun_at, end, name)
    if published_at is None:
        return None
    rule = _rule(book, name, lot, published_at)
    last = days.period(legal_day(published_at), rule.number, rule.unit)
    return Window(published_at, last.ends_at, name)


def check_window(found: Window | None, stage: ObjectionStage, lot: Lot, now: datetime) -> None:
    """Refuse TOO_EARLY and TOO_LATE, naming the rule; CONFLICT where the tender is over."""
    name = window_rule(stage, lot.regime)
    if lot.stage in ENDED:
        raise Refusal("trading.objection.over", {"stage": lot.stage}, Kind.CONFLICT, rule=name)
    if stage is ObjectionStage.FILE and lot.stage not in BEFORE_OPENING:
        raise Refusal("trading.objection.too_late_at_all", {}, Kind.TOO_LATE, rule=name)
    if found is None or now < found.start:
        raise Refusal("trading.objection.too_early", {"stage": stage}, Kind.TOO_EARLY, rule=name)
    if now >= found.end:
        raise Refusal(
            "trading.objection.too_late",
            {"stage": stage, "ended_at": moment_text(found.end)},
            Kind.TOO_LATE,
            rule=name,
        )
    if stage is ObjectionStage.OPENING and lot.stage not in (Stage.OPENING, Stage.OPENED):
        raise Refusal("trading.objection.too_late_at_all", {}, Kind.TOO_LATE, rule=name)


def answer_due(
    stage: ObjectionStage, lot: Lot, raised_at: datetime, book: RuleBook, days: LegalCalendar
) -> Deadline:
    """Until when the tenderer has to answer: on the spot means before the day is over."""
    day = legal_day(raised_at)
    if stage is ObjectionStage.OPENING:
        return Deadline(day, (day,), days.is_provisional(day))
    rule = _rule(book, answer_rule(stage), lot, raised_at)
    return days.period(day, rule.number, rule.unit)


def commitment(secret: bytes, uscc: str) -> str:
    """What stands in place of the author of an objection to the file."""
    return hashlib.sha256(b"bigloop.objection.v1\0" + secret + uscc.encode()).hexdigest()


def _rule(book: RuleBook, name: str, lot: Lot, moment: datetime) -> Rule:
    return book.rule(name, legal_day(moment), lot.regime, lot.division_code)
