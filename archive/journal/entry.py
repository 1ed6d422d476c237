"""The journal's entries: what one line of the record says, and how a stream hangs together.

A stream is the record of one subject (`lot/…`, `session/…`, `draws/<centre>`). Its entries are
numbered from 0; each holds the hash of the one before; their RFC 6962 leaf hashes form the stream's
tree. An entry is stored, hashed and handed out as its canonical bytes:

    {"action": "trading:lot:opened", "actor": "…", "at": "2026-10-21T01:00:00.000Z",
     "data": {…}, "documents": [{"bytes": n, "name": "…", "sha256": "…", "type": "…"}],
     "prev": "<hash of the entry before, or 64 zeros>", "seq": 12, "stream": "lot/…", "v": 1}

`data` holds ids, digests, codes and ciphertext, never names or plain bids: the record is
append-only, and the law may demand that personal data be deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from archive import canonical, merkle
from archive.errors import Param, Reason
from archive.words import Language, render

NO_ENTRY = "0" * 64
ENTRY_BYTES_MAX = 2**16 - 1
"""What the length prefix of an entry bundle can say (C2SP tlog-tiles)."""
_STREAM = re.compile(r"[a-z]+(/[A-Za-z0-9._-]+)*")
_ACTION = re.compile(r"[a-z]+:[a-z_]+:[a-z_]+")
_KINDS: dict[str, type] = {
    "action": str,
    "actor": str,
    "at": str,
    "data": dict,
    "documents": list,
    "prev": str,
    "seq": int,
    "stream": str,
    "v": int,
}
_FIELDS = set(_KINDS)
_DOCUMENT_KINDS: dict[str, type] = {"bytes": int, "name": str, "sha256": str, "type": str}


@dataclass(frozen=True)
class DocumentRef:
    """A document of the vault as an entry names it. `name` is its file name in a dossier."""

    name: str
    sha256: str
    bytes: int
    type: str

    def to_json(self) -> dict[str, Any]:
        return {"bytes": self.bytes, "name": self.name, "sha256": self.sha256, "type": self.type}


@dataclass(frozen=True)
class Pending:
    """An entry before it has its place in the stream."""

    stream: str
    action: str
    actor: str
    data: Mapping[str, Any]
    documents: tuple[DocumentRef, ...] = ()

    def __post_init__(self) -> None:
        if not _STREAM.fullmatch(self.stream):
            raise ValueError(f"not a stream: {self.stream!r}")
        if not _ACTION.fullmatch(self.action):
            raise ValueError(f"not an action: {self.action!r}")
        for value, kind in ((self.actor, str), (self.data, Mapping)):
            if not isinstance(value, kind):
                raise TypeError(f"no {kind.__name__}: {value!r}")


@dataclass(frozen=True)
class Entry:
    stream: str
    seq: int
    prev: str
    at: datetime
    action: str
    actor: str
    data: Mapping[str, Any]
    documents: tuple[DocumentRef, ...]
    body: bytes
    """The canonical bytes, exactly as stored and hashed."""

    @property
    def leaf(self) -> bytes:
        return merkle.leaf_hash(self.body)

    @property
    def hash(self) -> str:
        """What the next entry's `prev` says: the leaf hash in hex."""
        return self.leaf.hex()


def moment_text(moment: datetime) -> str:
    """`2026-10-21T01:00:00.000Z`: UTC with milliseconds (RFC 3339)."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """The moment of `moment_text`; ValueError for any other spelling."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or moment_text(moment) != text:
        raise ValueError(f"not a moment of the journal: {text!r}")
    return moment


