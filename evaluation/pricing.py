"""Price scores (报价得分): exact arithmetic over the valid bids.

LOW_PRICE (低价优先法, 财政部令第87号 第五十五条), with B the lowest valid price:

    score = B / P × max

MEAN_DEVIATION (works practice; the formula must stand in the tender file):

    A = mean of the valid prices, after dropping `trim_high` highest and `trim_low` lowest of them
        where there are more than `trim_above`
    B = A × (1 − K)                    K from the published set, drawn at the opening
    d = (P − B) / B × 100              percent
    score = max − E1 × d   for d > 0,  max − E2 × |d|   for d < 0,   not below 0

B is rounded to `base_places` decimals of a yuan, d to `deviation_places` decimals of a percent, the
score to `score_places` decimals of a point, each by the method's rounding. Rejected bids take no
part: neither in the base nor in the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from archive.errors import Refusal
from evaluation.criteria import LowPrice, MeanDeviation, Method
from evaluation.rounding import Rounding, round_to
from trading.money import Money


@dataclass(frozen=True)
class Bid:
    """An opened bid: its bidder (USCC) and the price that was read out."""

    bidder: str
    price: Money


@dataclass(frozen=True)
class PriceScore:
    """`deviation` in percent, None for LOW_PRICE; `score` in hundredths."""

    bidder: str
    deviation: Fraction | None
    score: int


@dataclass(frozen=True)
class PriceResult:
    """`base` and `mean` in yuan; `trimmed` are the bidders whose prices are not in the mean."""

    base: Fraction
    mean: Fraction | None
    trimmed: tuple[str, ...]
    scores: tuple[PriceScore, ...]

    def score_of(self, bidder: str) -> int:
        return next(s.score for s in self.scores if s.bidder == bidder)


def hundredths(points: Fraction, places: int, mode: Rounding) -> int:
    """Points, rounded, as whole hundredths."""
    return int(round_to(points, places, mode) * 100)


def check_drawn_k(method: Method, k_permille: int | None) -> None:
    """Refuse a K that the tender file did not publish, and a missing one where it is needed."""
    price = method.price
    if not isinstance(price, MeanDeviation):
        if k_permille is not None:
            raise Refusal("evaluation.score.k_not_used", {"k": k_permille})
        return
    if k_permille not in price.k_permille:
        allowed = ", ".join(str(k) for k in price.k_permille)
        k = "-" if k_permille is None else k_permille
        raise Refusal("evaluation.score.k_not_published", {"k": k, "allowed": allowed})


def price_scores(method: Method, bids: Sequence[Bid], k_permille: int | None = None) -> PriceResult:
    """The price scores of the valid `bids`, in their order. At least one bid, prices positive."""
    assert bids, "no valid bid, nothing to score"
    assert all(bid.price.fen > 0 for bid in bids), "a price is positive"
    check_drawn_k(method, k_permille)
    if isinstance(method.price, LowPrice):
        return _low_price(method, method.price, bids)
    assert isinstance(method.price, MeanDeviation), "the method scores the price"
    return _mean_deviation(method, method.price, bids, k_permille or 0)


def _low_price(method: Method, item: LowPrice, bids: Sequence[Bid]) -> PriceResult:
    base = min(bid.price.fen for bid in bids)
    scores = tuple(
        PriceScore(
            bid.bidder,
            None,
            hundredths(
                Fraction(base, bid.price.fen) * Fraction(item.max, 100),
                method.score_places,
                method.rounding,
            ),
        )
        for bid in bids
    )
    return PriceResult(Fraction(base, 100), None, (), scores)


def _mean_deviation(
    method: Method, item: MeanDeviation, bids: Sequence[Bid], k_permille: int
) -> PriceResult:
    by_price = sorted(bids, key=lambda bid: (bid.price.fen, bid.bidder))
    low, high = 0, len(by_price)
    if len(by_price) > item.trim_above:
        low, high = item.trim_low, len(by_price) - item.trim_high
    counted = by_price[low:high]
    trimmed = tuple(sorted(bid.bidder for bid in by_price[:low] + by_price[high:]))
    mean = Fraction(sum(bid.price.fen for bid in counted), 100 * len(counted))
    base = round_to(mean * Fraction(1000 - k_permille, 1000), item.base_places, method.rounding)
    if base <= 0:  # prices of a few fen, rounded to whole yuan
        raise Refusal("evaluation.score.base_zero", {"places": item.base_places})
    scores = []
    for bid in bids:
        exact = (Fraction(bid.price.fen, 100) - base) / base * 100
        deviation = round_to(exact, item.deviation_places, method.rounding)
        per_percent = item.above_hundredths if deviation > 0 else item.below_hundredths
        points = (item.max - per_percent * abs(deviation)) / Fraction(100)
        score = hundredths(max(points, Fraction(0)), method.score_places, method.rounding)
        scores.append(PriceScore(bid.bidder, deviation, score))
    return PriceResult(base, mean, trimmed, tuple(scores))
