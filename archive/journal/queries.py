"""All SQL of the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import Session, col, select

from archive.journal.entry import NO_ENTRY
from archive.journal.tables import AnchoredHeadRow, AnchorRow, EntryRow, StreamRow

PAGE_ENTRIES_MAX = 500


_STREAM = cast("sa.Table", cast("Any", StreamRow).__table__)
_ENTRY = cast("sa.Table", cast("Any", EntryRow).__table__)

# The statements of each commit, built once: what they are compiled to is then found again without
# being built anew, which costs more than the database takes to run them.
_LOCK_HEAD = (
    sa.select(_STREAM.c.size, _STREAM.c.last_hash, _STREAM.c.last_at, _STREAM.c.frontier)
    .where(_STREAM.c.id == sa.bindparam("stream"))
    .with_for_update(key_share=True)
)
_EMPTY_HEAD: dict[str, object] = {"size": 0, "last_hash": NO_ENTRY, "frontier": b""}
_NEW_HEAD = {
    # On SQLite the writer holds the lock, so a head that was not there a moment ago is not there now.
    "sqlite": sa.insert(_STREAM),
    "postgresql": postgresql.insert(_STREAM).on_conflict_do_nothing(),
}
_SET_HEAD = (
    sa.update(_STREAM)
    .where(_STREAM.c.id == sa.bindparam("stream"))
    .values({name: sa.bindparam(f"new_{name}") for name in (*_EMPTY_HEAD, "last_at")})
)
_INSERT_ENTRIES = sa.insert(_ENTRY)
# PostgreSQL does both in one statement: one way to the server and back less.
_INSERT_ENTRY_AND_SET_HEAD = (
    sa.insert(_ENTRY)
    .values({column.name: sa.bindparam(f"entry_{column.name}") for column in _ENTRY.c})
    .add_cte(_SET_HEAD.cte("moved"))
)

_MOVED = _STREAM.c.size > _STREAM.c.anchored_size
TICK_LOCK = int.from_bytes(b"journal", "big")
"""The key of PostgreSQL's advisory lock; no other part of the house takes such locks."""
_LOCK_TICKS = sa.select(sa.func.pg_advisory_xact_lock(sa.bindparam("key", type_=sa.BigInteger)))
_REACHED = sa.select(_STREAM.c.id, _STREAM.c.size, _STREAM.c.frontier, _MOVED)
_INSERT_ANCHORED = sa.insert(cast("Any", AnchoredHeadRow).__table__)
_MARK_ANCHORED = (
    sa.update(_STREAM)
    .where(_STREAM.c.id == sa.bindparam("stream"))
    .values(anchored_size=sa.bindparam("new_anchored_size"))
)


class Head(NamedTuple):
    """How far a stream has come."""

    size: int
    last_hash: str
    last_at: datetime
    frontier: bytes


class Reached(NamedTuple):
    """How far a stream has come, and whether that is farther than its last anchor says."""

    stream: str
    size: int
    frontier: bytes
    moved: bool


def lock_head(db: Session, stream: str, now: datetime) -> Head:
    """Lock the stream's head row (made if new) until the transaction ends, and read it.

    What is read is what the last writer committed, for the lock is taken first: on PostgreSQL by
    the SELECT itself (FOR NO KEY UPDATE waits, then reads the row's newest version), on SQLite by
    the beginning of the write transaction. So commit order is seq order.
    """
    connection = db.connection()
    found = connection.execute(_LOCK_HEAD, {"stream": stream}).one_or_none()
    if found is None:
        # Somebody else may be making it too: then theirs stands, and is waited for.
        new = {"id": stream, "last_at": now, "anchored_size": 0, **_EMPTY_HEAD}
        connection.execute(_NEW_HEAD[connection.dialect.name], new)
        found = connection.execute(_LOCK_HEAD, {"stream": stream}).one()
    return Head(*found)


def grow(db: Session, stream: str, rows: Sequence[dict[str, object]], head: Head) -> None:
    """Insert a stream's new entries and move its locked head on to `head`."""
    connection = db.connection()
    new = {"stream": stream, **{f"new_{name}": value for name, value in head._asdict().items()}}
    if len(rows) == 1 and connection.dialect.name == "postgresql":
        entry = {f"entry_{name}": value for name, value in rows[0].items()}
        connection.execute(_INSERT_ENTRY_AND_SET_HEAD, {**entry, **new})
    else:
        connection.execute(_INSERT_ENTRIES, rows)
        connection.execute(_SET_HEAD, new)


def anything_moved(db: Session) -> bool:
    """Whether a stream grew since it was last anchored."""
    return bool(db.exec(select(sa.exists(select(StreamRow.id).where(_MOVED)))).one())


