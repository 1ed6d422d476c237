"""Sheets, means, rejection and rank: by hand, then what must hold for any scores."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import Refusal
from evaluation.criteria import Method, Tie, parse_method
from evaluation.pricing import Bid
from evaluation.ranking import Ground, Result, Vote, evaluate, over_ceiling, voted_out
from evaluation.scoring import Sheet, check_cells, disagreements, missing_cells, sheet_of
from evaluation.session import synthetic
from tests.evaluation.course import assert_said
from tests.evaluation.scoring.test_method import LOWEST
from trading.money import Money
from trading.regime import Regime

HALF = Fraction(1, 2)
CEILING = Money.yuan("200")


def method(**changes: Any) -> Method:
    value: dict[str, Any] = {
        "format": "bigloop.method.v1",
        "method": "COMPREHENSIVE",
        "items": [
            {"code": "T1", "name": "方案", "kind": "SUBJECTIVE", "max": 5000},
            {"code": "C1", "name": "业绩", "kind": "OBJECTIVE", "max": 2000},
        ],
        "price": {"formula": "LOW_PRICE", "max": 3000},
        "rounding": "HALF_UP",
        "score_places": 2,
        "mean_of": "ITEM",
        "ties": ["PRICE"],
    }
    return parse_method(value | changes, Regime.ZFCG)


def bids(**yuan: str) -> list[Bid]:
    return [Bid(bidder, Money.yuan(amount)) for bidder, amount in yuan.items()]


def sheet(seat: str, **scores: tuple[int, int]) -> Sheet:
    cells: dict[tuple[str, str], int] = {}
    for bidder, (subjective, objective) in scores.items():
        cells |= {(bidder, "T1"): subjective, (bidder, "C1"): objective}
    return Sheet("s", seat, "00" * 16, cells)


def result(
    offered: list[Bid],
    sheets: list[Sheet],
    votes: list[Vote] | None = None,
    rules: Method | None = None,
    ceiling: Money = CEILING,
) -> Result:
    return evaluate(rules or method(), offered, ceiling, None, votes or [], sheets, HALF, 3)


def order(found: Result) -> list[tuple[int, str]]:
    return [(ranked.rank, ranked.bidder) for ranked in found.ranking]


class TestTheSum:
    def test_by_hand(self) -> None:
        # A: T1 mean (40 + 41 + 41)/3 = 40.666… → 40.67; C1 15; price 80/100·30 = 24 → 79.67
        # B: T1 mean 35; C1 20; price 30 → 85
        sheets = [
            sheet("S1", A=(4000, 1500), B=(3500, 2000)),
            sheet("S2", A=(4100, 1500), B=(3400, 2000)),
            sheet("S3", A=(4100, 1500), B=(3600, 2000)),
        ]
        found = result(bids(A="100", B="80"), sheets)
        assert [(s.bidder, s.technical, s.price, s.total) for s in found.scores] == [
            ("A", 5567, 2400, 7967),
            ("B", 5500, 3000, 8500),
        ]
        assert order(found) == [(1, "B"), (2, "A")]

    def test_items_first_or_sheets_first_differ_and_the_file_decides(self) -> None:
        # two subjective items, each with mean x.xx5: rounding twice gives a hundredth more
        items = [
            {"code": "T1", "name": "a", "kind": "SUBJECTIVE", "max": 3500},
            {"code": "C1", "name": "b", "kind": "SUBJECTIVE", "max": 3500},
        ]
        sheets = [sheet("S1", A=(1001, 1001)), sheet("S2", A=(1002, 1002))]
        by_item = result(bids(A="80"), sheets, rules=method(items=items))
        by_sheet = result(bids(A="80"), sheets, rules=method(items=items, mean_of="SHEET"))
        assert by_item.scores[0].technical == 2004
        assert by_sheet.scores[0].technical == 2003

    @given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 8))
    def test_neither_the_order_of_bids_nor_of_sheets_matters(
        self, seed: int, members: int, count: int
    ) -> None:
        source = str(seed).encode()
        rules = parse_method(synthetic.method_json(source), Regime.ZTB)
        bidders = [f"B{n}" for n in range(count)]
        offered = [Bid(b, Money(10**7 + synthetic.number(source, b, 10**6))) for b in bidders]
        sheets = [
            Sheet("s", f"S{n}", "", synthetic.scores(source, rules, bidders, f"S{n}"))
            for n in range(members)
        ]
        k = synthetic.drawn_k(source, rules)
        one = evaluate(rules, offered, Money(10**8), k, [], sheets, HALF, 3)
        two = evaluate(rules, offered[::-1], Money(10**8), k, [], sheets[::-1], HALF, 3)
        assert one == two
        assert [r.rank for r in one.ranking] == sorted(r.rank for r in one.ranking)
        assert all(0 <= score.total <= 10_000 for score in one.scores)
        lows = [min(s.cells[b, "T1"] for s in sheets) for b in bidders]
        highs = [max(s.cells[b, "T1"] for s in sheets) for b in bidders]
        for low, high, score in zip(lows, highs, one.scores, strict=True):
            assert low <= dict(score.items)["T1"] <= high


class TestTheCheckBeforeSigning:
    """87号令 第六十四条."""

    def test_out_of_range_or_not_in_the_file(self) -> None:
        cells = {("A", "T1"): 5001, ("A", "X"): 1, ("Z", "T1"): 1, ("A", "C1"): -1}
        with pytest.raises(Refusal) as caught:
            check_cells(method(), ["A"], cells)
        assert_said(caught.value)
        assert [fault.pointer for fault in caught.value.faults] == [
            "/A/C1",
            "/A/T1",
            "/A/X",
            "/Z/T1",
        ]
        check_cells(method(), ["A"], {("A", "T1"): 5000, ("A", "C1"): 0})

    def test_missing_scores_are_named(self) -> None:
        assert missing_cells(method(), ["B", "A"], {("A", "T1"): 1}) == [
            ("A", "C1"),
            ("B", "T1"),
            ("B", "C1"),
        ]

    def test_objective_items_must_agree_and_subjective_ones_need_not(self) -> None:
        one, two = sheet("S1", A=(10, 1500)), sheet("S2", A=(4000, 1499))
        assert disagreements(method(), ["A"], [one.cells, two.cells]) == [("A", "C1")]
        assert disagreements(method(), ["A"], [one.cells, {}]) == []
        assert disagreements(method(), [], [one.cells, two.cells]) == []


class TestRejection:
    """条例 第五十一条; majority: 87号令 第六十一条."""

    def test_above_the_ceiling_not_at_it(self) -> None:
        offered = bids(A="200", B="200.01")
        assert over_ceiling(offered, CEILING) == ("B",)

    def test_more_than_half_on_one_ground(self) -> None:
        votes = [Vote(f"S{n}", "A", Ground.COLLUSION) for n in (1, 2)]
        assert voted_out(votes, 4, HALF) == ()
        assert voted_out([*votes, votes[0]], 4, HALF) == ()
        assert voted_out([*votes, Vote("S3", "A", Ground.BELOW_COST)], 5, HALF) == ()
        assert voted_out(votes, 3, HALF) == (("A", Ground.COLLUSION, 2),)

    def test_a_rejected_price_takes_no_part(self) -> None:
        sheets = [sheet("S1", A=(4000, 1500), B=(3500, 2000), C=(3500, 2000))]
        votes = [Vote("S1", "C", Ground.BELOW_COST)]
        found = result(bids(A="100", B="80", C="10"), sheets, votes)
        assert found.prices is not None
        assert found.prices.base == 80
        assert [r.bidder for r in found.rejections] == ["C"]
        assert order(found) == [(1, "B"), (2, "A")]
        assert found.is_short

    def test_three_valid_bids_are_enough(self) -> None:
        sheets = [sheet("S1", A=(1, 1), B=(1, 1), C=(1, 1))]
        assert not result(bids(A="1", B="2", C="3"), sheets).is_short

    def test_nobody_left(self) -> None:
        found = result(bids(A="201", B="202"), [sheet("S1")])
        assert (found.ranking, found.prices, found.is_short) == ((), None, True)


class TestTies:
    """87号令 第五十七条: by score, then by price, then equal."""

    def test_the_lower_price_goes_first(self) -> None:
        # A 40 + 30 price = 70; B 46 + 24 price = 70
        sheets = [sheet("S1", A=(4000, 0), B=(4600, 0))]
        assert order(result(bids(B="100", A="80"), sheets)) == [(1, "A"), (2, "B")]

    def test_or_the_better_offer_where_the_file_says_so(self) -> None:
        sheets = [sheet("S1", A=(4000, 0), B=(4600, 0))]
        found = result(bids(B="100", A="80"), sheets, rules=method(ties=["TECHNICAL"]))
        assert order(found) == [(1, "B"), (2, "A")]

    def test_equal_in_everything_is_equal_rank_and_the_next_is_third(self) -> None:
        sheets = [sheet("S1", A=(4000, 0), B=(4000, 0), C=(10, 0))]
        found = result(bids(A="80", B="80", C="80"), sheets)
        assert order(found) == [(1, "A"), (1, "B"), (3, "C")]
        assert Tie.PRICE in method().ties


class TestLowestPrice:
    """87号令 第五十四条; 12号令 第三十条."""

    def test_requirements_first_then_the_price(self) -> None:
        rules = parse_method(LOWEST, Regime.ZTB)
        sheets = [
            Sheet("s", seat, "", {("A", "R1"): a, ("B", "R1"): 1, ("C", "R1"): 1})
            for seat, a in (("S1", 0), ("S2", 0), ("S3", 1))
        ]
        found = result(bids(A="1", B="90", C="80"), sheets, rules=rules)
        assert [(r.bidder, r.ground, r.item, r.votes) for r in found.rejections] == [
            ("A", Ground.NOT_RESPONSIVE, "R1", 2)
        ]
        assert order(found) == [(1, "C"), (2, "B")]
        assert found.prices is None
        assert [r.total for r in found.ranking] == [None, None]


def test_a_sheet_comes_back_from_its_json_and_its_digest_hides_a_single_score() -> None:
    one = sheet("S1", A=(4000, 1500))
    assert sheet_of(one.to_json()) == one
    salted = Sheet(one.session_id, one.seat, "11" * 16, one.cells)
    assert one.digest != salted.digest
    doubled = one.to_json()
    doubled["cells"] = [*doubled["cells"], doubled["cells"][0]]
    with pytest.raises(ValueError):
        sheet_of(doubled)
