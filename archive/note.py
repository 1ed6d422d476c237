"""Signed notes and checkpoints in the formats of C2SP (signed-note v1, tlog-checkpoint v1).

A note is text that ends in a newline, an empty line, and one line per signature:

    — <key name> base64(<4 bytes key id><signature>)

A *vkey* names a verifier's key: `<name>+<key id in hex>+base64(<algorithm><public key>)`. Only
Ed25519 (algorithm 0x01) is made and checked here; lines of unknown keys are ignored, as the format
demands, so that cosignatures of other kinds may stand beside ours.

A checkpoint is a note whose text is `<origin>\\n<tree size>\\n<base64 root>\\n` (plus extension
lines, which we neither write nor accept in our own files).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 1
NOTE_BYTES_MAX = 1_000_000
SIGNATURES_MAX = 100
_NAME = re.compile(r"[^\s+]+")


class MalformedNote(ValueError):
    """The bytes are not a signed note, or the text is not a vkey."""


def _decode64(text: str) -> bytes:
    """Strict base64: the one spelling of the bytes, and no other."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedNote(f"not base64: {text[:40]!r}") from error
    if base64.b64encode(data).decode() != text:
        raise MalformedNote(f"not the canonical base64: {text[:40]!r}")
    return data


def _encode64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def key_id(name: str, algorithm_and_key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + algorithm_and_key).digest()[:4]


def is_key_name(text: str) -> bool:
    """Whether a key may be called so: not empty, no white space, no plus."""
    return _NAME.fullmatch(text) is not None


def vkey_text(name: str, algorithm: int, public_key: bytes) -> str:
    """The vkey line of a key of any algorithm."""
    material = bytes([algorithm]) + public_key
    return f"{name}+{key_id(name, material).hex()}+{_encode64(material)}"


def parse_vkey(vkey: str) -> tuple[str, int, bytes]:
    """(name, algorithm, public key) of a vkey; MalformedNote where it is none, or its id is wrong."""
    name, plus, rest = vkey.partition("+")
    hash_text, plus2, key_text = rest.partition("+")
    if not (plus and plus2) or not is_key_name(name):
        raise MalformedNote(f"not a vkey: {vkey[:60]!r}")
    material = _decode64(key_text)
    if len(material) < 2:
        raise MalformedNote(f"not a vkey: {vkey[:60]!r}")
    if key_id(name, material).hex() != hash_text:
        raise MalformedNote(f"key id does not fit the key: {vkey[:60]!r}")
    return name, material[0], material[1:]


def signature_line(name: str, identity: bytes, signature: bytes) -> str:
    """One signature line of a note, with its newline."""
    return f"— {name} {_encode64(identity + signature)}\n"


def parse_signature_line(line: str) -> tuple[str, bytes, bytes]:
    """(key name, key id, signature) of a line without its newline; MalformedNote."""
    dash, space, rest = line.partition(" ")
    name, space2, encoded = rest.partition(" ")
    if dash != "—" or not space or not space2 or not is_key_name(name):
        raise MalformedNote(f"not a signature line: {line[:60]!r}")
    blob = _decode64(encoded)
    if len(blob) < 5:
        raise MalformedNote("signature too short")
    return name, blob[:4], blob[4:]


@dataclass(frozen=True)
class Verifier:
    """A public key that may have signed a note."""

    name: str
    public_key: bytes
    """32 bytes, Ed25519."""

    @property
    def id(self) -> bytes:
        return key_id(self.name, bytes([ED25519]) + self.public_key)

    @property
    def vkey(self) -> str:
        return vkey_text(self.name, ED25519, self.public_key)

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """MalformedNote where the text is no vkey of an Ed25519 key, or its key id is wrong."""
        name, algorithm, key = parse_vkey(vkey)
        if algorithm != ED25519 or len(key) != 32:
            raise MalformedNote(f"not an Ed25519 vkey: {vkey[:60]!r}")
        return cls(name, key)

    def named(self, name: str) -> Verifier:
        """The same key under another name: a log signs under its origin (tlog-policy)."""
        return Verifier(name, self.public_key)

    def is_signature(self, text: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A private key with its name; `sign` makes one signature line."""

    name: str
    key: Ed25519PrivateKey

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise ValueError(f"a key name has no white space and no plus: {self.name!r}")

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self.key.public_key().public_bytes_raw())

    def sign_bytes(self, data: bytes) -> bytes:
        return self.key.sign(data)

    def sign(self, text: str) -> str:
        """`text` as a note with one signature, ours."""
        if not text.endswith("\n"):
            raise ValueError("the text of a note ends in a newline")
        signature = self.key.sign(text.encode())
        return f"{text}\n{signature_line(self.name, self.verifier.id, signature)}"

    def named(self, name: str) -> Signer:
        """The same key under another name."""
        return Signer(name, self.key)


@dataclass(frozen=True)
class Note:
    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]
    """(key name, 4 bytes key id, signature) per line, unverified."""

    @classmethod
    def parse(cls, data: bytes) -> Note:
        if len(data) > NOTE_BYTES_MAX:
            raise MalformedNote("too long")
        try:
            whole = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedNote("not UTF-8") from error
        if any(ord(c) < 0x20 and c != "\n" for c in whole):
            raise MalformedNote("control character")
        head, separator, tail = whole.rpartition("\n\n")
        if not separator or not tail.endswith("\n"):
            raise MalformedNote("no signatures")
        lines = tail[:-1].split("\n")
        if len(lines) > SIGNATURES_MAX:
            raise MalformedNote("too many signatures")
        signatures = map(parse_signature_line, lines)
        return cls(head + "\n", tuple(signatures))

    def verified_by(self, verifiers: Iterable[Verifier]) -> list[Verifier]:
        """The known keys that signed this text. MalformedNote where a line claims a known key and
        its signature is wrong: such a note is refused whole (signed-note, "verification")."""
        good = []
        known = {(v.name, v.id): v for v in verifiers}
        for name, identity, signature in self.signatures:
            verifier = known.get((name, identity))
            if verifier is None:
                continue
            if not verifier.is_signature(self.text.encode(), signature):
                raise MalformedNote(f"wrong signature of {name}")
            good.append(verifier)
        return good


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: `origin` names the log, `root` is the RFC 6962 root of `size` leaves."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{_encode64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise MalformedNote("a checkpoint has three lines")
        if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
            raise MalformedNote("tree size is no plain number")
        root = _decode64(lines[2])
        if len(root) != 32:
            raise MalformedNote("root is not 32 bytes")
        return cls(lines[0], int(lines[1]), root)
