"""All rules of one draw, looked up once: the numbers, and which versions they came from.

The request names every version (`id@regime/region/first day`), so that whoever reads it in fifteen
years knows what was in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from experts.composition import CommitteeRules
from experts.conflicts.context import RecusalRules
from experts.conflicts.law import recusal_rules
from experts.fairness.weights import WeightLimits
from experts.feasibility import Limits
from experts.pool.eligibility import EligibilityRules, eligibility_rules
from experts.suite import SUITES
from trading.money import Money
from trading.regime import ProjectKind, Regime
from trading.rules.book import Rule, RuleBook

ONE_PER = ("employer", "control_group", "none")


@dataclass(frozen=True)
class DrawRules:
    """What holds for one draw. Hours, minutes, counts as named; `used` the versions, sorted."""

    committee: CommitteeRules
    eligibility: EligibilityRules
    recusal: RecusalRules
    limits: Limits
    weights: WeightLimits
    control_permille: int
    control_stops: tuple[str, ...]
    earliest_hours: int
    one_per: str
    prefecture_share_max: Fraction
    tenderer_county_excluded: bool
    attempts_max: int
    batch_multiple: int
    answer_minutes: int
    trustees_min: int
    trustee_minutes: int
    hash_name: str
    used: tuple[str, ...]

    def prefecture_max(self, size: int) -> int:
        """How many members of a committee of `size` may have one home prefecture; rounded down,
        at least one."""
        share = self.prefecture_share_max * size
        return max(1, share.numerator // share.denominator)


def version_of(rule: Rule) -> str:
    return f"{rule.id}@{rule.regime}/{rule.region}/{rule.effective_from}"


def rules_for(
    book: RuleBook,
    on: date,
    regime: Regime,
    region: str,
    kind: ProjectKind,
    estimate: Money,
    complex_or_public: bool,
) -> DrawRules:
    """The rules for a draw on a day. `complex_or_public`: technically complex or of large social
    impact (财政部令第87号 第四十七条)."""
    used: dict[str, Rule] = {}

    def rule(rule_id: str) -> Rule:
        found = book.rule(rule_id, on, regime, region)
        used[rule_id] = found
        return found

    size = rule("committee.size_min")
    if kind is ProjectKind.WATER_WORKS:
        size = max(size, rule("committee.size_min_water_works"), key=lambda r: r.number)
    if complex_or_public or estimate.fen >= rule("committee.large_from").number:
        size = max(size, rule("committee.size_min_large"), key=lambda r: r.number)
    stops = rule("recusal.control_stops").value
    assert isinstance(stops, tuple)
    one_per = rule("draw.one_per").text
    assert one_per in ONE_PER
    hash_name = rule("draw.hash").text
    assert hash_name in SUITES
    return DrawRules(
        committee=CommitteeRules(
            size.number,
            size.id,
            rule("committee.odd").is_on,
            "committee.odd",
            Fraction(rule("committee.expert_share_min").text),
            "committee.expert_share_min",
            rule("committee.chair_may_represent").is_on,
        ),
        eligibility=eligibility_rules(rule),
        recusal=recusal_rules(book, on, regime, region, used),
        limits=Limits(
            rule("draw.pool_multiple").number,
            "draw.pool_multiple",
            "draw.one_per",
            "draw.prefecture_share_max",
        ),
        weights=WeightLimits(
            rule("draw.weight_ratio_max").number,
            rule("draw.weight_spread_permille_max").number,
            "draw.weight_ratio_max",
            "draw.weight_spread_permille_max",
            "draw.prefecture_share_max",
        ),
        control_permille=rule("ownership.control_permille").number,
        control_stops=tuple(str(stop) for stop in stops),
        earliest_hours=rule("draw.earliest_hours_before_evaluation").number,
        one_per=one_per,
        prefecture_share_max=Fraction(rule("draw.prefecture_share_max").text),
        tenderer_county_excluded=rule("draw.tenderer_county_excluded").is_on,
        attempts_max=rule("draw.attempts_max").number,
        batch_multiple=rule("draw.batch_multiple").number,
        answer_minutes=rule("draw.answer_minutes").number,
        trustees_min=rule("draw.trustees_min").number,
        trustee_minutes=rule("draw.trustee_minutes").number,
        hash_name=hash_name,
        used=tuple(sorted(version_of(found) for found in used.values())),
    )
