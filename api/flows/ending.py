"""A tender that is given up (终止招标): what bidders had handed in for it goes back at once, guarantee and
cash alike (招标投标法实施条例 第三十一条)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from api.flows.names import FREE_TASK
from archive.actor import SYSTEM, Actor
from archive.office import Office, Tx
from archive.tasks.service import Write, enqueue
from deposits.cash import service as cash
from deposits.cash.holding import HoldingState
from deposits.guarantees import service as guarantees
from deposits.guarantees.states import WAITING
from deposits.refunds import service as refunds
from deposits.release import ReleaseCause, starts_clock
from trading.calendar.legal import legal_day
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.projects.stages import BEFORE_OPENING

POSTPONED = timedelta(hours=1)


def terminate(tx: Tx, actor: Actor, lot_id: str, document: bytes) -> Lot:
    """The tenderer gives the tender up; the clock of what is held runs from today. Before the opening
    nothing is known to be held: whoever has paid hands his slip in."""
    was = projects.lot(tx.db, lot_id).stage
    lot = projects.terminate_lot(tx, actor, lot_id, document)
    if was not in BEFORE_OPENING:
        enqueue(tx, FREE_TASK, {"lot": lot_id, "on": legal_day(tx.now).isoformat()})
    return lot


def free_task(_office: Office, args: Mapping[str, Any]) -> Write:
    """Task: start the clocks of a tender that was given up on `on`; while issuer or bank have not
    answered for something, ask again hourly."""
    lot_id, on = args["lot"], date.fromisoformat(args["on"])

    def write(tx: Tx) -> None:
        lot = projects.lot(tx.db, lot_id)
        cause = ReleaseCause.TERMINATED
        if not starts_clock(lot.regime, lot.division_code, cause, on):
            return
        records = guarantees.guarantees(tx.db, lot_id)
        holdings = cash.holdings(tx.db, lot_id)
        if any(record.state in WAITING for record in records) or any(
            holding.state is HoldingState.ANNOUNCED for holding in holdings
        ):
            enqueue(tx, FREE_TASK, args, tx.now + POSTPONED)
            return
        guarantees.start_release(tx, SYSTEM, lot_id, cause, on)
        refunds.start_release(tx, SYSTEM, lot_id, cause, on)

    return write
