"""All SQL of the expert pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row
from sqlmodel import Session, col, select

from experts.pool.search import Find
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


def pools(db: Session, ids: Sequence[str]) -> dict[str, str]:
    """Of each of these experts, where he is known, whose pool he is from."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), CHUNK_ROWS):
        chunk = ids[start : start + CHUNK_ROWS]
        asked = select(ExpertRow.id, ExpertRow.pool).where(col(ExpertRow.id).in_(chunk))
        found.update(db.exec(asked).all())
    return found


def all_experts(db: Session) -> Sequence[Row[Any]]:
    """Every row as a plain tuple: 20,000 of them are read, never written."""
    return db.execute(sa.select(*_COLUMNS)).all()


def count(db: Session) -> int:
    return db.exec(select(sa.func.count()).select_from(ExpertRow)).one()


def found_count(db: Session, find: Find) -> int:
    """How many experts a search keeps."""
    return db.exec(select(sa.func.count()).select_from(ExpertRow).where(*_kept(find))).one()


def found(db: Session, find: Find, start: int, most: int) -> Sequence[Row[Any]]:
    """So many lines of what a search keeps, from the place `start` on, in its order; the columns are
    those of `experts.pool.search.Line`."""
    columns = {
        "id": col(ExpertRow.id),
        "name": col(ExpertRow.name),
        "employer": find.names.of(col(ExpertRow.employer_uscc)),
        "specialties": col(ExpertRow.specialties),
        "home": col(ExpertRow.home_division),
        "title": col(ExpertRow.title_level),
        "status": col(ExpertRow.status),
        "enrolled": col(ExpertRow.enrolled_on),
        "certified": col(ExpertRow.certified_until),
        "pool": col(ExpertRow.pool),
    }
    by: sa.ColumnElement[Any] = columns.get(find.sort, columns["id"])
    order = [by.desc() if find.is_descending else by.asc()]
    if find.sort == "certified":
        order = [order[0].nulls_last()]
    statement = sa.select(*columns.values()).where(*_kept(find))
    return db.execute(statement.order_by(*order, col(ExpertRow.id)).offset(start).limit(most)).all()


def _kept(find: Find) -> list[sa.ColumnElement[bool]]:
    """The conditions of a search; each word must be found somewhere."""
    conditions: list[sa.ColumnElement[bool]] = []
    if find.status:
        conditions.append(col(ExpertRow.status) == find.status)
    texts: tuple[Any, ...] = (
        col(ExpertRow.id),
        col(ExpertRow.name),
        col(ExpertRow.specialties),
        sa.cast(col(ExpertRow.enrolled_on), sa.Text),
        sa.cast(col(ExpertRow.certified_until), sa.Text),
    )
    for word in find.words:
        conditions.append(
            sa.or_(
                *(text.icontains(word.text, autoescape=True) for text in texts),
                col(ExpertRow.employer_uscc).in_(find.names.like(word.text)),
                col(ExpertRow.home_division).in_(sorted(word.homes)),
                col(ExpertRow.title_level).in_(sorted(word.titles)),
                col(ExpertRow.status).in_(sorted(word.statuses)),
            )
        )
    return conditions
