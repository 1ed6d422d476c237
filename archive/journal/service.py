"""The journal at work: append, read, anchor.

Appending happens at the end of a transaction (`archive.office`), all streams at once and in
sorted order, so that two transactions can never wait for each other's heads in a circle.

A *tick* anchors every stream: each head that moved gets a signed checkpoint, and one more checkpoint
is signed over the tree of all heads. Whoever holds the newest anchor knows the state of every stream
at that moment, so nothing can be withheld or cut short unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlmodel import Session

from archive import merkle
from archive.errors import Refusal
from archive.journal import queries
from archive.journal.entry import (
    Entry,
    Pending,
    first_break,
    head_leaf,
    origin_of,
    parse,
    seal_in,
)
from archive.journal.tables import AnchoredHeadRow, AnchorRow, StreamRow
from archive.note import Checkpoint, MalformedNote, Note, Signer, Verifier
from archive.vault import Vault


def append(db: Session, pending: Sequence[Pending], now: datetime) -> list[Entry]:
    """Write entries to their streams in one go. The order of one stream's entries is kept.

    The time of an entry is `now`, or the time of the stream's last entry where that is later.
    """
    db.flush()  # what waits to be written may lock rows, and no row is locked after a head
    entries: list[Entry] = []
    by_stream = sorted(pending, key=lambda p: p.stream)  # stable: keeps each stream's own order
    for stream, group in groupby(by_stream, key=lambda p: p.stream):
        head = queries.lock_head(db, stream, now)
        at = max(now, head.last_at)
        frontier = merkle.Frontier.from_bytes(head.size, head.frontier)
        prev = head.last_hash
        rows: list[dict[str, object]] = []
        for seq, item in enumerate(group, start=head.size):
            entry = seal_in(item, seq, prev, at)
            leaf = entry.leaf
            frontier = frontier.append(leaf)
            prev = leaf.hex()
            entries.append(entry)
            rows.append(
                {"stream": stream, "seq": seq, "at": at, "action": entry.action, "body": entry.body}
            )
        grown = queries.Head(frontier.size, prev, at, frontier.to_bytes())
        queries.grow(db, stream, rows, grown)
    return entries


def entries(db: Session, stream: str, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
    """The entries of a stream from number `start` on."""
    return map(parse, queries.bodies(db, stream, start, stop))


def bodies(db: Session, stream: str, start: int, stop: int) -> list[bytes]:
    """The canonical bytes of entries `start` to `stop`."""
    return list(queries.bodies(db, stream, start, stop))


def entries_of(db: Session, stream: str, actions: Sequence[str]) -> Iterator[Entry]:
    """The entries of a stream that are of these actions, in order."""
    return map(parse, queries.bodies_of(db, stream, actions))


def sizes(db: Session, streams: Sequence[str]) -> dict[str, int]:
    """How many entries each of these streams has; 0 where there is no such stream."""
    return dict.fromkeys(streams, 0) | dict(queries.sizes(db, streams))


def size_of_all(db: Session, prefixes: Sequence[str]) -> int:
    """How many entries all streams have together whose names begin with one of `prefixes`."""
    return queries.size_of_all(db, prefixes)


def checkpoint(db: Session, stream: str, signer: Signer) -> str | None:
    """A signed checkpoint over the stream as it stands; None where there is no such stream. The
    key's name in it is the origin, as outside verifiers expect of a log (C2SP tlog-policy)."""
    head = queries.head_of(db, stream)
    if head is None:
        return None
    root = merkle.Frontier.from_bytes(head.size, head.frontier).root()
    origin = origin_of(signer.name, stream)
    return signer.named(origin).sign(Checkpoint(origin, head.size, root).text())


def anchor(db: Session, signer: Signer, now: datetime) -> AnchorRow | None:
    """One tick. Returns None, and writes nothing, when no stream moved since the last one.

    Of several at the same moment one anchors; the others wait for it and then find, as a rule, that
    nothing moved. So whatever was committed before the call is anchored after it, None or not.
    Nothing else belongs in the transaction: it waits for heads while it keeps others from ticking.

    The anchor's checkpoint has origin `<log name>/anchor`, size = number of streams, and the root of
    the tree over `head_leaf` of all streams sorted by name. All that moved is anchored, so that tree
    is told by the heads alone, whatever was anchored before.
    """
    if not queries.anything_moved(db):
        return None
    queries.lock_ticks(db)
    heads = queries.reached(db)
    if not any(head.moved for head in heads):
        return None
    last = queries.last_anchor(db)
    tick = last.tick + 1 if last else 0
    leaves: list[bytes] = []
    moved: list[AnchoredHeadRow] = []
    for head in heads:
        root = merkle.Frontier.from_bytes(head.size, head.frontier).root()
        leaves.append(head_leaf(head.stream, head.size, root.hex()))
        if head.moved:
            note = signer.sign(
                Checkpoint(origin_of(signer.name, head.stream), head.size, root).text()
            )
            moved.append(
                AnchoredHeadRow(
                    stream=head.stream, tick=tick, size=head.size, root=root.hex(), note=note
                )
            )
    root = merkle.root_of(leaves)
    row = AnchorRow(
        tick=tick,
        at=now,
        streams=len(leaves),
        root=root.hex(),
        note=signer.sign(Checkpoint(origin_of(signer.name, "anchor"), len(leaves), root).text()),
    )
    queries.insert_anchor(db, row, moved)
    return row


