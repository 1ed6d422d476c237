"""Cosignatures on checkpoints (C2SP tlog-cosignature): Ed25519 with a time, signature type 0x04.

A cosigner states that, as of a POSIX time, the largest consistent tree that he has seen of the log
has this root. The signed message is

    cosignature/v1\\n
    time <seconds>\\n
    <the checkpoint's text>

and the signature that stands in the note's line is the time as 8 bytes, big-endian, and the 64 bytes of
Ed25519. The message does not name the cosigner: one key belongs to one name. ML-DSA-44 (type 0x06)
is neither made nor checked here; its lines are those of unknown keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from archive.note import MalformedNote, Note, key_id, parse_vkey, signature_line, vkey_text

COSIGNATURE = 4
TIME_MAX = 2**63 - 1
_SIGNATURE_BYTES = 8 + 64
_LAST_SECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


def message(text: str, seconds: int) -> bytes:
    """What is signed for a checkpoint's text at a POSIX time; ValueError for a time out of range."""
    if not 0 <= seconds <= TIME_MAX:
        raise ValueError(f"no POSIX time: {seconds}")
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def moment_of(seconds: int) -> datetime:
    """A cosigner's time; the last day of the calendar for what lies beyond it."""
    return datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC)


@dataclass(frozen=True)
class Cosigner:
    """The public key of a witness. `public_key`: 32 bytes, Ed25519."""

    name: str
    public_key: bytes

    @property
    def id(self) -> bytes:
        return key_id(self.name, bytes([COSIGNATURE]) + self.public_key)

    @property
    def vkey(self) -> str:
        return vkey_text(self.name, COSIGNATURE, self.public_key)

    @classmethod
    def parse(cls, vkey: str) -> Cosigner:
        """MalformedNote where the text is no vkey of type 0x04."""
        name, algorithm, key = parse_vkey(vkey)
        if algorithm != COSIGNATURE or len(key) != 32:
            raise MalformedNote(f"not a cosigner's vkey: {vkey[:60]!r}")
        return cls(name, key)

    def time_of(self, text: str, signature: bytes) -> int | None:
        """The POSIX time at which this key cosigned the checkpoint; None where it did not."""
        if len(signature) != _SIGNATURE_BYTES:
            return None
        seconds = int.from_bytes(signature[:8], "big")
        if seconds > TIME_MAX:
            return None
        try:
            key = Ed25519PublicKey.from_public_bytes(self.public_key)
            key.verify(signature[8:], message(text, seconds))
        except (InvalidSignature, ValueError):
            return None
        return seconds

    def line(self, seconds: int, ed25519_signature: bytes) -> str:
        """The note's line of a cosignature that was made elsewhere (in a browser)."""
        return signature_line(self.name, self.id, seconds.to_bytes(8, "big") + ed25519_signature)


def cosign(key: Ed25519PrivateKey, name: str, text: str, seconds: int) -> str:
    """The line by which `key`, under `name`, cosigns a checkpoint's text."""
    cosigner = Cosigner(name, key.public_key().public_bytes_raw())
    return cosigner.line(seconds, key.sign(message(text, seconds)))


def cosigned_by(note: Note, cosigners: Iterable[Cosigner]) -> dict[Cosigner, int]:
    """The known cosigners of a checkpoint with their times, the newest where one signed twice.

    MalformedNote where a line claims a known key and its signature is wrong: such a note is refused
    whole (signed-note, "verification").
    """
    known = {(cosigner.name, cosigner.id): cosigner for cosigner in cosigners}
    found: dict[Cosigner, int] = {}
    for name, identity, signature in note.signatures:
        cosigner = known.get((name, identity))
        if cosigner is None:
            continue
        seconds = cosigner.time_of(note.text, signature)
        if seconds is None:
            raise MalformedNote(f"wrong cosignature of {name}")
        found[cosigner] = max(seconds, found.get(cosigner, 0))
    return found
