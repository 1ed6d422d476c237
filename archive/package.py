"""The form of a dossier (项目档案): what stands where in its folder, and what `dossier.json` says.

A dossier is a BagIt 1.0 bag about one subject, complete by construction: whole streams, single
entries of streams that it shares with other subjects, and every document that those entries name.

    bagit.txt, bag-info.txt             declaration; identifier, size and maker
    manifest-sha256.txt                 digests of everything below data/
    tagmanifest-sha256.txt              digests of the three files above
    signature.note                      signed note (C2SP) over `signature_text`: closes it all
    data/dossier.json                   `Contents`, canonical JSON
    data/streams/<stream>.jsonl         all entries of a stream, one canonical entry per line
    data/extracts/<stream>.jsonl        single entries of a shared stream
    data/checkpoints/<stream>.note      the signed head of each of those streams
    data/anchor/anchor.note             the signed tree of all heads at one tick
    data/documents/<NN>-<name>          the documents, in the order in which entries named them

In file names of streams `/` is written `~`, which no stream's name contains. Assembling and
verifying both derive every name from this module, so a dossier has one form and no other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archive import canonical
from archive.bagit import BAGIT_TXT
from archive.journal.entry import DocumentRef, Entry, document_of

FORMAT = "bigloop.dossier.v1"
BAGIT = "bagit.txt"
BAG_INFO = "bag-info.txt"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
SIGNATURE = "signature.note"
CONTENTS = "data/dossier.json"
ANCHOR = "data/anchor/anchor.note"
TAG_FILES = (BAG_INFO, BAGIT, MANIFEST)
"""The files that the tag manifest covers."""
NAME_BYTES_MAX = 120
"""Longest document name in a file name, in UTF-8; what is longer is cut from the front."""

_LINE = re.compile(r"[^\s\x00-\x1f\x7f]{1,200}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_UNSAFE = re.compile(
    r'[\x00-\x20\x7f-\xa0/\\:*?"<>|%~\u2000-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+'
)


@dataclass(frozen=True)
class Head:
    """A stream's head at the dossier's tick and its place in the anchor's tree of heads."""

    stream: str
    size: int
    root: str
    index: int
    proof: tuple[str, ...]

    @property
    def checkpoint_file(self) -> str:
        return f"data/checkpoints/{stream_name(self.stream)}.note"

    @property
    def stream_file(self) -> str:
        return f"data/streams/{stream_name(self.stream)}.jsonl"

    @property
    def extract_file(self) -> str:
        return f"data/extracts/{stream_name(self.stream)}.jsonl"


@dataclass(frozen=True)
class ExtractedEntry:
    """An entry's number and its inclusion proof (RFC 6962) in its stream's tree."""

    seq: int
    proof: tuple[str, ...]


@dataclass(frozen=True)
class ExtractPart:
    head: Head
    entries: tuple[ExtractedEntry, ...]


@dataclass(frozen=True)
class Required:
    """The dossier must hold an entry of this action that names a document of this name."""

    document: str
    action: str

    def is_met(self, entries: Iterable[Entry]) -> bool:
        return any(
            entry.action == self.action
            and any(document.name == self.document for document in entry.documents)
            for entry in entries
        )


