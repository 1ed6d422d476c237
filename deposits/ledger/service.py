"""The ledger at work: moves are made in the caller's transaction, all or none.

Whoever moves money locks the accounts concerned in one order, reads the transfers after that, asks
the pure ledger, and writes what it says. Each batch stands on `ledger/<centre>` by the digest of its
moves, so that rows changed behind the ledger's back are found out. There is nothing to do here by
hand: other services of this room call it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from archive import canonical
from archive.actor import Actor
from archive.office import Tx
from deposits.ledger import keys, ledger, queries
from deposits.ledger.ledger import (
    Account,
    AccountKind,
    Book,
    Move,
    Reserve,
    Transfer,
    TransferState,
)


@dataclass(frozen=True)
class Posting:
    """A transfer as the book shows it."""

    transfer: Transfer
    made_at: datetime
    settled_at: datetime | None


def open_accounts(tx: Tx, accounts: Iterable[Account]) -> None:
    """Open those that are not open yet."""
    wanted = {account.id: account for account in accounts}
    missing = set(wanted) - queries.known_accounts(tx.db, wanted)
    queries.add_accounts(tx.db, [wanted[key] for key in sorted(missing)])


def move(tx: Tx, actor: Actor, moves: Sequence[Move]) -> dict[str, Transfer]:
    """Make all moves or none; the transfers that they made or settled, by key. Refuses as
    `ledger.applied` says. A batch that was made before changes nothing and records nothing."""
    if not moves:
        return {}
    tx.db.flush()
    named = {each.key for each in moves}
    known = queries.transfers(tx.db, named)
    ids = {x for t in known.values() for x in (t.debit, t.credit)}
    ids |= {x for m in moves if isinstance(m, Reserve | Book) for x in (m.debit, m.credit)}
    accounts = queries.lock(tx.db, ids)
    # What was read before the lock may have been settled meanwhile; now nobody can.
    known = queries.transfers(tx.db, named)
    changed, made = ledger.applied(accounts, known, moves)
    if not made:
        return {}
    new = [t for key, t in made.items() if key not in known]
    settled = [t for key, t in made.items() if key in known]
    queries.store(tx.db, list(changed.values()), new, settled, tx.now)
    for centre_id in sorted({account.centre_id for account in changed.values()}):
        ours = [t for t in made.values() if changed[t.debit].centre_id == centre_id]
        tx.record(
            stream(centre_id),
            "deposits:ledger:moved",
            actor,
            {"transfers": len(ours), "sha256": digest(ours)},
        )
    return made


def digest(transfers: Iterable[Transfer]) -> str:
    """Of a batch as it stands on the record: lines of key, accounts, fen and state, sorted."""
    lines = sorted([t.key, t.debit, t.credit, t.amount.fen, t.state.value] for t in transfers)
    return hashlib.sha256(canonical.encode(lines)).hexdigest()


def transfers(db: Session, wanted: Sequence[str]) -> dict[str, Transfer]:
    """Those of these transfers that are there, by key."""
    return queries.transfers(db, wanted)


def standing(db: Session, names: Collection[str], undone: int) -> dict[str, Transfer]:
    """By name, the transfer of each that was made and has no counter-entry; `undone` is how often
    something was undone, and with it how often a name may have been used anew (`keys.again`)."""
    if not undone:
        return queries.transfers(db, names)
    keyed = {keys.again(name, time): name for time in range(undone + 1) for name in names}
    found = queries.transfers(db, [*keyed, *map(keys.undone, keyed)])
    return {
        name: found[key]
        for key, name in keyed.items()
        if key in found and keys.undone(key) not in found
    }


def balances(db: Session, centre_id: str, kind: AccountKind | None = None) -> list[Account]:
    """A centre's accounts."""
    return queries.accounts(db, centre_id=centre_id, kind=kind)


def sub_account(db: Session, lot_id: str) -> list[Account]:
    """The accounts of a lot."""
    return queries.accounts(db, lot_id=lot_id)


def postings(db: Session, account_ids: Sequence[str]) -> list[Posting]:
    """What moved on these accounts, the oldest first."""
    return [
        Posting(row.to_domain(), row.made_at, row.settled_at)
        for row in queries.all_transfers(db, account_ids)
    ]


def pending(db: Session, centre_id: str) -> list[Posting]:
    """What is not settled yet at a centre."""
    ids = [account.id for account in queries.accounts(db, centre_id=centre_id)]
    return [p for p in postings(db, ids) if p.transfer.state is TransferState.PENDING]


def broken(db: Session) -> list[str]:
    """The invariants that the whole book breaks, worked out from its transfers; empty when it
    holds."""
    rows = queries.all_transfers(db)
    return ledger.broken(queries.accounts(db), (row.to_domain() for row in rows))


def stream(centre_id: str) -> str:
    return f"ledger/{centre_id}"
