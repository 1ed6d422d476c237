"""Who acts in a session, said without a name: a member by his seat, everybody else by what he is and where.

The record names accounts. Whoever watches a review needs to tell persons apart (two sign a seal), not who they are: members'
names are secret until the result is known (招标投标法 第三十七条). So two of one office are numbered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlmodel import Session as Db

from api.identity import service as identity
from api.identity.accounts import Account
from archive.actor import SYSTEM, Role
from evaluation.session.session import Session
from evaluation.witness.keeping.service import KEEPER
from trading.projects import service as projects

_FIRST = (Role.STAFF, Role.SUPERVISOR, Role.TENDERER)
"""Of several roles the one in which somebody acts in a session."""


@dataclass(frozen=True)
class Acting:
    """`seat` of a member; `centre` of staff; `number` from 1 where several are alike, else 0."""

    role: Role
    seat: str = ""
    centre: str = ""
    number: int = 0


def acting(db: Db, session: Session, *, is_demo: bool = False) -> dict[str, Acting]:
    """Everybody who may act in the session, by account."""
    lot = projects.lot(db, session.lot_id)
    seats = {member.expert_id: member.seat_code for member in session.state.members}
    tenderer = {party for party in (lot.tenderer_uscc, lot.agency_uscc) if party}
    centres = {session.centre_id, *(member.centre_id for member in session.state.members)}
    accounts = identity.accounts_around(db, {*seats, *tenderer}, centres, Role.SUPERVISOR)
    if is_demo:
        accounts += _of_a_demonstration({*seats}, centres, tenderer, lot.supervisor_uscc)
    found = {actor.id: Acting(Role.SYSTEM) for actor in (SYSTEM, KEEPER)}
    alike: dict[Acting, list[str]] = defaultdict(list)
    for account in accounts:
        who = found[account.id] = _acting(account, seats)
        if not who.seat:
            alike[who].append(account.id)
    for who, ids in alike.items():
        for number, account_id in enumerate(sorted(ids), 1):
            found[account_id] = replace(who, number=number if len(ids) > 1 else 0)
    return found


def office(account: Account) -> Acting:
    """Somebody who acts, whatever the session."""
    return _acting(account, {})


def _acting(account: Account, seats: Mapping[str, str]) -> Acting:
    if account.party_id in seats:
        return Acting(Role.EXPERT, seat=seats[account.party_id])
    role = next((role for role in _FIRST if role in account.roles), min(account.roles))
    return Acting(role, centre=account.centre_id if role is Role.STAFF else "")


def _of_a_demonstration(
    experts: set[str], centres: set[str], tenderer: set[str], supervisor: str
) -> list[Account]:
    """The invented people act without accounts; their names say who they are."""
    return [
        *(Account(f"expert-{one}", frozenset({Role.EXPERT}), party_id=one) for one in experts),
        *(Account(f"member-{one}", frozenset({Role.TENDERER}), party_id=one) for one in experts),
        *(Account(f"tenderer-{one}", frozenset({Role.TENDERER}), party_id=one) for one in tenderer),
        *(
            Account(f"staff-{one}-{number}", frozenset({Role.STAFF}), centre_id=one)
            for one in centres
            for number in (1, 2)
        ),
        Account(f"supervisor-{supervisor}", frozenset({Role.SUPERVISOR}), party_id=supervisor),
    ]
