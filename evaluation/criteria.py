"""The evaluation method of a lot (评标办法), as the tender file states it.

A method is JSON, format `bigloop.method.v1`, and everything that can change a figure is in it: what
is scored and how high, the price formula with its trimming, its drawn coefficient and its places,
how members' scores are averaged and rounded, how ties are broken. A criterion that is not in the
file may not be used (招标投标法实施条例 第四十九条), so nothing has a hidden default in code.

    {"format": "bigloop.method.v1", "method": "COMPREHENSIVE", "rounding": "HALF_UP",
     "score_places": 2, "mean_of": "ITEM", "ties": ["PRICE"],
     "items": [{"code": "T1", "name": "施工组织设计", "kind": "SUBJECTIVE", "max": 2500}, …],
     "price": {"formula": "LOW_PRICE", "max": 6000}}

Scores are hundredths of a point; the items and the price together give 100 points, 10,000.

* COMPREHENSIVE — 综合评估法 (12号令 第三十四条) and 综合评分法 (87号令 第五十五条);
* LOWEST_PRICE — 经评审的最低投标价法 and 最低评标价法 (12号令 第三十条, 87号令 第五十四条): the items
  are requirements, met or not met, and the lowest price among those that meet them wins.

Price formulas: LOW_PRICE, and MEAN_DEVIATION (`evaluation.pricing`). Government procurement has only
the first and drops no highest or lowest price (87号令 第五十五条).

Not here: adjustments of a price for deviations (价格折算), and preferences for small firms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from archive.errors import Faults
from evaluation.rounding import Rounding
from trading.regime import Regime

METHOD_FORMAT = "bigloop.method.v1"
FULL_SCORE = 10_000
"""100 points in hundredths."""
ITEMS_MAX = 100
CODE_LENGTH_MAX = 16
NAME_LENGTH_MAX = 100


class MethodKind(StrEnum):
    COMPREHENSIVE = "COMPREHENSIVE"
    LOWEST_PRICE = "LOWEST_PRICE"


class ItemKind(StrEnum):
    SUBJECTIVE = "SUBJECTIVE"  # 主观评审因素: each member judges for himself
    OBJECTIVE = "OBJECTIVE"  # 客观评审因素: all members must come to the same score
    REQUIREMENT = "REQUIREMENT"  # 实质性要求: 1 met, 0 not met


class MeanOf(StrEnum):
    ITEM = "ITEM"  # average each item over the members and round, then add up
    SHEET = "SHEET"  # add up each member's sheet, then average and round once


class Tie(StrEnum):
    PRICE = "PRICE"  # the lower price first
    TECHNICAL = "TECHNICAL"  # the higher score without the price first


@dataclass(frozen=True)
class Item:
    """`max` in hundredths of a point; 1 for a requirement."""

    code: str
    name: str
    kind: ItemKind
    max: int


@dataclass(frozen=True)
class LowPrice:
    """score = base / price × max, base = the lowest valid price (87号令 第五十五条)."""

    max: int


@dataclass(frozen=True)
class MeanDeviation:
    """Deviation from a mean: see `evaluation.pricing` for the formula.

    `trim_above`: highest and lowest prices are dropped only where there are more bids than this.
    `k_permille`: the published set from which K was drawn at the opening. `above_hundredths` (E1)
    and `below_hundredths` (E2): points taken off, in hundredths, for each percent of deviation.
    `base_places`: decimals of the base price in yuan; `deviation_places`: of the percent.
    """

    max: int
    trim_above: int
    trim_high: int
    trim_low: int
    k_permille: tuple[int, ...]
    above_hundredths: int
    below_hundredths: int
    base_places: int
    deviation_places: int


PriceItem = LowPrice | MeanDeviation


@dataclass(frozen=True)
class Method:
    kind: MethodKind
    items: tuple[Item, ...]
    price: PriceItem | None
    """None for LOWEST_PRICE."""
    rounding: Rounding
    score_places: int
    """Decimals of a point to which prices' scores and means are rounded: 0, 1 or 2."""
    mean_of: MeanOf
    ties: tuple[Tie, ...]

    def item(self, code: str) -> Item | None:
        return next((item for item in self.items if item.code == code), None)

    def to_json(self) -> dict[str, Any]:
        """The method in its format; `parse_method` of it gives the same method."""
        value: dict[str, Any] = {
            "format": METHOD_FORMAT,
            "items": [
                {"code": i.code, "kind": i.kind.value, "max": i.max, "name": i.name}
                for i in self.items
            ],
            "method": self.kind.value,
        }
        if self.kind is MethodKind.COMPREHENSIVE:
            value |= {
                "mean_of": self.mean_of.value,
                "price": _price_json(self.price),
                "rounding": self.rounding.value,
                "score_places": self.score_places,
                "ties": [tie.value for tie in self.ties],
            }
        return value