@dataclass(frozen=True)
class Contents:
    """What `dossier.json` says. Streams and extracts are sorted by name, each stream stands once."""

    log: str
    subject: str
    tick: int
    streams: tuple[Head, ...]
    extracts: tuple[ExtractPart, ...]
    documents: tuple[DocumentRef, ...]
    required: tuple[Required, ...]

    @property
    def heads(self) -> tuple[Head, ...]:
        return self.streams + tuple(part.head for part in self.extracts)

    def document_files(self) -> list[str]:
        return [document_file(n, len(self.documents), d) for n, d in enumerate(self.documents, 1)]

    def payload_files(self) -> set[str]:
        """Every file below data/, no more and no fewer."""
        return {
            CONTENTS,
            ANCHOR,
            *(head.checkpoint_file for head in self.heads),
            *(head.stream_file for head in self.streams),
            *(part.head.extract_file for part in self.extracts),
            *self.document_files(),
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "anchor": {"checkpoint": ANCHOR},
            "documents": [
                {"file": file, **document.to_json()}
                for file, document in zip(self.document_files(), self.documents, strict=True)
            ],
            "extracts": [
                {
                    **_head_json(part.head, part.head.extract_file),
                    "entries": [{"proof": [*e.proof], "seq": e.seq} for e in part.entries],
                }
                for part in self.extracts
            ],
            "format": FORMAT,
            "log": self.log,
            "required": [{"action": r.action, "document": r.document} for r in self.required],
            "streams": [_head_json(head, head.stream_file) for head in self.streams],
            "subject": self.subject,
            "tick": self.tick,
        }

    @classmethod
    def parse(cls, data: bytes) -> Contents:
        """ValueError where `data` is not exactly what `canonical.encode(to_json())` writes."""
        value = canonical.decode(data)
        try:
            found = cls(
                log=_line(value["log"]),
                subject=_line(value["subject"]),
                tick=_number(value["tick"]),
                streams=tuple(map(_head_of, value["streams"])),
                extracts=tuple(
                    ExtractPart(
                        _head_of(part),
                        tuple(
                            ExtractedEntry(_number(e["seq"]), _hashes(e["proof"]))
                            for e in part["entries"]
                        ),
                    )
                    for part in value["extracts"]
                ),
                documents=tuple(
                    document_of({k: v for k, v in d.items() if k != "file"})
                    for d in value["documents"]
                ),
                required=tuple(
                    Required(_text(r["document"]), _text(r["action"])) for r in value["required"]
                ),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the contents of a dossier: {error!r}") from error
        if canonical.encode(found.to_json()) != data or not found._is_in_order():
            raise ValueError("not the contents of a dossier")
        return found

    def _is_in_order(self) -> bool:
        names = [head.stream for head in self.heads]
        parts = ([h.stream for h in self.streams], [p.head.stream for p in self.extracts])
        seqs = [[e.seq for e in part.entries] for part in self.extracts]
        return (
            len(set(names)) == len(names)
            and all(list(part) == sorted(part) for part in parts)
            and all(numbers and numbers == sorted(set(numbers)) for numbers in seqs)
            and len(self.payload_files()) == 2 + 2 * len(names) + len(self.documents)
        )


def stream_name(stream: str) -> str:
    return stream.replace("/", "~")


def document_file(number: int, count: int, document: DocumentRef) -> str:
    """`data/documents/03-开标记录.json`: safe on every file system, told apart by the number."""
    width = max(2, len(str(count)))
    return f"data/documents/{number:0{width}d}-{file_name(document.name)}"


def file_name(name: str) -> str:
    """A document's name as every file system takes it; never empty."""
    safe = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).strip(" .")
    while len(safe.encode()) > NAME_BYTES_MAX:
        safe = safe[1:]
    return safe or "_"


def documents_of(entries: Iterable[Entry]) -> tuple[DocumentRef, ...]:
    """The documents that entries name, each once, in order of appearance: by time, then stream,
    number, and place in the entry."""
    ordered = sorted(entries, key=lambda entry: (entry.at, entry.stream, entry.seq))
    return tuple(dict.fromkeys(d for entry in ordered for d in entry.documents))


def lines(entries: Sequence[Entry]) -> bytes:
    """The bytes of a stream's or an extract's file."""
    return b"".join(entry.body + b"\n" for entry in entries)


def bag_info(log: str, subject: str, payload: Mapping[str, bytes]) -> bytes:
    size = sum(map(len, payload.values()))
    return (
        f"External-Identifier: {log}/dossier/{subject}\n"
        f"Payload-Oxum: {size}.{len(payload)}\n"
        f"Bag-Software-Agent: {FORMAT}\n"
    ).encode()


def tag_files(
    contents: Contents, payload: Mapping[str, bytes], manifest: bytes
) -> dict[str, bytes]:
    """The three files that the tag manifest covers, as they must be."""
    return {
        BAGIT: BAGIT_TXT,
        BAG_INFO: bag_info(contents.log, contents.subject, payload),
        MANIFEST: manifest,
    }


def signature_text(log: str, subject: str, tag_manifest_sha256: str) -> str:
    """What is signed: whose dossier it is, its closing digest, and its format. ValueError for a
    subject that is not one word."""
    _line(subject)
    return f"{log}/dossier/{subject}\n{tag_manifest_sha256}\n{FORMAT}\n"


def _head_json(head: Head, file: str) -> dict[str, Any]:
    return {
        "checkpoint": head.checkpoint_file,
        "file": file,
        "index": head.index,
        "proof": [*head.proof],
        "root": head.root,
        "size": head.size,
        "stream": head.stream,
    }


def _head_of(value: Any) -> Head:
    root = _text(value["root"])
    if not _HEX64.fullmatch(root):
        raise ValueError("not a root")
    return Head(
        _text(value["stream"]),
        _number(value["size"]),
        root,
        _number(value["index"]),
        _hashes(value["proof"]),
    )


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError("not a text")
    return value


def _line(value: Any) -> str:
    """A text that may stand in a line of a note."""
    if not _LINE.fullmatch(_text(value)):
        raise ValueError("not a name")
    return str(value)


def _number(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a number")
    return value


def _hashes(value: Any) -> tuple[str, ...]:
    if type(value) is not list or not all(type(h) is str and _HEX64.fullmatch(h) for h in value):
        raise ValueError("not a proof")
    return tuple(value)
