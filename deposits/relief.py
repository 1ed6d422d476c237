"""Statistics of relief from deposits (保证金减免), each under a name that says what is divided.

"减免比例" alone has two readings that differ: by money, and by projects. Both are metrics here and
neither is published under the bare name. A third counts bidders who gave a guarantee instead of
cash. Ratios are exact fractions; they are rounded once, where they are shown, half up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from trading.money import Money


@dataclass(frozen=True)
class Share:
    """`part` of `whole`, both counts or both fen; the fraction is kept unreduced, so that a reader
    sees the counts. There is no share of nothing: ValueError."""

    part: int
    whole: int

    def __post_init__(self) -> None:
        if not 0 <= self.part <= self.whole or self.whole == 0:
            raise ValueError(f"no share: {self.part} of {self.whole}")

    @property
    def fraction(self) -> Fraction:
        return Fraction(self.part, self.whole)

    def percent(self, places: int = 2, rounding: str = ROUND_HALF_UP) -> Decimal:
        """In percent, rounded once from the exact fraction: `Share(467, 575)` → `81.22`."""
        # A count of 10^-places percent, rounded exactly by Money's whole-number arithmetic.
        units = Money(1).times(self.fraction * 100 * 10**places, rounding=rounding)
        return Decimal(units.fen).scaleb(-places)


@dataclass(frozen=True)
class ProjectRelief:
    """One project of a period: what would have been charged without relief (`base`) and what was
    charged. Unit of both: fen, per project, for one bidder each."""

    project_id: str
    base: Money
    charged: Money

    def __post_init__(self) -> None:
        if not 0 <= self.charged.fen <= self.base.fen:
            raise ValueError(f"charged {self.charged} of {self.base}")

    @property
    def saved(self) -> Money:
        return self.base - self.charged


@dataclass(frozen=True)
class BidderDeposit:
    """One bidder in one lot, by its deposit: `is_guarantee` says that no cash was bound."""

    lot_id: str
    bidder_uscc: str
    amount: Money
    is_guarantee: bool


def relief_ratio_projects(projects: Sequence[ProjectRelief]) -> Share:
    """Projects with any relief, of all projects of the period."""
    return Share(sum(1 for p in projects if p.saved), len(projects))


def relief_ratio_amount(projects: Sequence[ProjectRelief]) -> Share:
    """Fen that were not charged, of those that would have been."""
    return Share(sum(p.saved.fen for p in projects), sum(p.base.fen for p in projects))


def freed_capital_share(deposits: Sequence[BidderDeposit]) -> Share:
    """Bidder-in-lot instances with a guarantee, of all with a deposit."""
    return Share(sum(1 for d in deposits if d.is_guarantee), len(deposits))


def freed_capital(deposits: Sequence[BidderDeposit]) -> Money:
    """The cash that guarantees left with the bidders."""
    return Money(sum(d.amount.fen for d in deposits if d.is_guarantee))
