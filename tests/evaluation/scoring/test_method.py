"""The method of the tender file (条例 第四十九条; 87号令 第五十五条): what is accepted, and every fault."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from archive.errors import Refusal
from evaluation.criteria import (
    ItemKind,
    LowPrice,
    MeanDeviation,
    Method,
    MethodKind,
    PriceShare,
    parse_method,
)
from evaluation.session.rules import price_share
from evaluation.session.synthetic import method_json
from tests.evaluation.course import DAY, assert_said
from trading.regime import ProjectKind, Regime

LOWEST = {
    "format": "bigloop.method.v1",
    "method": "LOWEST_PRICE",
    "items": [{"code": "R1", "name": "资质", "kind": "REQUIREMENT", "max": 1}],
}


def mean_method() -> dict[str, Any]:
    return next(
        value
        for n in range(100)
        if (value := method_json(str(n).encode()))["price"]["formula"] == "MEAN_DEVIATION"
    )


def low_method() -> dict[str, Any]:
    return method_json(b"1", Regime.ZFCG)


def pointers(value: Any, regime: Regime = Regime.ZTB, share: PriceShare | None = None) -> list[str]:
    with pytest.raises(Refusal) as caught:
        parse_method(value, regime, share)
    assert_said(caught.value)
    return [fault.pointer for fault in caught.value.faults]


@pytest.mark.parametrize("value", [mean_method(), low_method(), LOWEST])
def test_a_method_comes_back_from_its_json(value: dict[str, Any]) -> None:
    method = parse_method(value, Regime.ZTB)
    assert method.to_json() == value
    assert parse_method(method.to_json(), Regime.ZTB) == method


def test_both_price_formulas_are_known() -> None:
    assert isinstance(parse_method(low_method(), Regime.ZFCG).price, LowPrice)
    assert isinstance(parse_method(mean_method(), Regime.ZTB).price, MeanDeviation)


class TestFaults:
    def test_all_of_them_at_once_each_with_its_place(self) -> None:
        value = low_method()
        value["items"][0]["max"] = 1501
        value["items"][1]["kind"] = "REQUIREMENT"
        value["items"][2]["code"] = value["items"][0]["code"]
        value["extra"] = 1
        value["ties"] = ["LOT"]
        found = pointers(value)
        assert found == ["/extra", "/items/1/kind", "/items/2/code", "/ties", "/items"]

    def test_weights_must_give_a_hundred_points(self) -> None:
        value = low_method()
        value["items"][0]["max"] -= 1
        assert pointers(value) == ["/items"]

    @pytest.mark.parametrize(
        ("path", "wrong"),
        [
            (("format",), "bigloop.method.v2"),
            (("method",), "LOTTERY"),
            (("rounding",), "NEAREST"),
            (("mean_of",), "MEDIAN"),
            (("score_places",), 3),
            (("items",), []),
            (("items", 0), "T1"),
            (("items", 0, "code"), "T 1"),
            (("items", 0, "name"), ""),
            (("items", 0, "max"), 15.0),
            (("items", 0, "max"), True),
            (("price",), None),
            (("price", "formula"), "DRAW"),
            (("price", "trim_above"), 1),
            (("price", "k_permille"), [30, 10]),
            (("price", "k_permille"), []),
            (("price", "deviation_places"), 7),
        ],
    )
    def test_each_field_is_judged(self, path: tuple[str | int, ...], wrong: object) -> None:
        value: Any = copy.deepcopy(mean_method())
        place = value
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = wrong
        assert pointers(value)[0].startswith("/" + "/".join(map(str, path)))

    def test_what_is_no_object_is_no_method(self) -> None:
        assert pointers([]) == [""]


class TestProcurement:
    """87号令 第五十五条."""

    def test_only_the_low_price_formula(self) -> None:
        assert pointers(mean_method(), Regime.ZFCG) == ["/price/formula"]

    @pytest.mark.parametrize(
        ("kind", "least"), [(ProjectKind.GOODS, 3000), (ProjectKind.SERVICES, 1000)]
    )
    def test_the_price_has_a_least_weight(self, kind: ProjectKind, least: int) -> None:
        share = price_share(DAY, Regime.ZFCG, "532901", kind)
        value = low_method()
        assert parse_at(value, least, share).price == LowPrice(least)
        assert pointers(weighted(value, least - 1), Regime.ZFCG, share) == ["/price/max"]

    def test_works_and_tendering_have_none(self) -> None:
        assert price_share(DAY, Regime.ZFCG, "532901", ProjectKind.WORKS) is None
        assert price_share(DAY, Regime.ZTB, "532901", ProjectKind.GOODS) is None


def weighted(value: dict[str, Any], price: int) -> dict[str, Any]:
    changed = copy.deepcopy(value)
    rest = sum(item["max"] for item in changed["items"][1:])
    changed["price"]["max"] = price
    changed["items"][0]["max"] = 10_000 - price - rest
    return changed


def parse_at(value: dict[str, Any], price: int, share: PriceShare | None) -> Method:
    return parse_method(weighted(value, price), Regime.ZFCG, share)


def test_the_lowest_price_method_has_requirements_only() -> None:
    method = parse_method(LOWEST, Regime.ZFCG)
    assert (method.kind, method.price) == (MethodKind.LOWEST_PRICE, None)
    assert [item.kind for item in method.items] == [ItemKind.REQUIREMENT]
    scored = copy.deepcopy(LOWEST)
    scored["items"] = [{"code": "T1", "name": "x", "kind": "SUBJECTIVE", "max": 1}]
    assert pointers(scored) == ["/items/0/kind"]
    assert pointers({**LOWEST, "price": {}}) == ["/price"]
