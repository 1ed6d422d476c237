"""Rows of those who are called and those who sit. Nobody who reads them learns whom: an expert stands
here under his pseudonym in the draw (`leaf`), with his id sealed at rest (`name`), and under a tag by
which the service finds him again on the day of the evaluation (`experts.invitations.names`)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime


class DrawInvitationRow(SQLModel, table=True):
    """One person invited for one group in one round."""

    __tablename__ = "draw_invitation"
    __table_args__ = (
        sa.CheckConstraint("answer IN ('', 'YES', 'NO', 'SILENT')", name="answer_known"),
    )

    draw_id: str = Field(primary_key=True, foreign_key="draw.id")
    round: int = Field(primary_key=True)
    group_number: int = Field(primary_key=True)
    rank: int = Field(primary_key=True)
    leaf: str
    name: bytes
    tag: str = Field(index=True)
    answer: str = ""
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    record: bytes = b""
    """The signed answer, sealed; empty while there is none."""


class DrawMemberRow(SQLModel, table=True):
    """One seating; `left_for` says why the seat was emptied again, empty while he sits."""

    __tablename__ = "draw_member"

    draw_id: str = Field(primary_key=True, foreign_key="draw.id")
    seat_code: str = Field(primary_key=True)
    round: int = Field(primary_key=True)
    specialty: str
    rank: int
    leaf: str
    name: bytes
    tag: str = Field(index=True)
    left_for: str = ""


class DrawCallRow(SQLModel, table=True):
    """One call that was ordered; `handed_at` is empty while the calling service has not taken it."""

    __tablename__ = "draw_call"
    __table_args__ = (
        sa.UniqueConstraint("draw_id", "round", "leaf"),
        sa.CheckConstraint("reply IN ('', 'ACCEPT', 'DECLINE')", name="reply_known"),
    )

    id: str = Field(primary_key=True)
    draw_id: str = Field(foreign_key="draw.id")
    round: int
    leaf: str
    handed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reply: str = ""
    replied_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ExpertPhoneRow(SQLModel, table=True):
    """The telephone number of an expert, sealed."""

    __tablename__ = "expert_phone"

    expert_id: str = Field(primary_key=True)
    line: bytes


class DrawNamesRow(SQLModel, table=True):
    """The list of a committee, sealed to the day of its evaluation; `half` is sealed at rest, and both
    are needed. Who asked that it be opened, and who consented."""

    __tablename__ = "draw_names"
    __table_args__ = (
        sa.CheckConstraint("opened_by = '' OR opened_by <> asked_by", name="two_persons"),
    )

    draw_id: str = Field(primary_key=True, foreign_key="draw.id")
    version: int
    cell: bytes
    half: bytes
    asked_by: str = ""
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_by: str = ""
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
