"""The rule book: every legal or local number, with its article, its place and its time.

One TOML pack a package stands in `trading/rules/packs/`; each `[[rule]]` is one *version* of a
rule. A question names the rule, the day, the regime and the region; the answer is the version that
is effective on that day and most specific: the longest region code that the region begins with
(`CN` is the shortest), then one for the very regime before one for all (`*`), then the newest.

Intervals are half-open: `effective_to` is the first day on which a version is no more in force.
Status says how far to trust it:

    law        a published text of national law
    local      a published text of a province, prefecture or centre
    practice   seen in practice or known at second hand, no text before us
    proposal   ours; no text says so

To ask for a rule that no pack holds is a mistake of ours, hence an assertion, never a refusal.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

from trading.regime import Regime

Value: TypeAlias = int | bool | str | tuple[int | str, ...]
ANYWHERE = "CN"
ANY_REGIME = "*"
_NEEDED = {"id", "regime", "region", "value", "unit", "article", "effective_from", "status"}
_ALLOWED = _NEEDED | {"effective_to", "source"}


class Status(StrEnum):
    """How far a version may be trusted."""

    LAW = "law"
    LOCAL = "local"
    PRACTICE = "practice"
    PROPOSAL = "proposal"


class MalformedPack(ValueError):
    """A pack is not what the book demands; found when it is read, never later."""


@dataclass(frozen=True)
class Rule:
    """One version of a rule. `regime` is a `Regime` or `*`, `region` a code prefix or `CN`."""

    id: str
    value: Value
    unit: str
    article: str
    status: Status
    effective_from: date
    effective_to: date | None
    regime: str
    region: str
    source: str = ""

    @property
    def number(self) -> int:
        """The value where it is a whole number."""
        assert type(self.value) is int, self.id
        return self.value

    @property
    def is_on(self) -> bool:
        """The value where it is a switch."""
        assert isinstance(self.value, bool), self.id
        return self.value

    @property
    def text(self) -> str:
        assert isinstance(self.value, str), self.id
        return self.value

    def holds(self, on: date, regime: Regime | None, region: str) -> bool:
        """Whether this version applies on that day, in that regime, at that place."""
        return (
            self.effective_from <= on
            and (self.effective_to is None or on < self.effective_to)
            and (self.regime == ANY_REGIME or self.regime == regime)
            and (self.region == ANYWHERE or region.startswith(self.region))
        )

    @property
    def _rank(self) -> tuple[int, bool, date]:
        depth = 0 if self.region == ANYWHERE else len(self.region)
        return depth, self.regime != ANY_REGIME, self.effective_from


class RuleBook:
    """All versions of all rules, by id."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        versions: dict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            for other in versions[rule.id]:
                if (rule.regime, rule.region) == (other.regime, other.region) and _overlap(
                    rule, other
                ):
                    raise MalformedPack(f"{rule.id}: two versions are in force at once")
            versions[rule.id].append(rule)
        self._versions: Mapping[str, list[Rule]] = dict(versions)

    def rule(
        self, rule_id: str, on: date, regime: Regime | None = None, region: str = ANYWHERE
    ) -> Rule:
        """The version of rule `rule_id` that applies. Without `regime` only versions for all regimes
        do, without `region` only national ones. AssertionError where there is none."""
        holding = [r for r in self._versions.get(rule_id, []) if r.holds(on, regime, region)]
        assert holding, f"no version of rule {rule_id!r} on {on} for {regime} in {region}"
        return max(holding, key=lambda rule: rule._rank)

    def versions(self, rule_id: str) -> tuple[Rule, ...]:
        return tuple(self._versions.get(rule_id, ()))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(sorted(self._versions))


def _overlap(a: Rule, b: Rule) -> bool:
    a_ends, b_ends = a.effective_to or date.max, b.effective_to or date.max
    return a.effective_from < b_ends and b.effective_from < a_ends


def read_pack(name: str, text: str) -> list[Rule]:
    """The rules of one pack (TOML). MalformedPack with the entry's place where it is wrong."""
    try:
        pack = tomllib.loads(text, parse_float=_no_float)
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise MalformedPack(f"{name}: {error}") from error
    if set(pack) != {"rule"}:
        raise MalformedPack(f"{name}: a pack is a list of [[rule]] and nothing else")
    return [_rule(f"{name}[{index}]", entry) for index, entry in enumerate(pack["rule"])]


def _no_float(text: str) -> Any:
    raise ValueError(f"no rule has a fraction ({text}): take a smaller unit")


def _rule(place: str, entry: Mapping[str, Any]) -> Rule:
    if not _NEEDED <= set(entry) <= _ALLOWED:
        wrong = sorted(_NEEDED - set(entry) | set(entry) - _ALLOWED)
        raise MalformedPack(f"{place}: missing or unknown {', '.join(wrong)}")
    if entry["regime"] != ANY_REGIME and entry["regime"] not in set(Regime):
        raise MalformedPack(f"{place}: no regime {entry['regime']!r}")
    if entry["region"] != ANYWHERE and not str(entry["region"]).isdigit():
        raise MalformedPack(f"{place}: no region {entry['region']!r}")
    if entry["status"] not in set(Status):
        raise MalformedPack(f"{place}: no status {entry['status']!r}")
    value = entry["value"]
    if isinstance(value, list):
        value = tuple(value)
    parts = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(part, int | str) for part in parts):
        raise MalformedPack(f"{place}: a value is a number, a switch, a text or a list of them")
    begins, ends = entry["effective_from"], entry.get("effective_to")
    if not isinstance(begins, date) or (ends is not None and not begins < ends):
        raise MalformedPack(f"{place}: not an interval of days")
    return Rule(
        id=entry["id"],
        value=value,
        unit=entry["unit"],
        article=entry["article"],
        status=Status(entry["status"]),
        effective_from=begins,
        effective_to=ends,
        regime=str(entry["regime"]),
        region=entry["region"],
        source=entry.get("source", ""),
    )


@cache
def book() -> RuleBook:
    """The book of all packs that come with the product."""
    rules: list[Rule] = []
    packs = resources.files("trading.rules.packs")
    for pack in sorted(packs.iterdir(), key=lambda item: item.name):
        if pack.name.endswith(".toml"):
            rules += read_pack(pack.name, pack.read_text("utf-8"))
    return RuleBook(rules)
