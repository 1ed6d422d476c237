"""Rows of the expert pool. Names of persons stand here and nowhere else."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row
from sqlmodel import Field, SQLModel

from experts.pool.expert import HOME_POOL, Expert, Status, Term, Title


class ExpertRow(SQLModel, table=True):
    """One expert. Lists are texts: codes separated by blanks; what is past as `uscc:until`, terms of
    specialties as `code:since:until`."""

    __tablename__ = "expert"
    __table_args__ = (
        sa.CheckConstraint("status IN ('ACTIVE', 'SUSPENDED', 'LEFT')", name="status_known"),
        sa.CheckConstraint("title_level BETWEEN 0 AND 4", name="title_range"),
        sa.CheckConstraint("field_years >= 0", name="field_years_not_negative"),
        sa.CheckConstraint("length(employer_uscc) = 18", name="employer_length"),
        sa.CheckConstraint("length(home_division) = 6", name="home_length"),
    )

    id: str = Field(primary_key=True)
    name: str = Field(index=True)
    gender: str
    born: date
    employer_uscc: str = Field(index=True)
    past_employers: str
    board_seats: str
    declared_units: str
    specialties: str
    home_division: str
    lon: float
    lat: float
    title_level: int
    field_years: int
    enrolled_on: date
    status: str = Field(index=True)
    penalised: bool
    past_board_seats: str = ""
    controlled_units: str = ""
    specialty_terms: str = ""
    certified_until: date | None = None
    pool: str = HOME_POOL

    def to_domain(self) -> Expert:
        return expert_of(self)


def expert_of(row: ExpertRow | Row[Any]) -> Expert:
    """The expert of a row, mapped or plain: building 20,000 mapped objects takes seconds."""
    return Expert(
        id=row.id,
        name=row.name,
        gender=row.gender,
        born=row.born,
        employer_uscc=row.employer_uscc,
        past_employers=_pairs(row.past_employers),
        board_seats=tuple(row.board_seats.split()),
        declared_units=tuple(row.declared_units.split()),
        specialties=tuple(row.specialties.split()),
        home_division=row.home_division,
        lon=row.lon,
        lat=row.lat,
        title_level=Title(row.title_level),
        field_years=row.field_years,
        enrolled_on=row.enrolled_on,
        status=Status(row.status),
        penalised=row.penalised,
        past_board_seats=_pairs(row.past_board_seats),
        controlled_units=tuple(row.controlled_units.split()),
        specialty_terms=tuple(_term(item) for item in row.specialty_terms.split()),
        certified_until=row.certified_until,
        pool=row.pool,
    )


def _pairs(text: str) -> tuple[tuple[str, date], ...]:
    parts = (item.partition(":") for item in text.split())
    return tuple((uscc, date.fromisoformat(until)) for uscc, _, until in parts)


def _term(item: str) -> Term:
    code, since, until = item.split(":")
    return Term(
        code,
        date.fromisoformat(since) if since else None,
        date.fromisoformat(until) if until else None,
    )


def values_of(expert: Expert) -> dict[str, object]:
    """The columns of an expert's row."""
    return {
        "id": expert.id,
        "name": expert.name,
        "gender": expert.gender,
        "born": expert.born,
        "employer_uscc": expert.employer_uscc,
        "past_employers": " ".join(f"{uscc}:{until}" for uscc, until in expert.past_employers),
        "board_seats": " ".join(expert.board_seats),
        "declared_units": " ".join(expert.declared_units),
        "specialties": " ".join(expert.specialties),
        "home_division": expert.home_division,
        "lon": expert.lon,
        "lat": expert.lat,
        "title_level": int(expert.title_level),
        "field_years": expert.field_years,
        "enrolled_on": expert.enrolled_on,
        "status": expert.status.value,
        "penalised": expert.penalised,
        "past_board_seats": " ".join(f"{uscc}:{until}" for uscc, until in expert.past_board_seats),
        "controlled_units": " ".join(expert.controlled_units),
        "specialty_terms": " ".join(
            f"{term.code}:{term.since or ''}:{term.until or ''}" for term in expert.specialty_terms
        ),
        "certified_until": expert.certified_until,
        "pool": expert.pool,
    }


class PoolHeadRow(SQLModel, table=True):
    """The one row that every change of the pool locks and moves on.

    `version` is a hash chain over all changes, so equal versions mean equal pools, in whatever
    database or process: columns in memory may be kept by it.
    """

    __tablename__ = "expert_pool_head"
    __table_args__ = (sa.CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(primary_key=True)
    changes: int = Field(sa_type=sa.BigInteger)
    version: str
