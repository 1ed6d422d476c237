"""All SQL of parties."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from trading.parties.tables import CentreRow, DishonestyRow, LinkRow, OrganisationRow

CHUNK_ROWS = 2000
"""Rows or parameters of one statement; SQLite takes 32,766 parameters."""


def insert(db: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    """Insert many rows at once."""
    for chunk in _chunks(rows):
        db.execute(sa.insert(table), chunk)


def change(db: Session, row: SQLModel, values: dict[str, Any]) -> None:
    """Put other values in a row."""
    row.sqlmodel_update(values)
    db.add(row)
    db.flush()


def organisation(db: Session, uscc: str, *, lock: bool = False) -> OrganisationRow | None:
    """One organisation by its code."""
    return db.get(OrganisationRow, uscc, with_for_update=lock or None, populate_existing=lock)


def organisations(db: Session, usccs: Sequence[str]) -> list[OrganisationRow]:
    """The organisations among these codes that are known."""
    found: list[OrganisationRow] = []
    for chunk in _chunks(usccs):
        found += db.exec(select(OrganisationRow).where(col(OrganisationRow.uscc).in_(chunk))).all()
    return found


def organisations_of_kind(db: Session, kind: str | None) -> list[OrganisationRow]:
    """All organisations, or those of one kind."""
    statement = select(OrganisationRow)
    if kind is not None:
        statement = statement.where(col(OrganisationRow.kind) == kind)
    return list(db.exec(statement).all())


def known_usccs(db: Session, usccs: Sequence[str]) -> set[str]:
    """Those of the codes that are registered."""
    found: set[str] = set()
    for chunk in _chunks(usccs):
        found.update(
            db.exec(select(OrganisationRow.uscc).where(col(OrganisationRow.uscc).in_(chunk))).all()
        )
    return found


class Names:
    """Names of organisations as parts of another room's statement, for lists that are searched and
    ordered by them where they stand."""

    @staticmethod
    def of(code: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
        """The name of the organisation of a code; the code where nobody has it."""
        named = sa.select(col(OrganisationRow.name)).where(col(OrganisationRow.uscc) == code)
        return sa.func.coalesce(named.scalar_subquery(), code)

    @staticmethod
    def like(text: str) -> sa.Select[str]:
        """The codes of the organisations whose name has a text, large and small letters alike."""
        return sa.select(col(OrganisationRow.uscc)).where(
            col(OrganisationRow.name).icontains(text, autoescape=True)
        )


def link(
    db: Session, owner_uscc: str, owned_uscc: str, relation: str, since: date
) -> LinkRow | None:
    """One link by its key, locked."""
    return db.get(LinkRow, (owner_uscc, owned_uscc, relation, since), with_for_update=True)


def links_on(db: Session, on: date) -> list[LinkRow]:
    """All links that hold on a day."""
    return list(
        db.exec(
            select(LinkRow).where(
                col(LinkRow.since) <= on,
                sa.or_(col(LinkRow.until).is_(None), col(LinkRow.until) > on),
            )
        ).all()
    )


def all_links(db: Session) -> list[LinkRow]:
    return list(db.exec(select(LinkRow)).all())


def centre(db: Session, centre_id: str, *, lock: bool = False) -> CentreRow | None:
    """One centre."""
    return db.get(CentreRow, centre_id, with_for_update=lock or None, populate_existing=lock)


def centres(db: Session) -> list[CentreRow]:
    """All centres."""
    return list(db.exec(select(CentreRow)).all())


def dishonesty(db: Session, usccs: Sequence[str], on: date) -> list[DishonestyRow]:
    """What was answered about these organisations up to a day."""
    found: list[DishonestyRow] = []
    for chunk in _chunks(usccs):
        found += db.exec(
            select(DishonestyRow).where(
                col(DishonestyRow.uscc).in_(chunk), col(DishonestyRow.queried_on) <= on
            )
        ).all()
    return found


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), CHUNK_ROWS):
        yield items[start : start + CHUNK_ROWS]
