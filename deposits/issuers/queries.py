"""All SQL of the registry of issuers."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col, select

from deposits.issuers.issuer import Issuer
from deposits.issuers.tables import IssuerCallRow, IssuerKeyRow, IssuerRow, TrustListRow
from deposits.issuers.trust import TrustList


def exists(db: Session, uscc: str) -> bool:
    return db.exec(select(IssuerRow.uscc).where(col(IssuerRow.uscc) == uscc)).one_or_none() == uscc


def load(db: Session, usccs: Collection[str] | None = None) -> dict[str, Issuer]:
    """Issuers by code: those asked for, or all."""
    rows, keys = select(IssuerRow), select(IssuerKeyRow)
    if usccs is not None:
        rows = rows.where(col(IssuerRow.uscc).in_(usccs))
        keys = keys.where(col(IssuerKeyRow.issuer_uscc).in_(usccs))
    by_issuer: dict[str, list[IssuerKeyRow]] = {}
    for key in db.exec(keys):
        by_issuer.setdefault(key.issuer_uscc, []).append(key)
    found = sorted(db.exec(rows), key=lambda row: row.uscc)
    return {row.uscc: row.to_domain(by_issuer.get(row.uscc, [])) for row in found}


def issuer_row(db: Session, uscc: str) -> IssuerRow | None:
    """One issuer, locked."""
    return db.get(IssuerRow, uscc, with_for_update=True, populate_existing=True)


def key_row(db: Session, uscc: str, public_key: str) -> IssuerKeyRow | None:
    """One key, locked."""
    return db.get(IssuerKeyRow, (uscc, public_key), with_for_update=True, populate_existing=True)


def trust_list(db: Session) -> TrustList | None:
    """The newest version."""
    row = db.exec(select(TrustListRow).order_by(sa.desc(col(TrustListRow.version)))).first()
    return row.to_domain() if row else None


def last_call(db: Session, issuer_uscc: str) -> int:
    """The number of the last call of an issuer that was taken; 0 before the first."""
    found = db.exec(
        select(sa.func.max(IssuerCallRow.number)).where(
            col(IssuerCallRow.issuer_uscc) == issuer_uscc
        )
    ).one()
    return found or 0


def add_call(db: Session, row: IssuerCallRow) -> None:
    db.add(row)
