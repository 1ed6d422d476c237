"""What a sealed bid says, and which cells are which.

Content of a bid (投标文件的唱标部分), canonical JSON, nothing more and nothing less:

    {"attachments": [{"bytes": n, "name": "…", "sha256": "<64 hex>"}], "bidder": "<uscc>",
     "format": "bigloop.bid.v1", "lot": "<lot id>", "period_days": n, "price_fen": n, "quality": "…"}

Whether the price is below the ceiling or the period long enough is judged by evaluation. The
attachments themselves travel elsewhere; the bid binds them by digest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archive import canonical
from archive.errors import Reason
from trading.money import FEN_MAX, Money

FORMAT = "bigloop.bid.v1"
BID = "bid"
"""Kind of a cell that holds a bid; a later version replaces it (投标文件的修改)."""
WITHDRAWAL = "withdrawal"
"""Kind of a cell that takes back the sender's bids of its version and earlier (撤回); it counts only
where the half that opens the bid opens it too."""
GUARANTEE = "guarantee"
"""Kind of a cell that holds a guarantee beside the bid (投标保函)."""
PAYMENT = "payment"
"""Kind of a cell that holds the slip of a deposit paid in cash (缴款凭据)."""
ATTACHMENTS_MAX = 100
TEXT_LENGTH_MAX = 200
PERIOD_DAYS_MAX = 36_600
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIELDS = {"attachments", "bidder", "format", "lot", "period_days", "price_fen", "quality"}


@dataclass(frozen=True)
class Attachment:
    """A file that belongs to a bid, by digest."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Bid:
    """A bid as it is read out: price, period in days (工期、交货期), quality aimed at (质量目标)."""

    lot_id: str
    bidder: str
    price: Money
    period_days: int
    quality: str
    attachments: tuple[Attachment, ...] = ()

    def to_bytes(self) -> bytes:
        """The content to seal."""
        return canonical.encode(
            {
                "format": FORMAT,
                "lot": self.lot_id,
                "bidder": self.bidder,
                "price_fen": self.price.fen,
                "period_days": self.period_days,
                "quality": self.quality,
                "attachments": [
                    {"name": a.name, "sha256": a.sha256, "bytes": a.bytes} for a in self.attachments
                ],
            }
        )


def parse(content: bytes, lot_id: str, bidder: str) -> Bid | Reason:
    """The bid of an opened content, or why it is none. The lot and the bidder named inside must be
    those of the envelope: else a copied content would stand for somebody else's."""
    try:
        value = canonical.decode(content)
        if not isinstance(value, dict) or set(value) != _FIELDS or value["format"] != FORMAT:
            return Reason("trading.bid.form")
        bid = Bid(
            lot_id=_text(value["lot"]),
            bidder=_text(value["bidder"]),
            price=Money(_whole(value["price_fen"], FEN_MAX)),
            period_days=_whole(value["period_days"], PERIOD_DAYS_MAX),
            quality=_text(value["quality"]),
            attachments=tuple(map(_attachment, _list(value["attachments"]))),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return Reason("trading.bid.form")
    if bid.lot_id != lot_id:
        return Reason("trading.bid.lot", {"lot": bid.lot_id})
    if bid.bidder != bidder:
        return Reason("trading.bid.bidder", {"bidder": bid.bidder})
    if not bid.price:
        return Reason("trading.bid.price")
    return bid


def _attachment(value: Mapping[str, Any]) -> Attachment:
    if set(value) != {"bytes", "name", "sha256"} or not _SHA256.fullmatch(value["sha256"]):
        raise ValueError("not an attachment")
    size = _whole(value["bytes"], canonical.INTEGER_MAX)
    return Attachment(_text(value["name"]), value["sha256"], size)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > ATTACHMENTS_MAX:
        raise ValueError("not a list of attachments")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > TEXT_LENGTH_MAX:
        raise ValueError("not a text")
    return value


def _whole(value: Any, maximum: int) -> int:
    if type(value) is not int or not 0 <= value <= maximum:
        raise ValueError("not a whole number in range")
    return value
