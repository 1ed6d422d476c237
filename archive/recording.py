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
    media/<aa>/<sha256>.<ending> what entries name by digest in their data: pictures, pieces of recordings
    media.json                   `Absences`: what of it is not here, and why
    keeping/entries              the stream that says what was deleted, an entry a line
    keeping/checkpoint           its signed head
    keeping/<sha256>             the documents that it names
    index.html, *.js, viewer.css, record.js   a page that shows and checks it all in a browser

The files below media/ are not listed in `record.json`: the log names each of them by its digest, and `media.json`, which
is listed, whichever is not there. So the list stays as small as the log, however long the films are.

The log's key signs under the log's origin as its name. Assembling and verifying derive every name from
this module. What the entries mean is not known here.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from archive import canonical, tlog_tiles
from archive.journal.entry import DocumentRef, Entry, chained_leaves, parse
from archive.merkle import Frontier, Tree
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
MEDIA = "media"
ABSENCES = "media.json"
KEPT_ENTRIES = "keeping/entries"
KEPT_HEAD = "keeping/checkpoint"
DATA_HEAD = b"globalThis.BIGLOOP_RECORD = "
_DATA_TAIL = b";\n"
EXHIBITS_MAX = 1000
ENTRIES_MAX = 2_000_000


@dataclass(frozen=True)
class Medium:
    """Bytes that an entry names by digest in its data. `ending`: of its file's name."""

    sha256: str
    ending: str

    @property
    def file(self) -> str:
        return f"{MEDIA}/{self.sha256[:2]}/{self.sha256}.{self.ending}"


class Absence(StrEnum):
    """Why bytes that the log names are not in a recording."""

    DELETED = "DELETED"
    """Their time was over; an entry of the keeping stream says so."""
    NOT_RECEIVED = "NOT_RECEIVED"
    """They never came, or stay with whoever recorded them."""
    WITHHELD = "WITHHELD"
    """Who was given this copy may not hear or see them."""
    LEFT_OUT = "LEFT_OUT"
    """The copy was wanted without them."""
    LOST = "LOST"
    """They should be there and are not: no reason, but told."""


@dataclass(frozen=True)
class Absences:
    """What `media.json` says. `keeping`: the stream that tells of deletions; empty where there is none."""

    absent: Mapping[Absence, Sequence[str]]
    keeping: str = ""

    def encode(self) -> bytes:
        absent = {reason.value: sorted(digests) for reason, digests in self.absent.items()}
        return canonical.encode({"absent": absent, "keeping": self.keeping})


def absences_of(data: bytes) -> Absences:
    """The absences that canonical bytes say; ValueError, KeyError or TypeError for anything else."""
    value = canonical.decode(data)
    found = Absences(
        {Absence(reason): list(digests) for reason, digests in value["absent"].items()},
        value["keeping"],
    )
    if found.encode() != data:
        raise ValueError("not the absences of a recording")
    return found


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


def kept_document(sha256: str) -> str:
    """Where a document stands that the keeping stream names."""
    return f"keeping/{sha256}"


def documents_named(entries: Sequence[Entry]) -> list[tuple[DocumentRef, int]]:
    """Every document that the entries name, once, with the number of the first entry."""
    found: dict[str, tuple[DocumentRef, int]] = {}
    for entry in entries:
        for document in entry.documents:
            found.setdefault(document.sha256, (document, entry.seq))
    return list(found.values())


Content = Iterable[bytes]
"""A file's bytes in pieces; taken once, before the next file."""


def _no_media() -> Iterator[tuple[Medium, Content | Absence]]:
    return iter(())


