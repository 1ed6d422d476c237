"""What must not be read in the database: sealed at rest, opened by a process that holds the key.

A `Keeper` seals short values and documents of rows, and makes tags by which a row can be found
without saying what it is about. Its secret lies outside the database (`<data>/keys`), so whoever reads
tables, backups or a replica learns nothing from them; whoever reads the process or its key file does.

    sealed = AES-SIV( key = HKDF-SHA256(secret, info = "bigloop.keeping.v1" ‖ 0x00 ‖ "seal"), 64 bytes;
                      associated data = place; plain text )                           RFC 5297
    tag    = HMAC-SHA-256( HKDF-SHA256(secret, info = "bigloop.keeping.v1" ‖ 0x00 ‖ "tag"),
                           purpose ‖ 0x00 ‖ text ), hex                               RFC 2104

AES-SIV needs no nonce: the same value in the same place gives the same bytes, so what is sealed can be
repeated from a seed. `place` must therefore name the row; equal values in two places look unrelated,
and a sealed value that is moved to another place does not open.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_BYTES_MIN = 32
SHORT_BYTES = 48
"""Short texts are padded to this size, so that their length says nothing."""


class Unreadable(ValueError):
    """Sealed by another key, for another place, or changed since."""


class Keeper:
    """Seals and tags with one secret of at least 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SECRET_BYTES_MIN:
            raise ValueError(f"a keeper's secret has at least {SECRET_BYTES_MIN} bytes")
        self._siv = AESSIV(_derive(secret, b"seal", 64))
        self._mac = _derive(secret, b"tag", 32)

    def seal(self, place: str, content: bytes) -> bytes:
        """Seal `content`, which may not be empty, for the row that `place` names; 16 bytes longer
        than the content."""
        return self._siv.encrypt(content, [place.encode()])

    def unseal(self, place: str, sealed: bytes) -> bytes:
        """What was sealed for this place; raises Unreadable otherwise."""
        try:
            return self._siv.decrypt(sealed, [place.encode()])
        except (InvalidTag, ValueError) as error:
            raise Unreadable(place) from error

    def seal_short(self, place: str, text: str) -> bytes:
        """A text of at most 48 bytes in UTF-8, without NUL, at one length."""
        padded = text.encode().ljust(SHORT_BYTES, b"\x00")
        if len(padded) != SHORT_BYTES or "\x00" in text:
            raise ValueError("too long to be kept as a short text")
        return self.seal(place, padded)

    def unseal_short(self, place: str, sealed: bytes) -> str:
        return self.unseal(place, sealed).rstrip(b"\x00").decode()

    def tag(self, purpose: str, text: str) -> str:
        """A name for `text` that only this keeper can make; tags of two purposes are unrelated."""
        said = purpose.encode() + b"\x00" + text.encode()
        return hmac.digest(self._mac, said, hashlib.sha256).hex()


def _derive(secret: bytes, purpose: bytes, count: int) -> bytes:
    info = b"bigloop.keeping.v1\x00" + purpose
    return HKDF(hashes.SHA256(), count, salt=None, info=info).derive(secret)
