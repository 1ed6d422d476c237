"""Where a bidder stands with the deposit of a lot (保证金状态), for the record of the opening.

Said of guarantees only: cash that arrived at a bank is not known here yet, so MISSING means that
no guarantee is known, not that nothing was paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from archive.errors import Reason
from deposits.guarantees.states import GuaranteeState
from deposits.terms import Terms


class StandingKind(StrEnum):
    NOT_CHARGED = "NOT_CHARGED"  # 本标段不收取
    EXEMPT = "EXEMPT"  # 免收
    PENDING = "PENDING"  # 保函待核验
    VERIFIED = "VERIFIED"  # 保函有效
    INVALID = "INVALID"  # 保函无效
    MISSING = "MISSING"  # 未见保函


_BY_STATE = {
    GuaranteeState.RESTORED: StandingKind.PENDING,
    GuaranteeState.VERIFIED: StandingKind.VERIFIED,
    GuaranteeState.RELEASED: StandingKind.VERIFIED,
    GuaranteeState.INVALID: StandingKind.INVALID,
}


@dataclass(frozen=True)
class DepositStanding:
    """`terms` explain the amount step by step; `reasons` are the faults of an invalid guarantee;
    `guarantee_id` is empty where none is known."""

    lot_id: str
    bidder_uscc: str
    kind: StandingKind
    terms: Terms
    guarantee_id: str = ""
    reasons: tuple[Reason, ...] = ()

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
