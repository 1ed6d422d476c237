"""One bid, one assessment (一标一评): what each side deducts after a session, and appeals. Pure.

After a session the centre, the tenderer (or its agency) and the supervisor each assess every drawn
member: a base of points less published deductions (`appraisal.deduct.*` of the rule book), each with
its article. 国办发〔2024〕21号 asks for it; 招标投标法实施条例 第七十一条 lists the acts; the points are
no law's and are marked proposals. A side sees what happens before its eyes, so each may deduct for
some acts only. Deductions state their grounds; the expert sees them and may appeal; somebody else
than the assessor decides, and an appeal that is upheld takes the deductions away.

Points are whole; averages are hundredths of a point, rounded half up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from archive.actor import Role
from trading.rules.book import Rule

NOTE_CHARACTERS_MAX = 1000


class Side(StrEnum):
    CENTRE = "CENTRE"
    TENDERER = "TENDERER"
    SUPERVISOR = "SUPERVISOR"


ROLE_OF: Mapping[Side, Role] = MappingProxyType(
    {Side.CENTRE: Role.STAFF, Side.TENDERER: Role.TENDERER, Side.SUPERVISOR: Role.SUPERVISOR}
)


class Deduction(StrEnum):
    """For what points are deducted."""

    LATE = "LATE"  # 迟到
    ABSENT = "ABSENT"  # 接受邀请后无故缺席
    LEFT_POST = "LEFT_POST"  # 擅离职守
    PHONE = "PHONE"  # 违反通讯工具管理
    CARELESS = "CARELESS"  # 评审差错需要复核更正
    UNEVEN = "UNEVEN"  # 评分畸高畸低且无合理说明
    METHOD = "METHOD"  # 不按招标文件规定的标准和方法评标
    INFLUENCED = "INFLUENCED"  # 倾向性评审、接受他人意见
    CONTACT = "CONTACT"  # 私下接触投标人
    DISCLOSED = "DISCLOSED"  # 透露评审情况
    NOT_RECUSED = "NOT_RECUSED"  # 应当回避而不回避


_ON_SITE = (Deduction.LATE, Deduction.ABSENT, Deduction.LEFT_POST, Deduction.PHONE)
_REVIEW = (Deduction.CARELESS, Deduction.UNEVEN, Deduction.METHOD, Deduction.INFLUENCED)
MAY_DEDUCT: Mapping[Side, tuple[Deduction, ...]] = MappingProxyType(
    {
        Side.CENTRE: (*_ON_SITE, Deduction.CARELESS),
        Side.TENDERER: _REVIEW,
        Side.SUPERVISOR: tuple(Deduction),
    }
)
"""Which acts a side may deduct for: those that it can have seen."""


def rule_of(deduction: Deduction) -> str:
    """The id of its rule."""
    return f"appraisal.deduct.{deduction.value.lower()}"


class State(StrEnum):
    STANDS = "STANDS"
    APPEALED = "APPEALED"
    CONFIRMED = "CONFIRMED"  # the appeal was rejected
    ANNULLED = "ANNULLED"  # the appeal was upheld: nothing is deducted


@dataclass(frozen=True)
class AppraisalRules:
    """The numbers of one day: points by deduction, days as named."""

    base_points: int
    points: Mapping[Deduction, int]
    assess_workdays: int
    appeal_days: int
    year_points_min: int
    deviation_permille: int
    alpha_permille: int


def appraisal_rules(rule: Callable[[str], Rule]) -> AppraisalRules:
    """The rules in force; `rule` looks one up."""
    return AppraisalRules(
        rule("appraisal.base_points").number,
        {each: rule(rule_of(each)).number for each in Deduction},
        rule("appraisal.assess_workdays").number,
        rule("appraisal.appeal_days").number,
        rule("appraisal.year_points_min").number,
        rule("appraisal.deviation_permille").number,
        rule("appraisal.alpha_permille").number,
    )


@dataclass(frozen=True)
class Subject:
    """A session that is over, as its assessors need it. `members`: seat code → expert id."""

    session_id: str
    lot_id: str
    centre_id: str
    tenderers: tuple[str, ...]
    supervisor_uscc: str
    closed_on: date
    members: Mapping[str, str]


@dataclass(frozen=True)
class Assessment:
    """One side's word on one member. `appeal_until`: the last day for the expert to appeal."""

    id: str
    session_id: str
    lot_id: str
    seat_code: str
    expert_id: str
    side: Side
    deductions: tuple[Deduction, ...]
    points: int
    note: str
    actor_id: str
    at: datetime
    appeal_until: date
    state: State

    @property
    def is_adverse(self) -> bool:
        return bool(self.deductions) and self.state is not State.ANNULLED


def points_after(deductions: Iterable[Deduction], rules: AppraisalRules) -> int:
    """The base less each deduction, never below nothing."""
    return max(0, rules.base_points - sum(rules.points[each] for each in set(deductions)))


def mean_hundredths(points: Sequence[int]) -> int | None:
    """The mean in hundredths of a point, half up; None of nothing."""
    if not points:
        return None
    return (200 * sum(points) + len(points)) // (2 * len(points))


class Appealed(StrEnum):
    """Against what an appeal is."""

    ASSESSMENT = "ASSESSMENT"
    LINE = "LINE"  # a decision about the standing in the pool


class Outcome(StrEnum):
    OPEN = "OPEN"
    UPHELD = "UPHELD"
    REJECTED = "REJECTED"


@dataclass(frozen=True)
class Appeal:
    """An expert's appeal. `subject` is an assessment's id, or `<expert>/<number>` of a line;
    `against` the account that decided it."""

    id: str
    kind: Appealed
    subject: str
    expert_id: str
    against: str
    grounds: str
    filed_at: datetime
    outcome: Outcome
    decided_by: str
    decided_at: datetime | None
    reasons: str
