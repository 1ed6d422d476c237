"""Rejection, ranking, and the result of an evaluation.

A bid is rejected only on a ground of 招标投标法实施条例 第五十一条 (the tender file's own grounds fall
under its sixth item). A price above the ceiling is rejected by the figure; every other ground by
more than half of the members (少数服从多数, 87号令 第六十一条). An item that is a requirement and that
more than half found not met is the sixth ground.

Ranks: the higher total first, ties as the method says, then equal rank (87号令 第五十七条: the lower
price, then 并列); for the lowest price method the lower price first (87号令 第五十四条). Fewer valid
bids than the rule asks are not a failure by themselves: the committee must argue in its report
whether competition is clearly lacking (12号令 第二十七条). Drawing lots never happens here
(2024年第16号令 第八条第四项).

One bidder for several products of one brand (87号令 第三十一条) is not merged here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from evaluation.criteria import ItemKind, Method, MethodKind, Tie
from evaluation.pricing import Bid, PriceResult, price_scores
from evaluation.scoring import BidScore, Sheet, bid_scores
from trading.money import Money


class Ground(StrEnum):
    """Why a bid is rejected; the number is the item of 条例 第五十一条."""

    NOT_SIGNED = "NOT_SIGNED"  # (1) 未经投标单位盖章和单位负责人签字
    NO_CONSORTIUM_AGREEMENT = "NO_CONSORTIUM_AGREEMENT"  # (2)
    NOT_QUALIFIED = "NOT_QUALIFIED"  # (3)
    SEVERAL_BIDS = "SEVERAL_BIDS"  # (4)
    BELOW_COST = "BELOW_COST"  # (5)
    OVER_CEILING = "OVER_CEILING"  # (5), by the figure alone
    NOT_RESPONSIVE = "NOT_RESPONSIVE"  # (6) 未对实质性要求和条件作出响应
    COLLUSION = "COLLUSION"  # (7) 串通投标、弄虚作假、行贿等违法行为


@dataclass(frozen=True)
class Vote:
    """One member finds that a bid must be rejected."""

    seat: str
    bidder: str
    ground: Ground


@dataclass(frozen=True)
class Rejection:
    """`item`: the requirement not met, or empty. `votes`: members who found so; 0 by the figure."""

    bidder: str
    ground: Ground
    item: str = ""
    votes: int = 0


@dataclass(frozen=True)
class Ranked:
    """`rank` counts from 1, equal ranks share it. `total` in hundredths, None for LOWEST_PRICE."""

    rank: int
    bidder: str
    price: Money
    total: int | None


@dataclass(frozen=True)
class Result:
    rejections: tuple[Rejection, ...]
    prices: PriceResult | None
    scores: tuple[BidScore, ...]
    ranking: tuple[Ranked, ...]
    is_short: bool
    """Fewer valid bids than the rule asks: the report must argue."""


def over_ceiling(bids: Sequence[Bid], ceiling: Money) -> tuple[str, ...]:
    """The bidders whose price is above the ceiling (条例 第五十一条第五项), sorted."""
    return tuple(sorted(bid.bidder for bid in bids if bid.price > ceiling))


def voted_out(
    votes: Sequence[Vote], members: int, majority: Fraction
) -> tuple[tuple[str, Ground, int], ...]:
    """(bidder, ground, votes) wherever more than `majority` of the members agree on one ground;
    the ground with most votes where there are several."""
    counts = Counter((vote.bidder, vote.ground) for vote in set(votes))
    found: dict[str, tuple[Ground, int]] = {}
    for (bidder, ground), count in sorted(counts.items(), key=lambda i: (-i[1], i[0])):
        if Fraction(count, members) > majority and bidder not in found:
            found[bidder] = (ground, count)
    return tuple((bidder, *found[bidder]) for bidder in sorted(found))


def rejections(
    method: Method,
    bids: Sequence[Bid],
    ceiling: Money,
    votes: Sequence[Vote],
    sheets: Sequence[Sheet],
    members: int,
    majority: Fraction,
) -> tuple[Rejection, ...]:
    """All rejections, one a bidder, sorted by bidder; the figure goes before the votes."""
    found = {b: Rejection(b, Ground.OVER_CEILING) for b in over_ceiling(bids, ceiling)}
    for bidder, ground, count in voted_out(votes, members, majority):
        found.setdefault(bidder, Rejection(bidder, ground, votes=count))
    for item in method.items:
        if item.kind is not ItemKind.REQUIREMENT:
            continue
        for bid in bids:
            against = sum(sheet.cells.get((bid.bidder, item.code)) == 0 for sheet in sheets)
            if Fraction(against, members) > majority:
                found.setdefault(
                    bid.bidder, Rejection(bid.bidder, Ground.NOT_RESPONSIVE, item.code, against)
                )
    return tuple(found[bidder] for bidder in sorted(found))


def rank(method: Method, bids: Sequence[Bid], scores: Sequence[BidScore]) -> tuple[Ranked, ...]:
    """The valid bids in order; bids that nothing tells apart share a rank, listed by bidder."""
    by_bidder = {score.bidder: score for score in scores}

    def key(bid: Bid) -> tuple[int, ...]:
        if method.kind is MethodKind.LOWEST_PRICE:
            return (bid.price.fen,)
        score = by_bidder[bid.bidder]
        broken = {Tie.PRICE: bid.price.fen, Tie.TECHNICAL: -score.technical}
        return (-score.total, *(broken[tie] for tie in method.ties))

    ordered = sorted(bids, key=lambda bid: (key(bid), bid.bidder))
    ranked: list[Ranked] = []
    for place, bid in enumerate(ordered, start=1):
        is_equal = place > 1 and key(bid) == key(ordered[place - 2])
        total = by_bidder[bid.bidder].total if by_bidder else None
        ranked.append(Ranked(ranked[-1].rank if is_equal else place, bid.bidder, bid.price, total))
    return tuple(ranked)


def evaluate(
    method: Method,
    bids: Sequence[Bid],
    ceiling: Money,
    k_permille: int | None,
    votes: Sequence[Vote],
    sheets: Sequence[Sheet],
    majority: Fraction,
    valid_bids_min: int,
) -> Result:
    """The whole result from the figures; nothing else enters. One sheet a member."""
    bids = sorted(bids, key=lambda bid: bid.bidder)
    out = rejections(method, bids, ceiling, votes, sheets, len(sheets), majority)
    gone = {rejection.bidder for rejection in out}
    valid = [bid for bid in bids if bid.bidder not in gone]
    prices: PriceResult | None = None
    scores: tuple[BidScore, ...] = ()
    if valid and method.kind is MethodKind.COMPREHENSIVE:
        prices = price_scores(method, valid, k_permille)
        scores = bid_scores(method, valid, sheets, prices)
    return Result(out, prices, scores, rank(method, valid, scores), len(valid) < valid_bids_min)
