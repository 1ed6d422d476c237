"""What happened to an expert in the pool, line by line, and what that says about any day. Pure.

A history is append-only: a line is never changed, a mistake is mended by a further line. Each line has
two times: `effective_on`, the day from which it holds, and `recorded_at`, when the pool came to know
it. So two questions have two answers, and both are given:

*   as known then (`known_at` = that day's end): what a draw of the day rightly went by;
*   as known now: what a supervisor asks when an employment or a penalty was reported late.

The decision of this product: a draw is judged by what was known then; what became known later voids
conclusions from the day on which it is found (a late hit, see `experts.conflicts`), never silently.

Lines are chained by hash (`prev`), and the digest of each stands on the stream `pool`; the lines
themselves hold personal facts and stay outside the record. They hold no name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any

from archive import canonical
from archive.journal.entry import moment_text
from experts.pool.eligibility import EligibilityRules, ineligible
from experts.pool.expert import Expert, Status, of_facts

NO_PREV = "0" * 64


class Act(StrEnum):
    """What a line says."""

    APPLIED = "APPLIED"  # 申请
    ADMITTED = "ADMITTED"  # 审核通过
    REFUSED = "REFUSED"  # 审核不通过
    TRAINED = "TRAINED"  # 培训合格
    CERTIFIED = "CERTIFIED"  # 发证、聘任
    ENROLLED = "ENROLLED"  # 入库
    ASSESSED = "ASSESSED"  # 年度考核
    SUSPENDED = "SUSPENDED"  # 暂停
    RETURNED = "RETURNED"  # 恢复
    LEFT = "LEFT"  # 出库
    AMENDED = "AMENDED"  # 信息变更
    PENALISED = "PENALISED"  # 受到处罚


class Stage(StrEnum):
    """Where somebody stands. Only ACTIVE may be drawn."""

    APPLIED = "APPLIED"
    REFUSED = "REFUSED"
    ADMITTED = "ADMITTED"
    TRAINED = "TRAINED"
    CERTIFIED = "CERTIFIED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    LEFT = "LEFT"


STAGE_AFTER: Mapping[Act, Stage] = MappingProxyType(
    {
        Act.APPLIED: Stage.APPLIED,
        Act.ADMITTED: Stage.ADMITTED,
        Act.REFUSED: Stage.REFUSED,
        Act.TRAINED: Stage.TRAINED,
        Act.CERTIFIED: Stage.CERTIFIED,
        Act.ENROLLED: Stage.ACTIVE,
        Act.SUSPENDED: Stage.SUSPENDED,
        Act.RETURNED: Stage.ACTIVE,
        Act.LEFT: Stage.LEFT,
    }
)
"""The stage that an act leads to; the others leave it as it is."""

POOLED: Mapping[Stage, Status] = MappingProxyType(
    {Stage.ACTIVE: Status.ACTIVE, Stage.SUSPENDED: Status.SUSPENDED, Stage.LEFT: Status.LEFT}
)


class Cause(StrEnum):
    """Why somebody is suspended or leaves."""

    AGE = "AGE"  # 达到年龄上限
    HEALTH = "HEALTH"  # 健康原因
    WISH = "WISH"  # 本人申请
    DISCIPLINE = "DISCIPLINE"  # 违规
    ASSESSMENT = "ASSESSMENT"  # 考核不合格
    ABSENCE = "ABSENCE"  # 长期不参加
    MERGED = "MERGED"  # 与另一记录为同一人


@dataclass(frozen=True)
class Line:
    """One line. `changes` are facts by name (`Expert.facts`), as they are from then on. `rule` is an
    id of the rule book; `note` the grounds in words; `appeal_until` the last day to appeal against
    an adverse decision, None where there is nothing to appeal against."""

    expert_id: str
    seq: int
    act: Act
    effective_on: date
    recorded_at: datetime
    rule: str
    actor_id: str
    cause: Cause | None = None
    note: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    appeal_until: date | None = None
    prev: str = NO_PREV

    @cached_property
    def said(self) -> bytes:
        """The changes in canonical JSON, as the row keeps them."""
        return canonical.encode(dict(self.changes))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the line in canonical JSON, changes and the line before by their digests."""
        return canonical.digest(
            {
                "expert": self.expert_id,
                "seq": self.seq,
                "act": self.act.value,
                "effective_on": self.effective_on.isoformat(),
                "recorded_at": moment_text(self.recorded_at),
                "rule": self.rule,
                "actor": self.actor_id,
                "cause": self.cause.value if self.cause else "",
                "note": self.note,
                "changes": hashlib.sha256(self.said).hexdigest(),
                "appeal_until": self.appeal_until.isoformat() if self.appeal_until else "",
                "prev": self.prev,
            }
        )


