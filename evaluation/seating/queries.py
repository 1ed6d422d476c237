"""All SQL of the seat plans."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from evaluation.seating.problem import SeatKey
from evaluation.seating.tables import (
    ChangeNoticeRow,
    ExpertSlotRow,
    PlanRow,
    ProposalRow,
    SeatRow,
)
from evaluation.stations.station import GroupKey

IN_LIST_MAX = 500


def add(db: Session, row: PlanRow) -> None:
    """Write a plan's row before the seats that name it."""
    db.add(row)
    db.flush()


def insert_seats(db: Session, rows: Sequence[SeatRow]) -> None:
    """Write seats and the slots their experts hold; IntegrityError where one is held already."""
    db.add_all(rows)
    db.flush()
    slots = [
        {"expert_id": row.expert_id, "slot": slot, "seat_id": row.id}
        for row in rows
        for slot in range(row.first_slot, row.last_slot + 1)
    ]
    if slots:
        db.execute(sa.insert(ExpertSlotRow), slots)


def rename(db: Session, rows: Sequence[SeatRow], expert_of: Mapping[str, str]) -> None:
    """Put other ids in these rows and in the slots that they hold; IntegrityError where the slot is
    held already under that id."""
    for row in rows:
        row.expert_id = expert_of[row.expert_id]
        db.add(row)
        db.execute(
            sa.update(ExpertSlotRow)
            .where(col(ExpertSlotRow.seat_id) == row.id)
            .values(expert_id=row.expert_id)
            .execution_options(synchronize_session=False)
        )
    db.flush()


def plan(db: Session, plan_id: str) -> PlanRow | None:
    """The plan's row."""
    return db.get(PlanRow, plan_id)


def plans(db: Session, count: int) -> list[PlanRow]:
    """The newest `count` plans, the newest first."""
    newest = select(PlanRow).order_by(col(PlanRow.confirmed_at).desc(), col(PlanRow.id).desc())
    return list(db.exec(newest.limit(count)).all())


def live_in(db: Session, first: int, last: int, sessions: Collection[str] = ()) -> list[SeatRow]:
    """Live seats that touch the slots from `first` to `last`, and all of `sessions`; by key."""
    touching = sa.and_(col(SeatRow.first_slot) <= last, col(SeatRow.last_slot) >= first)
    found = {row.id: row for row in _live(db, touching)}
    names = sorted(sessions)
    for start in range(0, len(names), IN_LIST_MAX):
        part = names[start : start + IN_LIST_MAX]
        found |= {row.id: row for row in _live(db, col(SeatRow.session_id).in_(part))}
    return sorted(found.values(), key=_key)


def live_of_session(db: Session, session_id: str) -> list[SeatRow]:
    """Live seats of a session, by expert."""
    return sorted(_live(db, col(SeatRow.session_id) == session_id), key=_key)


def live_in_group(db: Session, group: GroupKey, first: int, last: int) -> list[SeatRow]:
    """Live seats of a group that touch the slots from `first` to `last`."""
    found = _live(
        db,
        sa.and_(
            col(SeatRow.centre_id) == group.centre_id,
            col(SeatRow.equipment) == int(group.equipment),
            col(SeatRow.first_slot) <= last,
            col(SeatRow.last_slot) >= first,
        ),
    )
    return sorted(found, key=_key)


def live_in_centre(db: Session, centre_id: str, first: int, last: int) -> list[SeatRow]:
    """Live seats of a centre that touch the slots from `first` to `last`, by id."""
    found = _live(
        db,
        sa.and_(
            col(SeatRow.centre_id) == centre_id,
            col(SeatRow.first_slot) <= last,
            col(SeatRow.last_slot) >= first,
        ),
    )
    return sorted(found, key=lambda row: row.id)


def release(db: Session, rows: Sequence[SeatRow], now: datetime) -> None:
    """End seats; their experts are free again in those slots."""
    for row in rows:
        row.released_at = now
        db.add(row)
        db.execute(sa.delete(ExpertSlotRow).where(col(ExpertSlotRow.seat_id) == row.id))
    db.flush()


def shorten(db: Session, rows: Sequence[SeatRow], last_slot: int) -> None:
    """Let seats end with a slot; their experts are free again in the later ones."""
    for row in rows:
        row.last_slot = last_slot
        db.add(row)
        db.execute(
            sa.delete(ExpertSlotRow).where(
                col(ExpertSlotRow.seat_id) == row.id, col(ExpertSlotRow.slot) > last_slot
            )
        )
    db.flush()


def save(db: Session, rows: Sequence[SeatRow]) -> None:
    """Write changed rows."""
    db.add_all(rows)
    db.flush()


def _live(db: Session, condition: sa.ColumnElement[bool]) -> Sequence[SeatRow]:
    return db.exec(
        select(SeatRow)
        .where(col(SeatRow.released_at).is_(None), condition)
        .execution_options(populate_existing=True)
    ).all()


def _key(row: SeatRow) -> SeatKey:
    return SeatKey(row.session_id, row.expert_id)


def proposal(db: Session, proposal_id: str) -> ProposalRow | None:
    """The proposal's row."""
    return db.get(ProposalRow, proposal_id)


def locked_proposal(db: Session, proposal_id: str) -> ProposalRow | None:
    """The same, held until the end of the transaction."""
    return db.exec(
        select(ProposalRow)
        .where(col(ProposalRow.id) == proposal_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def proposals(db: Session, state: str, most: int) -> list[ProposalRow]:
    """The newest of a state, the newest first."""
    found = select(ProposalRow).where(col(ProposalRow.state) == state)
    newest = found.order_by(col(ProposalRow.proposed_at).desc(), col(ProposalRow.id).desc())
    return list(db.exec(newest.limit(most)).all())


def add_notices(db: Session, rows: Sequence[ChangeNoticeRow]) -> None:
    """Tell centres of a change; IntegrityError where one has been told."""
    db.add_all(rows)
    db.flush()


def notices(db: Session, centre_id: str) -> list[ChangeNoticeRow]:
    """What a centre was told and nobody has noted yet, the newest first."""
    found = select(ChangeNoticeRow).where(
        col(ChangeNoticeRow.centre_id) == centre_id, col(ChangeNoticeRow.noted_at).is_(None)
    )
    newest = found.order_by(col(ChangeNoticeRow.told_at).desc(), col(ChangeNoticeRow.proposal_id))
    return list(db.exec(newest).all())


def notice(db: Session, proposal_id: str, centre_id: str) -> ChangeNoticeRow | None:
    """One notice."""
    return db.get(ChangeNoticeRow, (proposal_id, centre_id))


def add_proposal(db: Session, row: ProposalRow) -> None:
    """Write a proposal, new or changed."""
    db.add(row)
    db.flush()
