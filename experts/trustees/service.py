"""The trustees' register at work. Every change stands on the stream `trustees`, which is public.

The office that keeps the pool enters a key; the province's supervisor confirms it; either revokes
it. A draw asks the
trustees who serve at the moment of its request, and its request keeps their keys.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Faults, Kind, Refusal
from archive.journal.entry import moment_text
from archive.office import Tx
from experts.trustees import queries
from experts.trustees.tables import TrusteeRow
from experts.trustees.trustee import Trustee, check

STREAM = "trustees"
REASON_CHARACTERS_MAX = 200


def register_trustee(
    tx: Tx,
    actor: Actor,
    trustee_id: str,
    name: str,
    key: str,
    possession: bytes,
    valid_from: datetime,
    valid_until: datetime,
) -> Trustee:
    """Enter a key (hex) with the proof that its holder has it; a second person has to confirm it.

    INVALID with every fault; CONFLICT where the id or the key is taken.
    """
    _must_serve_all(actor, Role.POOL)
    entry = Trustee(trustee_id, name, key, valid_from, valid_until, actor.id)
    faults = Faults("experts.trustee.invalid")
    check(entry, possession, faults)
    faults.refuse()
    if queries.trustee(tx.db, trustee_id) or queries.holder_of(tx.db, key):
        raise Refusal("experts.trustee.taken", {"trustee": trustee_id}, Kind.CONFLICT)
    row = TrusteeRow(
        id=entry.id,
        name=entry.name,
        key=entry.key,
        valid_from=valid_from,
        valid_until=valid_until,
        registered_by=actor.id,
    )
    tx.db.add(row)
    tx.db.flush()
    data = {
        "trustee": entry.id,
        "key": entry.key,
        "possession": possession.hex(),
        "from": moment_text(valid_from),
        "until": moment_text(valid_until),
    }
    tx.record(STREAM, "experts:trustee:registered", actor, data)
    return row.to_domain()


def confirm_trustee(tx: Tx, actor: Actor, trustee_id: str) -> Trustee:
    """The second person's yes: a supervisor, never who entered the key."""
    _must_serve_all(actor, Role.SUPERVISOR)
    row = _locked(tx, trustee_id)
    actor.must_not_be(row.registered_by)
    if row.confirmed_by or row.revoked_at is not None:
        raise Refusal("experts.trustee.settled", {"trustee": trustee_id}, Kind.CONFLICT)
    row.confirmed_by = actor.id
    tx.db.add(row)
    tx.record(STREAM, "experts:trustee:confirmed", actor, {"trustee": row.id, "key": row.key})
    return row.to_domain()


def revoke_trustee(tx: Tx, actor: Actor, trustee_id: str, reason: str) -> Trustee:
    """End an entry for good. Draws already requested go on asking him: their request names him."""
    _must_serve_all(actor, Role.POOL, Role.SUPERVISOR)
    row = _locked(tx, trustee_id)
    if row.revoked_at is not None:
        raise Refusal("experts.trustee.settled", {"trustee": trustee_id}, Kind.CONFLICT)
    row.revoked_at = tx.now
    tx.db.add(row)
    data = {"trustee": row.id, "key": row.key, "reason": reason[:REASON_CHARACTERS_MAX]}
    tx.record(STREAM, "experts:trustee:revoked", actor, data)
    return row.to_domain()


def trustees(db: Session) -> tuple[Trustee, ...]:
    """The whole register by id, past entries too."""
    return tuple(row.to_domain() for row in queries.trustees(db))


def serving(db: Session, at: datetime) -> tuple[Trustee, ...]:
    """Who is asked by draws requested at this moment, by id."""
    return tuple(trustee for trustee in trustees(db) if trustee.serves(at))


def _must_serve_all(actor: Actor, *roles: Role) -> None:
    """The register is the province's: one centre and one department together could else fill it."""
    actor.must_be(*roles)
    if actor.centre_id or actor.party_id:
        raise Refusal("experts.trustee.province", {"actor": actor.id}, Kind.FORBIDDEN)


def _locked(tx: Tx, trustee_id: str) -> TrusteeRow:
    row = queries.locked(tx.db, trustee_id)
    if row is None:
        raise Refusal("experts.trustee.unknown", {"trustee": trustee_id[:40]}, Kind.NOT_FOUND)
    return row
