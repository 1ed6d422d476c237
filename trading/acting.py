"""For whom an account acts: the checks that all services share.

Roles are checked by `Actor.must_be`. Here: staff serve one centre, a party speaks for itself, a
supervisor watches the lots that name his department; one without a party is the province's.
"""

from __future__ import annotations

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal


def must_serve(actor: Actor, centre_id: str) -> None:
    """Refuse FORBIDDEN staff of another centre. An account without a centre serves all."""
    if actor.centre_id and actor.centre_id != centre_id:
        raise Refusal(
            "trading.actor.centre", {"actor": actor.id, "centre": centre_id}, Kind.FORBIDDEN
        )


def must_act_for(actor: Actor, *usccs: str | None) -> None:
    """Refuse FORBIDDEN an account that acts for none of these organisations."""
    if not actor.party_id or actor.party_id not in usccs:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)


def watches(actor: Actor, supervisor_uscc: str) -> bool:
    """Whether a supervisor may see what this department supervises: his own, or all of it where
    the account has no party (the province's supervisor)."""
    return not actor.party_id or actor.party_id == supervisor_uscc


def must_watch(actor: Actor, supervisor_uscc: str) -> None:
    """Refuse FORBIDDEN a supervisor of another department; others are judged elsewhere."""
    if Role.SUPERVISOR in actor.roles and not watches(actor, supervisor_uscc):
        raise Refusal("trading.actor.supervisor", {"actor": actor.id}, Kind.FORBIDDEN)
