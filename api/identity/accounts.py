"""Accounts and signed-in periods, as values: what makes them valid, and nothing else.

An account belongs to one person or machine. It names the trading centre of staff (`centre_id`) and
the organisation or expert for whom it acts (`party_id`); what each role may do is in `api.access`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from archive.actor import Actor, Role
from archive.errors import Faults

ACCOUNT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Also the name of the account's stream in the journal: `account/<id>`."""
PASSWORD_CHARACTERS_MIN = 12
PASSWORD_CHARACTERS_MAX = 256
"""A bound, so that nobody makes us hash a megabyte."""


@dataclass(frozen=True)
class Account:
    id: str
    roles: frozenset[Role]
    centre_id: str = ""
    party_id: str = ""
    disabled: bool = False

    @property
    def actor(self) -> Actor:
        return Actor(self.id, self.roles, self.centre_id, self.party_id)


@dataclass(frozen=True)
class SignedIn:
    """A period in which one browser acts for an account; real time of the host throughout."""

    account_id: str
    began_at: datetime
    seen_at: datetime

    def has_ended(self, now: datetime, idle_max: timedelta, length_max: timedelta) -> bool:
        """Whether it ended by idleness or by age. A host clock set back ends it too."""
        idle, age = now - self.seen_at, now - self.began_at
        return not (-timedelta(minutes=1) <= idle < idle_max and age < length_max)


def check_account(account: Account, password: str | None) -> None:
    """Refuse INVALID, all faults at once, where a new account breaks the form."""
    faults = Faults("api.account.invalid")
    if not ACCOUNT_ID.fullmatch(account.id) or account.id == "system":
        faults.add("/id", "api.account.id", value=account.id[:80])
    if not account.roles or Role.SYSTEM in account.roles:
        faults.add("/roles", "api.account.roles")
    if Role.STAFF in account.roles and not account.centre_id:
        faults.add("/centre_id", "api.account.centre")
    if Role.OPERATOR in account.roles and (account.centre_id or account.party_id):
        faults.add("/roles", "api.account.operator")
    needs_party = {Role.BIDDER, Role.EXPERT, Role.TENDERER, Role.ISSUER}
    if account.roles & needs_party and not account.party_id:
        faults.add("/party_id", "api.account.party")
    if password is not None and not (
        PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX
    ):
        faults.add(
            "/password",
            "api.account.password",
            minimum=PASSWORD_CHARACTERS_MIN,
            maximum=PASSWORD_CHARACTERS_MAX,
        )
    faults.refuse()
