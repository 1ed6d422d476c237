"""All SQL of draws."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from experts.draws.request import NO_PREDECESSOR, State
from experts.draws.tables import (
    DrawAffiliationsRow,
    DrawOutputRow,
    DrawRecheckRow,
    DrawRegisterRow,
    DrawRow,
    DrawSheetRow,
    DrawStepRow,
)

MOMENTS_MAX = 1000


def next_number(db: Session, centre_id: str) -> tuple[int, str]:
    """Lock the centre's register and take its next number; also the hash of the request before."""
    dialect = sqlite if db.get_bind().dialect.name == "sqlite" else postgresql
    first = {"centre_id": centre_id, "last_number": 0, "last_hash": NO_PREDECESSOR}
    db.execute(dialect.insert(DrawRegisterRow).values(first).on_conflict_do_nothing())
    statement = (
        sa.update(DrawRegisterRow)
        .where(col(DrawRegisterRow.centre_id) == centre_id)
        .values(last_number=DrawRegisterRow.last_number + 1)
        .returning(col(DrawRegisterRow.last_number), col(DrawRegisterRow.last_hash))
        .execution_options(synchronize_session=False)
    )
    number, predecessor = db.execute(statement).one()
    return int(number), str(predecessor)


def set_register(db: Session, centre_id: str, request_hash: str) -> None:
    db.execute(
        sa.update(DrawRegisterRow)
        .where(col(DrawRegisterRow.centre_id) == centre_id)
        .values(last_hash=request_hash)
        .execution_options(synchronize_session=False)
    )


def draw(db: Session, draw_id: str) -> DrawRow | None:
    return db.get(DrawRow, draw_id)


def locked(db: Session, draw_id: str) -> DrawRow | None:
    """The draw as it stands now, locked until the transaction ends."""
    return db.exec(
        select(DrawRow)
        .where(col(DrawRow.id) == draw_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def draws_of_lot(db: Session, lot_id: str) -> list[DrawRow]:
    """All draws of a lot, oldest first."""
    rows = db.exec(select(DrawRow).where(col(DrawRow.lot_id) == lot_id)).all()
    return sorted(rows, key=lambda row: row.id)


def sheet(db: Session, draw_id: str) -> DrawSheetRow:
    return db.exec(select(DrawSheetRow).where(col(DrawSheetRow.draw_id) == draw_id)).one()


def has_affiliations(db: Session, digest: str) -> bool:
    found = db.exec(
        select(DrawAffiliationsRow.digest).where(col(DrawAffiliationsRow.digest) == digest)
    )
    return found.first() is not None


def keep_affiliations(db: Session, digest: str, lines: bytes) -> None:
    """Keep them; two at once may keep the same."""
    dialect = sqlite if db.get_bind().dialect.name == "sqlite" else postgresql
    values = {"digest": digest, "lines": lines}
    db.execute(dialect.insert(DrawAffiliationsRow).values(values).on_conflict_do_nothing())


def affiliations(db: Session, digest: str) -> bytes:
    return db.exec(
        select(DrawAffiliationsRow.lines).where(col(DrawAffiliationsRow.digest) == digest)
    ).one()


def rechecks(db: Session, draw_id: str) -> list[DrawRecheckRow]:
    """The second checks of a draw, in their order."""
    rows = db.exec(select(DrawRecheckRow).where(col(DrawRecheckRow.draw_id) == draw_id)).all()
    return sorted(rows, key=lambda row: row.seq)


def outputs(db: Session, draw_id: str) -> list[DrawOutputRow]:
    """All who were asked, by number of the asking and id."""
    rows = db.exec(select(DrawOutputRow).where(col(DrawOutputRow.draw_id) == draw_id)).all()
    return sorted(rows, key=lambda row: (row.asking, row.trustee_id))


def withheld(db: Session) -> list[tuple[DrawOutputRow, DrawRow]]:
    """The outputs that did not come in their time, with their draws, the newest draw first."""
    is_over = sa.or_(
        col(DrawOutputRow.asking) < col(DrawRow.asking), col(DrawRow.state) == State.UNSEEDED
    )
    found = db.exec(
        select(DrawOutputRow, DrawRow)
        .join(DrawRow, col(DrawRow.id) == col(DrawOutputRow.draw_id))
        .where(col(DrawOutputRow.proof) == "", is_over)
    ).all()
    order = sorted(found, key=lambda pair: (pair[0].asking, pair[0].trustee_id))
    return sorted(order, key=lambda pair: pair[1].id, reverse=True)


def waiting(db: Session) -> list[DrawRow]:
    """The draws whose trustees are asked now, by id."""
    rows = db.exec(select(DrawRow).where(col(DrawRow.state) == State.ASKING)).all()
    return sorted(rows, key=lambda row: row.id)


def steps(db: Session, draw_id: str) -> list[DrawStepRow]:
    rows = db.exec(select(DrawStepRow).where(col(DrawStepRow.draw_id) == draw_id)).all()
    return sorted(rows, key=lambda row: row.seq)


def evaluation_moments(db: Session) -> list[datetime]:
    """When the draws' evaluations begin, each moment once, the newest first, at most so many."""
    at = col(DrawRow.evaluation_at)
    return list(db.exec(select(at).distinct().order_by(at.desc()).limit(MOMENTS_MAX)).all())
