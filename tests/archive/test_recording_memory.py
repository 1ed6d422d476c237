"""A night's record is taken out in constant memory: beside the tree's hashes, one bundle or one exhibit at a time."""

from __future__ import annotations

import hashlib
import tracemalloc
import zipfile
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.flows.recording import archive_of
from archive import recording
from archive.journal.entry import NO_ENTRY, DocumentRef, Pending, seal_in
from archive.merkle import root_of
from archive.note import Signer
from archive.recording import Source
from archive.tlog_policy import Policy

STREAM, ORIGIN = "session/s1", "log.test/session/s1"
AT = datetime(2026, 10, 21, tzinfo=UTC)
COUNT, WORDS = 3_000, "x" * 2_000
EXHIBITS = {hashlib.sha256(bytes([n]) * 1_000_000).hexdigest(): n for n in range(8)}


def _bodies() -> list[bytes]:
    made, prev = [], NO_ENTRY
    shas = list(EXHIBITS)
    for seq in range(COUNT):
        named = seq % (COUNT // len(shas)) == 0
        ref = DocumentRef("film.webm", shas[seq * len(shas) // COUNT], 1_000_000, "video/webm")
        data = {"n": seq, "words": WORDS, "documents": [], "prev": "x"}
        entry = seal_in(Pending(STREAM, "t:t:t", "a", data, (ref,) if named else ()), seq, prev, AT)
        made.append(entry.body)
        prev = entry.hash
    return made


def test_what_is_held_is_a_small_part_of_what_is_written() -> None:
    bodies = _bodies()
    signer = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
    source = Source(
        STREAM,
        COUNT,
        lambda start, stop: bodies[start:stop],
        lambda sha256: bytes([EXHIBITS[sha256]]) * 1_000_000,
    )
    policy = Policy.k_of((signer.verifier,), (), 0)
    tracemalloc.start()
    try:
        with archive_of("r", recording.assemble(source, signer, policy, {100: ()}, {})) as file:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            with zipfile.ZipFile(file) as archive:
                assert archive.testzip() is None
                written = sum(one.file_size for one in archive.infolist())
                contents = recording.contents_of(archive.read(f"r/{recording.CONTENTS}"))
                digests = {
                    path: hashlib.sha256(archive.read(f"r/{path}")).hexdigest()
                    for path in contents.files
                }
    finally:
        tracemalloc.stop()
    assert written > 25_000_000
    assert peak < 6_000_000
    assert digests == contents.files
    leaves = [hashlib.sha256(b"\0" + body).digest() for body in bodies]
    assert contents.root == root_of(leaves).hex()
    assert [(one.seq, one.file is not None) for one in contents.exhibits] == [
        (number * COUNT // len(EXHIBITS), True) for number in range(len(EXHIBITS))
    ]
