"""All SQL of the task table."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from archive.tasks.tables import TaskRow


def claim_one(
    db: Session, worker: str, legal_now: datetime, real_now: datetime, until: datetime
) -> TaskRow | None:
    """Take the task that is due first and that nobody holds. Workers on PostgreSQL pass over rows
    that another one is just taking (SKIP LOCKED); SQLite has one writer at a time anyway."""
    row = db.exec(
        select(TaskRow)
        .where(
            col(TaskRow.state) == "WAITING",
            col(TaskRow.due_at) <= legal_now,
            sa.or_(col(TaskRow.claimed_until).is_(None), col(TaskRow.claimed_until) <= real_now),
        )
        .order_by(col(TaskRow.due_at), col(TaskRow.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is not None:
        row.claimed_by, row.claimed_until = worker, until
        db.add(row)
        db.flush()
    return row


def release(db: Session, worker: str) -> None:
    """Let go of every waiting task that `worker` holds."""
    db.execute(
        sa.update(TaskRow)
        .where(col(TaskRow.state) == "WAITING", col(TaskRow.claimed_by) == worker)
        .values(claimed_by="", claimed_until=None)
        .execution_options(synchronize_session=False)
    )


def held(db: Session, task_id: str, worker: str) -> TaskRow | None:
    """The task, locked, if it still waits and `worker` still holds it."""
    return db.exec(
        select(TaskRow)
        .where(
            col(TaskRow.id) == task_id,
            col(TaskRow.state) == "WAITING",
            col(TaskRow.claimed_by) == worker,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def task(db: Session, task_id: str) -> TaskRow | None:
    return db.get(TaskRow, task_id)


def locked(db: Session, task_id: str) -> TaskRow | None:
    return db.exec(
        select(TaskRow)
        .where(col(TaskRow.id) == task_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def next_due(db: Session) -> datetime | None:
    """The legal time of the task that is due first, whether it is held or not."""
    return db.exec(select(sa.func.min(TaskRow.due_at)).where(col(TaskRow.state) == "WAITING")).one()


def failed(db: Session) -> list[TaskRow]:
    return list(
        db.exec(
            select(TaskRow).where(col(TaskRow.state) == "FAILED").order_by(col(TaskRow.due_at))
        ).all()
    )


def waiting(db: Session) -> int:
    return db.exec(
        select(sa.func.count()).select_from(TaskRow).where(col(TaskRow.state) == "WAITING")
    ).one()
