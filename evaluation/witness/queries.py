"""All SQL of the witness desk."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session as Db
from sqlmodel import SQLModel, col, select

from evaluation.witness.media.kinds import Form, Place, Retention
from evaluation.witness.tables import (
    FOLD,
    CheckpointRow,
    CosignatureRow,
    HoldRow,
    LeaseRow,
    MediaRow,
    OutsideRow,
    StationLineRow,
    WatchRow,
    WitnessKeyRow,
    watch_of,
)
from evaluation.witness.watch import Watch


def _put_if_new(db: Db, row: SQLModel) -> None:
    """Insert a row unless one of its key is there; somebody else may be inserting it now."""
    table = cast("sa.Table", cast("Any", type(row)).__table__)
    postgres = db.connection().dialect.name == "postgresql"
    insert = postgresql.insert(table) if postgres else sqlite.insert(table)
    db.execute(insert.values(**row.model_dump()).on_conflict_do_nothing())


def station_locked(db: Db, session_id: str, station: str) -> StationLineRow | None:
    """The row, held until the transaction ends."""
    return db.exec(
        select(StationLineRow)
        .where(col(StationLineRow.session_id) == session_id, col(StationLineRow.station) == station)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def stations(db: Db, session_id: str) -> list[StationLineRow]:
    rows = db.exec(select(StationLineRow).where(col(StationLineRow.session_id) == session_id))
    return sorted(rows, key=lambda row: row.station)


def is_bound(db: Db, session_id: str, station: str) -> bool:
    return db.get(StationLineRow, (session_id, station)) is not None


def bind(db: Db, row: StationLineRow) -> None:
    """Insert, or replace the row of a device that was replaced."""
    release(db, row.session_id, row.station)
    db.add(row)
    db.flush()


def release(db: Db, session_id: str, station: str) -> None:
    db.execute(
        sa.delete(StationLineRow)
        .where(col(StationLineRow.session_id) == session_id, col(StationLineRow.station) == station)
        .execution_options(synchronize_session="fetch")
    )


def key(db: Db, public_key: str) -> WitnessKeyRow | None:
    return db.get(WitnessKeyRow, public_key)


def put_key(db: Db, row: WitnessKeyRow) -> None:
    _put_if_new(db, row)


def put_cosignature(db: Db, row: CosignatureRow) -> None:
    """The first of a name on a size stays."""
    _put_if_new(db, row)


def cosignatures(db: Db, session_id: str) -> list[CosignatureRow]:
    """By size, then name."""
    rows = db.exec(select(CosignatureRow).where(col(CosignatureRow.session_id) == session_id)).all()
    return sorted(rows, key=lambda row: (row.size, row.name))


def put_checkpoint(db: Db, row: CheckpointRow) -> None:
    _put_if_new(db, row)


def checkpoint(db: Db, session_id: str, size: int) -> CheckpointRow | None:
    return db.get(CheckpointRow, (session_id, size))


def newest_checkpoint(db: Db, session_id: str) -> CheckpointRow | None:
    return db.exec(
        select(CheckpointRow)
        .where(col(CheckpointRow.session_id) == session_id)
        .order_by(col(CheckpointRow.size).desc())
        .limit(1)
    ).one_or_none()


def lease_locked(db: Db, session_id: str) -> LeaseRow | None:
    """The lease, held until the transaction ends."""
    return db.exec(
        select(LeaseRow)
        .where(col(LeaseRow.session_id) == session_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def kept_until(db: Db, session_id: str) -> datetime | None:
    """Until when the session's watch is kept, in real time; None where it never was."""
    found = select(LeaseRow.until).where(LeaseRow.session_id == session_id)
    return db.exec(found).one_or_none()


def begin_lease(db: Db, row: LeaseRow) -> None:
    _put_if_new(db, row)


def leases_free(db: Db, session_ids: list[str], now: datetime, holder: str) -> list[str]:
    """Those of the sessions whose watch nobody else keeps at real time `now`."""
    kept = set(
        db.exec(
            select(LeaseRow.session_id).where(
                col(LeaseRow.session_id).in_(session_ids),
                col(LeaseRow.until) > now,
                col(LeaseRow.holder) != holder,
            )
        )
    )
    return [session_id for session_id in session_ids if session_id not in kept]


def leases_ended(db: Db, since: datetime, until: datetime) -> list[str]:
    """Sessions whose lease ended between two moments of real time."""
    found = select(LeaseRow.session_id).where(
        col(LeaseRow.until) > since, col(LeaseRow.until) <= until
    )
    return sorted(db.exec(found))


def kept_size(db: Db, session_id: str) -> int:
    """How many entries the session's kept watch has taken in; 0 where none is kept by this code."""
    found = select(WatchRow.size).where(WatchRow.session_id == session_id, WatchRow.fold == FOLD)
    return db.exec(found).one_or_none() or 0


def kept_watch(db: Db, session_id: str) -> Watch:
    """The session's watch as it was kept; a new one where none is kept by this code."""
    found = select(WatchRow.state).where(WatchRow.session_id == session_id, WatchRow.fold == FOLD)
    state = db.exec(found).one_or_none()
    return watch_of(state) if state else Watch(session_id)


def keep_watch(db: Db, row: WatchRow) -> None:
    """Insert or replace; who writes holds the session's lease."""
    db.execute(sa.delete(WatchRow).where(col(WatchRow.session_id) == row.session_id))
    db.add(row)
    db.flush()


def outside_size(db: Db, session_id: str, name: str) -> int:
    row = db.get(OutsideRow, (session_id, name))
    return row.size if row else 0