def enrolment_of(expert: Expert, at: datetime, actor_id: str, rule: str) -> list[Line]:
    """The lines with which an expert is taken over as he stands: enrolled, and suspended or left
    where the source says so."""
    lines = [
        Line(
            expert.id, 1, Act.ENROLLED, expert.enrolled_on, at, rule, actor_id,
            changes=expert.facts(),
        )
    ]  # fmt: skip
    if expert.status is not Status.ACTIVE:
        act = Act.SUSPENDED if expert.status is Status.SUSPENDED else Act.LEFT
        prev = lines[0].digest
        lines.append(Line(expert.id, 2, act, expert.enrolled_on, at, rule, actor_id, prev=prev))
    return lines


def first_break(lines: Sequence[Line]) -> int | None:
    """The number of the first line that does not follow from the one before; None where all do."""
    prev = NO_PREV
    for number, line in enumerate(lines, start=1):
        if line.seq != number or line.prev != prev:
            return number
        prev = line.digest
    return None


@dataclass(frozen=True)
class Standing:
    """How somebody stood on a day: the stage, the facts then known, and the line that decided the
    stage. `stage` is None before the first line."""

    on: date
    stage: Stage | None
    facts: Mapping[str, Any]
    because: Line | None

    @property
    def expert(self) -> Expert | None:
        """The expert as the pool held him on the day; None for who was not yet enrolled."""
        if self.stage is None or self.stage not in POOLED:
            return None
        return of_facts({**self.facts, "status": POOLED[self.stage].value})


def standing_on(lines: Iterable[Line], on: date, known_at: datetime | None = None) -> Standing:
    """The standing on a day by the lines that hold on it; with `known_at`, by those alone that the
    pool had by that moment. Lines of one day hold in the order in which they were recorded."""
    holding = sorted(
        (
            line
            for line in lines
            if line.effective_on <= on and (known_at is None or line.recorded_at <= known_at)
        ),
        key=lambda line: (line.effective_on, line.seq),
    )
    stage: Stage | None = None
    because: Line | None = None
    facts: dict[str, Any] = {}
    for line in holding:
        facts.update(line.changes)
        if line.act in STAGE_AFTER:
            stage, because = STAGE_AFTER[line.act], line
    return Standing(on, stage, facts, because)


@dataclass(frozen=True)
class Answer:
    """Whether somebody could have been drawn on a day, and why not: codes of
    `experts.pool.eligibility`, empty where he could."""

    standing: Standing
    reasons: tuple[str, ...]

    @property
    def is_eligible(self) -> bool:
        return not self.reasons


NOT_POOLED = "experts.eligibility.not_pooled"


def eligible_on(
    lines: Iterable[Line], on: date, rules: EligibilityRules, known_at: datetime | None = None
) -> Answer:
    """The answer for a day, by the rules of that day."""
    found = standing_on(lines, on, known_at)
    expert = found.expert
    if expert is None:
        return Answer(found, (NOT_POOLED,))
    return Answer(found, ineligible(expert, on, rules))
