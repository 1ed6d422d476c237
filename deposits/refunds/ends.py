"""What becomes of a deposit beside being given back, as others read it: forfeited, its validity
extended or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from deposits.grounds import Ground
from trading.money import Money
from trading.projects.stages import Stage

AWARDED = frozenset({Stage.AWARDED, Stage.CONTRACTED, Stage.ARCHIVED})


@dataclass(frozen=True)
class Forfeiture:
    """A deposit that is not given back (不予退还), with its ground, clause and document."""

    holding_id: str
    lot_id: str
    bidder_uscc: str
    amount: Money
    ground: Ground
    article: str
    clause: str
    document_name: str
    document_sha256: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True)
class Extension:
    """The tenderer's asking to extend bids and deposits of a lot to `until`; `number` counts."""

    lot_id: str
    number: int
    until: date
    asked_at: datetime


@dataclass(frozen=True)
class Answer:
    """One bidder's answer to an asking."""

    lot_id: str
    number: int
    bidder_uscc: str
    agrees: bool
    answered_at: datetime
