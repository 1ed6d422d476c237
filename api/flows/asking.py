"""What became of a venue's request that the supervisor bind a station, as its staff see it: who declined it is an
office, why is read from the vault.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session as Db

from api.flows.acting import Acting, acting
from archive.actor import Actor, Role
from archive.errors import Refusal
from archive.journal.entry import Entry
from archive.vault import Vault
from evaluation.session.session import Session
from evaluation.witness.stations import service as stations


@dataclass(frozen=True)
class Declined:
    by: Acting
    at: datetime
    reason: str
    """Empty where the vault has lost it."""


@dataclass(frozen=True)
class Asked:
    """`key`: for which the newest request is; None where nobody waits for the supervisor."""

    key: str | None = None
    declined: Declined | None = None


def asked(
    db: Db, vault: Vault, actor: Actor, session: Session, station: str, *, is_demo: bool
) -> Asked:
    """The request that stands or was declined; refuses as `stations.request_of`."""
    found = stations.request_of(db, actor, session.id, station)
    if found is None:
        return Asked()
    if found.declined is None:
        return Asked(found.wanted.key)
    who = acting(db, session, is_demo=is_demo).get(found.declined.actor, Acting(Role.SUPERVISOR))
    said = Declined(who, found.declined.at, _words(vault, found.declined))
    return Asked(found.wanted.key, said)


def _words(vault: Vault, entry: Entry) -> str:
    try:
        return vault.get(entry.data["sha256"]).decode()
    except Refusal:
        return ""
