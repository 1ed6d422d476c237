"""The form of a recording: one stream of the journal as a log that stands alone, for a court.

    record.json                  `Contents`, canonical JSON; closes the list of files by their digests
    record.note                  signed note (C2SP) over `closing_text`: closes it all
    checkpoint                   the signed head of the whole log, with its cosignatures
    checkpoints/<size>           earlier heads that were cosigned
    tile/…                       hash tiles and entry bundles (C2SP tlog-tiles)
    policy                       whose cosignatures make a head good (C2SP tlog-policy)
    exhibits/<NNN>-<name>        documents that entries name
    exhibits/<NNN>-<name>.tlog-proof   where the entry stands that names it (C2SP tlog-proof), the
                                 entry itself as its extra data
    index.html, viewer.js, viewer.css, record.js   a page that shows and checks it all in a browser

The log's key signs under the log's origin as its name. Assembling and verifying derive every name from
this module. What the entries mean is not known here.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archive import canonical, tlog_tiles
from archive.journal.entry import DocumentRef, Entry, chained_leaves
from archive.merkle import Tree, root_of
from archive.note import Checkpoint, Signer
from archive.package import file_name
from archive.tlog_policy import Policy
from archive.tlog_proof import TlogProof

FORMAT = "bigloop.recording.v1"
CONTENTS = "record.json"
CLOSING = "record.note"
POLICY = "policy"
DATA = "record.js"
PROOF_SUFFIX = ".tlog-proof"
DATA_HEAD = b"globalThis.BIGLOOP_RECORD = "
_DATA_TAIL = b";\n"
EXHIBITS_MAX = 1000
ENTRIES_MAX = 2_000_000


@dataclass(frozen=True)
class Exhibit:
    """A document with the number of the first entry that names it. `file` is None for one that is
    not (or no more) in the vault: security video leaves earlier than its digests."""

    document: DocumentRef
    seq: int
    file: str | None

    def to_json(self) -> dict[str, Any]:
        return {"document": self.document.to_json(), "file": self.file, "seq": self.seq}


@dataclass(frozen=True)
class Contents:
    """`log`: the vkey that signs, under the origin; `files`: path → SHA-256 of every other file."""

    stream: str
    origin: str
    size: int
    root: str
    log: str
    exhibits: tuple[Exhibit, ...]
    files: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        return {
            "exhibits": [exhibit.to_json() for exhibit in self.exhibits],
            "files": dict(self.files),
            "format": FORMAT,
            "log": self.log,
            "origin": self.origin,
            "root": self.root,
            "size": self.size,
            "stream": self.stream,
        }


def contents_of(data: bytes) -> Contents:
    """The contents that canonical bytes say; ValueError, KeyError or TypeError for anything else."""
    value = canonical.decode(data)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ValueError("not a recording")
    exhibits = tuple(
        Exhibit(DocumentRef(**one["document"]), one["seq"], one["file"])
        for one in value["exhibits"]
    )
    found = Contents(
        value["stream"],
        value["origin"],
        value["size"],
        value["root"],
        value["log"],
        exhibits,
        value["files"],
    )
    if canonical.encode(found.to_json()) != data:
        raise ValueError("not the contents of a recording")
    return found


def closing_text(origin: str, contents: bytes) -> str:
    """What the log signs over the whole."""
    return f"{FORMAT}\n{origin}\n{hashlib.sha256(contents).hexdigest()}\n"


def checkpoint_file(size: int) -> str:
    return f"checkpoints/{size}"


def exhibit_file(number: int, name: str) -> str:
    """Where the exhibit with this number, from 1, stands."""
    return f"exhibits/{number:03}-{file_name(name)}"


def documents_named(entries: Sequence[Entry]) -> list[tuple[DocumentRef, int]]:
    """Every document that the entries name, once, with the number of the first entry."""
    found: dict[str, tuple[DocumentRef, int]] = {}
    for entry in entries:
        for document in entry.documents:
            found.setdefault(document.sha256, (document, entry.seq))
    return list(found.values())


def assemble(
    stream: str,
    entries: Sequence[Entry],
    signer: Signer,
    policy: Policy,
    cosignatures: Mapping[int, Sequence[str]],
    documents: Mapping[str, bytes],
    viewer: Mapping[str, bytes],
) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file, `record.note` last.

    `signer`: the log's, named by the origin; `cosignatures`: size → lines; `documents`: SHA-256 →
    content, those that are there; `viewer`: the page's files. ValueError for an empty or too large
    stream, and for one that does not hang together: no such thing is signed.
    """
    if not 0 < len(entries) <= ENTRIES_MAX:
        raise ValueError(f"a recording has 1 to {ENTRIES_MAX} entries")
    origin = signer.name
    leaves = chained_leaves(stream, (entry.body for entry in entries))
    tree = Tree(leaves)
    files: dict[str, bytes] = {}

    def head(size: int) -> str:
        root = tree.root() if size == len(entries) else root_of(leaves[:size])
        return signer.sign(Checkpoint(origin, size, root).text()) + "".join(
            cosignatures.get(size, ())
        )

    checkpoint = head(len(entries))
    files[tlog_tiles.CHECKPOINT] = checkpoint.encode()
    for size in sorted(cosignatures):
        if size < len(entries):
            files[checkpoint_file(size)] = head(size).encode()
    files[POLICY] = policy.text().encode()
    files |= dict(tlog_tiles.tiles(tree))
    files |= dict(tlog_tiles.bundles([entry.body for entry in entries]))
    exhibits: list[Exhibit] = []
    for document, seq in documents_named(entries)[:EXHIBITS_MAX]:
        content = documents.get(document.sha256)
        file = None
        if content is not None:
            file = exhibit_file(len(exhibits) + 1, document.name)
            path = tuple(tree.inclusion_proof(seq))
            proof = TlogProof(seq, path, checkpoint, entries[seq].body)
            files[file] = content
            files[file + PROOF_SUFFIX] = proof.text().encode()
        exhibits.append(Exhibit(document, seq, file))
    files |= viewer
    files[DATA] = data_script(files)
    contents = Contents(
        stream=stream,
        origin=origin,
        size=len(entries),
        root=tree.root().hex(),
        log=signer.verifier.vkey,
        exhibits=tuple(exhibits),
        files={path: hashlib.sha256(files[path]).hexdigest() for path in sorted(files)},
    )
    closing = canonical.encode(contents.to_json())
    yield from files.items()
    yield CONTENTS, closing
    yield CLOSING, signer.sign(closing_text(origin, closing)).encode()


_LOG_FILE = re.compile(r"checkpoint|checkpoints/[0-9]+|policy|tile/entries/.*|exhibits/.*")


def data_script(files: Mapping[str, bytes]) -> bytes:
    """The log's files once more, for a page that is opened from a disk and may not read others."""
    held = {
        path: base64.b64encode(content).decode()
        for path, content in files.items()
        if _LOG_FILE.fullmatch(path)
    }
    return DATA_HEAD + canonical.encode(held) + _DATA_TAIL


def data_of(script: bytes) -> dict[str, bytes] | None:
    """The files that a page's data holds; None where it is none of ours."""
    if not script.startswith(DATA_HEAD) or not script.endswith(_DATA_TAIL):
        return None
    try:
        value = canonical.decode(script[len(DATA_HEAD) : -len(_DATA_TAIL)])
        return {path: base64.b64decode(text, validate=True) for path, text in value.items()}
    except (ValueError, AttributeError, TypeError):
        return None
