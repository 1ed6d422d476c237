"""The numbers of a seating problem, taken from the rule book of one day and place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from archive.errors import Faults
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
    home_kilometres_max: int
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
        move=rule("price_move").number * MILLI,
        elsewhere=rule("price_elsewhere").number * MILLI,
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
        home_kilometres_max=rule("home_kilometres_max").number,
        is_tenderer_county_barred=rule("tenderer_county_barred").is_on,
        rules=tuple(sorted(f"{r.id}@{r.effective_from}/{r.region}" for r in used)),
    )


def check_numbers(weights: Weights, limits: Limits, faults: Faults) -> None:
    """Add every contradiction among the numbers: rules that no plan could keep together, and prices
    that would make the cheapest plan a wrong one. A stricter pack is welcome; a contradictory one
    must not be planned with."""
    prices = (0, *weights.load)
    contradictions = {
        "seating.centre_members_max": limits.centre_max < 1 or limits.centre_free < 0,
        "seating.prefecture_share": limits.prefecture_share < 1,
        "seating.prefecture_members_permille": not 0 < limits.prefecture_permille <= PERMILLE,
        "seating.travel_minutes_max": limits.travel_minutes < 1,
        "seating.solve_seconds_max": limits.solve_seconds < 0,
        "seating.gap_ppm_max": limits.gap_ppm < 0,
        # Prices that fall with the load would reward whoever is loaded already.
        "seating.price_load": list(prices) != sorted(prices),
        "seating.price_second_member": weights.second_member < 0,
        "seating.price_same_prefecture": weights.same_prefecture < 0,
        "seating.seed_amplitude": weights.amplitude < 0,
        "seating.price_move": weights.move < 0,
        "seating.price_elsewhere": weights.elsewhere < 0,
        # A seat must not stay empty because it would be dear.
        "seating.price_unseated": weights.unseated
        <= limits.travel_minutes * MILLI
        + max(0, weights.amplitude)
        + weights.move
        + weights.elsewhere
        + weights.second_member
        + weights.same_prefecture
        + max(prices),
    }
    for rule, is_contradicted in contradictions.items():
        if is_contradicted:
            faults.add("/rules", "evaluation.seat.rule_contradicts", rule=rule, about=rule)
    if limits.centre_free > limits.centre_max >= 1:
        faults.add(
            "/rules",
            "evaluation.seat.rules_collide",
            rule="seating.centre_members_free",
            one="seating.centre_members_free",
            other="seating.centre_members_max",
        )
