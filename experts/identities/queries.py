"""All SQL of proposals."""

from __future__ import annotations

from sqlmodel import Session, col, select

from experts.identities.proposal import Kind, State
from experts.identities.tables import IdentityProposalRow


def pairs(db: Session) -> set[tuple[str, str, str]]:
    """(kind, one, other) of every proposal ever made."""
    columns = (IdentityProposalRow.kind, IdentityProposalRow.one, IdentityProposalRow.other)
    return {(kind, one, other) for kind, one, other in db.exec(select(*columns)).all()}


def confirmed(db: Session, kind: Kind) -> list[tuple[str, str]]:
    statement = select(IdentityProposalRow.one, IdentityProposalRow.other).where(
        col(IdentityProposalRow.kind) == kind.value,
        col(IdentityProposalRow.state) == State.CONFIRMED.value,
    )
    return sorted((one, other) for one, other in db.exec(statement).all())


def proposals(db: Session) -> list[IdentityProposalRow]:
    """All proposals, those that wait for somebody first, then the newest."""
    rows = db.exec(select(IdentityProposalRow)).all()
    newest = sorted(rows, key=lambda row: (row.proposed_at, row.id), reverse=True)
    return sorted(newest, key=lambda row: row.state != State.OPEN.value)


def locked(db: Session, proposal_id: str) -> IdentityProposalRow | None:
    return db.exec(
        select(IdentityProposalRow)
        .where(col(IdentityProposalRow.id) == proposal_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
