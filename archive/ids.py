"""Identifiers: 26 characters of Crockford base 32, ordered by legal time (the layout of a ULID:
48 bits of milliseconds, 80 bits of entropy). Time is the *legal* clock's, so that a seeded day
repeats its ids."""

from __future__ import annotations

from datetime import UTC, datetime

from archive.entropy import Entropy

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH = 26


def new_id(now: datetime, entropy: Entropy) -> str:
    """A new identifier for something that begins at legal time `now`."""
    milliseconds = int(now.astimezone(UTC).timestamp() * 1000)
    value = (milliseconds << 80) | int.from_bytes(entropy.bytes(10), "big")
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    return len(text) == ID_LENGTH and all(c in _ALPHABET for c in text) and text[0] in "01234567"