@dataclass(frozen=True)
class Source:
    """What a recording is made of, read in parts and more than once, so that none of it is held as a whole.

    `bodies(start, stop)`: the entries' canonical bytes; `document(sha256)`: a document's content, None where it is not
    (or no more) there; `media()`: everything that the entries name by digest, each once, with its bytes or why they are
    not here; `keeping()`: name and entries of the stream that tells what was deleted, read after `media()`."""

    stream: str
    size: int
    bodies: Callable[[int, int], Sequence[bytes]]
    document: Callable[[str], bytes | None]
    media: Callable[[], Iterator[tuple[Medium, Content | Absence]]] = _no_media
    keeping: Callable[[], tuple[str, Sequence[bytes]]] = lambda: ("", ())

    def bundle(self, start: int) -> Sequence[bytes]:
        return self.bodies(start, min(start + tlog_tiles.TILE_WIDTH, self.size))

    def all_bodies(self) -> Iterator[bytes]:
        for start in range(0, self.size, tlog_tiles.TILE_WIDTH):
            yield from self.bundle(start)


def assemble(
    source: Source,
    signer: Signer,
    policy: Policy,
    cosignatures: Mapping[int, Sequence[str]],
    viewer: Mapping[str, bytes],
) -> Iterator[tuple[str, Content]]:
    """Path and content of every file, `record.note` last. What is held of the log are its hashes.

    `signer`: the log's, named by the origin; `cosignatures`: size → lines; `viewer`: the page's files.
    Media are given out one by one and held by nobody; of those that are absent the digests are held.
    ValueError for an empty or too large stream, and for one that does not hang together: no such thing is signed.
    """
    if not 0 < source.size <= ENTRIES_MAX:
        raise ValueError(f"a recording has 1 to {ENTRIES_MAX} entries")
    named: dict[str, tuple[DocumentRef, int]] = {}
    leaves = chained_leaves(source.stream, _noting_documents(source.all_bodies(), named))
    tree = Tree(leaves)
    roots = _roots(leaves, {size for size in cosignatures if size < source.size})

    def head(size: int, root: bytes) -> str:
        text = Checkpoint(signer.name, size, root).text()
        return signer.sign(text) + "".join(cosignatures.get(size, ()))

    checkpoint = head(source.size, tree.root())
    files: dict[str, Callable[[], bytes]] = {}
    files[tlog_tiles.CHECKPOINT] = checkpoint.encode
    for size, root in roots.items():
        files[checkpoint_file(size)] = head(size, root).encode
    files[POLICY] = policy.text().encode
    for path, level, start, width in tlog_tiles.places(tree):
        files[path] = partial(tlog_tiles.tile, tree, level, start, width)
    for n, start in enumerate(range(0, source.size, tlog_tiles.TILE_WIDTH)):
        width = min(tlog_tiles.TILE_WIDTH, source.size - start)
        files[tlog_tiles.bundle_path(n, width)] = partial(_bundle, source, start)
    exhibits: list[Exhibit] = []
    for document, seq in list(named.values())[:EXHIBITS_MAX]:
        file = None
        if source.document(document.sha256) is not None:
            file = exhibit_file(len(exhibits) + 1, document.name)
            files[file] = partial(_exhibit, source, document.sha256)
            files[file + PROOF_SUFFIX] = partial(_proof, source, tree, seq, checkpoint)
        exhibits.append(Exhibit(document, seq, file))
    files |= {path: partial(bytes, content) for path, content in viewer.items()}

    digests: dict[str, str] = {}

    def counted(path: str, content: Content) -> Content:
        digest = hashlib.sha256()
        for piece in content:
            digest.update(piece)
            yield piece
        digests[path] = digest.hexdigest()

    for path, content in files.items():
        yield path, counted(path, (content(),))
    absent: dict[Absence, list[str]] = {}
    for medium, found in source.media():
        if isinstance(found, Absence):
            absent.setdefault(found, []).append(medium.sha256)
        else:
            yield medium.file, found
    for path, kept in _keeping(source, signer, absent).items():
        files[path] = kept
        yield path, counted(path, (kept(),))
    yield DATA, counted(DATA, data_script(files))
    contents = Contents(
        stream=source.stream,
        origin=signer.name,
        size=source.size,
        root=tree.root().hex(),
        log=signer.verifier.vkey,
        exhibits=tuple(exhibits),
        files={path: digests[path] for path in sorted(digests)},
    )
    closing = canonical.encode(contents.to_json())
    yield CONTENTS, (closing,)
    yield CLOSING, (signer.sign(closing_text(signer.name, closing)).encode(),)


