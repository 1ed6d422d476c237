"""Rows of proposals that two records are one: a person's or a company's."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from experts.identities.proposal import Kind, Proposal, State

_KINDS = ", ".join(f"'{kind.value}'" for kind in Kind)
_STATES = ", ".join(f"'{state.value}'" for state in State)


class IdentityProposalRow(SQLModel, table=True):
    """`one` is the record that stays, `other` the one that would be merged into it. `by` says what
    is alike, `given` the units that a merger gave to the one, so that it can be undone."""

    __tablename__ = "identity_proposal"
    __table_args__ = (
        sa.UniqueConstraint("kind", "one", "other"),
        sa.CheckConstraint(f"kind IN ({_KINDS})", name="kind_known"),
        sa.CheckConstraint(f"state IN ({_STATES})", name="state_known"),
        sa.CheckConstraint("one <> other", name="two_records"),
    )

    id: str = Field(primary_key=True)
    kind: str
    one: str
    other: str
    by: str
    state: str = Field(index=True)
    proposed_by: str
    proposed_at: datetime = Field(sa_type=UtcDateTime)
    decided_by: str = ""
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    given: str = ""

    def to_domain(self) -> Proposal:
        return Proposal(
            self.id,
            Kind(self.kind),
            self.one,
            self.other,
            tuple(self.by.split()),
            State(self.state),
            self.proposed_by,
            self.proposed_at,
            self.decided_by,
            self.decided_at,
        )
