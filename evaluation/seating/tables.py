"""Rows of the seat plans: the plans, the seats they gave, and the slots that experts hold."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from evaluation.seating.booking import BookedSeat
from evaluation.stations.station import Equipment


class PlanRow(SQLModel, table=True):
    """A confirmed plan; the document in the vault is the whole of it."""

    __tablename__ = "seat_plan"
    __table_args__ = (
        sa.CheckConstraint("seats >= 0 AND unseated >= 0", name="counts_not_negative"),
        sa.CheckConstraint("bound <= objective", name="bound_below"),
        sa.CheckConstraint("method IN ('LINEAR', 'MIXED', 'SEARCH')", name="method_known"),
    )

    id: str = Field(primary_key=True)
    confirmed_at: datetime = Field(sa_type=UtcDateTime)
    confirmed_by: str
    problem_sha256: str
    document_sha256: str
    document_bytes: int
    seats: int
    unseated: int
    objective: int = Field(sa_type=sa.BigInteger)
    bound: int = Field(sa_type=sa.BigInteger)
    method: str


class SeatRow(SQLModel, table=True):
    """A confirmed seat; it is live until `released_at`. A booth may have been drawn before its
    expert checked in (`evaluation.seating.labels`)."""

    __tablename__ = "seat"
    __table_args__ = (
        sa.CheckConstraint("first_slot <= last_slot", name="interval"),
        sa.CheckConstraint("equipment IN (1, 2, 3)", name="equipment_known"),
        sa.CheckConstraint("checked_in_at IS NULL OR label <> ''", name="booth_known"),
        sa.Index(
            "uq_seat_live",
            "session_id",
            "expert_id",
            unique=True,
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        ),
        sa.Index("ix_seat_slots", "first_slot", "last_slot"),
        sa.Index("ix_seat_centre", "centre_id", "equipment", "first_slot"),
    )

    id: str = Field(primary_key=True)
    plan_id: str = Field(foreign_key="seat_plan.id")
    session_id: str
    expert_id: str
    centre_id: str
    equipment: int
    first_slot: int
    last_slot: int
    label: str = ""
    draw: str = ""
    """How the booth was drawn (canonical JSON); on the record once the expert has come."""
    checked_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def to_domain(self) -> BookedSeat:
        return BookedSeat(
            id=self.id,
            plan_id=self.plan_id,
            session_id=self.session_id,
            expert_id=self.expert_id,
            centre_id=self.centre_id,
            equipment=Equipment(self.equipment),
            slots=tuple(range(self.first_slot, self.last_slot + 1)),
            label=self.label if self.checked_in_at is not None else "",
        )


class ExpertSlotRow(SQLModel, table=True):
    """An expert holds one seat in a slot: the database sees to it. Gone when the seat is released."""

    __tablename__ = "seat_expert_slot"

    expert_id: str = Field(primary_key=True)
    slot: int = Field(primary_key=True)
    seat_id: str = Field(foreign_key="seat.id", index=True)


class ChangeNoticeRow(SQLModel, table=True):
    """A centre is told once what became of a proposal, confirmed or lapsed; noted by one of its staff."""

    __tablename__ = "seat_change_notice"
    __table_args__ = (sa.Index("ix_seat_change_notice_centre", "centre_id", "noted_at"),)

    proposal_id: str = Field(primary_key=True, foreign_key="seat_proposal.id")
    centre_id: str = Field(primary_key=True)
    told_at: datetime = Field(sa_type=UtcDateTime)
    come: int
    gone: int
    changed: int
    hosted: int
    is_lapsed: bool = False
    noted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    noted_by: str = ""


class ProposalRow(SQLModel, table=True):
    """A new plan for a day that has gone wrong, shown before it is confirmed. The document in the
    vault holds problem and plan."""

    __tablename__ = "seat_proposal"
    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('PROPOSED', 'CONFIRMED', 'WITHDRAWN', 'LAPSED')", name="state_known"
        ),
        sa.CheckConstraint("proposed_at <= lapses_at", name="lapses_later"),
        sa.CheckConstraint("(state = 'CONFIRMED') = (plan_id <> '')", name="plan_known"),
        sa.Index("ix_seat_proposal_state", "state", "proposed_at"),
    )

    id: str = Field(primary_key=True)
    proposed_at: datetime = Field(sa_type=UtcDateTime)
    proposed_by: str
    lapses_at: datetime = Field(sa_type=UtcDateTime)
    centre_id: str
    """Whose trouble it is: where the booths are, or the session's host."""
    trouble: str
    """Canonical JSON."""
    document_sha256: str
    state: str
    plan_id: str = ""
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str = ""
