"""Security video that has been kept long enough is deleted; its digests and what was deleted stay on the record.

Of a session's two classes (`evaluation.witness.media.kinds`) only security video ends; the evaluation record is never
touched here, and the table itself forbids it. Nothing is deleted while an objection to the lot is unanswered or while
a supervisor holds it. That something is deleted is recorded first, on a stream of its own (the session's own is
closed and cosigned by then), then the bytes go: a killed process is continued by the next run, and a second run
finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session as Db

from archive.actor import SYSTEM, Actor, Role
from archive.digests import sha256, sm3
from archive.errors import Kind, Refusal
from archive.office import Office, Tx
from archive.tasks.service import Handler, Write, enqueue
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import FINAL
from evaluation.witness import queries
from evaluation.witness.media.kinds import Place, Retention
from evaluation.witness.media.service import vault_of
from evaluation.witness.retention.check import LIST_FORMAT
from evaluation.witness.rules import SECURITY_DAYS, retention_articles, security_days
from evaluation.witness.tables import HoldRow

DISCARD_TASK = "evaluation.media.discard"
AT_ONCE = 5000
"""So many pieces are one entry, one list, one run."""
AGAIN = timedelta(days=1)


@dataclass(frozen=True)
class Kept:
    """What is kept of a class. `since`: when the oldest of it was reported."""

    count: int
    bytes: int
    since: datetime | None


@dataclass(frozen=True)
class Keeping:
    """What is kept of a session. `ends_at`: from when its oldest security video may be deleted."""

    evaluation: Kept
    security: Kept
    discarded: int
    ends_at: datetime | None
    held_by: str
    articles: tuple[str, str]
    """Of the evaluation record and of security video."""


def stream_of(session_id: str) -> str:
    return f"media/{session_id}"


def begin(tx: Tx, session: Session) -> None:
    """Security video of a session begins: a task will look after it. Once a session."""
    if queries.begin_hold(tx.db, HoldRow(session_id=session.id)):
        due = tx.now + timedelta(days=security_days(session))
        enqueue(tx, DISCARD_TASK, {"session": session.id}, due)


def keeping(db: Db, session_id: str) -> Keeping:
    """What is kept of a session's pictures and recordings."""
    session = sessions.session(db, session_id)
    found = queries.kept_media(db, session_id)
    nothing = Kept(0, 0, None)
    kept = {name: Kept(*found[name, Place.KEPT]) for name, place in found if place == Place.KEPT}
    gone = (found[key][0] for key in found if key[1] in (Place.DISCARDED, Place.GONE))
    security = kept.get(Retention.SECURITY, nothing)
    row = queries.hold(db, session_id)
    return Keeping(
        evaluation=kept.get(Retention.EVALUATION, nothing),
        security=security,
        discarded=sum(gone),
        ends_at=security.since and security.since + timedelta(days=security_days(session)),
        held_by=row.held_by if row else "",
        articles=retention_articles(session),
    )


def hold(tx: Tx, actor: Actor, session_id: str, words: str) -> None:
    """A supervisor forbids the deletion of a session's security video, and says why. CONFLICT where it is
    forbidden already."""
    row = _locked(tx, actor, session_id)
    if row.held_by:
        raise Refusal("evaluation.media.held", {"by": row.held_by}, Kind.CONFLICT)
    row.held_by = actor.id
    _record(tx, actor, row, "held", words)


def release(tx: Tx, actor: Actor, session_id: str, words: str) -> None:
    """It may be deleted again when its time is over. CONFLICT where nobody forbids it."""
    row = _locked(tx, actor, session_id)
    if not row.held_by:
        raise Refusal("evaluation.media.not_held", {"session": session_id}, Kind.CONFLICT)
    row.held_by = ""
    _record(tx, actor, row, "released", words)


def _locked(tx: Tx, actor: Actor, session_id: str) -> HoldRow:
    actor.must_be(Role.SUPERVISOR)
    session = sessions.session(tx.db, session_id)
    begin(tx, session)
    return queries.hold_locked(tx.db, session.id)


def _record(tx: Tx, actor: Actor, row: HoldRow, act: str, words: str) -> None:
    content = words.encode()
    said = {"session": row.session_id, "sha256": sha256(content), "sm3": sm3(content)}
    document = tx.vault.put(f"media-{act}.txt", "text/plain", content)
    tx.db.add(row)
    tx.db.flush()
    action = f"evaluation:media:{act}"
    tx.record(stream_of(row.session_id), action, actor, said, (document,))


# --- The task -----------------------------------------------------------------------------------


def discard_task(is_suspended: Callable[[Db, str], bool]) -> Handler:
    """Task: delete what has been kept long enough. `is_suspended(db, lot)`: an objection is unanswered."""

    def handle(office: Office, args: Mapping[str, Any]) -> Write:
        session_id = args["session"]
        with office.write() as tx:
            _decide(tx, session_id, is_suspended)
        with office.read() as db:
            pieces = queries.media_at(db, session_id, Place.DISCARDED, AT_ONCE)
        vault = vault_of(office.vault, session_id)
        for piece in pieces:
            with office.read() as db:
                is_needed = queries.is_kept_media(db, session_id, piece.sha256)
            if not is_needed:
                vault.discard(piece.sha256)

        def write(tx: Tx) -> None:
            for piece in pieces:
                queries.move_media(tx.db, piece, Place.GONE)
            _look_again(tx, session_id)

        return write

    return handle


def _decide(tx: Tx, session_id: str, is_suspended: Callable[[Db, str], bool]) -> None:
    """Put on the record what is deleted now; nothing while it is held."""
    row = queries.hold_locked(tx.db, session_id)
    session = sessions.session(tx.db, session_id)
    if row.held_by or is_suspended(tx.db, session.lot_id):
        return
    days = security_days(session)
    before = tx.now - timedelta(days=days)
    over = queries.media_at(tx.db, session_id, Place.KEPT, AT_ONCE, before)
    if not over:
        return
    for one in over:
        queries.move_media(tx.db, one, Place.DISCARDED)
    named = [
        {
            "station": o.station,
            "track": o.track,
            "form": o.form,
            "sha256": o.sha256,
            "bytes": o.bytes,
        }
        for o in over
    ]
    kept = {"format": LIST_FORMAT, "session": session_id, "rule": SECURITY_DAYS, "media": named}
    document = tx.keep("discarded-media.json", kept)
    said = {
        "session": session_id,
        "count": len(over),
        "bytes": sum(one.bytes for one in over),
        "days": days,
        "rule": SECURITY_DAYS,
    }
    tx.record(stream_of(session_id), "evaluation:media:discarded", SYSTEM, said, (document,))


def _look_again(tx: Tx, session_id: str) -> None:
    """Ask for the next run: when the oldest of what is left is over, but not before tomorrow unless
    more is over already; never again when nothing more can come."""
    session = sessions.session(tx.db, session_id)
    left = queries.media_at(tx.db, session_id, Place.KEPT, 1)
    waiting = queries.media_at(tx.db, session_id, Place.DISCARDED, 1)
    if waiting:
        enqueue(tx, DISCARD_TASK, {"session": session_id})
    elif left or session.stage not in FINAL:
        over_at = (left[0].at if left else tx.now) + timedelta(days=security_days(session))
        enqueue(tx, DISCARD_TASK, {"session": session_id}, max(over_at, tx.now + AGAIN))
