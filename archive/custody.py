"""The custodian of the opening keys: who holds what reads the outside of sealed cells.

`Custodian` is what the product asks of one; today a single custodian, later a quorum. Each subject
(a lot) has a P-256 key pair of its own, and the private half is handed out only from the legal moment
of the opening on.

`DemoCustodian` keeps one secret and derives the pairs from it, so that nothing is stored per lot and
no list of keys tells which lots exist:

    ikm  = HKDF-SHA256(salt = none, ikm = secret, info = "bigloop.custody.v1" ‖ 0x00 ‖ subject), 32 bytes
    pair = DeriveKeyPair(ikm) of DHKEM(P-256, HKDF-SHA256), RFC 9180, section 7.1.3

What it does not do: whoever holds its secret can derive every key at once, before the hour too; only
the process that runs it keeps the hour. A province would put a quorum of institutions in its place.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from archive.errors import Kind, Refusal
from archive.journal.entry import moment_text
from archive.sealing import P256_ORDER

SECRET_BYTES_MIN = 32
_KEM_LABEL = b"HPKE-v1" + b"KEM" + (0x0010).to_bytes(2, "big")


class Custodian(Protocol):
    """Holds one key pair per subject."""

    def public_key(self, subject: str) -> bytes:
        """The point to which cells for `subject` are sealed: 65 bytes, uncompressed P-256."""

    def private_key(self, subject: str, not_before: datetime, now: datetime) -> bytes:
        """The scalar, 32 bytes big-endian. Refuses TOO_EARLY while `now` is before `not_before`."""


class DemoCustodian:
    """One custodian with one secret of at least 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SECRET_BYTES_MIN:
            raise ValueError(f"a custodian's secret has at least {SECRET_BYTES_MIN} bytes")
        self._secret = secret

    def public_key(self, subject: str) -> bytes:
        scalar = int.from_bytes(self._scalar(subject), "big")
        key = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def private_key(self, subject: str, not_before: datetime, now: datetime) -> bytes:
        if now < not_before:
            raise Refusal(
                "archive.custody.too_early",
                {"subject": subject, "not_before": moment_text(not_before)},
                Kind.TOO_EARLY,
            )
        return self._scalar(subject)

    def _scalar(self, subject: str) -> bytes:
        info = b"bigloop.custody.v1\x00" + subject.encode()
        return derive_scalar(HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(self._secret))


def derive_scalar(ikm: bytes) -> bytes:
    """The private key that DeriveKeyPair makes of `ikm` (RFC 9180, section 7.1.3, P-256)."""
    prk = HKDF.extract(hashes.SHA256(), None, _KEM_LABEL + b"dkp_prk" + ikm)
    for counter in range(256):
        info = (32).to_bytes(2, "big") + _KEM_LABEL + b"candidate" + bytes([counter])
        candidate = HKDFExpand(hashes.SHA256(), 32, info=info).derive(prk)
        if 0 < int.from_bytes(candidate, "big") < P256_ORDER:
            return candidate
    raise AssertionError("256 candidates out of range: chance 2^-8192")
