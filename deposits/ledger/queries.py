"""All SQL of the ledger. Plain statements over many rows: a batch costs a handful of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from deposits.ledger.ledger import Account, AccountKind, Transfer, TransferState
from deposits.ledger.tables import AccountRow, TransferRow
from trading.money import Money

CHUNK = 500
_ACCOUNT = AccountRow.__table__  # type: ignore[attr-defined]
_TRANSFER = TransferRow.__table__  # type: ignore[attr-defined]


def transfers(db: Session, keys: Collection[str]) -> dict[str, Transfer]:
    """Transfers by key."""
    found: dict[str, Transfer] = {}
    for chunk in _chunks(keys):
        for row in db.connection().execute(sa.select(_TRANSFER).where(_TRANSFER.c.key.in_(chunk))):
            found[row.key] = Transfer(
                row.key,
                row.debit,
                row.credit,
                Money(row.amount_fen),
                row.subject,
                TransferState(row.state),
            )
    return found


def lock(db: Session, ids: Collection[str]) -> dict[str, Account]:
    """Accounts by id, locked in the order of their ids, so that no two movers wait in a circle."""
    found: dict[str, Account] = {}
    for chunk in _chunks(sorted(ids)):
        statement = (
            sa.select(_ACCOUNT)
            .where(_ACCOUNT.c.id.in_(chunk))
            .order_by(_ACCOUNT.c.id)
            .with_for_update()
        )
        for row in db.connection().execute(statement):
            found[row.id] = Account(
                row.id,
                row.centre_id,
                AccountKind(row.kind),
                row.lot_id,
                row.holder,
                row.debits_pending,
                row.debits_posted,
                row.credits_pending,
                row.credits_posted,
            )
    return found


def known_accounts(db: Session, ids: Collection[str]) -> set[str]:
    found: set[str] = set()
    for chunk in _chunks(ids):
        found.update(
            db.connection()
            .execute(sa.select(_ACCOUNT.c.id).where(_ACCOUNT.c.id.in_(chunk)))
            .scalars()
        )
    return found


def add_accounts(db: Session, accounts: Iterable[Account]) -> None:
    rows = [
        {
            "id": account.id,
            "centre_id": account.centre_id,
            "kind": account.kind.value,
            "lot_id": account.lot_id,
            "holder": account.holder,
            "debits_pending": 0,
            "debits_posted": 0,
            "credits_pending": 0,
            "credits_posted": 0,
        }
        for account in accounts
    ]
    if not rows:
        return
    # Two transactions may open the same account at once: the second finds it there.
    dialect = db.connection().dialect.name
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_postgresql

        db.connection().execute(insert_postgresql(_ACCOUNT).on_conflict_do_nothing(), rows)
    else:
        from sqlalchemy.dialects.sqlite import insert as insert_sqlite

        db.connection().execute(insert_sqlite(_ACCOUNT).on_conflict_do_nothing(), rows)


def store(
    db: Session,
    accounts: Collection[Account],
    new: Collection[Transfer],
    settled: Collection[Transfer],
    now: datetime,
) -> None:
    """Write what a batch of moves came to."""
    connection = db.connection()
    if new:
        connection.execute(
            sa.insert(_TRANSFER),
            [
                {
                    "key": t.key,
                    "debit": t.debit,
                    "credit": t.credit,
                    "amount_fen": t.amount.fen,
                    "subject": t.subject,
                    "state": t.state.value,
                    "made_at": now,
                    "settled_at": None if t.state is TransferState.PENDING else now,
                }
                for t in new
            ],
        )
    if settled:
        connection.execute(
            sa.update(_TRANSFER)
            .where(_TRANSFER.c.key == sa.bindparam("k"), _TRANSFER.c.state == "PENDING")
            .values(state=sa.bindparam("s"), settled_at=now),
            [{"k": t.key, "s": t.state.value} for t in settled],
        )
    connection.execute(
        sa.update(_ACCOUNT)
        .where(_ACCOUNT.c.id == sa.bindparam("i"))
        .values(
            debits_pending=sa.bindparam("dp"),
            debits_posted=sa.bindparam("dd"),
            credits_pending=sa.bindparam("cp"),
            credits_posted=sa.bindparam("cc"),
        ),
        [
            {
                "i": a.id,
                "dp": a.debits_pending,
                "dd": a.debits_posted,
                "cp": a.credits_pending,
                "cc": a.credits_posted,
            }
            for a in accounts
        ],
    )


def accounts(
    db: Session, centre_id: str = "", lot_id: str = "", kind: AccountKind | None = None
) -> list[Account]:
    """Accounts in order of id: of a centre, of a lot, of a kind, or all."""
    statement = select(AccountRow).order_by(col(AccountRow.id))
    if centre_id:
        statement = statement.where(col(AccountRow.centre_id) == centre_id)
    if lot_id:
        statement = statement.where(col(AccountRow.lot_id) == lot_id)
    if kind is not None:
        statement = statement.where(col(AccountRow.kind) == kind.value)
    return [row.to_domain() for row in db.exec(statement)]


def all_transfers(db: Session, account_ids: Collection[str] | None = None) -> list[TransferRow]:
    """Transfers in the order in which they were made: those that touch one of the accounts, or all."""
    statement = select(TransferRow).order_by(col(TransferRow.made_at), col(TransferRow.key))
    if account_ids is not None:
        wanted = list(account_ids)
        statement = statement.where(
            sa.or_(col(TransferRow.debit).in_(wanted), col(TransferRow.credit).in_(wanted))
        )
    return list(db.exec(statement))


def _chunks(items: Collection[str]) -> Iterable[list[str]]:
    held = list(items)
    for start in range(0, len(held), CHUNK):
        yield held[start : start + CHUNK]
