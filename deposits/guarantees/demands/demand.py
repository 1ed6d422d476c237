"""A demand on a guarantee (索赔): who claims how much on which ground, and what the issuer answered.

MADE ──▶ SENT ──▶ PAID_OUT | REFUSED        UNHEARD: the issuer would not take it, or was silent
                                            too long; a person has to ask it directly
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from archive.errors import Kind, Refusal
from deposits.grounds import Ground
from deposits.issuers.desk import IssuerNotice, NoticeKind
from trading.money import Money


class DemandState(StrEnum):
    MADE = "MADE"  # 已提出
    SENT = "SENT"  # 已送达
    PAID_OUT = "PAID_OUT"  # 已赔付
    REFUSED = "REFUSED"  # 拒赔
    UNHEARD = "UNHEARD"  # 未能送达


_S = DemandState
OPEN = frozenset({_S.MADE, _S.SENT})
_FOLLOWS = {
    _S.MADE: frozenset({_S.SENT, _S.PAID_OUT, _S.REFUSED, _S.UNHEARD}),
    _S.SENT: frozenset({_S.PAID_OUT, _S.REFUSED}),
    _S.PAID_OUT: frozenset(),
    _S.REFUSED: frozenset(),
    _S.UNHEARD: frozenset(),
}


@dataclass(frozen=True)
class GuaranteeDemand:
    """`clause` is the clause of the tender file where the ground is one of its own; `reference` the
    issuer's payment, `reason` why it refuses."""

    key: str
    guarantee_id: str
    lot_id: str
    centre_id: str
    bidder_uscc: str
    issuer_uscc: str
    number: str
    amount: Money
    ground: Ground
    rule_id: str
    article: str
    clause: str
    document_name: str
    document_sha256: str
    to_account: str
    made_by: str
    made_at: datetime
    state: DemandState = DemandState.MADE
    reference: str = ""
    reason: str = ""
    answered_at: datetime | None = None


def moved(demand: GuaranteeDemand, to: DemandState) -> GuaranteeDemand:
    """Refuses CONFLICT where `to` may not follow."""
    if to not in _FOLLOWS[demand.state]:
        params = {"key": demand.key, "current": demand.state, "wanted": to}
        raise Refusal("deposits.demand.state", params, Kind.CONFLICT)
    return replace(demand, state=to)


def answered(demand: GuaranteeDemand, notice: IssuerNotice) -> GuaranteeDemand:
    """The demand after the issuer's call. Refuses CONFLICT a second answer, INVALID one that neither
    names its payment nor its reason (法释〔2016〕24号 第八条: refusal within the period, with the
    discrepancies)."""
    is_paid = notice.kind is NoticeKind.PAID_OUT
    if not (notice.reference if is_paid else notice.reason):
        raise Refusal("deposits.demand.bare_answer", {"key": demand.key})
    after = moved(demand, DemandState.PAID_OUT if is_paid else DemandState.REFUSED)
    return replace(after, reference=notice.reference, reason=notice.reason, answered_at=notice.at)
