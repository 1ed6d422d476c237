"""The life of a guarantee as data: which event leads from which state to which.

    APPLIED ─▶ PAID ─▶ UNDERWRITTEN ─▶ ISSUED ─▶ LODGED ─┤opening├─▶ RESTORED ─▶ VERIFIED ─▶ ACTIVE
       └────────┴──▶ CLOSED (declined)     └▶ SURRENDERED    │             └──▶ INVALID ◀──┘    │
                                                             └▶ INVALID                         │
       VERIFIED, ACTIVE, EXTENDED ─▶ RELEASED ─▶ CLOSED                       EXTENDED ◀────────┤
                                  └▶ DEMANDED ─▶ PAID_OUT ─▶ CLOSED                             │
                                        ▲  └▶ REFUSED ──┴──▶ CLOSED            EXPIRED ◀────────┘
                                        └─────┘

Up to ISSUED a guarantee lives with its issuer (`api.desks.issuer` keeps its books by this same
machine); LODGED is a sealed cell among others (密文), and no row of this room knows of it. At the
opening it comes to light: what has to be restored by the issuer is a row in LODGED, what was lodged
in clear (明文) one in RESTORED. VERIFIED means that our own checks hold, ACTIVE that the issuer has
confirmed it besides; both are in force. An amendment (批改) changes the document and not the state.

A step is one transition with its moment and the digest of its document. Time never goes back within
a life; a state that is over has no followers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from archive.errors import Kind, Refusal


class GuaranteeState(StrEnum):
    APPLIED = "APPLIED"  # 已申请
    PAID = "PAID"  # 已缴费
    UNDERWRITTEN = "UNDERWRITTEN"  # 已核保
    ISSUED = "ISSUED"  # 已开立(密文)
    LODGED = "LODGED"  # 密文已递交,待还原
    RESTORED = "RESTORED"  # 已还原,待核验
    VERIFIED = "VERIFIED"  # 核验有效
    INVALID = "INVALID"  # 核验无效
    ACTIVE = "ACTIVE"  # 生效(开立机构已确认)
    EXTENDED = "EXTENDED"  # 已展期
    RELEASED = "RELEASED"  # 已解除
    DEMANDED = "DEMANDED"  # 已索赔
    PAID_OUT = "PAID_OUT"  # 已赔付
    REFUSED = "REFUSED"  # 拒赔
    SURRENDERED = "SURRENDERED"  # 已退保
    EXPIRED = "EXPIRED"  # 已到期
    CLOSED = "CLOSED"  # 已结清


class Event(StrEnum):
    """What happens to a guarantee."""

    APPLY = "APPLY"
    PAY = "PAY"
    UNDERWRITE = "UNDERWRITE"
    DECLINE = "DECLINE"
    ISSUE = "ISSUE"
    LODGE = "LODGE"
    RESTORE = "RESTORE"
    VERIFY = "VERIFY"
    REJECT = "REJECT"
    CONFIRM = "CONFIRM"
    EXTEND = "EXTEND"
    AMEND = "AMEND"
    RELEASE = "RELEASE"
    DEMAND = "DEMAND"
    WITHDRAW = "WITHDRAW"
    PAY_OUT = "PAY_OUT"
    REFUSE = "REFUSE"
    SURRENDER = "SURRENDER"
    EXPIRE = "EXPIRE"
    CLOSE = "CLOSE"


_S, _E = GuaranteeState, Event
IN_FORCE = frozenset({_S.VERIFIED, _S.ACTIVE, _S.EXTENDED})
"""The beneficiary can demand, and it can be given back."""
WAITING = frozenset({_S.LODGED, _S.RESTORED})
"""Come to light, and not judged yet."""
COUNTING = frozenset(
    {*IN_FORCE, _S.RELEASED, _S.DEMANDED, _S.PAID_OUT, _S.REFUSED, _S.EXPIRED, _S.CLOSED}
)
"""Its number is used up: it counts, or has counted, for its lot."""
KNOWN_HERE = frozenset({*WAITING, *COUNTING, _S.INVALID})
"""The states that a row of this room can have."""
NEEDS_DOCUMENT = frozenset(
    {_E.ISSUE, _E.RESTORE, _E.EXTEND, _E.AMEND, _E.DEMAND, _E.REFUSE, _E.PAY_OUT}
)
"""Events that nobody may claim without their document."""


def _table() -> Mapping[tuple[GuaranteeState, Event], GuaranteeState]:
    table = {
        (_S.APPLIED, _E.PAY): _S.PAID,
        (_S.APPLIED, _E.DECLINE): _S.CLOSED,
        (_S.APPLIED, _E.SURRENDER): _S.SURRENDERED,
        (_S.PAID, _E.UNDERWRITE): _S.UNDERWRITTEN,
        (_S.PAID, _E.DECLINE): _S.CLOSED,
        (_S.PAID, _E.SURRENDER): _S.SURRENDERED,
        (_S.UNDERWRITTEN, _E.ISSUE): _S.ISSUED,
        (_S.UNDERWRITTEN, _E.SURRENDER): _S.SURRENDERED,
        (_S.ISSUED, _E.LODGE): _S.LODGED,
        (_S.ISSUED, _E.AMEND): _S.ISSUED,
        (_S.ISSUED, _E.SURRENDER): _S.SURRENDERED,
        (_S.ISSUED, _E.EXPIRE): _S.EXPIRED,
        (_S.LODGED, _E.RESTORE): _S.RESTORED,
        (_S.LODGED, _E.REJECT): _S.INVALID,
        (_S.RESTORED, _E.VERIFY): _S.VERIFIED,
        (_S.RESTORED, _E.REJECT): _S.INVALID,
        (_S.VERIFIED, _E.CONFIRM): _S.ACTIVE,
        (_S.VERIFIED, _E.REJECT): _S.INVALID,
        (_S.DEMANDED, _E.PAY_OUT): _S.PAID_OUT,
        (_S.DEMANDED, _E.REFUSE): _S.REFUSED,
        (_S.DEMANDED, _E.WITHDRAW): _S.ACTIVE,
        (_S.REFUSED, _E.DEMAND): _S.DEMANDED,
        (_S.REFUSED, _E.RELEASE): _S.RELEASED,
    }
    for held in IN_FORCE:
        table[held, _E.AMEND] = held
        table[held, _E.EXTEND] = _S.EXTENDED
        table[held, _E.RELEASE] = _S.RELEASED
        table[held, _E.DEMAND] = _S.DEMANDED
        table[held, _E.EXPIRE] = _S.EXPIRED
    for over in (_S.RELEASED, _S.PAID_OUT, _S.REFUSED, _S.EXPIRED, _S.SURRENDERED):
        table[over, _E.CLOSE] = _S.CLOSED
    return MappingProxyType(table)


TRANSITIONS = _table()


@dataclass(frozen=True)
class Step:
    """One transition: what happened, when, and the SHA-256 (hex) of its document, or empty."""

    event: Event
    state: GuaranteeState
    at: datetime
    document: str = ""


@dataclass(frozen=True)
class Life:
    """All steps of one guarantee, the first being its birth."""

    steps: tuple[Step, ...]

    @property
    def state(self) -> GuaranteeState:
        return self.steps[-1].state


def following(state: GuaranteeState, event: Event) -> GuaranteeState:
    """The state that `event` leads to; refuses CONFLICT where it may not happen."""
    to = TRANSITIONS.get((state, event))
    if to is None:
        raise Refusal("deposits.guarantee.event", {"state": state, "event": event}, Kind.CONFLICT)
    return to


def step(
    state: GuaranteeState, since: datetime, event: Event, at: datetime, document: str = ""
) -> Step:
    """The next step of a guarantee that is in `state` since that moment.

    Refuses CONFLICT an event that may not happen and one before the last; INVALID one that needs a
    document and has none.
    """
    to = following(state, event)
    if at < since:
        params = {"event": event, "at": at.isoformat(), "last": since.isoformat()}
        raise Refusal("deposits.guarantee.time", params, Kind.CONFLICT)
    if event in NEEDS_DOCUMENT and not document:
        raise Refusal("deposits.guarantee.document", {"event": event})
    return Step(event, to, at, document)


def born(at: datetime, event: Event = Event.APPLY, document: str = "") -> Life:
    """A life that begins: with its application at the issuer, or where it comes to light at the
    opening: as a cipher (LODGE) or in clear (RESTORE)."""
    states = {_E.APPLY: _S.APPLIED, _E.LODGE: _S.LODGED, _E.RESTORE: _S.RESTORED}
    if event not in states:
        raise Refusal("deposits.guarantee.event", {"state": "", "event": event}, Kind.CONFLICT)
    return Life((Step(event, states[event], at, document),))


def lived(life: Life, event: Event, at: datetime, document: str = "") -> Life:
    """The life with one more step; refuses as `step` does."""
    last = life.steps[-1]
    return Life((*life.steps, step(last.state, last.at, event, at, document)))
