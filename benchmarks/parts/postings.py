"""The ledger against bare INSERTs: the same transfer rows, in the same transaction sizes, into the
same table of the same database, one after the other in one run.

Ours locks accounts, checks limits, keeps sums, and writes the batch's digest to the record; the peer
writes the rows and commits. Both commit durably (SQLite, WAL, synchronous=FULL).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from api.migrations import upgrade
from archive.actor import SYSTEM
from archive.office import Office
from deposits.ledger import ledger, service
from deposits.ledger.ledger import Book, Move
from deposits.ledger.tables import TransferRow
from tests.builders import make_office
from trading.money import Money

GOAL = 0.3
CENTRE = "532901"
HOLDERS = 50
SIZES = (10, 100, 1000)
SECONDS = 4.0
QUICK_SECONDS = 1.5


def lines(*, quick: bool) -> Iterator[dict[str, object]]:
    """One line a transaction size: postings (two a transfer) a second."""
    with tempfile.TemporaryDirectory(prefix="bigloop-bench-") as folder:
        url = f"sqlite:///{folder}/ledger.db"
        upgrade(url)
        office = make_office(Path(folder), url, datetime(2026, 10, 21, 1, tzinfo=UTC))
        held = [ledger.held(CENTRE, "lot", f"h{n}") for n in range(HOLDERS)]
        with office.write() as tx:
            service.open_accounts(tx, [ledger.bank(CENTRE), *held])
        for size in SIZES:
            yield _line(office, [a.id for a in held], size, QUICK_SECONDS if quick else SECONDS)
        with office.read() as db:
            assert service.broken(db) == []
        office.connections.dispose()


def _line(office: Office, accounts: list[str], size: int, seconds: float) -> dict[str, object]:
    """Batches of ours and the peer's in turn, until both have had their time."""
    spent = {"ours": 0.0, "peer": 0.0}
    batches = 0
    while min(spent.values()) < seconds:
        began = time.perf_counter()
        _ours(office, accounts, size, batches)
        between = time.perf_counter()
        _peer(office, accounts, size, batches)
        spent["ours"] += between - began
        spent["peer"] += time.perf_counter() - between
        batches += 1
    rates = {who: 2 * size * batches / spent[who] for who in spent}
    ratio = round(rates["ours"] / rates["peer"], 3)
    return {
        "bench": "deposits",
        "case": f"ledger postings, {size} transfers a transaction",
        "ours": round(rates["ours"]),
        "peer": round(rates["peer"]),
        "unit": "postings a second",
        "peer_name": "bare INSERTs of the same rows",
        "ratio": ratio,
        "goal": f">= {GOAL:g}",
        "holds": ratio >= GOAL,
    }


def _moves(accounts: list[str], size: int, batch: int) -> list[Move]:
    bank = ledger.bank(CENTRE).id
    return [
        Book(f"ours {size} {batch} {n}", bank, accounts[n % len(accounts)], Money(100 + n), "bench")
        for n in range(size)
    ]


def _ours(office: Office, accounts: list[str], size: int, batch: int) -> None:
    with office.write() as tx:
        service.move(tx, SYSTEM, _moves(accounts, size, batch))


def _peer(office: Office, accounts: list[str], size: int, batch: int) -> None:
    """Into a table of the same shape beside ours, so that our book stays whole."""
    bank, now = ledger.bank(CENTRE).id, office.clock.now()
    table = _beside(office)
    with office.connections.write() as db:
        db.connection().execute(
            sa.insert(table),
            [
                {
                    "key": f"peer {size} {batch} {n}",
                    "debit": bank,
                    "credit": accounts[n % len(accounts)],
                    "amount_fen": 100 + n,
                    "subject": "bench",
                    "state": "POSTED",
                    "made_at": now,
                    "settled_at": now,
                }
                for n in range(size)
            ],
        )


_made: dict[str, sa.Table] = {}


def _beside(office: Office) -> sa.Table:
    """A copy of the table of transfers, with its columns, checks and indexes."""
    if office.connections.url not in _made:
        metadata = sa.MetaData()
        own = TransferRow.__table__  # type: ignore[attr-defined]
        own.metadata.tables["ledger_account"].to_metadata(metadata)
        table = own.to_metadata(metadata, name="bare_transfer")
        for index in table.indexes:
            index.name = f"bare_{index.name}"
        table.create(office.connections.engine)
        _made[office.connections.url] = table
    return _made[office.connections.url]
