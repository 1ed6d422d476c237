"""A story: what the record says of a lot, a project or a session, from its streams, in order.

The entries come with their hashes and the streams with their roots, computed anew from the entries
and compared with what the signed checkpoints say, so that a reader sees not only what is told but
that nothing is missing. An entry's data is not shown as it is: a page has a sentence for each
action, and only what that sentence names is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlmodel import Session

from api.flows.places import names as names_of_places
from api.identity import service as identity
from archive import merkle
from archive.actor import SYSTEM
from archive.clock import SHANGHAI
from archive.errors import Kind, Param, Refusal
from archive.journal import service as journal
from archive.journal.entry import DocumentRef, Entry, break_of, moment_of
from archive.note import Checkpoint, Note, Signer
from archive.vault import Vault
from trading.money import Money
from trading.parties import service as parties

ENTRIES_MAX = 1_000
"""Told of one stream, the newest; longer ones are checked all the same."""
VERIFIED_ENTRIES_MAX = 20_000
HASH_CHARACTERS = 64
CENTRE_NAMES = frozenset({"centre", "host", "venue"})
PARTY_NAMES = frozenset({"bidder", "winner", "issuer", "tenderer", "agency", "supervisor"})
"""Names of data that hold a centre's id, and an organisation's code."""


@dataclass(frozen=True)
class Event:
    """One entry as a page tells it."""

    stream: str
    seq: int
    at: datetime
    action: str
    actor: str
    roles: tuple[str, ...]
    """Of the account; none where no account of ours bears the name."""
    params: Mapping[str, Param]
    """The entry's texts, whole numbers and switches, by name: what a sentence may be filled with. Parties and
    centres have their names, moments are in Beijing time, amounts in yuan."""
    documents: tuple[DocumentRef, ...]
    hash: str

    @property
    def code(self) -> str:
        """`trading.lot.noticed`, of the action `trading:lot:noticed`."""
        return self.action.replace(":", ".")


@dataclass(frozen=True)
class Root:
    """A stream's size and root, and whether its entries give that root in an unbroken chain. None:
    the stream is too long to be checked while somebody waits."""

    stream: str
    size: int
    root: str
    holds: bool | None


@dataclass(frozen=True)
class Story:
    events: tuple[Event, ...]
    """Newest first."""
    roots: tuple[Root, ...]
    is_cut: bool

    @property
    def holds(self) -> bool:
        return all(root.holds is not False for root in self.roots)


def story(db: Session, log: Signer, streams: Sequence[str]) -> Story:
    """The story of these streams; those that do not exist have nothing to tell."""
    events: list[Event] = []
    roots: list[Root] = []
    is_cut = False
    reading = Reading(db, names_of_places(db))
    for stream in streams:
        note = journal.checkpoint(db, stream, log)
        if note is None:
            continue
        stated = Checkpoint.parse(Note.parse(note.encode()).text)
        start = 0 if stated.size <= VERIFIED_ENTRIES_MAX else stated.size - ENTRIES_MAX
        entries = list(islice(journal.entries(db, stream, start), stated.size - start))
        holds = None
        if start == 0:
            leaves = [entry.leaf for entry in entries]
            whole = break_of(stream, (entry.body for entry in entries)) is None
            holds = whole and merkle.root_of(leaves) == stated.root
        roots.append(Root(stream, stated.size, stated.root.hex(), holds))
        is_cut = is_cut or stated.size > ENTRIES_MAX
        events += [reading.event(entry) for entry in entries[-ENTRIES_MAX:]]
    order = {stream: number for number, stream in enumerate(streams)}
    events.sort(key=lambda e: (e.at, order[e.stream], e.seq), reverse=True)
    return Story(tuple(events), tuple(roots), is_cut)


def document(db: Session, vault: Vault, streams: Sequence[str], sha256: str) -> tuple[str, bytes]:
    """(name, content) of a document that an entry of these streams names; NOT_FOUND otherwise."""
    for stream in streams:
        for entry in journal.entries(db, stream):
            for found in entry.documents:
                if found.sha256 == sha256:
                    return found.name, vault.get(sha256)
    raise Refusal("api.story.document", {"sha256": sha256[:HASH_CHARACTERS]}, Kind.NOT_FOUND)


@dataclass
class Reading:
    """What is looked up once for a story: accounts and names."""

    db: Session
    centres: Mapping[str, str]
    parties: dict[str, str] = field(default_factory=dict)
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def event(self, entry: Entry) -> Event:
        if entry.actor not in self.roles:
            self.roles[entry.actor] = self._roles(entry.actor)
        params = {
            name: self._said(name, value)
            for name, value in entry.data.items()
            if isinstance(value, str | int)
        }
        return Event(
            stream=entry.stream,
            seq=entry.seq,
            at=entry.at,
            action=entry.action,
            actor=entry.actor,
            roles=self.roles[entry.actor],
            params=params,
            documents=entry.documents,
            hash=entry.hash,
        )

    def _roles(self, actor: str) -> tuple[str, ...]:
        if actor == SYSTEM.id:
            return tuple(SYSTEM.roles)
        account = identity.account(self.db, actor)
        return tuple(sorted(account.roles)) if account else ()

    def _said(self, name: str, value: Param) -> Param:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return f"¥{Money(value).in_yuan()}" if name.endswith("_fen") else value
        if name in CENTRE_NAMES:
            return self.centres.get(value, value)
        if name in PARTY_NAMES:
            if value not in self.parties:
                self.parties[value] = _party_name(self.db, value)
            return self.parties[value]
        if name.endswith("_at"):
            return _beijing(value)
        return value


def _party_name(db: Session, uscc: str) -> str:
    try:
        return parties.organisation(db, uscc).name
    except Refusal:
        return uscc


def _beijing(text: str) -> str:
    try:
        return f"{moment_of(text).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    except ValueError:
        return text
