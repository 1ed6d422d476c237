"""The registry of issuers at work. What is registered stands on the stream `issuers`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Faults, Kind, Refusal
from archive.office import Tx
from deposits.issuers import queries
from deposits.issuers.issuer import Issuer, IssuerKey, check_issuer, check_keys
from deposits.issuers.tables import IssuerKeyRow, IssuerRow, TrustListRow
from deposits.issuers.trust import TrustList, check_roots
from trading.calendar.legal import legal_day

STREAM = "issuers"
_KEEPERS = (Role.STAFF, Role.OPERATOR, Role.SYSTEM)


def register_issuer(tx: Tx, actor: Actor, issuer: Issuer) -> Issuer:
    """Enter an institution with its licence and keys. Refuses INVALID with all faults, CONFLICT
    where the code is registered already."""
    actor.must_be(*_KEEPERS)
    check_issuer(issuer)
    if queries.exists(tx.db, issuer.uscc):
        raise Refusal("deposits.issuer.exists", {"uscc": issuer.uscc}, Kind.CONFLICT)
    tx.db.add(IssuerRow.from_domain(issuer, tx.now))
    tx.db.flush()  # keys refer to it
    for key in issuer.keys:
        tx.db.add(IssuerKeyRow.from_domain(issuer.uscc, key))
    tx.db.flush()
    tx.record(
        STREAM,
        "deposits:issuer:registered",
        actor,
        {
            "issuer": issuer.uscc,
            **_licence_json(issuer),
            "keys": [_key_json(key) for key in issuer.keys],
        },
    )
    return queries.load(tx.db, [issuer.uscc])[issuer.uscc]


def change_issuer(tx: Tx, actor: Actor, before: Issuer, after: Issuer) -> Issuer:
    """Put an institution's name, forms or licence right: a licence renewed, widened or withdrawn. Its keys
    have their own acts. Refuses INVALID; CONFLICT where it is no longer as it was said to be, and where
    a licence would begin later, so that what was signed under it would count no more."""
    actor.must_be(*_KEEPERS)
    assert (before.uscc, before.keys) == (after.uscc, after.keys), "code and keys stay"
    check_issuer(after)
    if after.licensed_from > before.licensed_from:
        raise Refusal("deposits.issuer.begins", {"since": str(before.licensed_from)}, Kind.CONFLICT)
    row = queries.issuer_row(tx.db, before.uscc)
    if row is None or queries.load(tx.db, [before.uscc])[before.uscc] != before:
        raise Refusal("deposits.issuer.moved", {"uscc": before.uscc}, Kind.CONFLICT)
    tx.db.merge(IssuerRow.from_domain(after, row.registered_at))
    tx.db.flush()
    one, other = _licence_json(before), _licence_json(after)
    changed = [name for name in other if one[name] != other[name]]
    tx.record(
        STREAM,
        "deposits:issuer:changed",
        actor,
        {
            "issuer": after.uscc,
            "before": {name: one[name] for name in changed},
            "after": {name: other[name] for name in changed},
        },
    )
    return after


def end_key(tx: Tx, actor: Actor, uscc: str, public_key: bytes, valid_to: date) -> Issuer:
    """A key counts no longer than `valid_to`, which is today at the earliest: what it has signed stays
    answerable. Refuses NOT_FOUND; INVALID where it would count longer than before, or not today."""
    actor.must_be(*_KEEPERS)
    row = queries.key_row(tx.db, uscc, public_key.hex())
    if row is None:
        raise Refusal("deposits.issuer.key_unknown", {"uscc": uscc}, Kind.NOT_FOUND)
    if not legal_day(tx.now) <= valid_to < row.valid_to:
        raise Refusal("deposits.issuer.key_end", {"until": str(row.valid_to)})
    row.valid_to = valid_to
    tx.db.add(row)
    tx.db.flush()
    data = {"issuer": uscc, "public_key": public_key.hex(), "valid_to": valid_to.isoformat()}
    tx.record(STREAM, "deposits:issuer:key_ended", actor, data)
    return queries.load(tx.db, [uscc])[uscc]


def add_key(tx: Tx, actor: Actor, uscc: str, key: IssuerKey) -> Issuer:
    """A further key, when the old one runs out. Refuses NOT_FOUND, INVALID."""
    actor.must_be(*_KEEPERS)
    known = issuer(tx.db, uscc)
    faults = Faults("deposits.issuer.invalid")
    check_keys(faults, (*known.keys, key))
    faults.refuse()
    tx.db.add(IssuerKeyRow.from_domain(uscc, key))
    tx.db.flush()
    tx.record(STREAM, "deposits:issuer:key_added", actor, {"issuer": uscc, "key": _key_json(key)})
    return queries.load(tx.db, [uscc])[uscc]


def issuer(db: Session, uscc: str) -> Issuer:
    """Refuses NOT_FOUND."""
    found = queries.load(db, [uscc])
    if uscc not in found:
        raise Refusal("deposits.issuer.unknown", {"uscc": uscc}, Kind.NOT_FOUND)
    return found[uscc]


def issuers_by_code(db: Session, usccs: Collection[str]) -> Mapping[str, Issuer]:
    """Those of the institutions that are registered, by code."""
    return queries.load(db, usccs)


def issuers(db: Session) -> tuple[Issuer, ...]:
    """All issuers by code: an order that prefers nobody by choice."""
    return tuple(queries.load(db).values())


# --- Roots of certificates ----------------------------------------------------------------


def pin_trust_list(tx: Tx, actor: Actor, roots: str) -> TrustList:
    """Pin a further version of the list of roots (PEM) to which signatures of printed guarantees must
    lead. Refuses INVALID what is no list of certificates of authorities."""
    actor.must_be(*_KEEPERS)
    certificates = check_roots(roots)
    last = queries.trust_list(tx.db)
    made = TrustList((last.version if last else 0) + 1, roots)
    tx.db.add(
        TrustListRow(
            version=made.version,
            roots=roots,
            digest=made.digest,
            pinned_by=actor.id,
            pinned_at=tx.now,
        )
    )
    tx.db.flush()
    tx.record(
        STREAM,
        "deposits:trust_list:pinned",
        actor,
        {"version": made.version, "digest": made.digest, "roots": certificates},
    )
    return made


def trust_list(db: Session) -> TrustList:
    """The newest version; version 0, which trusts nobody, where none is pinned."""
    return queries.trust_list(db) or TrustList(0, "")


def _licence_json(issuer: Issuer) -> dict[str, Any]:
    return {
        "name": issuer.name,
        "forms": sorted(issuer.forms),
        "licence": issuer.licence,
        "licensed_from": issuer.licensed_from.isoformat(),
        "licensed_to": issuer.licensed_to.isoformat(),
    }


def _key_json(key: IssuerKey) -> dict[str, str]:
    return {
        "algorithm": key.algorithm,
        "public_key": key.public_key.hex(),
        "valid_from": key.valid_from.isoformat(),
        "valid_to": key.valid_to.isoformat(),
    }