def streams(db: Session, prefix: str) -> list[str]:
    """The names of the streams that begin with `prefix`, sorted."""
    return queries.streams_with_prefix(db, prefix)


def last_tick(db: Session) -> int:
    """The number of the newest anchor; LookupError before the first one."""
    row = queries.last_anchor(db)
    if row is None:
        raise LookupError("nothing is anchored yet")
    return row.tick


def latest_moment(db: Session) -> datetime | None:
    """The newest legal time on any stream; None on an empty record. A clock that is driven must
    not start before it."""
    return queries.latest_moment(db)


@dataclass(frozen=True)
class AnchoredStream:
    """A stream's checkpoint and the proof that an anchor covers it; everything needed offline."""

    stream: str
    size: int
    root: str
    checkpoint: str
    anchor: str
    index: int
    proof: tuple[str, ...]


def anchored(db: Session, streams: Sequence[str], tick: int) -> list[AnchoredStream]:
    """The checkpoints of `streams` at `tick` with their inclusion proofs in that anchor.

    KeyError for a stream that the anchor does not cover.
    """
    row = queries.anchor(db, tick)
    if row is None:
        raise KeyError(f"no anchor {tick}")
    heads = queries.heads_at(db, tick)
    leaves = [head_leaf(head.stream, head.size, head.root) for head in heads]
    place = {head.stream: index for index, head in enumerate(heads)}
    found = []
    for stream in streams:
        index = place[stream]
        head = heads[index]
        proof = tuple(h.hex() for h in merkle.inclusion_proof(leaves, index))
        found.append(
            AnchoredStream(stream, head.size, head.root, head.note, row.note, index, proof)
        )
    return found


def first_break_anywhere(
    db: Session, log: Verifier | None = None, vault: Vault | None = None
) -> str | None:
    """Re-read the whole record; None where all is well. For `bigloop check` and after a crash.

    1. Each stream hangs together: numbering, chain, time, and the tree root of its head row.
    2. With `log`: each stream still begins with what its signed checkpoints say, one by one, so that
       a stream that was cut short or rewritten together with its head row is found.
    3. With `log`: the newest anchor is signed and covers the heads as they stood at its tick.
    4. With `vault`: each document that an entry names is there and is what it was.
    """
    for head in queries.heads(db):
        bodies = list(queries.bodies(db, head.id))
        wrong = _break_of_stream(head, bodies)
        if wrong is None and log is not None:
            wrong = _break_of_checkpoints(db, head.id, bodies, log)
        if wrong is None and vault is not None:
            wrong = _missing_document(bodies, vault)
        if wrong is not None:
            return f"{head.id}{wrong}"
    return None if log is None else _break_of_anchor(db, log)


def _break_of_stream(head: StreamRow, bodies: Sequence[bytes]) -> str | None:
    if len(bodies) != head.size:
        return f": {len(bodies)} entries, head says {head.size}"
    if (broken := first_break(head.id, bodies)) is not None:
        return f"[{broken[0]}]: {broken[1]}"
    try:
        root = merkle.Frontier.from_bytes(head.size, head.frontier).root()
    except ValueError as error:
        return f": {error}"
    leaves = [merkle.leaf_hash(body) for body in bodies]
    return None if merkle.root_of(leaves) == root else ": tree root differs"


def _break_of_checkpoints(
    db: Session, stream: str, bodies: Sequence[bytes], log: Verifier
) -> str | None:
    frontier = merkle.Frontier()
    for anchored in queries.anchored_heads(db, stream):
        if anchored.size > len(bodies):
            return (
                f": {len(bodies)} entries, but {anchored.size} were signed at tick {anchored.tick}"
            )
        for body in bodies[frontier.size : anchored.size]:
            frontier = frontier.append(merkle.leaf_hash(body))
        if frontier.root().hex() != anchored.root:
            return f": is not what was signed at tick {anchored.tick}"
        checkpoint = Checkpoint(origin_of(log.name, stream), anchored.size, frontier.root())
        if not _is_signed(anchored.note, checkpoint, log):
            return f": the checkpoint of tick {anchored.tick} is not signed by {log.name}"
    return None


def _break_of_anchor(db: Session, log: Verifier) -> str | None:
    row = queries.last_anchor(db)
    if row is None:
        return None
    heads = queries.heads_at(db, row.tick)
    root = merkle.root_of([head_leaf(head.stream, head.size, head.root) for head in heads])
    if not _is_signed(row.note, Checkpoint(origin_of(log.name, "anchor"), len(heads), root), log):
        return f"anchor {row.tick} does not cover the heads of its tick"
    return None


def _is_signed(note: str, checkpoint: Checkpoint, log: Verifier) -> bool:
    try:
        parsed = Note.parse(note.encode())
        return parsed.text == checkpoint.text() and bool(parsed.verified_by([log]))
    except MalformedNote:
        return False


def _missing_document(bodies: Sequence[bytes], vault: Vault) -> str | None:
    for index, body in enumerate(bodies):
        for document in parse(body).documents:
            try:
                vault.get(document.sha256)
            except Refusal as refusal:
                return f"[{index}]: {document.name}: {refusal.code}"
    return None
