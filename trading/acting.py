"""For whom an account acts: two checks that every service of trading shares.

Roles are checked by `Actor.must_be`. Here: staff serve one centre, a party speaks for itself.
"""

from __future__ import annotations

from archive.actor import Actor
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
