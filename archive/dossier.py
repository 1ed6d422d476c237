"""Assembling and writing a dossier (项目档案). Its form is described in `archive.package`.

A dossier is made from the record alone: entries as they were anchored at one tick, and the vault's
documents that they name. Which documents must be there is data handed in (政府采购法 第四十二条 and
the local lists of 归档 documents are the callers' to know). The same record at the same tick gives
the same bytes, signatures included, for Ed25519 is deterministic.

Not done here: time stamps by an authority, metadata schemes of the archives (DA/T 46, METS), and
the hand-over to an archive. Everything is held in memory while a dossier is made.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from archive import canonical, merkle, package
from archive.bagit import manifest_text
from archive.errors import Fault, Faults, Kind, Refusal
from archive.journal import queries
from archive.journal import service as journal
from archive.journal.entry import Entry, parse
from archive.note import Signer
from archive.package import Contents, ExtractedEntry, ExtractPart, Head, Required
from archive.vault import Vault

__all__ = ["Extract", "Package", "Required", "assemble", "write"]


@dataclass(frozen=True)
class Extract:
    """Single entries of a stream that this subject shares with others."""

    stream: str
    seqs: tuple[int, ...]


@dataclass(frozen=True)
class Package:
    """A dossier in memory: path → bytes."""

    subject: str
    root: str
    """SHA-256 of the tag manifest, in hex: one number that stands for the whole dossier."""
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class _Part:
    head: Head
    checkpoint: str
    anchor: str
    bodies: tuple[bytes, ...]

    def entry(self, seq: int) -> Entry:
        return parse(self.bodies[seq])


def assemble(
    db: Session,
    vault: Vault,
    log: Signer,
    subject: str,
    streams: Sequence[str],
    extracts: Sequence[Extract],
    required: Sequence[Required],
    tick: int,
) -> Package:
    """The dossier of `subject` as the record stood at the anchor of `tick`.

    Refuses INVALID with every fault at once: a stream that the anchor does not cover or that is
    named twice, an extract of entries that the anchor does not cover, a required document that was
    never delivered, a document that the vault lost.
    """
    faults = Faults("archive.dossier.incomplete")
    _refuse_twice(streams, extracts, faults)
    whole = [
        part
        for number, stream in enumerate(streams)
        if (part := _part(db, stream, tick, f"/streams/{number}", faults))
    ]
    shared: list[tuple[ExtractPart, _Part]] = []
    for number, extract in enumerate(extracts):
        pointer = f"/extracts/{number}"
        if part := _part(db, extract.stream, tick, pointer, faults):
            taken = _taken(part, extract, pointer, faults)
            if taken is not None:
                shared.append((taken, part))
    faults.refuse()

    whole.sort(key=lambda part: part.head.stream)
    shared.sort(key=lambda pair: pair[0].head.stream)
    picked = {
        taken.head.stream: [part.entry(entry.seq) for entry in taken.entries]
        for taken, part in shared
    }
    complete = {part.head.stream: list(map(parse, part.bodies)) for part in whole}
    included = [entry for entries in complete.values() for entry in entries]
    included += [entry for entries in picked.values() for entry in entries]
    for number, item in enumerate(required):
        if not item.is_met(included):
            faults.add(
                f"/required/{number}",
                "archive.dossier.not_delivered",
                document=item.document,
                action=item.action,
            )
    documents = package.documents_of(included)
    contents = Contents(
        log=log.name,
        subject=subject,
        tick=tick,
        streams=tuple(part.head for part in whole),
        extracts=tuple(taken for taken, _ in shared),
        documents=documents,
        required=tuple(required),
    )
    payload = {package.CONTENTS: canonical.encode(contents.to_json())}
    for part in [*whole, *(part for _, part in shared)]:
        payload[part.head.checkpoint_file] = part.checkpoint.encode()
        payload[package.ANCHOR] = part.anchor.encode()
    for part in whole:
        payload[part.head.stream_file] = package.lines(complete[part.head.stream])
    for taken, _ in shared:
        payload[taken.head.extract_file] = package.lines(picked[taken.head.stream])
    for number, (file, document) in enumerate(
        zip(contents.document_files(), documents, strict=True)
    ):
        try:
            payload[file] = vault.get(document.sha256)
        except Refusal as refusal:
            pointer = f"/documents/{number}"
            faults.extend((Fault(pointer, refusal.code, refusal.params),))
    faults.refuse()
    return _closed(contents, payload, log)


def _refuse_twice(streams: Sequence[str], extracts: Sequence[Extract], faults: Faults) -> None:
    names = [*streams, *(extract.stream for extract in extracts)]
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.add("/streams", "archive.dossier.twice", stream=name)
    if not names:
        faults.add("/streams", "archive.dossier.empty")


def _part(db: Session, stream: str, tick: int, pointer: str, faults: Faults) -> _Part | None:
    try:
        found = journal.anchored(db, [stream], tick)[0]
    except KeyError:
        faults.add(pointer, "archive.dossier.no_stream", stream=stream, tick=tick)
        return None
    bodies = tuple(queries.bodies(db, stream, 0, found.size))
    head = Head(stream, found.size, found.root, found.index, found.proof)
    return _Part(head, found.checkpoint, found.anchor, bodies)


def _taken(part: _Part, extract: Extract, pointer: str, faults: Faults) -> ExtractPart | None:
    """The extract's proofs against the stream's checkpoint."""
    seqs = sorted(set(extract.seqs))
    beyond = [seq for seq in seqs if not 0 <= seq < part.head.size]
    for seq in beyond:
        faults.add(pointer, "archive.dossier.no_entry", stream=extract.stream, seq=seq)
    if not seqs:
        faults.add(pointer, "archive.dossier.no_entries", stream=extract.stream)
    if beyond or not seqs:
        return None
    leaves = [merkle.leaf_hash(body) for body in part.bodies]
    proofs = ((seq, merkle.inclusion_proof(leaves, seq)) for seq in seqs)
    return ExtractPart(
        part.head,
        tuple(ExtractedEntry(seq, tuple(h.hex() for h in proof)) for seq, proof in proofs),
    )


def _closed(contents: Contents, payload: Mapping[str, bytes], log: Signer) -> Package:
    """Manifests and signature around the payload."""
    manifest = manifest_text({path: _sha256(data) for path, data in payload.items()})
    tags = package.tag_files(contents, payload, manifest)
    tag_manifest = manifest_text({path: _sha256(data) for path, data in tags.items()})
    root = _sha256(tag_manifest)
    note = log.sign(package.signature_text(contents.log, contents.subject, root))
    files = {
        **tags,
        package.TAG_MANIFEST: tag_manifest,
        package.SIGNATURE: note.encode(),
        **payload,
    }
    return Package(contents.subject, root, files)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(dossier: Package, folder: Path) -> None:
    """Write the dossier to `folder`, whole and synced or not at all. Refuses CONFLICT where
    something of that name is there already, be it empty."""
    folder = folder.absolute()
    taken = Refusal("archive.dossier.exists", {"folder": folder.name}, Kind.CONFLICT)
    if os.path.lexists(folder):
        raise taken
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:80]}.new-"))
    try:
        folders = {temporary}
        for name, data in dossier.files.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            folders |= {parent for parent in path.parents if temporary in parent.parents}
            with path.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        temporary.chmod(0o755)
        for each in folders:
            _sync(each)
        if os.path.lexists(folder):
            raise taken
        temporary.rename(folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
