"""A tender that comes to nothing after its opening: given up (终止招标, 条例 第三十一条), or all its bids
rejected (招标投标法 第四十二条). What bidders had handed in for it goes back, guarantee and cash alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session as Db

from api.flows import review
from api.flows.names import FREE_TASK
from archive.actor import SYSTEM, Actor
from archive.errors import Kind, Refusal
from archive.office import Office, Tx
from archive.tasks.service import Write, enqueue
from deposits.cash import service as cash
from deposits.cash.holding import HoldingState
from deposits.guarantees import service as guarantees
from deposits.guarantees.states import WAITING
from deposits.refunds import service as refunds
from deposits.release import ReleaseCause, starts_clock
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Stage
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
        _free(tx, lot_id)
    return lot


def has_no_candidate(db: Db, session: Session) -> bool:
    """Whether the committee's signed report rejects every bid."""
    return session.stage is Stage.CLOSED and not sessions.result(db, session.id).ranking


def fail(tx: Tx, actor: Actor, lot_id: str) -> Lot:
    """Staff declare the tender failed by the committee's report, which rejects all bids. CONFLICT
    where one of them stands, or somebody who judged may not have."""
    session = sessions.session_of_lot(tx.db, lot_id)
    if session is None:
        raise Refusal("api.flows.no_session", {"lot": lot_id}, Kind.NOT_FOUND)
    review.must_stand(tx.db, session)
    if not has_no_candidate(tx.db, session):
        raise Refusal("api.flows.bids_stand", {"lot": lot_id}, Kind.CONFLICT)
    lot = projects.fail_lot(tx, actor, lot_id, sessions.report_of(tx.db, session.id))
    _free(tx, lot_id)
    return lot


def _free(tx: Tx, lot_id: str) -> None:
    enqueue(tx, FREE_TASK, {"lot": lot_id, "on": legal_day(tx.now).isoformat()})


def free_task(_office: Office, args: Mapping[str, Any]) -> Write:
    """Task: start the clocks of a tender that ended on `on`; while issuer or bank have not
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