def seal_in(pending: Pending, seq: int, prev: str, at: datetime) -> Entry:
    """Give a pending entry its place: number, predecessor, time and canonical bytes.

    What is returned is what `parse` makes of its bytes, except that `data` is as it was given
    (a tuple is not yet an array). ValueError or TypeError where there are no such bytes.
    """
    documents = [document.to_json() for document in pending.documents]
    for document in documents:
        document_of(document)
    body = canonical.encode(
        {
            "action": pending.action,
            "actor": pending.actor,
            "at": moment_text(at),
            "data": pending.data,
            "documents": documents,
            "prev": prev,
            "seq": seq,
            "stream": pending.stream,
            "v": 1,
        }
    )
    if len(body) > ENTRY_BYTES_MAX:
        raise ValueError(f"entry of {len(body)} bytes; put documents into the vault")
    moment = at.astimezone(UTC)
    return Entry(
        stream=pending.stream,
        seq=seq,
        prev=prev,
        at=moment.replace(microsecond=moment.microsecond // 1000 * 1000),
        action=pending.action,
        actor=pending.actor,
        data=pending.data,
        documents=pending.documents,
        body=body,
    )


def parse(body: bytes) -> Entry:
    """The entry of canonical bytes; ValueError where they are not those of an entry."""
    value = canonical.decode(body)
    if not isinstance(value, dict) or set(value) != _FIELDS:
        raise ValueError("not an entry")
    for name, kind in _KINDS.items():
        if type(value[name]) is not kind:
            raise ValueError(f"not an entry: {name} is no {kind.__name__}")
    if value["v"] != 1:
        raise ValueError("not an entry of version 1")
    return Entry(
        stream=value["stream"],
        seq=value["seq"],
        prev=value["prev"],
        at=moment_of(value["at"]),
        action=value["action"],
        actor=value["actor"],
        data=value["data"],
        documents=tuple(map(document_of, value["documents"])),
        body=body,
    )


def document_of(value: Any) -> DocumentRef:
    """The document that a JSON object names; ValueError where it names none."""
    if not isinstance(value, dict) or set(value) != set(_DOCUMENT_KINDS):
        raise ValueError("not a document of an entry")
    if any(type(value[name]) is not kind for name, kind in _DOCUMENT_KINDS.items()):
        raise ValueError("not a document of an entry")
    return DocumentRef(**value)


def chained_leaves(stream: str, bodies: Iterable[bytes]) -> list[bytes]:
    """The leaf hashes of a complete stream whose numbering and predecessor hashes hold; ValueError,
    with the place, where they do not.

    Reads no JSON, and so is many times as fast as `break_of`: canonical JSON sorts its keys, so the
    last of an entry are `prev`, `seq`, `stream` and `v`, and what they must say is known. Bytes that
    are JSON and end so have these very members: the comma before a quote cannot stand in a string.
    That the bytes are canonical entries at all, and their times, is for `break_of` to say.
    """
    leaves: list[bytes] = []
    prev = NO_ENTRY
    for seq, body in enumerate(bodies):
        if not body.endswith(f',"prev":"{prev}","seq":{seq},"stream":"{stream}","v":1}}'.encode()):
            raise ValueError(f"{stream}[{seq}]: does not continue what is before")
        leaf = merkle.leaf_hash(body)
        leaves.append(leaf)
        prev = leaf.hex()
    return leaves


def break_of(stream: str, bodies: Iterable[bytes]) -> tuple[int, Reason] | None:
    """Where a complete stream stops hanging together: (index, what is wrong), or None.

    Checks form, stream name, numbering from 0, predecessor hashes, and that time never goes back.
    """
    prev, last_at = NO_ENTRY, None
    for index, body in enumerate(bodies):
        try:
            entry = parse(body)
        except ValueError:
            return index, Reason("archive.journal.not_canonical", {"index": index})
        if entry.stream != stream:
            params: dict[str, Param] = {"index": index, "stream": entry.stream}
            return index, Reason("archive.journal.other_stream", params)
        if entry.seq != index:
            return index, Reason("archive.journal.numbering", {"index": index, "seq": entry.seq})
        if entry.prev != prev:
            return index, Reason("archive.journal.chain", {"index": index})
        if last_at is not None and entry.at < last_at:
            return index, Reason("archive.journal.time", {"index": index})
        prev, last_at = entry.hash, entry.at
    return None


def first_break(stream: str, bodies: Iterable[bytes]) -> tuple[int, str] | None:
    """`break_of`, in English words."""
    found = break_of(stream, bodies)
    return found and (found[0], render(found[1], Language.EN))


def origin_of(log_name: str, stream: str) -> str:
    """The checkpoint origin of a stream: `<log name>/<stream>`; the key is the log's."""
    return f"{log_name}/{stream}"


def head_leaf(stream: str, size: int, root: str) -> bytes:
    """The leaf of one stream's head in the tree of heads (`root` in hex)."""
    return merkle.leaf_hash(canonical.encode({"root": root, "size": size, "stream": stream}))
