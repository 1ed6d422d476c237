"""All SQL of late hits."""

from __future__ import annotations

from sqlmodel import Session, col, select

from experts.draws.late.tables import DrawLateHitRow


def of_draw(db: Session, draw_id: str) -> list[DrawLateHitRow]:
    rows = db.exec(select(DrawLateHitRow).where(col(DrawLateHitRow.draw_id) == draw_id)).all()
    return sorted(rows, key=lambda row: (row.seat_code, row.expert_id))
