"""All SQL of the expert pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row
from sqlmodel import Session, col, select

from experts.pool.tables import ExpertRow, PoolHeadRow

EMPTY_VERSION = "0" * 64
CHUNK_ROWS = 2000
_COLUMNS = list(ExpertRow.__table__.columns)  # type: ignore[attr-defined]


def lock_head(db: Session) -> str:
    """Lock the pool's head (made if new) and return the version before the change to come."""
    dialect = sqlite if db.get_bind().dialect.name == "sqlite" else postgresql
    first = {"id": 1, "changes": 0, "version": EMPTY_VERSION}
    db.execute(dialect.insert(PoolHeadRow).values(first).on_conflict_do_nothing())
    statement = (
        sa.update(PoolHeadRow)
        .where(col(PoolHeadRow.id) == 1)
        .values(changes=PoolHeadRow.changes + 1)
        .returning(col(PoolHeadRow.version))
        .execution_options(synchronize_session=False)
    )
    return str(db.execute(statement).scalar_one())


def set_version(db: Session, version: str) -> None:
    db.execute(
        sa.update(PoolHeadRow)
        .where(col(PoolHeadRow.id) == 1)
        .values(version=version)
        .execution_options(synchronize_session=False)
    )


def version(db: Session) -> str:
    return db.exec(select(PoolHeadRow.version).where(col(PoolHeadRow.id) == 1)).one_or_none() or (
        EMPTY_VERSION
    )


def insert(db: Session, rows: Sequence[dict[str, object]]) -> None:
    for start in range(0, len(rows), CHUNK_ROWS):
        db.execute(sa.insert(ExpertRow), list(rows[start : start + CHUNK_ROWS]))


def expert(db: Session, expert_id: str) -> ExpertRow | None:
    return db.get(ExpertRow, expert_id)


def lock(db: Session, expert_id: str) -> None:
    """Hold one expert's row until the transaction ends."""
    db.execute(select(ExpertRow.id).where(col(ExpertRow.id) == expert_id).with_for_update()).all()


def known(db: Session, ids: Sequence[str]) -> set[str]:
    """Those of the ids that are taken."""
    found: set[str] = set()
    for start in range(0, len(ids), CHUNK_ROWS):
        chunk = ids[start : start + CHUNK_ROWS]
        found.update(db.exec(select(ExpertRow.id).where(col(ExpertRow.id).in_(chunk))).all())
    return found


def all_experts(db: Session) -> Sequence[Row[Any]]:
    """Every row as a plain tuple: 20,000 of them are read, never written."""
    return db.execute(sa.select(*_COLUMNS)).all()


def count(db: Session) -> int:
    return db.exec(select(sa.func.count()).select_from(ExpertRow)).one()
