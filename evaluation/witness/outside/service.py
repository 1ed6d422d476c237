"""Outside witnesses: how far each has cosigned a session's log, and the lines it gave.

They are not enrolled and do nothing in the session; that they cosigned stands beside the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session as Db

from archive.cosignature import Cosigner
from archive.journal import service as journal
from archive.office import Tx
from evaluation.witness import queries
from evaluation.witness.tables import CosignatureRow


def size_of(db: Db, session_id: str, name: str) -> int:
    """The size that the witness cosigned last; 0 before."""
    return queries.outside_size(db, session_id, name)


def not_to_the_end(db: Db, name: str, since: datetime, until: datetime) -> list[str]:
    """Sessions whose watch ended in that time (real time) and whose last checkpoint the witness has not cosigned."""
    ended = queries.leases_ended(db, since, until)
    streams = {f"session/{session_id}": session_id for session_id in ended}
    cosigned = queries.outside_sizes(db, name, ended)
    sizes = journal.sizes(db, list(streams))
    return [streams[one] for one, size in sizes.items() if size > cosigned.get(streams[one], 0)]


@dataclass(frozen=True)
class Standing:
    """How far an outside witness has cosigned a session's log, by its own clock; None where it has not."""

    name: str
    size: int = 0
    at: datetime | None = None


def standing(db: Db, session_id: str, names: Iterable[str]) -> tuple[Standing, ...]:
    """Of each witness, in the order of the names."""
    found = []
    for name in names:
        row = queries.last_cosignature(db, session_id, name)
        found.append(Standing(name, row.size, row.at) if row else Standing(name))
    return tuple(found)


def keep(tx: Tx, session_id: str, witness: Cosigner, size: int, line: str, at: datetime) -> None:
    """Keep a verified line over the checkpoint of `size`."""
    row = CosignatureRow(session_id=session_id, size=size, name=witness.name, line=line, at=at)
    queries.put_cosignature(tx.db, row)
    if size > queries.outside_size(tx.db, session_id, witness.name):
        queries.set_outside_size(tx.db, session_id, witness.name, size)