def _price_json(price: PriceItem | None) -> dict[str, Any]:
    if isinstance(price, LowPrice):
        return {"formula": "LOW_PRICE", "max": price.max}
    assert price is not None, "a comprehensive method scores the price"
    return {
        "formula": "MEAN_DEVIATION",
        **{name: getattr(price, name) for name in _MEAN_FIELDS},
        "k_permille": list(price.k_permille),
        "max": price.max,
    }


@dataclass(frozen=True)
class PriceShare:
    """The least share of the price in the full score, and the rule that says so."""

    permille: int
    rule: str


_TOP_FIELDS = {
    MethodKind.COMPREHENSIVE: frozenset(
        {"format", "method", "items", "price", "rounding", "score_places", "mean_of", "ties"}
    ),
    MethodKind.LOWEST_PRICE: frozenset({"format", "method", "items"}),
}
_ITEM_FIELDS = frozenset({"code", "name", "kind", "max"})
# name: (least, most)
_MEAN_FIELDS = {
    "trim_above": (0, 1000),
    "trim_high": (0, 100),
    "trim_low": (0, 100),
    "above_hundredths": (0, FULL_SCORE),
    "below_hundredths": (0, FULL_SCORE),
    "base_places": (0, 4),
    "deviation_places": (0, 6),
}


def parse_method(value: Any, regime: Regime, price_share: PriceShare | None = None) -> Method:
    """The method of the JSON value; refuses once, with every fault and its JSON pointer.

    `price_share` is the floor that the rule book sets for this regime and kind of project, if any.
    """
    faults = Faults("evaluation.score.method_invalid")
    method = _method(value, regime, price_share, faults)
    faults.refuse()
    assert method is not None, "nothing parsed and nothing refused"
    return method


def _method(
    value: Any, regime: Regime, price_share: PriceShare | None, faults: Faults
) -> Method | None:
    if not isinstance(value, Mapping):
        faults.add("", "evaluation.score.not_an_object")
        return None
    if value.get("format") != METHOD_FORMAT:
        faults.add("/format", "evaluation.score.method_format", wanted=METHOD_FORMAT)
        return None
    kind = _choice(value, "method", MethodKind, "/method", faults)
    if kind is None:
        return None
    _fields(value, _TOP_FIELDS[kind], "", faults)
    items = _items(value.get("items"), kind, faults)
    if kind is MethodKind.LOWEST_PRICE:
        return Method(kind, items, None, Rounding.HALF_UP, 2, MeanOf.ITEM, (Tie.PRICE,))
    price = _price(value.get("price"), regime, faults)
    rounding = _choice(value, "rounding", Rounding, "/rounding", faults)
    mean_of = _choice(value, "mean_of", MeanOf, "/mean_of", faults)
    places = _number(value, "score_places", 0, 2, "/score_places", faults)
    ties = _ties(value.get("ties"), faults)
    if price is None or rounding is None or mean_of is None or places is None:
        return None
    total = price.max + sum(item.max for item in items)
    if total != FULL_SCORE:
        faults.add(
            "/items",
            "evaluation.score.weights_sum",
            rule="score.weights_sum",
            sum=total,
            wanted=FULL_SCORE,
        )
    if price_share is not None and price.max * 1000 < price_share.permille * FULL_SCORE:
        faults.add(
            "/price/max",
            "evaluation.score.price_share",
            rule=price_share.rule,
            least=price_share.permille * FULL_SCORE // 1000,
            value=price.max,
        )
    return Method(kind, items, price, rounding, places, mean_of, ties)


