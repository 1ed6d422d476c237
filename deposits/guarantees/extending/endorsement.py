"""A later end of a guarantee in force (展期批单): asked for, priced by its issuer, paid by the bidder, issued.

    ASKED ──▶ QUOTED ──▶ PAYING ──▶ DONE
      │          │          │
      └──────────┴──────────┴─────▶ REFUSED     by the issuer

The issuer's price is that of its table, or it is refused. What costs nothing goes from ASKED to PAYING.
As long as nobody has paid it may be asked anew for another day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from archive.errors import Kind, Refusal
from trading.money import Money


class EndorsementState(StrEnum):
    ASKED = "ASKED"  # 已申请,待报价
    QUOTED = "QUOTED"  # 已报价,待缴费
    PAYING = "PAYING"  # 已缴费,待出具
    DONE = "DONE"  # 已展期
    REFUSED = "REFUSED"  # 机构不予展期


_S = EndorsementState
_FOLLOWS = {
    _S.ASKED: frozenset({_S.QUOTED, _S.PAYING, _S.REFUSED}),
    _S.QUOTED: frozenset({_S.PAYING, _S.REFUSED}),
    _S.PAYING: frozenset({_S.DONE, _S.REFUSED}),
    _S.DONE: frozenset[EndorsementState](),
    _S.REFUSED: frozenset[EndorsementState](),
}


@dataclass(frozen=True)
class Endorsement:
    """`price` is None until the issuer has named it; `account` is the one from which it is paid."""

    guarantee_id: str
    until: date
    asked_by: str
    asked_at: datetime
    state: EndorsementState = EndorsementState.ASKED
    price: Money | None = None
    account: str = ""
    paid_at: datetime | None = None


def moved(endorsement: Endorsement, to: EndorsementState) -> Endorsement:
    """The endorsement in the next state; refuses CONFLICT where it may not follow."""
    if to not in _FOLLOWS[endorsement.state]:
        params = {"state": endorsement.state}
        raise Refusal("deposits.endorsement.state", params, Kind.CONFLICT)
    return replace(endorsement, state=to)
