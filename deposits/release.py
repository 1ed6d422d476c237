"""When deposits and guarantees must be given back (退还、解除), by event and regime.

    event        regime   who             within
    CONTRACT     ZTB      all             5 days after signing            条例 §57
    AWARD        ZFCG     losers          5 working days after the notice 政采条例 §33
    CONTRACT     ZFCG     whoever is left 5 working days after signing    政采条例 §33
    TERMINATED   ZTB      all             promptly (及时), see the pack   条例 §31
    TERMINATED   ZFCG     all             5 working days                  87号令 §29

The lengths are rules. A clock once set is never set anew by a later event: the earliest duty
stands. Interest and late fees concern cash, which this room does not hold yet.
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


_RULES = {
    (Regime.ZTB, ReleaseCause.CONTRACT): "deposit.release_after_contract",
    (Regime.ZFCG, ReleaseCause.CONTRACT): "deposit.release_after_contract",
    (Regime.ZFCG, ReleaseCause.AWARD): "deposit.release_after_award",
    (Regime.ZTB, ReleaseCause.TERMINATED): "deposit.release_after_termination",
    (Regime.ZFCG, ReleaseCause.TERMINATED): "deposit.release_after_termination",
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
    rule_id = _RULES.get((regime, cause))
    if rule_id is None:
        raise Refusal(
            "deposits.release.no_clock", {"regime": regime, "cause": cause}, Kind.CONFLICT
        )
    rule = book().rule(rule_id, event_on, regime, region)
    deadline = calendar().period(event_on, rule.number, rule.unit)
    return ReleaseDue(cause, event_on, rule.id, rule.article, deadline)


def covers(cause: ReleaseCause, bidder_uscc: str, winner_uscc: str) -> bool:
    """Whether the event concerns this bidder; at the award the winner's deposit stays."""
    return cause is not ReleaseCause.AWARD or bidder_uscc != winner_uscc


def overdue_days(due_on: date, on: date) -> int:
    return max(0, (on - due_on).days)
