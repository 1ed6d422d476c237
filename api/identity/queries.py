"""All SQL of accounts and sign-in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from api.identity.tables import AccountRow, FailedTryRow, SignInRow, TicketRow


def account(db: Session, account_id: str) -> AccountRow | None:
    return db.get(AccountRow, account_id)


def accounts(db: Session, limit: int) -> list[AccountRow]:
    """Accounts in code-point order of their ids."""
    rows = db.exec(select(AccountRow).limit(limit)).all()
    return sorted(rows, key=lambda row: row.id)


def accounts_around(
    db: Session, party_ids: Collection[str], centre_ids: Collection[str], role: str
) -> list[AccountRow]:
    wanted = sa.or_(
        col(AccountRow.party_id).in_(party_ids),
        col(AccountRow.centre_id).in_(centre_ids),
        col(AccountRow.roles).contains(role),
    )
    return list(db.exec(select(AccountRow).where(wanted)))


def signed_in(db: Session, token_sha256: str) -> tuple[SignInRow, AccountRow] | None:
    return db.exec(
        select(SignInRow, AccountRow)
        .join(AccountRow, col(AccountRow.id) == col(SignInRow.account_id))
        .where(col(SignInRow.token_sha256) == token_sha256)
    ).one_or_none()


def is_signed_in(db: Session, account_id: str) -> bool:
    found = select(SignInRow.token_sha256).where(SignInRow.account_id == account_id)
    return db.exec(found.limit(1)).first() is not None


def mark_seen(db: Session, token_sha256: str, now: datetime) -> None:
    db.execute(
        sa.update(SignInRow)
        .where(col(SignInRow.token_sha256) == token_sha256, col(SignInRow.seen_at) < now)
        .values(seen_at=now)
    )


def end_one(db: Session, token_sha256: str) -> None:
    db.execute(sa.delete(SignInRow).where(col(SignInRow.token_sha256) == token_sha256))


def end_all_of(db: Session, account_id: str) -> None:
    db.execute(sa.delete(SignInRow).where(col(SignInRow.account_id) == account_id))


def end_all_of_parties(db: Session, party_ids: Sequence[str]) -> None:
    accounts = select(AccountRow.id).where(col(AccountRow.party_id).in_(party_ids))
    db.execute(
        sa.delete(SignInRow)
        .where(col(SignInRow.account_id).in_(accounts))
        .execution_options(synchronize_session=False)
    )


def forget_before(db: Session, seen_before: datetime, failed_before: datetime) -> None:
    """Remove periods that have ended and tries that no longer count."""
    db.execute(sa.delete(SignInRow).where(col(SignInRow.seen_at) < seen_before))
    db.execute(sa.delete(FailedTryRow).where(col(FailedTryRow.since) < failed_before))


def take_ticket(db: Session, ticket_sha256: str, now: datetime) -> str | None:
    """The signed-in period of a ticket, which is gone then; two who come with it get it once."""
    db.execute(sa.delete(TicketRow).where(col(TicketRow.until) <= now))
    taken = sa.delete(TicketRow).where(col(TicketRow.ticket_sha256) == ticket_sha256)
    return db.execute(taken.returning(col(TicketRow.token_sha256))).scalar_one_or_none()


def failures(db: Session, keys: Sequence[str], since: datetime) -> dict[str, int]:
    rows = db.exec(
        select(FailedTryRow).where(
            col(FailedTryRow.key_sha256).in_(keys), col(FailedTryRow.since) >= since
        )
    ).all()
    return {row.key_sha256: row.failures for row in rows}


def add_failure(db: Session, key: str, now: datetime) -> None:
    """Count one more; a window that has ended was removed by `forget_before`."""
    row = db.get(FailedTryRow, key, with_for_update=True)
    if row is None:
        db.add(FailedTryRow(key_sha256=key, failures=1, since=now))
    else:
        row.failures += 1
        db.add(row)
    db.flush()


def forget_failures(db: Session, keys: Sequence[str]) -> None:
    db.execute(sa.delete(FailedTryRow).where(col(FailedTryRow.key_sha256).in_(keys)))


def has_accounts(db: Session) -> bool:
    """Whether there is any account."""
    return db.exec(select(AccountRow.id).limit(1)).first() is not None
