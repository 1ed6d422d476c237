"""All SQL of projects and lots."""

from __future__ import annotations

from sqlmodel import Session, col, select

from trading.projects.stages import Stage
from trading.projects.tables import LotRow, ProjectRow


def project(db: Session, project_id: str) -> ProjectRow | None:
    """One project."""
    return db.get(ProjectRow, project_id)


def lots_of(db: Session, project_id: str) -> list[LotRow]:
    """The lots of one project."""
    return list(db.exec(select(LotRow).where(col(LotRow.project_id) == project_id)).all())


def lot(db: Session, lot_id: str) -> tuple[LotRow, ProjectRow] | None:
    """One lot with its project."""
    return db.exec(
        select(LotRow, ProjectRow)
        .join(ProjectRow, col(ProjectRow.id) == col(LotRow.project_id))
        .where(col(LotRow.id) == lot_id)
    ).one_or_none()


def lock_lot(db: Session, lot_id: str) -> tuple[LotRow, ProjectRow] | None:
    """The same, with the lot locked until the transaction ends and read afresh."""
    return db.exec(
        select(LotRow, ProjectRow)
        .join(ProjectRow, col(ProjectRow.id) == col(LotRow.project_id))
        .where(col(LotRow.id) == lot_id)
        .with_for_update(of=LotRow)
        .execution_options(populate_existing=True)
    ).one_or_none()


def lots(
    db: Session, stage: Stage | None, centre_id: str | None, project_id: str | None
) -> list[tuple[LotRow, ProjectRow]]:
    """Lots by stage, centre and project, each where it is given."""
    statement = select(LotRow, ProjectRow).join(
        ProjectRow, col(ProjectRow.id) == col(LotRow.project_id)
    )
    if stage is not None:
        statement = statement.where(col(LotRow.stage) == stage.value)
    if centre_id is not None:
        statement = statement.where(col(LotRow.centre_id) == centre_id)
    if project_id is not None:
        statement = statement.where(col(LotRow.project_id) == project_id)
    return list(db.exec(statement).all())