def _items(value: Any, method: MethodKind, faults: Faults) -> tuple[Item, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        faults.add("/items", "evaluation.score.items_missing")
        return ()
    if len(value) > ITEMS_MAX:
        faults.add("/items", "evaluation.score.too_many", most=ITEMS_MAX, value=len(value))
        return ()
    items: list[Item] = []
    seen: set[str] = set()
    for index, entry in enumerate(value):
        item = _item(entry, method, f"/items/{index}", faults)
        if item is None:
            continue
        if item.code in seen:
            faults.add(f"/items/{index}/code", "evaluation.score.item_twice", item=item.code)
        seen.add(item.code)
        items.append(item)
    return tuple(items)


def _item(entry: Any, method: MethodKind, at: str, faults: Faults) -> Item | None:
    if not isinstance(entry, Mapping):
        faults.add(at, "evaluation.score.not_an_object")
        return None
    _fields(entry, _ITEM_FIELDS, at, faults)
    code, name = entry.get("code"), entry.get("name")
    if not (isinstance(code, str) and code.isascii() and code.isalnum()) or (
        len(code) > CODE_LENGTH_MAX
    ):
        faults.add(f"{at}/code", "evaluation.score.item_code", most=CODE_LENGTH_MAX)
        code = None
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LENGTH_MAX:
        faults.add(f"{at}/name", "evaluation.score.item_name", most=NAME_LENGTH_MAX)
        name = None
    kind = _choice(entry, "kind", ItemKind, f"{at}/kind", faults)
    is_requirement = method is MethodKind.LOWEST_PRICE
    if kind is not None and (kind is ItemKind.REQUIREMENT) != is_requirement:
        faults.add(f"{at}/kind", "evaluation.score.item_kind", kind=kind.value, method=method.value)
    most = 1 if is_requirement else FULL_SCORE
    top = _number(entry, "max", 1, most, f"{at}/max", faults)
    if code is None or name is None or kind is None or top is None:
        return None
    return Item(code, name, kind, top)


def _price(value: Any, regime: Regime, faults: Faults) -> PriceItem | None:
    if not isinstance(value, Mapping):
        faults.add("/price", "evaluation.score.not_an_object")
        return None
    formula = value.get("formula")
    top = _number(value, "max", 1, FULL_SCORE, "/price/max", faults)
    if formula == "LOW_PRICE":
        _fields(value, frozenset({"formula", "max"}), "/price", faults)
        return None if top is None else LowPrice(top)
    if formula != "MEAN_DEVIATION":
        faults.add("/price/formula", "evaluation.score.choice", allowed="LOW_PRICE, MEAN_DEVIATION")
        return None
    if regime is Regime.ZFCG:
        faults.add("/price/formula", "evaluation.score.low_price_only", rule="score.low_price")
    _fields(value, frozenset({"formula", "max", "k_permille", *_MEAN_FIELDS}), "/price", faults)
    numbers = {
        name: _number(value, name, least, most, f"/price/{name}", faults)
        for name, (least, most) in _MEAN_FIELDS.items()
    }
    chosen: Any = value.get("k_permille")
    if not _is_k_set(chosen):
        faults.add("/price/k_permille", "evaluation.score.k_set")
        return None
    found = {name: number for name, number in numbers.items() if number is not None}
    if top is None or len(found) < len(numbers):
        return None
    if found["trim_high"] + found["trim_low"] > found["trim_above"]:
        faults.add("/price/trim_above", "evaluation.score.trims_all", value=found["trim_above"])
    return MeanDeviation(max=top, k_permille=tuple(chosen), **found)


def _is_k_set(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and 0 < len(value) <= 100
        and all(type(k) is int and 0 <= k < 1000 for k in value)
        and sorted(set(value)) == list(value)
    )


def _ties(value: Any, faults: Faults) -> tuple[Tie, ...]:
    known = {tie.value for tie in Tie}
    if (
        not isinstance(value, Sequence)
        or isinstance(value, str)
        or not all(isinstance(tie, str) and tie in known for tie in value)
        or len(set(value)) != len(value)
    ):
        faults.add("/ties", "evaluation.score.choice", allowed=", ".join(sorted(known)))
        return ()
    return tuple(Tie(tie) for tie in value)


def _fields(value: Mapping[str, Any], allowed: frozenset[str], at: str, faults: Faults) -> None:
    for name in sorted(str(key) for key in value if key not in allowed):
        faults.add(f"{at}/{name}", "evaluation.score.field_unknown", field=name)


def _number(
    value: Mapping[str, Any], name: str, least: int, most: int, at: str, faults: Faults
) -> int | None:
    number = value.get(name)
    if type(number) is not int or not least <= number <= most:
        faults.add(at, "evaluation.score.number", least=least, most=most)
        return None
    return number


def _choice(value: Mapping[str, Any], name: str, kind: Any, at: str, faults: Faults) -> Any:
    found = value.get(name)
    known = [choice.value for choice in kind]
    if not isinstance(found, str) or found not in known:
        faults.add(at, "evaluation.score.choice", allowed=", ".join(known))
        return None
    return kind(found)
