"""Which recusal rules hold on a day, and with which numbers: read from the rule book.

Each rule of the closed list (`experts.conflicts.rules`) is an entry of the pack, a switch, by regime
and with its article. With `recusal.strict_union` a rule holds as soon as either regime's list has it,
as the promise forms in service have it; regimes without a list of their own (land, minerals, …) take
the union always.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import date

from experts.conflicts.context import RecusalRules
from experts.conflicts.rules import RULES
from trading.regime import Regime
from trading.rules.book import Rule, RuleBook

LISTED = (Regime.ZTB, Regime.ZFCG)
"""The regimes whose law has a list of recusals of its own."""


def recusal_rules(
    book: RuleBook, on: date, regime: Regime, region: str, used: MutableMapping[str, Rule]
) -> RecusalRules:
    """The rules for one lot; each version that was looked at is noted in `used`."""

    def rule(rule_id: str) -> Rule:
        used[rule_id] = found = book.rule(rule_id, on, regime, region)
        return found

    strict = rule("recusal.strict_union").is_on
    regimes = LISTED if strict or regime not in LISTED else (regime,)
    active = set()
    for each in RULES:
        holding = [switch_of(book, each.id, on, one, region) for one in regimes]
        on_switches = [found for found in holding if found is not None and found.is_on]
        if on_switches:
            active.add(each.id)
            used[each.id] = on_switches[0]
    return RecusalRules(
        window_years=rule("recusal.window_years").number,
        strict_union=strict,
        depth_max=rule("ownership.depth_max").number,
        interest_permille=rule("recusal.interest_permille").number,
        week_max=rule("recusal.week_max").number,
        tenderer_max=rule("recusal.tenderer_max").number,
        tenderer_days=rule("recusal.tenderer_days").number,
        active=frozenset(active),
    )


def switch_of(book: RuleBook, rule_id: str, on: date, regime: Regime, region: str) -> Rule | None:
    """The version of a rule's switch that a regime's list has on a day; None where it has none."""
    if not any(version.holds(on, regime, region) for version in book.versions(rule_id)):
        return None
    return book.rule(rule_id, on, regime, region)