def _keeping(
    source: Source, signer: Signer, absent: Mapping[Absence, Sequence[str]]
) -> dict[str, Callable[[], bytes]]:
    """What says which media are not here, and the stream that tells of deletions, with its documents."""
    stream, bodies = source.keeping()
    files: dict[str, Callable[[], bytes]] = {ABSENCES: Absences(absent, stream).encode}
    if not stream:
        return files
    origin = kept_origin(signer.name, source.stream, stream)
    root = Tree(chained_leaves(stream, bodies)).root()
    head = signer.named(origin).sign(Checkpoint(origin, len(bodies), root).text())
    files[KEPT_ENTRIES] = partial(b"".join, [body + b"\n" for body in bodies])
    files[KEPT_HEAD] = head.encode
    for document, _ in documents_named(list(map(parse, bodies))):
        if source.document(document.sha256) is not None:
            files[kept_document(document.sha256)] = partial(_exhibit, source, document.sha256)
    return files


def kept_origin(origin: str, stream: str, keeping: str) -> str:
    """The origin of the keeping stream: of the same log as the recording's stream."""
    return origin.removesuffix(stream) + keeping


def _noting_documents(
    bodies: Iterable[bytes], named: dict[str, tuple[DocumentRef, int]]
) -> Iterator[bytes]:
    """The bodies as they are; what they name as documents is noted. Most name none, which is seen without reading
    JSON: `documents` stands before `prev`, the keys being sorted."""
    for body in bodies:
        if not body[: body.rfind(b',"prev":"')].endswith(b'"documents":[]'):
            for document, seq in documents_named([parse(body)]):
                named.setdefault(document.sha256, (document, seq))
        yield body


def _roots(leaves: Sequence[bytes], sizes: Set[int]) -> dict[int, bytes]:
    """The roots that the tree had at these sizes."""
    found, frontier = dict[int, bytes](), Frontier()
    for leaf in leaves[: max(sizes, default=0)]:
        frontier = frontier.append(leaf)
        if frontier.size in sizes:
            found[frontier.size] = frontier.root()
    return found


def _bundle(source: Source, start: int) -> bytes:
    return tlog_tiles.bundle(source.bundle(start))


def _exhibit(source: Source, sha256: str) -> bytes:
    content = source.document(sha256)
    if content is None:  # it was there a moment ago
        raise ValueError(f"an exhibit is gone: {sha256}")
    return content


def _proof(source: Source, tree: Tree, seq: int, checkpoint: str) -> bytes:
    (body,) = source.bodies(seq, seq + 1)
    return TlogProof(seq, tuple(tree.inclusion_proof(seq)), checkpoint, body).text().encode()


_LOG_FILE = re.compile(
    r"checkpoint|checkpoints/[0-9]+|policy|tile/entries/.*|exhibits/.*|media\.json"
)


def data_script(files: Mapping[str, Callable[[], bytes]]) -> Content:
    """The log's files once more, for a page that is opened from a disk and may not read others: one canonical JSON
    object, path → Base64, in pieces."""
    held = (path for path in files if _LOG_FILE.fullmatch(path))
    before = DATA_HEAD + b"{"
    for path in sorted(held, key=lambda path: path.encode("utf-16-be")):
        yield before + canonical.encode(path) + b':"' + base64.b64encode(files[path]()) + b'"'
        before = b","
    yield (b"" if before == b"," else before) + b"}" + _DATA_TAIL


def data_of(script: bytes) -> dict[str, bytes] | None:
    """The files that a page's data holds; None where it is none of ours."""
    if not script.startswith(DATA_HEAD) or not script.endswith(_DATA_TAIL):
        return None
    try:
        value = canonical.decode(script[len(DATA_HEAD) : -len(_DATA_TAIL)])
        return {path: base64.b64decode(text, validate=True) for path, text in value.items()}
    except (ValueError, AttributeError, TypeError):
        return None
