"""Rows of late hits: members of closed draws who should have recused themselves."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime


class DrawLateHitRow(SQLModel, table=True):
    """`reasons` is canonical JSON: [[code, params], …]."""

    __tablename__ = "draw_late_hit"

    draw_id: str = Field(primary_key=True, foreign_key="draw.id")
    seat_code: str = Field(primary_key=True)
    expert_id: str = Field(primary_key=True)
    reasons: bytes
    found_at: datetime = Field(sa_type=UtcDateTime)
    found_by: str
