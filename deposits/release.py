"""When deposits and guarantees must be given back (退还、解除), by event and regime.

    event        regime   who             within
    CONTRACT     ZTB      all             5 days after signing            条例 §57
    AWARD        ZFCG     losers          5 working days after the notice 政采条例 §33
    CONTRACT     ZFCG     whoever is left 5 working days after signing    政采条例 §33
    TERMINATED   ZTB      all             promptly (及时), see the pack   条例 §31
    TERMINATED   ZFCG     all             5 working days                  87号令 §29
    WITHDRAWN    ZTB      who withdrew    5 days after the notice         条例 §35
    WITHDRAWN    ZFCG     who withdrew    5 working days                  87号令 §38
    REFUSED      both     who refused     see the pack                    12号令 §40
    REJECTED     both     whose money     see the pack (a proposal)       民法典 §122, §987

The lengths are rules. A clock once set is never set anew by a later event: the earliest duty
stands. A region may know an event that the national rule does not (Chongqing: the award in
tendering). Interest and late fees are `deposits.interest`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from archive.errors import Kind, Refusal
from trading.calendar.legal import Deadline, calendar
from trading.regime import Regime
from trading.rules.book import book


class ReleaseCause(StrEnum):
    CONTRACT = "CONTRACT"  # 合同签订
    AWARD = "AWARD"  # 中标、成交通知书发出
    TERMINATED = "TERMINATED"  # 终止招标、采购活动终止;开标后流标
    WITHDRAWN = "WITHDRAWN"  # 截止前撤回投标
    REFUSED = "REFUSED"  # 拒绝延长投标有效期
    REJECTED = "REJECTED"  # 款项不作为保证金接受(他人账户、金额不足、无需缴纳等)


_RULES = {
    ReleaseCause.CONTRACT: "deposit.release_after_contract",
    ReleaseCause.AWARD: "deposit.release_after_award",
    ReleaseCause.TERMINATED: "deposit.release_after_termination",
    ReleaseCause.WITHDRAWN: "deposit.release_after_withdrawal",
    ReleaseCause.REFUSED: "deposit.release_after_refusal",
    ReleaseCause.REJECTED: "deposit.release_after_rejection",
}


@dataclass(frozen=True)
class ReleaseDue:
    """The clock that an event starts. `deadline.counted` are the days that were counted."""

    cause: ReleaseCause
    starts_on: date
    rule_id: str
    article: str
    deadline: Deadline


@dataclass(frozen=True)
class Outstanding:
    """A guarantee that must be given back by `due_on` and has not been. `overdue_days` counts the
    days after it: 0 up to and on the last day itself."""

    guarantee_id: str
    lot_id: str
    bidder_uscc: str
    cause: ReleaseCause
    due_on: date
    overdue_days: int


def release_due(regime: Regime, region: str, cause: ReleaseCause, event_on: date) -> ReleaseDue:
    """The last day for giving back after an event on the legal day `event_on`, not counted.

    Refuses CONFLICT where the regime starts no clock at this event (tendering law: at the award).
    """
    if not starts_clock(regime, region, cause, event_on):
        raise Refusal(
            "deposits.release.no_clock", {"regime": regime, "cause": cause}, Kind.CONFLICT
        )
    rule = book().rule(_RULES[cause], event_on, regime, region)
    deadline = calendar().period(event_on, rule.number, rule.unit)
    return ReleaseDue(cause, event_on, rule.id, rule.article, deadline)


def starts_clock(regime: Regime, region: str, cause: ReleaseCause, on: date) -> bool:
    """Whether the regime, at that place and day, knows a period after this event."""
    return any(rule.holds(on, regime, region) for rule in book().versions(_RULES[cause]))


def covers(cause: ReleaseCause, bidder_uscc: str, winner_uscc: str) -> bool:
    """Whether the event concerns this bidder; at the award the winner's deposit stays."""
    return cause is not ReleaseCause.AWARD or bidder_uscc != winner_uscc


def overdue_days(due_on: date, on: date) -> int:
    return max(0, (on - due_on).days)
