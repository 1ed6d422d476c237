"""Rows of accounts, of signed-in periods and of failed tries."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from api.identity.accounts import Account, SignedIn
from archive.actor import Role
from archive.database import UtcDateTime


class AccountRow(SQLModel, table=True):
    __tablename__ = "account"

    id: str = Field(primary_key=True, max_length=64)
    roles: str
    """Role names, sorted, with commas."""
    centre_id: str = Field(default="", index=True)
    party_id: str = ""
    password_hash: str | None = None
    """Empty: nobody can sign in with a password."""
    disabled: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)

    def to_domain(self) -> Account:
        roles = frozenset(Role(name) for name in self.roles.split(","))
        return Account(self.id, roles, self.centre_id, self.party_id, self.disabled)


class SignInRow(SQLModel, table=True):
    """A signed-in period; the browser holds the token, this row its SHA-256 only, so that a copy
    of the database signs nobody in."""

    __tablename__ = "sign_in"

    token_sha256: str = Field(primary_key=True, max_length=64)
    account_id: str = Field(foreign_key="account.id", index=True)
    began_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime, index=True)

    def to_domain(self) -> SignedIn:
        return SignedIn(self.account_id, self.began_at, self.seen_at)


class TicketRow(SQLModel, table=True):
    """A ticket that opens one socket for a signed-in period, and is then gone; its SHA-256 only."""

    __tablename__ = "sign_in_ticket"

    ticket_sha256: str = Field(primary_key=True, max_length=64)
    token_sha256: str = Field(max_length=64)
    until: datetime = Field(sa_type=UtcDateTime, index=True)


class FailedTryRow(SQLModel, table=True):
    """Failed tries under one key (account and address, address, account), as a digest."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (sa.CheckConstraint("failures > 0", name="failures_positive"),)

    key_sha256: str = Field(primary_key=True, max_length=64)
    failures: int
    since: datetime = Field(sa_type=UtcDateTime, index=True)
