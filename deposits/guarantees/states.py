"""The life of a guarantee as data: which state may follow which.

    LODGED ──▶ RESTORED ──▶ VERIFIED ──▶ RELEASED
                       └──▶ INVALID

LODGED is a sealed cell among others (密文): no row of this room knows of it, and it is listed here
so that the record's words are complete. RESTORED is the document in clear (明文) whose
verification stands out (待核验). Claims, extension and payment belong to the ledger, which is not
part of this room yet.
"""

from __future__ import annotations

from enum import StrEnum

from archive.errors import Kind, Refusal


class GuaranteeState(StrEnum):
    LODGED = "LODGED"  # 密文已递交
    RESTORED = "RESTORED"  # 已还原,待核验
    VERIFIED = "VERIFIED"  # 核验有效
    INVALID = "INVALID"  # 核验无效
    RELEASED = "RELEASED"  # 已解除


FOLLOWS: dict[GuaranteeState, frozenset[GuaranteeState]] = {
    GuaranteeState.LODGED: frozenset({GuaranteeState.RESTORED}),
    GuaranteeState.RESTORED: frozenset({GuaranteeState.VERIFIED, GuaranteeState.INVALID}),
    GuaranteeState.VERIFIED: frozenset({GuaranteeState.RELEASED}),
    GuaranteeState.INVALID: frozenset(),
    GuaranteeState.RELEASED: frozenset(),
}


def move(current: GuaranteeState, to: GuaranteeState) -> GuaranteeState:
    """`to`, where it may follow; refuses CONFLICT where it may not."""
    if to not in FOLLOWS[current]:
        raise Refusal("deposits.guarantee.state", {"current": current, "wanted": to}, Kind.CONFLICT)
    return to
