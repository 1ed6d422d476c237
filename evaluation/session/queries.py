"""All SQL of the sessions."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session as Db
from sqlmodel import col, select

from archive import canonical
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from evaluation.criteria import parse_method
from evaluation.session.session import Session
from evaluation.session.state import State
from evaluation.session.tables import SessionMemberRow, SessionRow, state_text
from trading.regime import ProjectKind, Regime

REPORT_NAME = "evaluation-report.json"


def insert(db: Db, row: SessionRow, state: State) -> None:
    db.add(row)
    db.flush()
    set_members(db, state)


def load(db: Db, session_id: str) -> Session:
    """The session; refuses NOT_FOUND."""
    return to_session(_found(one(db, session_id), session_id))


def load_locked(db: Db, session_id: str) -> tuple[SessionRow, Session]:
    """The session and its row, held until the transaction ends; refuses NOT_FOUND."""
    row = _found(_locked(db, session_id), session_id)
    return row, to_session(row)


def _found(row: SessionRow | None, session_id: str) -> SessionRow:
    if row is None:
        raise Refusal("evaluation.session.unknown", {"session": session_id}, Kind.NOT_FOUND)
    return row


def to_session(row: SessionRow) -> Session:
    report = None
    if row.report_sha256:
        report = DocumentRef(REPORT_NAME, row.report_sha256, row.report_bytes, "application/json")
    return Session(
        state=row.to_domain(),
        draw_id=row.draw_id,
        kind=ProjectKind(row.kind),
        region=row.region,
        slots=row.slots,
        method=parse_method(canonical.decode(row.method.encode()), Regime(row.regime)),
        created_at=row.created_at,
        report=report,
    )


def _locked(db: Db, session_id: str) -> SessionRow | None:
    return db.exec(
        select(SessionRow)
        .where(col(SessionRow.id) == session_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def one(db: Db, session_id: str) -> SessionRow | None:
    return db.exec(
        select(SessionRow)
        .where(col(SessionRow.id) == session_id)
        .execution_options(populate_existing=True)
    ).one_or_none()


def many(
    db: Db,
    centre_id: str | None,
    lot_id: str | None,
    expert_id: str | None,
    venue_id: str | None,
    stages: Sequence[str],
) -> list[SessionRow]:
    """Sessions by any of these, the newest last; ids break ties (they are ordered by time)."""
    wanted = select(SessionRow)
    if centre_id is not None:
        wanted = wanted.where(col(SessionRow.centre_id) == centre_id)
    if lot_id is not None:
        wanted = wanted.where(col(SessionRow.lot_id) == lot_id)
    if stages:
        wanted = wanted.where(col(SessionRow.stage).in_(stages))
    if expert_id is not None or venue_id is not None:
        members = select(SessionMemberRow.session_id).where(
            col(SessionMemberRow.standing) != "REPLACED"
        )
        if expert_id is not None:
            members = members.where(col(SessionMemberRow.expert_id) == expert_id)
        if venue_id is not None:
            members = members.where(col(SessionMemberRow.centre_id) == venue_id)
        wanted = wanted.where(col(SessionRow.id).in_(members))
    rows = db.exec(wanted.execution_options(populate_existing=True)).all()
    return sorted(rows, key=lambda row: row.id)


def store(db: Db, row: SessionRow, state: State, *, members_changed: bool) -> None:
    row.stage, row.version, row.state = state.stage.value, state.version, state_text(state)
    db.add(row)
    db.flush()
    if members_changed:
        set_members(db, state)


def set_members(db: Db, state: State) -> None:
    db.execute(
        sa.delete(SessionMemberRow)
        .where(col(SessionMemberRow.session_id) == state.session_id)
        .execution_options(synchronize_session=False)
    )
    db.execute(
        sa.insert(SessionMemberRow),
        [
            {
                "session_id": state.session_id,
                "expert_id": member.expert_id,
                "seat_code": member.seat_code,
                "centre_id": member.centre_id,
                "standing": member.standing.value,
            }
            for member in state.members
        ],
    )
