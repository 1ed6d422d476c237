"""The payment slip (缴款凭据): how a deposit paid in cash stays secret until the opening.

A bidder who pays gets a sub-account of the centre's account from the bank. He does not tell the bank
for which lot: he hands over a commitment, the SHA-256 over a random salt together with lot and
bidder. The slip, which says all of it, is sealed to the lot's opening key and lodged among the
equal cells, like a guarantee. Nothing of it stands in clear anywhere on the platform.

    {"account": "…", "bidder": "<uscc>", "format": "bigloop.payment.v1", "lot": "<lot id>",
     "salt": "<64 hex>"}

At the opening the slip comes to light; with its salt the bank sees that the account was meant for
this lot, and tells who paid into it. Whoever does not know the salt learns nothing from the bank.

What the bank knows before: who paid, how much, when, and to which centre.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from archive import canonical
from archive.errors import Reason

FORMAT = "bigloop.payment.v1"
ACCOUNT_LENGTH_MAX = 40
_SALT = re.compile(r"[0-9a-f]{64}")
_ACCOUNT = re.compile(r"[0-9]{8,40}")
_FIELDS = {"account", "bidder", "format", "lot", "salt"}


@dataclass(frozen=True)
class Slip:
    """`salt` is 32 random bytes in hex; `account` the sub-account that the bank opened."""

    lot_id: str
    bidder: str
    account: str
    salt: str

    @property
    def commitment(self) -> str:
        return commitment(self.lot_id, self.bidder, self.salt)

    def to_bytes(self) -> bytes:
        """The content to seal."""
        return canonical.encode(
            {
                "account": self.account,
                "bidder": self.bidder,
                "format": FORMAT,
                "lot": self.lot_id,
                "salt": self.salt,
            }
        )


def commitment(lot_id: str, bidder: str, salt: str) -> str:
    """What the bank is told instead of the lot: 64 hex digits."""
    told = {"bidder": bidder, "format": FORMAT, "lot": lot_id, "salt": salt}
    return hashlib.sha256(canonical.encode(told)).hexdigest()


def lot_of(content: bytes) -> str:
    """The lot that a slip names, for whoever hands it in; empty where it is none."""
    try:
        value = canonical.decode(content)
        lot = value["lot"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return lot if isinstance(lot, str) else ""


def parse(content: bytes, lot_id: str, bidder: str) -> Slip | Reason:
    """The slip of an opened content, or why it is none. Lot and bidder inside must be those of the
    envelope: else a copied slip would bring somebody else's money."""
    try:
        value = canonical.decode(content)
        if not isinstance(value, dict) or set(value) != _FIELDS or value["format"] != FORMAT:
            return Reason("deposits.slip.form")
        if not all(isinstance(text, str) for text in value.values()):
            return Reason("deposits.slip.form")
    except (ValueError, TypeError, KeyError, RecursionError):
        return Reason("deposits.slip.form")
    if not _SALT.fullmatch(value["salt"]) or not _ACCOUNT.fullmatch(value["account"]):
        return Reason("deposits.slip.form")
    if value["lot"] != lot_id:
        return Reason("deposits.slip.lot")
    if value["bidder"] != bidder:
        return Reason("deposits.slip.bidder")
    return Slip(lot_id, bidder, value["account"], value["salt"])