def lock_ticks(db: Session) -> None:
    """Wait until no other transaction anchors, and let none do so until this one ends. SQLite has
    one writer at a time anyway."""
    connection = db.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK_TICKS, {"key": TICK_LOCK})


def reached(db: Session) -> list[Reached]:
    """How far every stream has come, at one moment, sorted by name in code-point order."""
    rows = db.connection().execute(_REACHED).all()
    return sorted(Reached(*row) for row in rows)


def heads(db: Session) -> list[StreamRow]:
    """All heads, sorted by name in code-point order (databases sort by their own locale)."""
    rows = db.exec(select(StreamRow).execution_options(populate_existing=True)).all()
    return sorted(rows, key=lambda row: row.id)


def head_of(db: Session, stream: str) -> StreamRow | None:
    return db.exec(
        select(StreamRow)
        .where(col(StreamRow.id) == stream)
        .execution_options(populate_existing=True)
    ).one_or_none()


def size_of(db: Session, stream: str) -> int:
    return db.exec(select(StreamRow.size).where(col(StreamRow.id) == stream)).one_or_none() or 0


def sizes(db: Session, streams: Sequence[str]) -> list[tuple[str, int]]:
    found = db.exec(
        select(StreamRow.id, StreamRow.size).where(col(StreamRow.id).in_(streams))
    ).all()
    return [(stream, size) for stream, size in found]


def size_of_all(db: Session, prefixes: Sequence[str]) -> int:
    """How many entries the streams of these prefixes have together."""
    wanted = [col(StreamRow.id).startswith(prefix, autoescape=True) for prefix in prefixes]
    total = db.exec(select(sa.func.sum(StreamRow.size)).where(sa.or_(*wanted))).one()
    return int(total or 0)


def bodies(db: Session, stream: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """The canonical bytes of entries `start` to `stop`, read page by page."""
    while stop is None or start < stop:
        limit = PAGE_ENTRIES_MAX if stop is None else min(PAGE_ENTRIES_MAX, stop - start)
        page = db.exec(
            select(EntryRow.body)
            .where(col(EntryRow.stream) == stream, col(EntryRow.seq) >= start)
            .order_by(col(EntryRow.seq))
            .limit(limit)
        ).all()
        yield from page
        if len(page) < limit:
            return
        start += len(page)


def bodies_of(db: Session, stream: str, actions: Sequence[str]) -> list[bytes]:
    """The canonical bytes of the entries of these actions, in order."""
    return list(
        db.exec(
            select(EntryRow.body)
            .where(col(EntryRow.stream) == stream, col(EntryRow.action).in_(actions))
            .order_by(col(EntryRow.seq))
        ).all()
    )


def streams_with_prefix(db: Session, prefix: str) -> list[str]:
    found = db.exec(
        select(StreamRow.id).where(col(StreamRow.id).startswith(prefix, autoescape=True))
    ).all()
    return sorted(found)


def latest_moment(db: Session) -> datetime | None:
    """The newest legal time that any stream holds."""
    return db.exec(select(sa.func.max(StreamRow.last_at))).one()


def last_anchor(db: Session) -> AnchorRow | None:
    return db.exec(select(AnchorRow).order_by(col(AnchorRow.tick).desc()).limit(1)).one_or_none()


def anchor(db: Session, tick: int) -> AnchorRow | None:
    return db.get(AnchorRow, tick)


def anchored_heads(db: Session, stream: str) -> list[AnchoredHeadRow]:
    """All signed heads of one stream, oldest first."""
    rows = db.exec(select(AnchoredHeadRow).where(col(AnchoredHeadRow.stream) == stream)).all()
    return sorted(rows, key=lambda row: row.tick)


def heads_at(db: Session, tick: int) -> list[AnchoredHeadRow]:
    """The heads that the anchor of `tick` covers, sorted by stream in code-point order."""
    newest = (
        select(AnchoredHeadRow.stream, sa.func.max(AnchoredHeadRow.tick).label("tick"))
        .where(col(AnchoredHeadRow.tick) <= tick)
        .group_by(col(AnchoredHeadRow.stream))
        .subquery()
    )
    rows = db.exec(
        select(AnchoredHeadRow).join(
            newest,
            sa.and_(
                col(AnchoredHeadRow.stream) == newest.c.stream,
                col(AnchoredHeadRow.tick) == newest.c.tick,
            ),
        )
    ).all()
    return sorted(rows, key=lambda row: row.stream)


def insert_anchor(db: Session, row: AnchorRow, moved: Sequence[AnchoredHeadRow]) -> None:
    """Insert a tick with the heads that moved, and mark those as anchored, in the given order."""
    db.add(row)
    db.flush()
    connection = db.connection()
    connection.execute(_INSERT_ANCHORED, [head.model_dump() for head in moved])
    connection.execute(
        _MARK_ANCHORED, [{"stream": head.stream, "new_anchored_size": head.size} for head in moved]
    )
