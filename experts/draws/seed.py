"""The seed of a draw from two committed shares (承诺—公开), one of the centre, one of the supervisor.

    commitment = SHA-256( "bigloop.draw.share.v1" ‖ 0x00 ‖ request hash[32] ‖ party ‖ 0x00 ‖ share[32] )
    seed       = SHA-256( "bigloop.draw.seed.v1"  ‖ 0x00 ‖ request hash[32]
                          ‖ share of the centre[32] ‖ share of the supervisor[32] )

`party` is `centre` or `supervisor` in ASCII. Both commitments are on the record before either share
is, so neither can choose after seeing the other; the request is fixed before both. What remains is
that the second may keep silent when it does not like the result: that ends the draw on the record,
and the next request names it.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum

SHARE_BYTES = 32


class Seedholder(StrEnum):
    """Who gives a share."""

    CENTRE = "centre"
    SUPERVISOR = "supervisor"


def commitment(request_hash: str, party: str, share: bytes) -> str:
    """What a party publishes before its share: hex. ValueError for a share of another length."""
    if len(share) != SHARE_BYTES:
        raise ValueError(f"a share has {SHARE_BYTES} bytes, not {len(share)}")
    text = b"bigloop.draw.share.v1\x00" + bytes.fromhex(request_hash)
    return hashlib.sha256(text + party.encode("ascii") + b"\x00" + share).hexdigest()


def opens(request_hash: str, party: str, share: bytes, committed: str) -> bool:
    """Whether the share is the one committed to."""
    return len(share) == SHARE_BYTES and hmac.compare_digest(
        commitment(request_hash, party, share), committed
    )


def seed_of(request_hash: str, centre: bytes, supervisor: bytes) -> bytes:
    """The seed, 32 bytes."""
    text = b"bigloop.draw.seed.v1\x00" + bytes.fromhex(request_hash) + centre + supervisor
    return hashlib.sha256(text).digest()
