"""All SQL of the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from archive.journal.entry import NO_ENTRY
from archive.journal.tables import AnchoredHeadRow, AnchorRow, EntryRow, StreamRow

PAGE_ENTRIES_MAX = 500


def reserve(db: Session, stream: str, count: int, now: datetime) -> StreamRow:
    """Lock the stream's head row (made if new) and move it on by `count`.

    The UPDATE takes the row lock before anything is read, so commit order is seq order. Returns
    the head as it was *before* this call.
    """
    values = {
        "id": stream,
        "size": 0,
        "last_hash": NO_ENTRY,
        "last_at": now,
        "frontier": b"",
        "anchored_size": 0,
    }
    dialect = sqlite if db.get_bind().dialect.name == "sqlite" else postgresql
    db.execute(dialect.insert(StreamRow).values(values).on_conflict_do_nothing())
    statement = (
        sa.update(StreamRow)
        .where(col(StreamRow.id) == stream)
        .values(size=StreamRow.size + count)
        .returning(
            col(StreamRow.size),
            col(StreamRow.last_hash),
            col(StreamRow.last_at),
            col(StreamRow.frontier),
        )
        .execution_options(synchronize_session=False)
    )
    size, last_hash, last_at, frontier = db.execute(statement).one()
    return StreamRow(
        id=stream, size=size - count, last_hash=last_hash, last_at=last_at, frontier=frontier
    )


def set_head(db: Session, head: StreamRow) -> None:
    db.execute(
        sa.update(StreamRow)
        .where(col(StreamRow.id) == head.id)
        .values(last_hash=head.last_hash, last_at=head.last_at, frontier=head.frontier)
        .execution_options(synchronize_session=False)
    )


def insert_entries(db: Session, rows: Sequence[dict[str, object]]) -> None:
    db.execute(sa.insert(EntryRow), list(rows))


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


def mark_anchored(db: Session, sizes: Sequence[tuple[str, int]]) -> None:
    for stream, size in sizes:
        db.execute(
            sa.update(StreamRow)
            .where(col(StreamRow.id) == stream)
            .values(anchored_size=size)
            .execution_options(synchronize_session=False)
        )
