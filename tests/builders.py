"""Builders for tests: an office on a fresh database, and actors of each role."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from archive.actor import Actor, Role
from archive.clock import DrivenClock
from archive.database import Connections
from archive.entropy import SeededEntropy
from archive.keeping import Keeper
from archive.keys import note_signer
from archive.office import Office
from archive.vault import Vault

START = datetime(2026, 10, 21, 1, 0, tzinfo=UTC)
"""09:00 in Shanghai on a Wednesday that is a working day."""

CENTRE = "532901"
STAFF = Actor("staff-1", frozenset({Role.STAFF}), centre_id=CENTRE)
STAFF_2 = Actor("staff-2", frozenset({Role.STAFF}), centre_id=CENTRE)
POOL_OFFICE = Actor("pool-1", frozenset({Role.POOL}))
SUPERVISOR = Actor("supervisor-1", frozenset({Role.SUPERVISOR}))


def bidder(uscc: str) -> Actor:
    return Actor(f"bidder-{uscc}", frozenset({Role.BIDDER}), party_id=uscc)


def expert(expert_id: str) -> Actor:
    return Actor(f"expert-{expert_id}", frozenset({Role.EXPERT}), party_id=expert_id)


def make_office(
    folder: Path, url: str | None = None, start: datetime = START, seed: bytes = b"1"
) -> Office:
    """An office on an existing, migrated database `url`; without one, on a new SQLite file with
    the tables of all modules that were imported so far."""
    connections = Connections(url or f"sqlite:///{folder}/bigloop.db")
    if url is None:
        from sqlmodel import SQLModel

        SQLModel.metadata.create_all(connections.engine)
    entropy = SeededEntropy(seed)
    return Office(
        connections=connections,
        clock=DrivenClock(start),
        entropy=entropy,
        vault=Vault(folder / "vault"),
        log=note_signer(folder / "log.key", "bigloop.example", entropy.child("log")),
        keeper=Keeper(b"a keeper's secret for tests only"),
    )
