"""The opening across the rooms: trading opens the bids; what else came to light goes on to deposits
(guarantees and payment slips, verified later by tasks) and to experts (recusal against the bidders)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from api.flows import drawing
from api.flows.names import OPEN_TASK
from archive.actor import SYSTEM, Actor
from archive.custody import Custodian
from archive.office import Office, Tx
from archive.tasks.service import Write, enqueue
from deposits.cash import service as cash
from deposits.guarantees import service as guarantees
from experts.draws.service import Recheck
from trading.lodging.bid import GUARANTEE, PAYMENT
from trading.objections import service as objections
from trading.opening import service as opening
from trading.opening.opening import Opening

POSTPONED = timedelta(hours=1)


def begin_task(custodian: Custodian) -> Callable[[Office, Mapping[str, Any]], Write]:
    """Task: begin the opening at its hour; while an objection is unanswered, ask again hourly."""

    def handle(_office: Office, args: Mapping[str, Any]) -> Write:
        def write(tx: Tx) -> None:
            if objections.suspended(tx.db, args["lot"]):
                enqueue(tx, OPEN_TASK, args, tx.now + POSTPONED)
                return
            opening.begin_opening(tx, SYSTEM, args["lot"], custodian)

        return write

    return handle


@dataclass(frozen=True)
class Opened:
    """What was read out, and whom the recusal removed; no `recheck` where the tender failed."""

    opening: Opening
    recheck: Recheck | None


def finish(tx: Tx, actor: Actor, lot_id: str) -> Opened:
    """Read the bids out, hand over the guarantees, check the committee against the bidders."""
    opened = opening.finish_opening(tx, actor, lot_id)
    if opened.failed:
        return Opened(opened, None)
    contents = opening.envelopes(tx.db, lot_id, GUARANTEE)
    if contents:
        guarantees.restore(tx, actor, lot_id, contents)
    if slips := opening.envelopes(tx.db, lot_id, PAYMENT):
        cash.restore(tx, actor, lot_id, slips)
    return Opened(opened, drawing.recheck(tx, actor, lot_id))
