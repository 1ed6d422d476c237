"""A proof that stands alone (C2SP tlog-proof): an entry's place in a log, with the checkpoint.

c2sp.org/tlog-proof@v1
extra <base64>            (optional, not authenticated: we put the entry's own bytes there)
index <n>
<base64 hash>…            from the leaf's sibling up

<checkpoint, with all its signatures>
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from archive import merkle
from archive.note import Checkpoint, MalformedNote, Note

HEAD = "c2sp.org/tlog-proof@v1"
PROOF_BYTES_MAX = 1_000_000
HASHES_MAX = 63
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


class MalformedProof(ValueError):
    """The bytes are not a tlog-proof."""


@dataclass(frozen=True)
class TlogProof:
    """`checkpoint` is the whole note; `extra` None where there is none."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def text(self) -> str:
        lines = [HEAD]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(node).decode() for node in self.path]
        return "\n".join([*lines, "", self.checkpoint])

    @classmethod
    def parse(cls, data: bytes) -> TlogProof:
        if len(data) > PROOF_BYTES_MAX:
            raise MalformedProof("too long")
        try:
            head, separator, checkpoint = data.decode("utf-8").partition("\n\n")
        except UnicodeDecodeError as error:
            raise MalformedProof("not UTF-8") from error
        lines = head.split("\n")
        if not separator or lines[0] != HEAD:
            raise MalformedProof("not a tlog-proof")
        rest = lines[1:]
        extra = None
        if rest and rest[0].startswith("extra "):
            extra = _decode64(rest.pop(0).removeprefix("extra "))
        found = _INDEX.fullmatch(rest.pop(0)) if rest else None
        if found is None:
            raise MalformedProof("no index")
        path = tuple(map(_decode64, rest))
        if len(path) > HASHES_MAX or any(len(node) != merkle.HASH_BYTES for node in path):
            raise MalformedProof("not a path of hashes")
        return cls(int(found[1]), path, checkpoint, extra)

    def is_of(self, leaf: bytes) -> bool:
        """Whether the leaf hash stands at this index under the checkpoint's root. Who signed the
        checkpoint is asked of a policy."""
        try:
            head = Checkpoint.parse(Note.parse(self.checkpoint.encode()).text)
        except MalformedNote:
            return False
        return merkle.verify_inclusion(leaf, self.index, head.size, self.path, head.root)


def _decode64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedProof(f"not base64: {text[:40]!r}") from error
    if not data or base64.b64encode(data).decode() != text:
        raise MalformedProof(f"not the canonical base64: {text[:40]!r}")
    return data
