"""Where a bidder stands with the deposit of a lot (保证金状态), for the record of the opening.

Given in one of two ways: a guarantee, or cash that the bank says has come in (`deposits.cash`).
Where a bidder gave both, the better one counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from archive.errors import Reason
from deposits.cash.holding import Holding, HoldingState
from deposits.guarantees.states import COUNTING, WAITING, GuaranteeState
from deposits.terms import Terms


class StandingKind(StrEnum):
    NOT_CHARGED = "NOT_CHARGED"  # 本标段不收取
    EXEMPT = "EXEMPT"  # 免收
    PENDING = "PENDING"  # 保函待核验,现金待银行确认
    VERIFIED = "VERIFIED"  # 保函有效,现金有效到账
    INVALID = "INVALID"  # 保函无效,现金不予接受
    MISSING = "MISSING"  # 未见保函或者到账


_BY_STATE = {
    **dict.fromkeys(WAITING, StandingKind.PENDING),
    **dict.fromkeys(COUNTING, StandingKind.VERIFIED),
    GuaranteeState.INVALID: StandingKind.INVALID,
}


@dataclass(frozen=True)
class DepositStanding:
    """`terms` explain the amount step by step; `reasons` are the faults of an invalid guarantee;
    `guarantee_id` is empty where none is known, `holding_id` where no cash counts."""

    lot_id: str
    bidder_uscc: str
    kind: StandingKind
    terms: Terms
    guarantee_id: str = ""
    reasons: tuple[Reason, ...] = ()
    holding_id: str = ""

    @property
    def is_fulfilled(self) -> bool:
        return self.kind in (StandingKind.NOT_CHARGED, StandingKind.EXEMPT, StandingKind.VERIFIED)


def standing_kind(terms: Terms, state: GuaranteeState | None) -> StandingKind:
    """Nothing due comes first: a needless guarantee that is faulty harms nobody."""
    if terms.exempt:
        return StandingKind.EXEMPT
    if not terms.due:
        return StandingKind.NOT_CHARGED
    return StandingKind.MISSING if state is None else _BY_STATE[state]


_OF_CASH = {
    HoldingState.ANNOUNCED: StandingKind.PENDING,
    HoldingState.ABSENT: StandingKind.MISSING,
    HoldingState.REJECTED: StandingKind.INVALID,
}
"""Everything that comes after HELD says that the deposit was good."""
_BEST_FIRST = (
    StandingKind.NOT_CHARGED,
    StandingKind.EXEMPT,
    StandingKind.VERIFIED,
    StandingKind.PENDING,
    StandingKind.INVALID,
    StandingKind.MISSING,
)


def with_cash(standing: DepositStanding, holding: Holding) -> DepositStanding:
    """The standing where the bidder has also paid, or only paid, in cash."""
    is_rejected = bool(holding.reasons)
    kind = StandingKind.INVALID if is_rejected else StandingKind.VERIFIED
    kind = _OF_CASH.get(holding.state, kind)
    if _BEST_FIRST.index(kind) >= _BEST_FIRST.index(standing.kind):
        return standing
    return replace(standing, kind=kind, reasons=holding.reasons, holding_id=holding.id)
