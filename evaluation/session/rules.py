"""The dated rules by which a session is run, read once from the rule book.

The ids stand in `trading/rules/packs/evaluation_session.toml`; a session keeps the day whose
versions hold for it, so that a night in which the law changes does not change the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from evaluation.criteria import PriceShare
from trading.regime import ProjectKind, Regime
from trading.rules.book import book

EXTEND_SHARE = "session.extend_share"
MAJORITY_SHARE = "session.majority_share"
ARRIVAL = "session.arrival_minutes"
NIGHT_NOTICE = "session.night_notice"
PRESENCE = "session.presence_hours"
FAULT = "session.fault_hours"
VALID_BIDS_MIN = "score.valid_bids_min"
CHAIR = "committee.chair_may_represent"


@dataclass(frozen=True)
class SessionRules:
    """`extend_share`: members beyond which time is extended; `majority_share`: members beyond which
    a vote carries; `arrival`: how long before the start the doors open; `presence`: the longest time
    between two checks of a night; `fault`: how long a fault may last; `night_notice`: how many working days a
    planned night is asked for ahead."""

    extend_share: Fraction
    majority_share: Fraction
    arrival: timedelta
    presence: timedelta
    fault: timedelta
    valid_bids_min: int
    chair_may_represent: bool = False
    night_notice: int = 0


REPORTED = (EXTEND_SHARE, MAJORITY_SHARE, NIGHT_NOTICE, PRESENCE, FAULT, VALID_BIDS_MIN, CHAIR)
_PRICE_SHARES = {
    ProjectKind.GOODS: "score.price_share_min.goods",
    ProjectKind.SERVICES: "score.price_share_min.services",
}


def rules_on(day: date, regime: Regime, region: str) -> SessionRules:
    """The versions effective on a day, in a regime and a region (division code)."""
    asked = book()

    def number(rule_id: str) -> int:
        return asked.rule(rule_id, day, regime, region).number

    def share(rule_id: str) -> Fraction:
        return Fraction(asked.rule(rule_id, day, regime, region).text)

    return SessionRules(
        extend_share=share(EXTEND_SHARE),
        majority_share=share(MAJORITY_SHARE),
        arrival=timedelta(minutes=number(ARRIVAL)),
        presence=timedelta(hours=number(PRESENCE)),
        fault=timedelta(hours=number(FAULT)),
        valid_bids_min=number(VALID_BIDS_MIN),
        chair_may_represent=asked.rule(CHAIR, day, regime, region).is_on,
        night_notice=number(NIGHT_NOTICE),
    )


def price_share(day: date, regime: Regime, region: str, kind: ProjectKind) -> PriceShare | None:
    """The least share of the price in the full score; procurement law alone sets one (87号令 第五十五条)."""
    if regime is not Regime.ZFCG or kind not in _PRICE_SHARES:
        return None
    rule = book().rule(_PRICE_SHARES[kind], day, regime, region)
    return PriceShare(rule.number, rule.id)


def rules_json(day: date, regime: Regime, region: str, kind: ProjectKind) -> list[dict[str, Any]]:
    """The rules that a report rests on, with value and article, sorted by id."""
    ids = set(REPORTED)
    if regime is Regime.ZFCG and kind in _PRICE_SHARES:
        ids.add(_PRICE_SHARES[kind])
    found = [book().rule(rule_id, day, regime, region) for rule_id in sorted(ids)]
    return [
        {
            "article": rule.article,
            "id": rule.id,
            "status": rule.status.value,
            "value": rule.value if isinstance(rule.value, int | str) else list(rule.value),
        }
        for rule in found
    ]
