"""All SQL of assessments, appeals, and of the counts behind patterns."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from experts.appraisal.tables import ExpertAppealRow, ExpertAssessmentRow
from experts.draws.request import State
from experts.draws.tables import DrawRow
from experts.invitations.tables import DrawInvitationRow


def assessment(db: Session, assessment_id: str) -> ExpertAssessmentRow | None:
    return db.exec(
        select(ExpertAssessmentRow)
        .where(col(ExpertAssessmentRow.id) == assessment_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def of_session(db: Session, session_id: str) -> list[ExpertAssessmentRow]:
    rows = db.exec(
        select(ExpertAssessmentRow).where(col(ExpertAssessmentRow.session_id) == session_id)
    ).all()
    return sorted(rows, key=lambda row: (row.seat_code, row.side))


def of_expert(db: Session, expert_id: str) -> list[ExpertAssessmentRow]:
    """The newest first."""
    rows = db.exec(
        select(ExpertAssessmentRow).where(col(ExpertAssessmentRow.expert_id) == expert_id)
    ).all()
    return sorted(rows, key=lambda row: (row.at, row.id), reverse=True)


def everything(db: Session) -> Sequence[ExpertAssessmentRow]:
    return db.exec(select(ExpertAssessmentRow)).all()


def appeal(db: Session, appeal_id: str) -> ExpertAppealRow | None:
    return db.exec(
        select(ExpertAppealRow)
        .where(col(ExpertAppealRow.id) == appeal_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def appeal_of(db: Session, kind: str, subject: str) -> ExpertAppealRow | None:
    return db.exec(
        select(ExpertAppealRow).where(
            col(ExpertAppealRow.kind) == kind, col(ExpertAppealRow.subject) == subject
        )
    ).one_or_none()


def appeals(db: Session, expert_id: str | None = None) -> list[ExpertAppealRow]:
    """Those that wait first, then the newest."""
    statement = select(ExpertAppealRow)
    if expert_id is not None:
        statement = statement.where(col(ExpertAppealRow.expert_id) == expert_id)
    newest = sorted(db.exec(statement).all(), key=lambda row: (row.filed_at, row.id), reverse=True)
    return sorted(newest, key=lambda row: row.outcome != "OPEN")


def draws(db: Session) -> Sequence[str]:
    """The draws that are closed."""
    return list(db.exec(select(DrawRow.id).where(col(DrawRow.state) == State.CLOSED.value)).all())


def calls(db: Session) -> Sequence[DrawInvitationRow]:
    """Every invitation of a draw that is closed, by round."""
    statement = (
        select(DrawInvitationRow)
        .join(DrawRow, col(DrawRow.id) == col(DrawInvitationRow.draw_id))
        .where(col(DrawRow.state) == State.CLOSED.value)
        .order_by(col(DrawInvitationRow.round))
    )
    return db.exec(statement).all()
