"""A night's record is taken out and verified in constant memory: beside the tree's hashes one bundle, one exhibit or one
piece of film at a time."""

from __future__ import annotations

import hashlib
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.flows.recording import archive_of, write_folder
from archive import recording
from archive.journal.entry import NO_ENTRY, DocumentRef, Entry, Pending, seal_in
from archive.merkle import root_of
from archive.note import Signer
from archive.recording import Absence, Content, Medium, Source
from archive.tlog_policy import Policy
from archive.verification.judge import Judged, StreamJudge
from archive.verification.report import Verdict
from archive.verify import verify

STREAM, ORIGIN = "session/s1", "log.test/session/s1"
AT = datetime(2026, 10, 21, tzinfo=UTC)
COUNT, WORDS = 3_000, "x" * 2_000
EXHIBITS = {hashlib.sha256(bytes([n]) * 1_000_000).hexdigest(): n for n in range(8)}
PIECE = 2_000_000
FILM = {hashlib.sha256(bytes([n]) * PIECE).hexdigest(): n for n in range(100, 120)}


def _bodies(count: int = COUNT, words: str = WORDS) -> list[bytes]:
    made, prev = [], NO_ENTRY
    shas, film = list(EXHIBITS), list(FILM)
    for seq in range(count):
        named = seq % (count // len(shas)) == 0
        ref = DocumentRef("film.webm", shas[seq * len(shas) // count], 1_000_000, "video/webm")
        data = {"n": seq, "words": words, "documents": [], "prev": "x"}
        data |= {"film": film[seq]} if seq < len(film) else {}
        entry = seal_in(Pending(STREAM, "t:t:t", "a", data, (ref,) if named else ()), seq, prev, AT)
        made.append(entry.body)
        prev = entry.hash
    return made


def _film() -> Iterator[tuple[Medium, Content | Absence]]:
    for digest, n in FILM.items():
        yield Medium(digest, "webm"), (bytes([n]) * PIECE,)


def _named(entry: Entry) -> Medium | None:
    return Medium(entry.data["film"], "webm") if "film" in entry.data else None


def _source(bodies: list[bytes]) -> Source:
    return Source(
        STREAM,
        len(bodies),
        lambda start, stop: bodies[start:stop],
        lambda sha256: bytes([EXHIBITS[sha256]]) * 1_000_000,
        _film,
    )


SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
POLICY = Policy.k_of((SIGNER.verifier,), (), 0)


def test_what_is_held_is_a_small_part_of_what_is_written(tmp_path: Path) -> None:
    source = _source(_bodies())
    tracemalloc.start()
    try:
        with (tmp_path / "r.zip").open("wb") as file:
            file.writelines(
                archive_of("r", recording.assemble(source, SIGNER, POLICY, {100: ()}, {}))
            )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    with zipfile.ZipFile(tmp_path / "r.zip") as archive:
        assert archive.testzip() is None
        written = sum(one.file_size for one in archive.infolist())
        contents = recording.contents_of(archive.read(f"r/{recording.CONTENTS}"))
        digests = {
            path: hashlib.sha256(archive.read(f"r/{path}")).hexdigest() for path in contents.files
        }
        film = [name for name in archive.namelist() if name.startswith("r/media/")]
    assert len(film) == len(FILM)
    assert written > 25_000_000 + len(FILM) * PIECE
    assert peak < 10_000_000
    assert digests == contents.files
    leaves = [hashlib.sha256(b"\0" + body).digest() for body in source.bodies(0, COUNT)]
    assert contents.root == root_of(leaves).hex()
    assert [(one.seq, one.file is not None) for one in contents.exhibits] == [
        (number * COUNT // len(EXHIBITS), True) for number in range(len(EXHIBITS))
    ]


def test_half_an_archive_opens_nowhere(tmp_path: Path) -> None:
    pieces = archive_of("r", recording.assemble(_source(_bodies(40, "")), SIGNER, POLICY, {}, {}))
    data = b"".join(pieces)
    (tmp_path / "half.zip").write_bytes(data[: len(data) - 200])
    assert not zipfile.is_zipfile(tmp_path / "half.zip")


def test_verifying_holds_no_more_than_a_file(tmp_path: Path) -> None:
    """40 MB of film, and no part of them is held."""
    source = _source(_bodies(40, ""))
    write_folder(tmp_path / "r", recording.assemble(source, SIGNER, POLICY, {}, {}))
    judges = {"session": StreamJudge(lambda origin, entries: Judged(), _named)}
    tracemalloc.start()
    try:
        report = verify(tmp_path / "r", [SIGNER.verifier], {}, judges)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.verdict is Verdict.VALID
    (held,) = report.steps[-1].notes
    assert held.params == {"count": len(FILM), "bytes": len(FILM) * PIECE}
    assert peak < 10_000_000
