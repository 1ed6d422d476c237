"""The numbers of a seating problem, taken from the rule book of one day and place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from evaluation.seating.problem import MILLI, Limits, Weights
from evaluation.stations.station import PERMILLE
from trading.rules.book import Rule, RuleBook

MINUTES_AN_HOUR = 60


@dataclass(frozen=True)
class Numbers:
    """Weights, limits and the road, with the versions of the rules they came from."""

    weights: Weights
    limits: Limits
    road_permille: int
    road_speed: int
    stay_days_max: int
    is_tenderer_county_barred: bool
    rules: tuple[str, ...]

    def minutes(self, kilometres: int) -> int:
        """The way in whole minutes, rounded up, for a distance as the crow flies."""
        road = kilometres * self.road_permille * MINUTES_AN_HOUR
        return -(-road // (PERMILLE * self.road_speed))


def numbers_of(rules: RuleBook, on: date, region: str) -> Numbers:
    """The numbers in force on a day in a region (a code prefix)."""
    used: list[Rule] = []

    def rule(name: str) -> Rule:
        found = rules.rule(f"seating.{name}", on, None, region)
        used.append(found)
        return found

    prices = rule("price_load").value
    assert isinstance(prices, tuple)
    weights = Weights(
        second_member=rule("price_second_member").number * MILLI,
        same_prefecture=rule("price_same_prefecture").number * MILLI,
        load=tuple(int(price) * MILLI for price in prices),
        unseated=rule("price_unseated").number * MILLI,
        amplitude=rule("seed_amplitude").number * MILLI,
    )
    limits = Limits(
        travel_minutes=rule("travel_minutes_max").number,
        centre_free=rule("centre_members_free").number,
        centre_max=rule("centre_members_max").number,
        prefecture_share=rule("prefecture_share").number,
        prefecture_permille=rule("prefecture_members_permille").number,
        solve_seconds=rule("solve_seconds_max").number,
        gap_ppm=rule("gap_ppm_max").number,
    )
    return Numbers(
        weights=weights,
        limits=limits,
        road_permille=rule("road_permille").number,
        road_speed=rule("road_speed").number,
        stay_days_max=rule("stay_days_max").number,
        is_tenderer_county_barred=rule("tenderer_county_barred").is_on,
        rules=tuple(sorted(f"{r.id}@{r.effective_from}/{r.region}" for r in used)),
    )
