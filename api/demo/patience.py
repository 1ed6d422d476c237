"""The invented people leave to a guest what is his to do, as long as he is signed in and not too slow.

Every act of a review can be done again: what is done stays, what a guest has done is not done twice, and
what is left to him is looked for again a little later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from api.demo.guests import EXPERT
from api.demo.play import Play
from api.identity import service as identity
from archive.office import Tx

PATIENCE = timedelta(hours=6)
"""Legal time; six minutes at the demonstration's usual rate."""
LOOK_AGAIN = timedelta(minutes=2)


def awaited(tx: Tx, args: Mapping[str, Any]) -> str:
    """The expert for whose part an act waits; empty for nobody."""
    since = args.get("since")
    if since is not None and tx.now - datetime.fromisoformat(since) > PATIENCE:
        return ""
    account = identity.account(tx.db, EXPERT)
    return account.party_id if account and identity.is_signed_in(tx.db, EXPERT) else ""


def wait(play: Play, tx: Tx, act: str, args: Mapping[str, Any]) -> None:
    """Do an act again a little later; until then legal time runs, and does not jump."""
    since = args.get("since", tx.now.isoformat())
    play.patient_until = tx.now + LOOK_AGAIN
    play.later(tx, act, {**args, "since": since}, play.patient_until)


def served(args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments for the next act, whose patience begins anew."""
    return {name: value for name, value in args.items() if name != "since"}
