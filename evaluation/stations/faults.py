"""What a fault of the equipment or the line means, by the clock.

Before a session begins it may be put off; if the fault is not mended in time the tenderer decides.
During the session the review goes on if the fault is mended in time. Where it is not, or where the
tenderer puts the review off, the files are sealed and a new committee reviews. The hours are rules of
the packs (a city's rule on remote evaluation, marked as practice), never numbers here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from archive.clock import SHANGHAI
from trading.rules.book import RuleBook

RULE_BEFORE = "stations.fault_before_hours"
RULE_DURING = "session.fault_hours"


class Step(StrEnum):
    """What holds now. MEND: before or during, mend it; TENDERER: put off too long, the tenderer
    decides; NEW_COMMITTEE: seal the files, another committee reviews; MENDED: go on."""

    MEND_BEFORE = "MEND_BEFORE"
    MEND_DURING = "MEND_DURING"
    TENDERER = "TENDERER"
    NEW_COMMITTEE = "NEW_COMMITTEE"
    MENDED = "MENDED"


@dataclass(frozen=True)
class FaultClock:
    """`until`: when the step ends by itself; None where nothing runs any more. `rule`: which rule's
    clock it is, and its article."""

    step: Step
    until: datetime | None
    rule: str
    article: str
    hours: int


def fault_clock(
    rules: RuleBook,
    begins_at: datetime,
    fault_at: datetime,
    now: datetime,
    mended_at: datetime | None = None,
    region: str = "53",
) -> FaultClock:
    """Where a fault stands at `now`. A fault before the beginning has its hours from the moment at
    which the session was to begin; one during the session from the fault itself."""
    is_before = fault_at < begins_at
    name = RULE_BEFORE if is_before else RULE_DURING
    rule = rules.rule(name, fault_at.astimezone(SHANGHAI).date(), region=region)
    hours = rule.number
    until = (begins_at if is_before else fault_at) + timedelta(hours=hours)
    if mended_at is not None and mended_at <= min(until, now):
        return FaultClock(Step.MENDED, None, name, rule.article, hours)
    if now <= until:
        step = Step.MEND_BEFORE if is_before else Step.MEND_DURING
        return FaultClock(step, until, name, rule.article, hours)
    step = Step.TENDERER if is_before else Step.NEW_COMMITTEE
    return FaultClock(step, None, name, rule.article, hours)
