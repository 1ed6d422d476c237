"""A session's record taken out as a recording (`archive.recording`), with its witnesses' policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial

from sqlmodel import Session as Db

from archive import recording
from archive.cosignature import Cosigner
from archive.errors import Refusal
from archive.journal import service as journal
from archive.journal.entry import origin_of
from archive.note import Signer
from archive.tlog_policy import Policy
from archive.vault import Vault
from evaluation.session import service as sessions
from evaluation.witness import queries
from evaluation.witness.desk.service import desk_of
from evaluation.witness.rules import quorum_of


def policy_of(db: Db, log: Signer, session_id: str, outsiders: tuple[Cosigner, ...] = ()) -> Policy:
    """Who may cosign this session's log, and how many must: more than the rule's share of the
    enrolled witnesses and of the outside ones."""
    session = sessions.session(db, session_id)
    enrolled = [Cosigner.parse(vkey) for vkey in desk_of(db, session_id).keys.values()]
    # A witness who enrolled a second key counts by the newest; one key never counts twice.
    witnesses = tuple(dict.fromkeys([*sorted(enrolled, key=lambda one: one.name), *outsiders]))
    origin = origin_of(log.name, f"session/{session_id}")
    return Policy.k_of((log.verifier.named(origin),), witnesses, quorum_of(session, len(witnesses)))


def files_of(
    db: Db,
    vault: Vault,
    log: Signer,
    session_id: str,
    viewer: Mapping[str, bytes],
    outsiders: tuple[Cosigner, ...] = (),
) -> Iterator[tuple[str, recording.Content]]:
    """Path and content of every file of the session's recording, as its record stands now; to be taken while `db`
    is open."""
    stream = f"session/{session_id}"
    policy = policy_of(db, log, session_id, outsiders)
    lines: dict[int, list[str]] = defaultdict(list)
    for row in queries.cosignatures(db, session_id):
        lines[row.size].append(row.line)

    def document(sha256: str) -> bytes | None:
        try:
            return vault.get(sha256)
        except Refusal:
            return None  # no more kept, or damaged: its digest stands, and the recording says so

    size = journal.sizes(db, [stream])[stream]
    source = recording.Source(stream, size, partial(journal.bodies, db, stream), document)
    signer = log.named(origin_of(log.name, stream))
    return recording.assemble(source, signer, policy, lines, viewer)
