"""Score sheets and their sum (评分汇总).

Each member fills a sheet: a score for every valid bid and every item. Before anybody signs, the
result is checked (财政部令第87号 第六十四条): every score within its range, nothing missing, and items
that leave no judgement (客观评审因素) scored alike by all. Then members' scores are averaged as the
method says and the price scores added; exact fractions, rounded only where the method rounds.

Members' outlying scores are not replaced by a mean: no national rule says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from archive import canonical
from archive.digests import sm3
from archive.errors import Faults
from evaluation.criteria import Item, ItemKind, MeanOf, Method
from evaluation.pricing import Bid, PriceResult, hundredths

SHEET_FORMAT = "bigloop.sheet.v1"

Cell = tuple[str, str]
"""(bidder, item code)."""


@dataclass(frozen=True)
class Sheet:
    """One member's scores in hundredths. `salt` (hex) keeps the digest of a half-empty draft, which
    is on the record, from being guessed."""

    session_id: str
    seat: str
    salt: str
    cells: Mapping[Cell, int]

    def to_json(self) -> dict[str, Any]:
        return {
            "cells": [
                [bidder, item, self.cells[bidder, item]] for bidder, item in sorted(self.cells)
            ],
            "format": SHEET_FORMAT,
            "salt": self.salt,
            "seat": self.seat,
            "session": self.session_id,
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical sheet: what is locked for the night and signed at the end."""
        return canonical.digest(self.to_json())

    @property
    def sm3(self) -> str:
        """SM3 (GB/T 32905) of the same bytes."""
        return sm3(canonical.encode(self.to_json()))


def sheet_of(value: Mapping[str, Any]) -> Sheet:
    """The inverse of `Sheet.to_json`; ValueError, KeyError or TypeError for anything else."""
    if set(value) != {"cells", "format", "salt", "seat", "session"}:
        raise ValueError("not a sheet")
    if value["format"] != SHEET_FORMAT:
        raise ValueError(f"not a sheet: {value['format']}")
    cells = {(bidder, item): score for bidder, item, score in value["cells"]}
    sheet = Sheet(value["session"], value["seat"], value["salt"], cells)
    if sheet.to_json() != value:
        raise ValueError("cells twice or out of order")
    return sheet


def check_cells(method: Method, bidders: Sequence[str], cells: Mapping[Cell, int]) -> None:
    """Refuse, with all faults, scores for bids or items that are not there or out of range."""
    faults = Faults("evaluation.score.cells_invalid")
    known = set(bidders)
    for bidder, code in sorted(cells):
        at = f"/{bidder}/{code}"
        item = method.item(code)
        if bidder not in known:
            faults.add(at, "evaluation.score.bidder_unknown", bidder=bidder)
        elif item is None:
            faults.add(
                at, "evaluation.score.item_unknown", rule="score.criteria_in_file", item=code
            )
        elif type(cells[bidder, code]) is not int or not 0 <= cells[bidder, code] <= item.max:
            faults.add(
                at,
                "evaluation.score.out_of_range",
                rule="score.result_check",
                item=code,
                most=item.max,
            )
    faults.refuse()


def missing_cells(method: Method, bidders: Sequence[str], cells: Mapping[Cell, int]) -> list[Cell]:
    """What a complete sheet still needs, in order of bidder and item."""
    return [
        (bidder, item.code)
        for bidder in sorted(bidders)
        for item in method.items
        if (bidder, item.code) not in cells
    ]


def disagreements(
    method: Method, bidders: Sequence[str], sheets: Sequence[Mapping[Cell, int]]
) -> list[Cell]:
    """Objective items that the sheets score differently (87号令 第六十四条第三项)."""
    return [
        (bidder, item.code)
        for bidder in sorted(bidders)
        for item in method.items
        if item.kind is ItemKind.OBJECTIVE
        and len({cells[bidder, item.code] for cells in sheets if (bidder, item.code) in cells}) > 1
    ]


@dataclass(frozen=True)
class BidScore:
    """The score of a valid bid, all in hundredths. `items` are means as the method rounds them
    (ITEM), or exact means that were not rounded on the way (SHEET) and therefore left out."""

    bidder: str
    items: tuple[tuple[str, int], ...]
    technical: int
    price: int

    @property
    def total(self) -> int:
        return self.technical + self.price


def bid_scores(
    method: Method, bids: Sequence[Bid], sheets: Sequence[Sheet], prices: PriceResult
) -> tuple[BidScore, ...]:
    """The sums for the valid `bids` of a comprehensive method. The sheets are complete."""
    assert sheets, "nobody scored"
    scores = []
    for bid in bids:
        if method.mean_of is MeanOf.ITEM:
            items = tuple((i.code, _item_mean(method, bid.bidder, i, sheets)) for i in method.items)
            technical = sum(mean for _, mean in items)
        else:
            items = ()
            marks = sum(sheet.cells[bid.bidder, i.code] for sheet in sheets for i in method.items)
            technical = _mean(method, marks, len(sheets))
        scores.append(BidScore(bid.bidder, items, technical, prices.score_of(bid.bidder)))
    return tuple(scores)


def _item_mean(method: Method, bidder: str, item: Item, sheets: Sequence[Sheet]) -> int:
    marks = [sheet.cells[bidder, item.code] for sheet in sheets]
    if item.kind is ItemKind.OBJECTIVE:
        assert len(set(marks)) == 1, "checked before"
        return marks[0]
    return _mean(method, sum(marks), len(marks))


def _mean(method: Method, marks: int, members: int) -> int:
    return hundredths(Fraction(marks, 100 * members), method.score_places, method.rounding)
