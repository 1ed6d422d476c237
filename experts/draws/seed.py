"""The seed of a draw, from the outputs of its trustees and, where asked for, a public value.

    value  = 32 zero bytes, or SHA-256 of the public value's text in UTF-8
    alpha  = "bigloop.draw.alpha.v1" ‖ 0x00 ‖ request hash[32] ‖ u32(asking) ‖ value
    output = 64 bytes, each trustee's for alpha (ECVRF, `experts.vrf`)
    seed   = H( "bigloop.draw.seed.v1" ‖ 0x00 ‖ alpha ‖ output ‖ output … )

The outputs stand in the order in which the request names the trustees. H is the hash of the
request's algorithm (`experts.suite`).

The request, with the trustees' keys, is on the record before any of them is asked, and a key has one
output for an input. So nobody chooses: neither the centre, which no longer changes the request, nor
a trustee, nor all but one of them together, to whom the missing output is 64 unknown bytes. What is
left is to keep silent. Then, when the time is over, those who did not answer are named on the
record, and the others are asked again under the next number: a new alpha, so that nobody could know
what his silence would lead to. Who was silent once is not asked again in this draw, and below the
number of the rule `draw.trustees_min` there is no draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from experts.suite import Hash

ASKING_FORMAT = "bigloop.draw-asking.v1"
"""Of what a trustee is handed: a file or an answer of the platform."""

ALPHA_TAG = b"bigloop.draw.alpha.v1\x00"
SEED_TAG = b"bigloop.draw.seed.v1\x00"
NO_VALUE = bytes(32)
VALUE_CHARACTERS_MAX = 200


def value_digest(text: str) -> bytes:
    """What a public value adds: 32 bytes; zeros for none (the empty text)."""
    return hashlib.sha256(text.encode("utf-8")).digest() if text else NO_VALUE


def alpha_of(request_hash: str, asking: int, value: bytes) -> bytes:
    """What the trustees are asked; `asking` counts from 1."""
    assert asking >= 1
    assert len(value) == len(NO_VALUE)
    return ALPHA_TAG + bytes.fromhex(request_hash) + asking.to_bytes(4, "big") + value


def seed_of(alpha: bytes, outputs: Sequence[bytes], h: Hash) -> bytes:
    """The seed, 32 bytes, from the outputs in the order of the request."""
    assert all(len(output) == 64 for output in outputs)
    return h(SEED_TAG + alpha + b"".join(outputs))
