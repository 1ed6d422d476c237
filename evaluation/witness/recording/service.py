"""A session's record taken out as a recording (`archive.recording`), with its witnesses' policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlmodel import Session as Db

from archive import recording
from archive.cosignature import Cosigner
from archive.errors import Refusal
from archive.journal import service as journal
from archive.journal.entry import origin_of
from archive.note import Signer
from archive.office import Office
from archive.recording import Absence, Medium
from archive.tlog_policy import Policy
from archive.vault import Vault
from evaluation.session import service as sessions
from evaluation.witness import queries
from evaluation.witness.desk.service import desk_of
from evaluation.witness.media.kinds import VOICE_TRACK, Place, Retention
from evaluation.witness.media.named import named_in
from evaluation.witness.media.service import vault_of
from evaluation.witness.retention.service import stream_of
from evaluation.witness.rules import quorum_of
from evaluation.witness.tables import MediaRow

AT_ONCE = 256
"""So many entries are read, and their pictures looked up, at a time."""


def policy_of(db: Db, log: Signer, session_id: str, outsiders: tuple[Cosigner, ...] = ()) -> Policy:
    """Who may cosign this session's log, and how many must: more than the rule's share of the
    enrolled witnesses and of the outside ones."""
    session = sessions.session(db, session_id)
    enrolled = [Cosigner.parse(vkey) for vkey in desk_of(db, session_id).keys.values()]
    # A witness who enrolled a second key counts by the newest; one key never counts twice.
    witnesses = tuple(dict.fromkeys([*sorted(enrolled, key=lambda one: one.name), *outsiders]))
    origin = origin_of(log.name, f"session/{session_id}")
    return Policy.k_of((log.verifier.named(origin),), witnesses, quorum_of(session, len(witnesses)))


@dataclass(frozen=True)
class Scope:
    """Which pictures and recordings a copy holds. What is kept and left out of it is listed with the reason."""

    pictures: bool = True
    security: bool = True
    """Security video that is still kept."""
    voices: bool = True
    """Sound; False for who may not hear it."""


EVERYTHING = Scope()


def files_of(
    office: Office,
    session_id: str,
    viewer: Mapping[str, bytes],
    outsiders: tuple[Cosigner, ...] = (),
    scope: Scope = EVERYTHING,
) -> Iterator[tuple[str, recording.Content]]:
    """Path and content of every file of the session's recording, as its record stands now. Each part is read by itself:
    whoever takes it slowly holds no transaction open."""
    stream = f"session/{session_id}"
    lines: dict[int, list[str]] = defaultdict(list)
    with office.read() as db:
        policy = policy_of(db, office.log, session_id, outsiders)
        for row in queries.cosignatures(db, session_id):
            lines[row.size].append(row.line)
        size = journal.sizes(db, [stream])[stream]

    def bodies(start: int, stop: int) -> list[bytes]:
        with office.read() as db:
            return journal.bodies(db, stream, start, stop)

    def document(sha256: str) -> bytes | None:
        return _content(office.vault, sha256)

    def keeping() -> tuple[str, list[bytes]]:
        name = stream_of(session_id)
        with office.read() as db:
            count = journal.sizes(db, [name])[name]
            return (name, journal.bodies(db, name, 0, count)) if count else ("", [])

    source = recording.Source(
        stream,
        size,
        bodies,
        document,
        partial(_media, office, session_id, bodies, size, scope),
        keeping,
    )
    signer = office.log.named(origin_of(office.log.name, stream))
    return recording.assemble(source, signer, policy, lines, viewer)


def _content(vault: Vault, sha256: str) -> bytes | None:
    """None for what is no more kept, or damaged: its digest stands, and the recording says so."""
    try:
        return vault.get(sha256)
    except Refusal:
        return None


def _media(
    office: Office,
    session_id: str,
    bodies: Callable[[int, int], list[bytes]],
    size: int,
    scope: Scope,
) -> Iterator[tuple[Medium, recording.Content | Absence]]:
    """Everything that the first `size` entries name, with its bytes or why they are not in this copy."""
    vault = vault_of(office.vault, session_id)
    told: set[bytes] = set()
    for start in range(0, size, AT_ONCE):
        new: dict[str, Medium] = {}
        for medium in named_in(bodies(start, min(start + AT_ONCE, size))):
            if bytes.fromhex(medium.sha256) not in told:
                told.add(bytes.fromhex(medium.sha256))
                new[medium.sha256] = medium
        places = _absences(office, session_id, list(new), scope)
        for digest, medium in new.items():
            absent = places[digest]
            content = None if absent else _content(vault, digest)
            if content is not None:
                yield medium, (content,)
                continue
            # Kept a moment ago: it is lost, unless its time was over meanwhile.
            again = absent or _absences(office, session_id, [digest], scope)[digest]
            yield medium, again or Absence.LOST


def _absences(
    office: Office, session_id: str, digests: list[str], scope: Scope
) -> dict[str, Absence | None]:
    """Why bytes are not in this copy; None for those that are."""
    rows: dict[str, list[MediaRow]] = {digest: [] for digest in digests}
    with office.read() as db:
        for row in queries.media_by_digest(db, session_id, digests):
            rows[row.sha256].append(row)
        return {digest: _absence(found, scope) for digest, found in rows.items()}


def _absence(rows: Sequence[MediaRow], scope: Scope) -> Absence | None:
    kept = [row for row in rows if row.place == Place.KEPT]
    if not kept:
        is_deleted = any(row.place in (Place.DISCARDED, Place.GONE) for row in rows)
        return Absence.DELETED if is_deleted else Absence.NOT_RECEIVED
    if not scope.pictures:
        return Absence.LEFT_OUT
    of_scope = [row for row in kept if scope.security or row.retention != Retention.SECURITY]
    if not of_scope:
        return Absence.LEFT_OUT
    is_heard = scope.voices or any(row.track != VOICE_TRACK for row in of_scope)
    return None if is_heard else Absence.WITHHELD
