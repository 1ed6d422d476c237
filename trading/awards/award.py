"""From the report to the contract: candidates, award, contract, and the clocks between them.

* at most three candidates, ranked (条例 第五十三条), published within 3 days of the report and for 3
  days at least (第五十四条);
* state-funded tenders take the first; another only for a cause the law names (第五十五条). In
  procurement the first is always taken (政府采购法实施条例 第四十三条);
* the contract follows within 30 days of the award (招标投标法 第四十六条) and within the bids'
  validity (条例 第五十七条), at the price of the bid.

A late publication or contract is taken and says that it is late: what must not be is not undone by
refusing to write it down; supervision reads the clocks. Past the bids' validity the winner is not
bound any more, so there an extension that both signed is asked for. Separation of evaluation and
award (评定分离) is not made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from archive.errors import Faults
from archive.journal.entry import DocumentRef
from trading.calendar.legal import Deadline
from trading.money import Money

RANK_ONE_ALWAYS = "ALWAYS"
RANK_ONE_GOVERNMENT = "GOVERNMENT_INVESTED"


class Cause(StrEnum):
    """Why a candidate of a better rank is passed over (条例 第五十五条)."""

    GAVE_UP = "GAVE_UP"  # 放弃中标
    FORCE_MAJEURE = "FORCE_MAJEURE"  # 因不可抗力不能履行合同
    NO_PERFORMANCE_BOND = "NO_PERFORMANCE_BOND"  # 未按要求提交履约保证金
    ILLEGAL = "ILLEGAL"  # 被查实存在影响中标结果的违法行为


@dataclass(frozen=True)
class Candidate:
    """A candidate for the award (中标候选人). `score` in hundredths of a point, None where the
    method gives none."""

    rank: int
    bidder_uscc: str
    price: Money
    score: int | None = None


@dataclass(frozen=True)
class Publication:
    """The publicity of candidates (中标候选人公示). Nothing is awarded before `publicity` has
    ended; `publish_due` and `award_due` are clocks."""

    lot_id: str
    candidates: tuple[Candidate, ...]
    published_at: datetime
    publish_due: Deadline
    publicity: Deadline
    award_due: Deadline
    report: DocumentRef
    rules: tuple[str, ...]

    @property
    def is_late(self) -> bool:
        return self.published_at >= self.publish_due.ends_at


@dataclass(frozen=True)
class Award:
    """The award (中标通知书). `cause` and `document` stand where a better rank was passed over."""

    lot_id: str
    winner: Candidate
    awarded_at: datetime
    cause: Cause | None
    document: DocumentRef | None
    contract_due: Deadline
    validity: Deadline
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Contract:
    """The contract. `publish_due` is the clock of its publication (合同公开)."""

    lot_id: str
    winner_uscc: str
    amount: Money
    signed_at: datetime
    due: Deadline
    document: DocumentRef
    publish_due: Deadline
    published_at: datetime | None
    rules: tuple[str, ...]

    @property
    def is_late(self) -> bool:
        return self.signed_at >= self.due.ends_at


@dataclass(frozen=True)
class Clock:
    """One duty with its last day: `rule` names it, `done_at` is None until it is done."""

    rule: str
    due: Deadline
    done_at: datetime | None

    def is_overdue(self, now: datetime) -> bool:
        """Whether it was done too late, or is not done and its day is over."""
        return (self.done_at or now) >= self.due.ends_at


def check_candidates(
    candidates: Sequence[Candidate], opened: Mapping[str, Money], count_max: int
) -> Faults:
    """All faults of a list of candidates. `opened` are the bids that were read out."""
    faults = Faults("trading.candidates.invalid")
    if not 1 <= len(candidates) <= count_max:
        faults.add("", "trading.candidates.count", rule="candidates.count_max", count_max=count_max)
    seen: set[str] = set()
    for index, candidate in enumerate(candidates):
        if candidate.rank != index + 1:
            faults.add(f"/{index}/rank", "trading.candidates.rank", rank=candidate.rank)
        if candidate.bidder_uscc not in opened:
            bidder = candidate.bidder_uscc[:40]
            faults.add(f"/{index}/bidder_uscc", "trading.candidates.no_bid", bidder=bidder)
        if candidate.bidder_uscc in seen:
            bidder = candidate.bidder_uscc[:40]
            faults.add(f"/{index}/bidder_uscc", "trading.candidates.twice", bidder=bidder)
        if candidate.price <= Money(0):
            faults.add(f"/{index}/price", "trading.lot.amount")
        seen.add(candidate.bidder_uscc)
    return faults


def must_take_first(rank_one: str, government_invested: bool) -> bool:
    """Whether the rule's value binds this tender to rank 1."""
    if rank_one == RANK_ONE_GOVERNMENT:
        return government_invested
    assert rank_one == RANK_ONE_ALWAYS, rank_one
    return True
