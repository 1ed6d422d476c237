"""What candidates are judged by, in JSON: kept by the draw, fixed by a salted digest, opened by the
audit. Pure.

The *context* is what stands in the request's digest: the day and the lot's parties, the lists of the
lot, the numbers of the rules, and the day whose links count (`linked_on`). Ties do not stand there:
they follow from the parties and the affiliations (`experts.conflicts.affiliations`), whose digest the
request fixes in clear.

A second check, at the opening or later, has *grounds* of its own: {bidders, context, facts}. `facts`
holds by expert id what had changed about candidates since the request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

from experts.conflicts.affiliations import Affiliations, read_lines
from experts.conflicts.context import Context, Party, RecusalRules, Served, Side, context
from experts.pool.eligibility import EligibilityRules
from trading.regime import Regime


def recusal_json(
    known: Context, parties: Iterable[Party], affiliated: Affiliations
) -> dict[str, Any]:
    """What recusal is judged by."""
    recusal = known.rules
    return {
        "on": known.on.isoformat(),
        "regime": known.regime.value,
        "parties": sorted({(party.side.value, party.uscc) for party in parties}),
        "linked_on": affiliated.on.isoformat(),
        "drafters": sorted(known.drafters),
        "voided": sorted(known.voided),
        "recused": sorted(known.recused),
        "served": {
            expert_id: [served.week, served.tenderer]
            for expert_id, served in sorted(known.served.items())
        },
        "recusal": {
            "active": None if recusal.active is None else sorted(recusal.active),
            "window_years": recusal.window_years,
            "week_max": recusal.week_max,
            "tenderer_max": recusal.tenderer_max,
            "tenderer_days": recusal.tenderer_days,
            "depth_max": recusal.depth_max,
            "control_permille": affiliated.control_permille,
            "interest_permille": affiliated.interest_permille,
        },
    }


def context_json(
    known: Context,
    parties: Iterable[Party],
    affiliated: Affiliations,
    eligibility: EligibilityRules,
    county: str,
) -> dict[str, Any]:
    """What the request's candidates are judged by; `county` is empty where experts of the project's
    county may sit."""
    return {
        **recusal_json(known, parties, affiliated),
        "county": county,
        "eligibility": {
            "age_max": eligibility.age_max,
            "field_years_min": eligibility.field_years_min,
            "title_level_min": eligibility.title_level_min,
            "senior_title_suffices": eligibility.senior_title_suffices,
        },
    }


def affiliations_of(said: Mapping[str, Any], lines: Sequence[str]) -> Affiliations:
    """The affiliations of a context, from their text."""
    numbers = said["recusal"]
    return read_lines(
        lines,
        date.fromisoformat(said["linked_on"]),
        numbers["control_permille"],
        numbers["interest_permille"],
    )


def context_of(said: Mapping[str, Any], affiliated: Affiliations) -> Context:
    """The context that was written, as the rules read it, its ties worked out anew."""
    numbers = said["recusal"]
    active = numbers["active"]
    rules = RecusalRules(
        window_years=numbers["window_years"],
        strict_union=False,
        depth_max=numbers["depth_max"],
        interest_permille=numbers["interest_permille"],
        week_max=numbers["week_max"],
        tenderer_max=numbers["tenderer_max"],
        tenderer_days=numbers["tenderer_days"],
        active=None if active is None else frozenset(active),
    )
    return context(
        Regime(said["regime"]),
        date.fromisoformat(said["on"]),
        [Party(Side(side), uscc) for side, uscc in said["parties"]],
        affiliated.control,
        rules,
        said["drafters"],
        said["voided"],
        interest=affiliated.interest,
        same=affiliated.same,
        recused=said["recused"],
        served=MappingProxyType({name: Served(*counts) for name, counts in said["served"].items()}),
    )
