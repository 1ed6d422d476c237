"""The office: the ground floor as one running process holds it, and its transactions.

Every service takes a `Tx`: the database session of one transaction, its one moment of legal time,
and the means to make ids, keep documents and write to the record. What is recorded in a transaction
is committed with it or not at all.

    with office.write() as tx:
        lot = trading.service.register_lot(tx, actor, …)      # writes rows, calls tx.record(…)
    # committed: rows, journal entries and tasks, all or nothing
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from archive import canonical, ids
from archive.actor import Actor
from archive.clock import Clock
from archive.database import Connections
from archive.entropy import Entropy
from archive.journal import service as journal
from archive.journal.entry import DocumentRef, Entry, Pending
from archive.keeping import Keeper
from archive.note import Signer
from archive.vault import Vault

KEEPER = "bigloop.keeper"


def keeper_of(db: Session) -> Keeper:
    """The keeper of the office that opened this session."""
    found = db.info[KEEPER]
    assert isinstance(found, Keeper)
    return found


@dataclass
class Part:
    """A part of a transaction; `recorded`: how many entries it put on the record."""

    recorded: int = 0


@dataclass
class Tx:
    """One write transaction."""

    db: Session
    now: datetime
    entropy: Entropy
    vault: Vault
    log: Signer
    _pending: list[Pending] = field(default_factory=list)
    _grown: set[str] = field(default_factory=set)
    _after: list[Callable[[], None]] = field(default_factory=list)

    def new_id(self) -> str:
        return ids.new_id(self.now, self.entropy)

    def record(
        self,
        stream: str,
        action: str,
        actor: Actor,
        data: Mapping[str, Any],
        documents: tuple[DocumentRef, ...] = (),
    ) -> None:
        """Put an entry `package:subject:action` on a stream; it gets its number at the commit."""
        self._pending.append(Pending(stream, action, actor.id, dict(data), documents))

    def keep(self, name: str, value: Any) -> DocumentRef:
        """Keep `value` in the vault as a document in canonical JSON."""
        return self.vault.put(name, "application/json", canonical.encode(value))

    def flush_record(self) -> list[Entry]:
        """Write what was recorded so far, and give the entries in the order of recording; for the rare
        service that needs their numbers. Nothing may lock further heads afterwards, so it is the last
        thing that a service does."""
        pending, self._pending = self._pending, []
        self._grown.update(each.stream for each in pending)
        if not pending:
            return []
        by_stream = sorted(range(len(pending)), key=lambda place: pending[place].stream)
        written = zip(by_stream, journal.append(self.db, pending, self.now), strict=True)
        return [entry for _, entry in sorted(written, key=lambda one: one[0])]

    @contextmanager
    def part(self) -> Iterator[Part]:
        """A part that is done wholly or, where it raises, not at all, while the transaction goes on."""
        pending, after = len(self._pending), len(self._after)
        part = Part()
        try:
            with self.db.begin_nested():
                yield part
        except BaseException:
            del self._pending[pending:], self._after[after:]
            raise
        part.recorded = len(self._pending) - pending

    def after_commit(self, call: Callable[[], None]) -> None:
        """`call` when, and only when, the transaction was committed. For wake-ups, never for facts:
        a process may die in between."""
        self._after.append(call)


@dataclass
class Office:
    connections: Connections
    clock: Clock
    entropy: Entropy
    vault: Vault
    log: Signer
    """Signs checkpoints, anchors, dossiers and receipts; its name is the origin of all logs."""
    keeper: Keeper
    """Opens what is sealed at rest in rows; every session of this office carries it."""

    on_record: list[Callable[[frozenset[str]], None]] = field(default_factory=list)
    """Called after each commit with the streams that grew (in-process wake-up of readers)."""

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one snapshot."""
        with self.connections.read() as session:
            session.info[KEEPER] = self.keeper
            yield session

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """One transaction: commits when the block ends, rolls everything back when it raises."""
        with self.connections.write() as session:
            session.info[KEEPER] = self.keeper
            tx = Tx(session, self.clock.now(), self.entropy, self.vault, self.log)
            yield tx
            tx.flush_record()
        for call in tx._after:
            call()
        if tx._grown:
            streams = frozenset(tx._grown)
            for notify in self.on_record:
                notify(streams)
