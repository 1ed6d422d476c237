"""Rows of draws. The key and the sheet tie pseudonyms to experts: both are sealed at rest
(`archive.keeping`), and neither leaves the service. Who is called and who sits:
`experts.invitations.tables`."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from experts.draws.request import State

_STATES = ", ".join(f"'{state.value}'" for state in State)


class DrawRegisterRow(SQLModel, table=True):
    """The gap-free register of one centre: the row that a request locks."""

    __tablename__ = "draw_register"
    __table_args__ = (sa.CheckConstraint("last_number >= 0", name="number_not_negative"),)

    centre_id: str = Field(primary_key=True)
    last_number: int
    last_hash: str


class DrawRow(SQLModel, table=True):
    """One draw. `request` and `context` are canonical JSON, `key` is sealed, `head` the hash of the
    newest step."""

    __tablename__ = "draw"
    __table_args__ = (
        sa.UniqueConstraint("centre_id", "number"),
        sa.CheckConstraint(f"state IN ({_STATES})", name="state_known"),
        sa.CheckConstraint("number > 0", name="number_positive"),
        sa.CheckConstraint("length(request_hash) = 64", name="request_hash_length"),
    )

    id: str = Field(primary_key=True)
    centre_id: str
    number: int
    lot_id: str = Field(index=True)
    tenderer_uscc: str = Field(default="", index=True)
    state: str
    evaluation_at: datetime = Field(sa_type=UtcDateTime)
    request: bytes
    request_hash: str
    key: bytes
    context: bytes
    asking: int = 0
    outputs_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outputs_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    public_value: str = ""
    seed: str = ""
    attempt: int | None = None
    round: int = 0
    answers_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    steps: int = 0
    head: str
    transcript_sha256: str = ""


class DrawSheetRow(SQLModel, table=True):
    """The candidates of a draw, sealed, the proof that their leaves are in the pool's tree, and their
    facts as they stood (JSON, packed, sealed)."""

    __tablename__ = "draw_sheet"

    draw_id: str = Field(primary_key=True, foreign_key="draw.id")
    candidates: bytes
    proof: bytes
    records: bytes


class DrawRecheckRow(SQLModel, table=True):
    """The grounds of one second check (`experts.draws.grounds`), by the number of its step: canonical
    JSON, packed, sealed."""

    __tablename__ = "draw_recheck"

    draw_id: str = Field(primary_key=True, foreign_key="draw.id")
    seq: int = Field(primary_key=True)
    grounds: bytes


class DrawAffiliationsRow(SQLModel, table=True):
    """A text of affiliations (`experts.conflicts.affiliations`), packed, by its digest: many draws rest
    on one."""

    __tablename__ = "draw_affiliations"
    __table_args__ = (sa.CheckConstraint("length(digest) = 64", name="digest_length"),)

    digest: str = Field(primary_key=True)
    lines: bytes


class DrawOutputRow(SQLModel, table=True):
    """One trustee asked under one number; `proof` (hex) is empty until he answers."""

    __tablename__ = "draw_output"

    draw_id: str = Field(primary_key=True, foreign_key="draw.id")
    asking: int = Field(primary_key=True)
    trustee_id: str = Field(primary_key=True)
    key: str
    proof: str = ""


class DrawStepRow(SQLModel, table=True):
    """One step of a draw: canonical JSON, chained by hash."""

    __tablename__ = "draw_step"

    draw_id: str = Field(primary_key=True, foreign_key="draw.id")
    seq: int = Field(primary_key=True)
    hash: str
    body: bytes
