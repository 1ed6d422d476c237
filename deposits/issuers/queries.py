"""All SQL of the registry of issuers."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, col, select

from deposits.issuers.issuer import Issuer
from deposits.issuers.tables import IssuerKeyRow, IssuerRow


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
