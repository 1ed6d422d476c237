"""Accounts are made and disabled; people sign in and out.

Creating and disabling are acts on the record (stream `account/<id>`). Signing in is not: it is
judged on the host's real time, is forgotten when it ends, and a failed try must be counted although
the request is refused, so `sign_in` opens its transactions itself, unlike other services.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from api.identity import passwords, queries
from api.identity.accounts import Account, check_account
from api.identity.tables import AccountRow, SignInRow, TicketRow
from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Office, Tx

TICKET_SECONDS = 30
TOKEN_BYTES = 32
SEEN_SECONDS = 60
"""How stale `seen_at` may be: one write a minute and person, not one a request."""
ADDRESS_FACTOR = 10
"""An address may fail so many times as often as one account from it (offices share addresses)."""
ACCOUNT_FACTOR = 20
"""An account may fail so many times as often from all addresses together: enough to stop a search
spread over many, rarely enough that a stranger cannot lock a person out."""


@dataclass(frozen=True)
class Limits:
    """How long a sign-in lasts and how many tries may fail (`api.settings`)."""

    idle: timedelta
    length: timedelta
    window: timedelta
    failures_max: int


class Throttled(Exception):
    """Too many failed tries; `retry_seconds` until the window may have passed."""

    def __init__(self, retry_seconds: int) -> None:
        super().__init__(retry_seconds)
        self.retry_seconds = retry_seconds


def is_signed_in(db: Session, account_id: str) -> bool:
    """Whether anybody has signed in with an account and not signed out again."""
    return queries.is_signed_in(db, account_id)


def create_account(tx: Tx, actor: Actor, account: Account, password: str | None) -> Account:
    """Make an account; without a password nobody can sign in with one.

    Refuses INVALID (all faults at once) and CONFLICT where the id is taken.
    """
    check_account(account, password)
    if queries.account(tx.db, account.id) is not None:
        raise Refusal("api.account.exists", {"account": account.id}, Kind.CONFLICT)
    roles = sorted(account.roles)
    tx.db.add(
        AccountRow(
            id=account.id,
            roles=",".join(roles),
            centre_id=account.centre_id,
            party_id=account.party_id,
            password_hash=None if password is None else passwords.hashed(password, tx.entropy),
            disabled=account.disabled,
            created_at=tx.now,
        )
    )
    tx.db.flush()
    tx.record(
        f"account/{account.id}",
        "api:account:created",
        actor,
        {"roles": roles, "centre": account.centre_id, "party": account.party_id},
    )
    return account


def disable_account(tx: Tx, actor: Actor, account_id: str) -> Account:
    """End an account and everything that is signed in under it."""
    row = queries.account(tx.db, account_id)
    if row is None:
        raise Refusal("api.account.unknown", {"account": account_id}, Kind.NOT_FOUND)
    row.disabled = True
    tx.db.add(row)
    queries.end_all_of(tx.db, account_id)
    tx.record(f"account/{account_id}", "api:account:disabled", actor, {})
    return row.to_domain()


def end_sign_ins(tx: Tx, party_ids: Sequence[str]) -> None:
    """Sign out every account of these parties, wherever it is open. Each may sign in again."""
    queries.end_all_of_parties(tx.db, party_ids)


def account(db: Session, account_id: str) -> Account | None:
    row = queries.account(db, account_id)
    return row.to_domain() if row else None


def accounts(db: Session, limit: int = 1000) -> list[Account]:
    return [row.to_domain() for row in queries.accounts(db, limit)]


def accounts_around(
    db: Session, party_ids: Collection[str], centre_ids: Collection[str], role: Role
) -> list[Account]:
    """The accounts of these parties, of these centres, and of this role."""
    return [row.to_domain() for row in queries.accounts_around(db, party_ids, centre_ids, role)]


def sign_in(
    office: Office, limits: Limits, account_id: str, password: str, address: str, now: datetime
) -> tuple[str, Account]:
    """Check the password and begin a signed-in period: (token, account). `now` is real time.

    Refuses FORBIDDEN, in the same words and the same time whether the account is unknown, disabled
    or the password wrong; UNAVAILABLE, and counts no failure, while the installation has no account
    at all. Raises Throttled after too many failures; the password is not looked at then.
    """
    keys = _keys(account_id, address, limits)
    with office.read() as db:
        counts = queries.failures(db, list(keys), now - limits.window)
        if any(counts.get(key, 0) >= most for key, most in keys.items()):
            raise Throttled(math.ceil(limits.window.total_seconds()))
        row = queries.account(db, account_id)
        if row is None and not queries.has_accounts(db):
            raise Refusal("api.sign_in.no_accounts", {}, Kind.UNAVAILABLE)
        owner = row.to_domain() if row else None
        kept = row.password_hash if row else None
    right = passwords.is_right(password, kept)
    if owner is None or owner.disabled or not right:
        with office.write() as tx:
            _forget(tx.db, limits, now)
            for key in keys:
                queries.add_failure(tx.db, key, now)
        raise Refusal("api.sign_in.wrong", {}, Kind.FORBIDDEN)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with office.write() as tx:
        _forget(tx.db, limits, now)
        queries.forget_failures(tx.db, [next(iter(keys))])
        tx.db.add(
            SignInRow(token_sha256=_digest(token), account_id=owner.id, began_at=now, seen_at=now)
        )
    return token, owner


def sign_out(office: Office, token: str) -> None:
    with office.write() as tx:
        queries.end_one(tx.db, _digest(token))


@dataclass(frozen=True)
class Bearer:
    """Who holds a token, and whether `see` should be called."""

    account: Account
    is_stale: bool


def bearer(db: Session, limits: Limits, sign_in: str, now: datetime) -> Bearer | None:
    """The account of a signed-in period (`period_of`); None for one that is unknown or has ended, and
    for a disabled account."""
    found = queries.signed_in(db, sign_in)
    if found is None:
        return None
    row, owner = found
    if owner.disabled or row.to_domain().has_ended(now, limits.idle, limits.length):
        return None
    return Bearer(owner.to_domain(), now - row.seen_at >= timedelta(seconds=SEEN_SECONDS))


def see(office: Office, sign_in: str, now: datetime) -> None:
    """Note that somebody acted in this period."""
    with office.write() as tx:
        queries.mark_seen(tx.db, sign_in, now)


def period_of(token: str) -> str:
    """What names the signed-in period of a token."""
    return _digest(token)


def give_ticket(office: Office, token: str, now: datetime) -> str:
    """A ticket that opens one socket in the token's period, within `TICKET_SECONDS`."""
    ticket = secrets.token_urlsafe(TOKEN_BYTES)
    until = now + timedelta(seconds=TICKET_SECONDS)
    with office.write() as tx:
        tx.db.add(
            TicketRow(ticket_sha256=_digest(ticket), token_sha256=_digest(token), until=until)
        )
    return ticket


def take_ticket(office: Office, ticket: str, now: datetime) -> str:
    """The period for which a ticket stands, once; empty for one that is unknown, used or too old."""
    with office.write() as tx:
        return queries.take_ticket(tx.db, _digest(ticket), now) or ""


def _forget(db: Session, limits: Limits, now: datetime) -> None:
    queries.forget_before(db, now - limits.idle, now - limits.window)


def _keys(account_id: str, address: str, limits: Limits) -> dict[str, int]:
    """Digest of what is counted → how often it may fail; the first is forgotten on success."""
    one = limits.failures_max
    return {
        _digest(f"both\0{account_id}\0{address}"): one,
        _digest(f"address\0{address}"): one * ADDRESS_FACTOR,
        _digest(f"account\0{account_id}"): one * ACCOUNT_FACTOR,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
