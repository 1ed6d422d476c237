"""All SQL of draws."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from experts.draws.process import Cause
from experts.draws.request import NO_PREDECESSOR, State
from experts.draws.tables import (
    DrawInvitationRow,
    DrawMemberRow,
    DrawOutputRow,
    DrawRegisterRow,
    DrawRow,
    DrawSheetRow,
    DrawStepRow,
)


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


def outputs(db: Session, draw_id: str) -> list[DrawOutputRow]:
    """All who were asked, by number of the asking and id."""
    rows = db.exec(select(DrawOutputRow).where(col(DrawOutputRow.draw_id) == draw_id)).all()
    return sorted(rows, key=lambda row: (row.asking, row.trustee_id))


def waiting(db: Session) -> list[DrawRow]:
    """The draws whose trustees are asked now, by id."""
    rows = db.exec(select(DrawRow).where(col(DrawRow.state) == State.ASKING)).all()
    return sorted(rows, key=lambda row: row.id)


def steps(db: Session, draw_id: str) -> list[DrawStepRow]:
    rows = db.exec(select(DrawStepRow).where(col(DrawStepRow.draw_id) == draw_id)).all()
    return sorted(rows, key=lambda row: row.seq)


def invitations(
    db: Session, draw_id: str, round_number: int | None = None
) -> list[DrawInvitationRow]:
    """The invitations of a draw, or of one of its rounds, by round, group and rank."""
    statement = select(DrawInvitationRow).where(col(DrawInvitationRow.draw_id) == draw_id)
    if round_number is not None:
        statement = statement.where(col(DrawInvitationRow.round) == round_number)
    rows = db.exec(statement).all()
    return sorted(rows, key=lambda row: (row.round, row.group_number, row.rank))


def invitations_of(db: Session, expert_id: str) -> list[tuple[DrawInvitationRow, DrawRow]]:
    """The invitations of one expert with their draws, newest draw first."""
    rows = db.exec(
        select(DrawInvitationRow, DrawRow)
        .join(DrawRow, col(DrawRow.id) == col(DrawInvitationRow.draw_id))
        .where(col(DrawInvitationRow.expert_id) == expert_id)
    ).all()
    return sorted(
        ((row, owner) for row, owner in rows),
        key=lambda pair: (pair[1].id, pair[0].round, -pair[0].group_number),
        reverse=True,
    )


def engagements(db: Session, expert_id: str) -> list[DrawRow]:
    """The draws in which an expert sits now, or has said yes in the open round, by id."""
    sits = (
        select(DrawRow)
        .join(DrawMemberRow, col(DrawMemberRow.draw_id) == col(DrawRow.id))
        .where(col(DrawMemberRow.expert_id) == expert_id, col(DrawMemberRow.left_for) == "")
    )
    said_yes = (
        select(DrawRow)
        .join(DrawInvitationRow, col(DrawInvitationRow.draw_id) == col(DrawRow.id))
        .where(
            col(DrawInvitationRow.expert_id) == expert_id,
            col(DrawInvitationRow.answer) == "YES",
            col(DrawInvitationRow.round) == col(DrawRow.round),
            col(DrawRow.state) == State.INVITING,
        )
    )
    found = {row.id: row for statement in (sits, said_yes) for row in db.exec(statement).all()}
    return [found[draw_id] for draw_id in sorted(found)]


def seated_between(
    db: Session, start: datetime, end: datetime, tenderer_uscc: str | None = None
) -> dict[str, int]:
    """How often each expert sits in a committee whose evaluation begins from `start` to before
    `end`, of one tenderer where it is given; those who left their seat are not counted."""
    statement = (
        select(DrawMemberRow.expert_id, sa.func.count())
        .join(DrawRow, col(DrawRow.id) == col(DrawMemberRow.draw_id))
        .where(
            col(DrawMemberRow.left_for) == "",
            col(DrawRow.evaluation_at) >= start,
            col(DrawRow.evaluation_at) < end,
        )
        .group_by(col(DrawMemberRow.expert_id))
    )
    if tenderer_uscc is not None:
        statement = statement.where(col(DrawRow.tenderer_uscc) == tenderer_uscc)
    return dict(db.exec(statement).all())


def recused_of_lot(db: Session, lot_id: str) -> list[str]:
    """The experts who gave up a seat of the lot by their own recusal."""
    statement = (
        select(DrawMemberRow.expert_id)
        .join(DrawRow, col(DrawRow.id) == col(DrawMemberRow.draw_id))
        .where(col(DrawRow.lot_id) == lot_id, col(DrawMemberRow.left_for) == Cause.RECUSAL.value)
    )
    return sorted(set(db.exec(statement).all()))


def members(db: Session, draw_id: str) -> list[DrawMemberRow]:
    """All seatings, past ones too, by seat and round."""
    rows = db.exec(select(DrawMemberRow).where(col(DrawMemberRow.draw_id) == draw_id)).all()
    return sorted(rows, key=lambda row: (row.seat_code, row.round))
