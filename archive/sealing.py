"""The sealed envelope, version 1: what keeps a bid or a guarantee secret until the opening.

Two halves are needed to read a content: the sender's (Kb, kept by the sender until the opening) and
the platform's (Kp, inside the cell, readable only with the custodian's key). Neither the platform
nor its custodian can read a content without the sender; nobody can read who sent what without the
custodian. Every cell has the same size, dummies included, and nothing in it is in clear but its
version and an ephemeral public key.

HPKE is RFC 9180, base mode, single shot, DHKEM(P-256, HKDF-SHA256) / HKDF-SHA256 / AES-256-GCM;
HKDF is RFC 5869; canonical JSON is RFC 8785. All of it can be done with WebCrypto (ECDH P-256, HKDF,
AES-GCM). How a browser makes a cell, `‖` being concatenation and all texts UTF-8:

 1. Kb, Kp = 32 random bytes each.
 2. context = canonical JSON {"format": "bigloop.sealed.v1", "kind": …, "sender": …, "subject": …,
    "version": n}: kind is [a-z][a-z0-9_]*, at most 32 characters; sender is text of at most 64
    characters without controls; subject names the lot; version is a whole number from 1.
 3. okm = HKDF-SHA256(salt = none, ikm = Kb ‖ Kp, info = context), 76 bytes:
    32 bytes content key, 12 bytes nonce, 32 bytes key commitment. GCM commits to no key: without
    the commitment one ciphertext could be made to open to two contents under two halves. The key
    is used once, so the nonce may be derived from the same halves.
 4. inner = AES-256-GCM(content key, nonce, content, additional data = context): ciphertext ‖ tag.
 5. header = canonical JSON {"key_commitment": hex, "kind": …, "platform_half": hex of Kp,
    "sender": …, "version": n}, hex in lower case.
 6. plain = length of header (4 bytes, big-endian) ‖ header ‖ length of inner (4 bytes) ‖ inner ‖
    zeros up to exactly 16,302 bytes.
 7. info = "bigloop.sealed" ‖ 0x01 ‖ subject.
 8. cell = 0x01 ‖ enc (65 bytes, uncompressed point) ‖ HPKE ciphertext of plain with info and no
    additional data (16,302 + 16 bytes): exactly 16,384 bytes.

A cell whose outside opens but whose plain text is not of this form names no sender and is treated as
no cell of ours. Bits flipped in a cell make it no cell of ours for the same reason: the outside does
not open.

What this does not do: it does not prove who the sender is (the name inside is the sealer's word; the
half that opens the content proves that the sealer and the presenter are the same), it does not hide
when a cell came (lodging does, by batches), and HPKE takes its ephemeral key from the operating
system, so cells cannot be repeated from a seed.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from archive import canonical
from archive.entropy import Entropy
from archive.errors import Refusal

CELL_BYTES = 16384
"""Every cell has exactly this size."""
FORMAT = "bigloop.sealed.v1"
VERSION = 1
HALF_BYTES = 32
CONTENT_BYTES_MAX = 15 * 1024
"""The largest content: what is left of a cell, with room for the longest header."""
content_bytes_max = CONTENT_BYTES_MAX
"""The same figure under the name that callers know."""

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_POINT_BYTES = 65
_TAG_BYTES = 16
_PLAIN_BYTES = CELL_BYTES - 1 - _POINT_BYTES - _TAG_BYTES
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SENDER = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_HEADER_FIELDS = {"key_commitment", "kind", "platform_half", "sender", "version"}
_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True)
class Sealed:
    """A cell for the platform and the half that the sender keeps until the opening."""

    cell: bytes
    bidder_half: bytes = field(repr=False)


@dataclass(frozen=True)
class Outer:
    """What the custodian's key shows of a cell. The content stays shut without the sender's half."""

    subject: str
    kind: str
    sender: str
    version: int
    key_commitment: bytes
    platform_half: bytes = field(repr=False)
    inner: bytes = field(repr=False)


def seal(
    public_key: bytes,
    subject: str,
    kind: str,
    sender: str,
    version: int,
    content: bytes,
    entropy: Entropy,
    bidder_half: bytes | None = None,
) -> Sealed:
    """Seal `content` to the custodian's key of `subject` (65 bytes, uncompressed P-256 point).

    `bidder_half` (32 bytes): the half that the sender uses already for this subject, so that one
    half opens all that he sent; a new one by default. The contents' keys differ all the same.

    Refuses INVALID a content above `CONTENT_BYTES_MAX` and a key that is no point of the curve;
    ValueError for a kind, a sender or a version out of form (our own mistake).
    """
    if not (_KIND.fullmatch(kind) and _SENDER.fullmatch(sender) and _is_version(version)):
        raise ValueError(f"not a kind, sender and version: {kind!r}, {sender!r}, {version!r}")
    if len(content) > CONTENT_BYTES_MAX:
        raise Refusal(
            "archive.sealing.too_large", {"bytes": len(content), "bytes_max": CONTENT_BYTES_MAX}
        )
    key = _point(public_key)
    if key is None:
        raise Refusal("archive.sealing.public_key")
    bidder_half = entropy.bytes(HALF_BYTES) if bidder_half is None else bidder_half
    if len(bidder_half) != HALF_BYTES:
        raise ValueError(f"a half has {HALF_BYTES} bytes, not {len(bidder_half)}")
    platform_half = entropy.bytes(HALF_BYTES)
    context = _context(subject, kind, sender, version)
    content_key, nonce, commitment = _schedule(bidder_half, platform_half, context)
    inner = AESGCM(content_key).encrypt(nonce, content, context)
    header = canonical.encode(
        {
            "key_commitment": commitment.hex(),
            "kind": kind,
            "platform_half": platform_half.hex(),
            "sender": sender,
            "version": version,
        }
    )
    plain = _lengthed(header) + _lengthed(inner)
    assert len(plain) <= _PLAIN_BYTES, "header longer than foreseen"
    return Sealed(_cell(key, plain, subject), bidder_half)


def open_outer(private_key: bytes, subject: str, cell: bytes) -> Outer | None:
    """What `cell` says of itself, if it was sealed to this key (32 bytes, P-256 scalar) for
    `subject`; None otherwise, so that all cells of a window can be tried one after another."""
    if len(cell) != CELL_BYTES or cell[0] != VERSION:
        return None
    key = ec.derive_private_key(int.from_bytes(private_key, "big"), ec.SECP256R1())
    try:
        plain = _SUITE.decrypt(cell[1:], key, info=_info(subject))
    except (InvalidTag, ValueError):
        return None
    return _outer_of(plain, subject)


def open_inner(outer: Outer, bidder_half: bytes) -> bytes:
    """The content. Refuses INVALID a half that does not belong to this cell, and a content that
    the right half does not open (its sealer did not keep to the format)."""
    if len(bidder_half) != HALF_BYTES:
        raise Refusal("archive.sealing.half_size", {"bytes": len(bidder_half)})
    context = _context(outer.subject, outer.kind, outer.sender, outer.version)
    content_key, nonce, commitment = _schedule(bidder_half, outer.platform_half, context)
    if not hmac.compare_digest(commitment, outer.key_commitment):
        raise Refusal("archive.sealing.wrong_half", {"kind": outer.kind, "subject": outer.subject})
    try:
        return AESGCM(content_key).decrypt(nonce, outer.inner, context)
    except InvalidTag:
        raise Refusal(
            "archive.sealing.damaged", {"kind": outer.kind, "subject": outer.subject}
        ) from None


def dummy(entropy: Entropy) -> bytes:
    """A cell that nobody can open: sealed to a key that is thrown away. Without the custodian's
    keys it cannot be told from a cell that holds something."""
    scalar = int.from_bytes(entropy.bytes(48), "big") % (P256_ORDER - 1) + 1
    key = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
    return _cell(key, b"", "")


def check_cell(cell: bytes) -> None:
    """Refuse INVALID what cannot be a cell: wrong size, unknown version, or no curve point where
    the ephemeral key stands. All that can be checked before the opening."""
    if len(cell) != CELL_BYTES:
        raise Refusal("archive.sealing.cell_size", {"bytes": len(cell), "bytes_needed": CELL_BYTES})
    if cell[0] != VERSION or _point(cell[1 : 1 + _POINT_BYTES]) is None:
        raise Refusal("archive.sealing.cell_form", {"version": VERSION})


def _is_version(version: object) -> bool:
    return type(version) is int and 1 <= version <= canonical.INTEGER_MAX


def _context(subject: str, kind: str, sender: str, version: int) -> bytes:
    return canonical.encode(
        {"format": FORMAT, "kind": kind, "sender": sender, "subject": subject, "version": version}
    )


def _info(subject: str) -> bytes:
    return b"bigloop.sealed" + bytes([VERSION]) + subject.encode()


def _schedule(bidder_half: bytes, platform_half: bytes, context: bytes) -> tuple[bytes, ...]:
    """Content key, nonce and key commitment."""
    okm = HKDF(hashes.SHA256(), 76, salt=None, info=context).derive(bidder_half + platform_half)
    return okm[:32], okm[32:44], okm[44:]


def _point(data: bytes) -> ec.EllipticCurvePublicKey | None:
    if len(data) != _POINT_BYTES:
        return None
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    except ValueError:
        return None


def _lengthed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _cell(key: ec.EllipticCurvePublicKey, plain: bytes, subject: str) -> bytes:
    padded = plain.ljust(_PLAIN_BYTES, b"\x00")
    cell = bytes([VERSION]) + _SUITE.encrypt(padded, key, info=_info(subject))
    assert len(cell) == CELL_BYTES, "a cell has one size"
    return cell


def _outer_of(plain: bytes, subject: str) -> Outer | None:
    """The parts of the outer plain text, or None where it is not of the form above."""
    header, rest = _cut(plain)
    inner, padding = _cut(rest)
    if header is None or inner is None or padding.strip(b"\x00"):
        return None
    try:
        value = canonical.decode(header)
        if not isinstance(value, dict) or set(value) != _HEADER_FIELDS:
            return None
        halves = [_bytes32(value[name]) for name in ("key_commitment", "platform_half")]
        kind, sender, version = value["kind"], value["sender"], value["version"]
        if not (_KIND.fullmatch(kind) and _SENDER.fullmatch(sender) and _is_version(version)):
            return None
    except (ValueError, TypeError, RecursionError):
        return None
    return Outer(subject, kind, sender, version, halves[0], halves[1], inner)


def _cut(data: bytes) -> tuple[bytes | None, bytes]:
    """The first length-prefixed part of `data` and what follows; (None, …) where it is cut."""
    length = int.from_bytes(data[:4], "big")
    if len(data) < 4 + length:
        return None, b""
    return data[4 : 4 + length], data[4 + length :]


def _bytes32(text: str) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != HALF_BYTES or data.hex() != text:
        raise ValueError("not 32 bytes in lower-case hex")
    return data
