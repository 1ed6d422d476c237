"""All SQL of invitations and committees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from experts.draws.request import State
from experts.draws.tables import DrawRow
from experts.invitations.tables import (
    DrawCallRow,
    DrawInvitationRow,
    DrawMemberRow,
    DrawNamesRow,
    ExpertPhoneRow,
)

IN_LIST_MAX = 500


def invitations(
    db: Session, draw_id: str, round_number: int | None = None
) -> list[DrawInvitationRow]:
    """The invitations of a draw, or of one of its rounds, by round, group and rank."""
    statement = select(DrawInvitationRow).where(col(DrawInvitationRow.draw_id) == draw_id)
    if round_number is not None:
        statement = statement.where(col(DrawInvitationRow.round) == round_number)
    rows = db.exec(statement).all()
    return sorted(rows, key=lambda row: (row.round, row.group_number, row.rank))


def invitations_of(db: Session, tags: Collection[str]) -> list[tuple[DrawInvitationRow, DrawRow]]:
    """The invitations under any of these tags with their draws, newest draw first."""
    rows = db.exec(
        select(DrawInvitationRow, DrawRow)
        .join(DrawRow, col(DrawRow.id) == col(DrawInvitationRow.draw_id))
        .where(col(DrawInvitationRow.tag).in_(sorted(tags)))
    ).all()
    return sorted(
        ((row, owner) for row, owner in rows),
        key=lambda pair: (pair[1].id, pair[0].round, -pair[0].group_number),
        reverse=True,
    )


def engagements(db: Session, tags: Collection[str]) -> list[DrawRow]:
    """The draws in which whoever has these tags sits now, or has said yes in the open round, by id."""
    sits = (
        select(DrawRow)
        .join(DrawMemberRow, col(DrawMemberRow.draw_id) == col(DrawRow.id))
        .where(col(DrawMemberRow.tag).in_(sorted(tags)), col(DrawMemberRow.left_for) == "")
    )
    said_yes = (
        select(DrawRow)
        .join(DrawInvitationRow, col(DrawInvitationRow.draw_id) == col(DrawRow.id))
        .where(
            col(DrawInvitationRow.tag).in_(sorted(tags)),
            col(DrawInvitationRow.answer) == "YES",
            col(DrawInvitationRow.round) == col(DrawRow.round),
            col(DrawRow.state) == State.INVITING,
        )
    )
    found = {row.id: row for statement in (sits, said_yes) for row in db.exec(statement).all()}
    return [found[draw_id] for draw_id in sorted(found)]


def seated_between(
    db: Session, start: datetime, end: datetime, tenderer_uscc: str | None = None
) -> list[DrawMemberRow]:
    """The seatings that were not left, of evaluations that begin from `start` to before `end`, of one
    tenderer where it is given."""
    statement = (
        select(DrawMemberRow)
        .join(DrawRow, col(DrawRow.id) == col(DrawMemberRow.draw_id))
        .where(
            col(DrawMemberRow.left_for) == "",
            col(DrawRow.evaluation_at) >= start,
            col(DrawRow.evaluation_at) < end,
        )
    )
    if tenderer_uscc is not None:
        statement = statement.where(col(DrawRow.tenderer_uscc) == tenderer_uscc)
    return list(db.exec(statement).all())


def left_of_lot(db: Session, lot_id: str, cause: str) -> list[DrawMemberRow]:
    """The seatings of a lot that were left for this cause."""
    statement = (
        select(DrawMemberRow)
        .join(DrawRow, col(DrawRow.id) == col(DrawMemberRow.draw_id))
        .where(col(DrawRow.lot_id) == lot_id, col(DrawMemberRow.left_for) == cause)
    )
    return list(db.exec(statement).all())


def members(db: Session, draw_id: str) -> list[DrawMemberRow]:
    """All seatings, past ones too, by seat and round."""
    rows = db.exec(select(DrawMemberRow).where(col(DrawMemberRow.draw_id) == draw_id)).all()
    return sorted(rows, key=lambda row: (row.seat_code, row.round))


def calls(db: Session, draw_id: str, round_number: int) -> list[DrawCallRow]:
    """The calls of a round that were ordered, by pseudonym."""
    statement = select(DrawCallRow).where(
        col(DrawCallRow.draw_id) == draw_id, col(DrawCallRow.round) == round_number
    )
    return sorted(db.exec(statement).all(), key=lambda row: row.leaf)


def call(db: Session, order: str, *, fresh: bool = False) -> DrawCallRow | None:
    """The call of an order; `fresh` as it stands after a lock."""
    return db.get(DrawCallRow, order, populate_existing=fresh)


def lines(db: Session, expert_ids: Sequence[str]) -> list[ExpertPhoneRow]:
    """The numbers that are kept of these experts."""
    found: list[ExpertPhoneRow] = []
    for start in range(0, len(expert_ids), IN_LIST_MAX):
        part = expert_ids[start : start + IN_LIST_MAX]
        found += db.exec(
            select(ExpertPhoneRow).where(col(ExpertPhoneRow.expert_id).in_(part))
        ).all()
    return found


def set_lines(db: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep numbers in place of those that were kept before."""
    ids = [row["expert_id"] for row in rows]
    for start in range(0, len(ids), IN_LIST_MAX):
        part = ids[start : start + IN_LIST_MAX]
        db.execute(
            sa.delete(ExpertPhoneRow)
            .where(col(ExpertPhoneRow.expert_id).in_(part))
            .execution_options(synchronize_session=False)
        )
    if rows:
        db.execute(sa.insert(ExpertPhoneRow), list(rows))


def names(db: Session, draw_id: str) -> DrawNamesRow | None:
    """The sealed list of a draw's committee; None while there was none."""
    return db.get(DrawNamesRow, draw_id)