def outside_sizes(db: Db, name: str, session_ids: list[str]) -> dict[str, int]:
    """The same of several sessions; without those of which it has cosigned nothing."""
    found = select(OutsideRow.session_id, OutsideRow.size).where(
        OutsideRow.name == name, col(OutsideRow.session_id).in_(session_ids)
    )
    return dict(db.exec(found).all())


def last_cosignature(db: Db, session_id: str, name: str) -> CosignatureRow | None:
    """The one over the largest checkpoint."""
    found = select(CosignatureRow).where(
        CosignatureRow.session_id == session_id, CosignatureRow.name == name
    )
    return db.exec(found.order_by(col(CosignatureRow.size).desc()).limit(1)).one_or_none()


def set_outside_size(db: Db, session_id: str, name: str, size: int) -> None:
    row = db.get(OutsideRow, (session_id, name)) or OutsideRow(
        session_id=session_id, name=name, size=0
    )
    row.size = size
    db.add(row)
    db.flush()


# --- Pictures and recordings ------------------------------------------------------------------


class Piece(NamedTuple):
    """A picture or a segment of security video."""

    session_id: str
    station: str
    track: str
    sha256: str
    form: str
    bytes: int
    at: datetime


def medium(db: Db, session_id: str, station: str, track: str, sha256: str) -> MediaRow | None:
    return db.get(MediaRow, (session_id, station, track, sha256))


def newest_kept(db: Db, session_id: str, station: str, track: str, form: str) -> MediaRow | None:
    """What was reported last of what is kept of a track."""
    return db.exec(
        select(MediaRow)
        .where(
            col(MediaRow.session_id) == session_id,
            col(MediaRow.station) == station,
            col(MediaRow.track) == track,
            col(MediaRow.form) == form,
            col(MediaRow.place) == Place.KEPT.value,
        )
        .order_by(col(MediaRow.at).desc())
        .limit(1)
    ).one_or_none()


def newest_snapshots(db: Db, session_id: str, station: str, track: str, most: int) -> list[str]:
    """Digests of the still pictures of a track that were reported last, of what is kept."""
    found = select(MediaRow.sha256).where(
        col(MediaRow.session_id) == session_id,
        col(MediaRow.station) == station,
        col(MediaRow.track) == track,
        col(MediaRow.form) == Form.SNAPSHOT.value,
        col(MediaRow.place) == Place.KEPT.value,
    )
    return list(db.exec(found.order_by(col(MediaRow.at).desc()).limit(most)))


def kept_snapshot(db: Db, session_id: str, sha256: str) -> MediaRow | None:
    """A still picture of the session's by digest, of whichever station."""
    return db.exec(
        select(MediaRow)
        .where(
            col(MediaRow.sha256) == sha256,
            col(MediaRow.session_id) == session_id,
            col(MediaRow.form) == Form.SNAPSHOT.value,
            col(MediaRow.place) == Place.KEPT.value,
        )
        .limit(1)
    ).one_or_none()


def kept_media(db: Db, session_id: str) -> dict[tuple[str, str], tuple[int, int, datetime | None]]:
    """(how many, bytes, the oldest) of a session by class and place."""
    found = db.execute(
        sa.select(
            col(MediaRow.retention),
            col(MediaRow.place),
            sa.func.count(),
            sa.func.sum(MediaRow.bytes),
            sa.func.min(MediaRow.at),
        )
        .where(col(MediaRow.session_id) == session_id)
        .group_by(col(MediaRow.retention), col(MediaRow.place))
    )
    return {(retention, place): (n, int(size), at) for retention, place, n, size, at in found}


def media_by_digest(db: Db, session_id: str, digests: list[str]) -> list[MediaRow]:
    """What is known of bytes with these digests, of whichever track."""
    return list(
        db.exec(
            select(MediaRow).where(
                col(MediaRow.session_id) == session_id, col(MediaRow.sha256).in_(digests)
            )
        )
    )


def media_at(
    db: Db, session_id: str, place: Place, most: int, before: datetime | None = None
) -> list[Piece]:
    """Security video in a place, the oldest first; of what was reported before a moment."""
    asked = select(MediaRow).where(
        col(MediaRow.session_id) == session_id,
        col(MediaRow.retention) == Retention.SECURITY.value,
        col(MediaRow.place) == place.value,
    )
    if before is not None:
        asked = asked.where(col(MediaRow.at) <= before)
    order = (col(MediaRow.at), col(MediaRow.sha256))
    rows = db.exec(asked.order_by(*order).limit(most))
    return [Piece(r.session_id, r.station, r.track, r.sha256, r.form, r.bytes, r.at) for r in rows]


def is_kept_media(db: Db, session_id: str, sha256: str) -> bool:
    """Whether the same bytes are kept for another track of the session."""
    found = select(MediaRow.station).where(
        col(MediaRow.sha256) == sha256,
        col(MediaRow.session_id) == session_id,
        col(MediaRow.place) == Place.KEPT.value,
    )
    return db.exec(found.limit(1)).first() is not None


def move_media(db: Db, piece: Piece, place: Place) -> None:
    db.execute(
        sa.update(MediaRow)
        .where(
            col(MediaRow.session_id) == piece.session_id,
            col(MediaRow.station) == piece.station,
            col(MediaRow.track) == piece.track,
            col(MediaRow.sha256) == piece.sha256,
        )
        .values(place=place.value)
        .execution_options(synchronize_session=False)
    )


def hold(db: Db, session_id: str) -> HoldRow | None:
    return db.get(HoldRow, session_id)


def begin_hold(db: Db, row: HoldRow) -> bool:
    """Whether the row is new."""
    if hold(db, row.session_id) is not None:
        return False
    _put_if_new(db, row)
    return True


def hold_locked(db: Db, session_id: str) -> HoldRow:
    """The row, held until the transaction ends."""
    return db.exec(
        select(HoldRow)
        .where(col(HoldRow.session_id) == session_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
