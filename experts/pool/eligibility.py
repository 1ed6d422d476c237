"""Who may be drawn on a day, by named rules (资格).

    status        ACTIVE in the pool
    enrolled      enrolled on or before the day
    age           younger than `expert.age_max` (the birthday itself counts as having reached it)
    field_years   `expert.field_years_min` in the field      招标投标法 第三十七条
    title         `expert.title_level_min`                   招标投标法 第三十七条
    penalised     no penalty for acts in tendering           12号令 第十二条(四)
    certificate   the certificate (聘期) is not over         `expert.tenure_years`

In ZFCG a senior title makes up for missing years (`expert.senior_title_suffices`). Each rule is one
line below for one expert and one line for the whole pool in arrays; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from experts.pool.columns import Columns
from experts.pool.expert import Expert, Status, Title
from trading.rules.book import Rule

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EligibilityRules:
    """The numbers that hold for one draw."""

    age_max: int
    field_years_min: int
    title_level_min: int
    senior_title_suffices: bool


def eligibility_rules(rule: Callable[[str], Rule]) -> EligibilityRules:
    """The numbers in force; `rule` looks one up for a day, a regime and a region."""
    return EligibilityRules(
        rule("expert.age_max").number,
        rule("expert.field_years_min").number,
        rule("expert.title_level_min").number,
        rule("expert.senior_title_suffices").is_on,
    )


STATUS = "experts.eligibility.status"
ENROLLED = "experts.eligibility.enrolled"
AGE = "experts.eligibility.age"
FIELD_YEARS = "experts.eligibility.field_years"
TITLE = "experts.eligibility.title"
PENALISED = "experts.eligibility.penalised"
CERTIFICATE = "experts.eligibility.certificate"

RULE_OF_CODE: Mapping[str, str] = {
    STATUS: "",
    ENROLLED: "",
    AGE: "expert.age_max",
    FIELD_YEARS: "expert.field_years_min",
    TITLE: "expert.title_level_min",
    PENALISED: "",
    CERTIFICATE: "expert.tenure_years",
}
"""The rule of the pack behind a code; empty where the law has no number."""


def last_birthday_too_old(on: date, age_max: int) -> date:
    """Who was born on this day or before has reached `age_max` on the day `on`."""
    try:
        return on.replace(year=on.year - age_max)
    except ValueError:  # 29 February of a year that has none
        return date(on.year - age_max, 2, 28)


def ineligible(expert: Expert, on: date, rules: EligibilityRules) -> tuple[str, ...]:
    """The codes of all that speaks against one expert; empty where nothing does."""
    senior = rules.senior_title_suffices and expert.title_level >= Title.SENIOR
    found = {
        STATUS: expert.status is not Status.ACTIVE,
        ENROLLED: expert.enrolled_on > on,
        AGE: expert.born <= last_birthday_too_old(on, rules.age_max),
        FIELD_YEARS: expert.field_years < rules.field_years_min and not senior,
        TITLE: expert.title_level < rules.title_level_min,
        PENALISED: expert.penalised,
        CERTIFICATE: expert.certified_until is not None and expert.certified_until <= on,
    }
    return tuple(code for code, holds in found.items() if holds)


EVERYBODY = slice(None)


def ineligible_all(
    columns: Columns, on: date, rules: EligibilityRules, rows: IntArray | slice = EVERYBODY
) -> Mapping[str, BoolArray]:
    """The same for the whole pool, or for some of its rows: per code a mask over them."""
    title = columns.title_level[rows]
    senior = rules.senior_title_suffices & (title >= Title.SENIOR)
    too_old = last_birthday_too_old(on, rules.age_max).toordinal()
    return {
        STATUS: ~columns.active[rows],
        ENROLLED: columns.enrolled_day[rows] > on.toordinal(),
        AGE: columns.born_day[rows] <= too_old,
        FIELD_YEARS: (columns.field_years[rows] < rules.field_years_min) & ~senior,
        TITLE: title < rules.title_level_min,
        PENALISED: columns.penalised[rows],
        CERTIFICATE: columns.certified_day[rows] <= on.toordinal(),
    }
