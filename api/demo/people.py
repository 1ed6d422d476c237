"""The accounts that the invented people act with."""

from __future__ import annotations

from archive.actor import Actor, Role


def staff(centre_id: str, number: int = 1) -> Actor:
    """Staff of a centre; number 2 is the second person where two are needed."""
    return Actor(f"staff-{centre_id}-{number}", frozenset({Role.STAFF}), centre_id=centre_id)


def pool_office(number: int = 1) -> Actor:
    """The expert pool's office; number 2 reviews what number 1 filed."""
    return Actor(f"pool-office-{number}", frozenset({Role.POOL}))


def supervisor(uscc: str) -> Actor:
    return Actor(f"supervisor-{uscc}", frozenset({Role.SUPERVISOR}), party_id=uscc)


def tenderer(uscc: str) -> Actor:
    return Actor(f"tenderer-{uscc}", frozenset({Role.TENDERER}), party_id=uscc)


def bidder(uscc: str) -> Actor:
    return Actor(f"bidder-{uscc}", frozenset({Role.BIDDER}), party_id=uscc)


def expert(expert_id: str) -> Actor:
    return Actor(f"expert-{expert_id}", frozenset({Role.EXPERT}), party_id=expert_id)


def representative(key: str, number: int) -> str:
    """The id of a tenderer's representative in a committee; a person, not in the pool."""
    return f"R{key}-{number}"


def member(person_id: str) -> Actor:
    """Whoever sits in a committee under this id, for himself."""
    if person_id.startswith("R"):
        return Actor(f"member-{person_id}", frozenset({Role.TENDERER}), party_id=person_id)
    return expert(person_id)
