"""Cash deposits that are given back: the clock, the order, the account.

A clock starts with the contract, the award notice (procurement), the termination, a withdrawal, a
refused extension or a rejected payment, as `deposits.release` says. A task at the beginning of its
last day orders the payment that nobody has ordered by hand, and asks again the next day while an
objection suspends the lot.

Money goes back where it came from (原路退回). Another account than that is never typed in: after a
bounce the bidder's registered basic account is taken, and only a change that was registered before
the award counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from archive.actor import SYSTEM, Actor, Role
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Office, Tx
from archive.tasks import service as tasks
from deposits.cash import queries as cash
from deposits.cash.holding import Holding, HoldingState, move, with_clock
from deposits.cash.service import REFUND_TASK, clock_started, locked_holding
from deposits.interest import interest, late_fee
from deposits.ledger import ledger
from deposits.lot import DepositLot
from deposits.refunds import queries
from deposits.refunds.ends import AWARDED
from deposits.refunds.orders.service import check_account, send
from deposits.refunds.payout import (
    Payout,
    PayoutState,
    Purpose,
    account_digest,
    payout_key,
    spans_shown,
)
from deposits.release import ReleaseCause, covers, overdue_days, release_due, starts_clock
from deposits.service import deposit_lot, lot_to_settle
from trading.acting import must_act_for, must_watch
from trading.calendar.legal import legal_day, start_of
from trading.money import Money
from trading.objections import service as objections
from trading.parties import service as parties
from trading.projects import service as projects

# --- Clocks -------------------------------------------------------------------------------


def start_release(
    tx: Tx, actor: Actor, lot_id: str, cause: ReleaseCause, event_on: date, winner_uscc: str = ""
) -> tuple[Holding, ...]:
    """Start the clock for the cash that an event frees; the holdings whose clock it started.

    Says nothing (an empty answer) where the regime starts no clock at this event: guarantees, which
    are released beside the cash, have refused then. Refuses CONFLICT while the bank has not answered
    for a slip of the lot.
    """
    lot = lot_to_settle(tx.db, actor, lot_id)
    if not starts_clock(lot.regime, lot.region, cause, event_on):
        return ()
    if any(h.state is HoldingState.ANNOUNCED for h in cash.of_lot(tx.db, lot_id)):
        raise Refusal("deposits.cash.not_answered", {"lot": lot_id}, Kind.CONFLICT)
    return start_clock(
        tx, actor, lot, cause, event_on, lambda h: covers(cause, h.bidder_uscc, winner_uscc)
    )


def start_clock(
    tx: Tx,
    actor: Actor,
    lot: DepositLot,
    cause: ReleaseCause,
    event_on: date,
    concerns: Callable[[Holding], bool],
) -> tuple[Holding, ...]:
    """Set the clock of the deposits concerned that are held and have none yet, and have them paid
    on its last day."""
    due = release_due(lot.regime, lot.region, cause, event_on)
    started = [
        with_clock(each, due)
        for each in cash.of_lot(tx.db, lot.lot_id, lock=True)
        if each.state is HoldingState.HELD and each.release_due_on is None and concerns(each)
    ]
    for each in started:
        cash.store(tx.db, each)
    tx.db.flush()
    if started:
        clock_started(tx, actor, lot.lot_id, due, [each.id for each in started])
    return tuple(started)


# --- Giving back --------------------------------------------------------------------------


def refund_lot(tx: Tx, actor: Actor, lot_id: str, cause: ReleaseCause) -> tuple[Payout, ...]:
    """Order the payment of everything whose clock this event started; the orders of this call.

    Refuses CONFLICT while an objection suspends the lot. Calling it again orders nothing more.
    """
    lot_to_settle(tx.db, actor, lot_id)
    objections.must_not_be_suspended(tx.db, lot_id)
    ready = (HoldingState.HELD, HoldingState.REJECTED)
    return tuple(
        _order(tx, actor, each)
        for each in cash.of_lot(tx.db, lot_id, lock=True)
        if each.release_cause is cause and each.state in ready and each.rest
    )


def refund(tx: Tx, actor: Actor, holding_id: str) -> Payout:
    """Order the payment of one deposit whose clock runs, or that the bank sent back.

    Refuses CONFLICT where no clock runs (nobody is paid out by favour), while an objection suspends
    the lot, and where it is paid, ordered, forfeited or converted already.
    """
    found = locked_holding(tx, holding_id)
    lot_to_settle(tx.db, actor, found.lot_id)
    objections.must_not_be_suspended(tx.db, found.lot_id)
    if found.release_due_on is None:
        raise Refusal("deposits.refund.no_clock", {"holding": holding_id}, Kind.CONFLICT)
    return _order(tx, actor, found)


def _order(tx: Tx, actor: Actor, held: Holding) -> Payout:
    lot = deposit_lot(tx.db, held.lot_id)
    today = legal_day(tx.now)
    assert held.paid_on is not None, "money that came has its day"
    assert held.release_due_on is not None, "a refund has its clock"
    assert held.release_cause is not None, "a clock has its cause"
    after = replace(move(held, HoldingState.REFUNDING), attempts=held.attempts + 1)
    grown = interest(held.rest, held.paid_on, today, lot.regime, lot.region, held.release_cause)
    fee = late_fee(held.rest, held.release_due_on, today, lot.regime, lot.region)
    account, name = _where_to(held)
    carried = _carried(tx.db, held)
    ordered = Payout(
        key=payout_key(held.id, after.attempts),
        subject=held.id,
        purpose=Purpose.REFUND,
        centre_id=held.centre_id,
        source=ledger.held(held.centre_id, held.lot_id, held.id).id,
        to_account=account,
        to_name=name,
        amount=held.rest,
        interest=max(grown.amount, carried),
        carried=carried,
        late_fee=fee.amount,
        due_on=held.release_due_on,
        ordered_at=tx.now,
        state=PayoutState.ORDERED,
        shown=spans_shown("interest", grown) + spans_shown("late_fee", fee),
    )
    cash.store(tx.db, after)
    send(tx, actor, ordered)
    tx.record(
        f"lot/{held.lot_id}",
        "deposits:cash:refund_ordered",
        actor,
        {
            "holding": held.id,
            "bidder": held.bidder_uscc,
            "cause": held.release_cause,
            "payout": ordered.key,
            "amount_fen": ordered.amount.fen,
            "interest_fen": ordered.interest.fen,
            "interest_days": grown.days,
            "late_fee_fen": ordered.late_fee.fen,
            "due_on": held.release_due_on.isoformat(),
            "overdue_days": overdue_days(held.release_due_on, today),
            "account": account_digest(account),
        },
    )
    return ordered


def due_by(db: Session, day: date) -> tuple[Holding, ...]:
    """Money whose last day is `day` or earlier and that still lies with its centre."""
    return tuple(cash.owed_by(db, day))


def refund_task(office: Office, args: Mapping[str, Any]) -> tasks.Write:
    """The handler of REFUND_TASK: order, or ask again on the next day while suspended."""
    lot_id, cause = str(args["lot"]), ReleaseCause(args["cause"])

    def write(tx: Tx) -> None:
        if objections.suspended(tx.db, lot_id):
            tomorrow = legal_day(tx.now) + timedelta(days=1)
            tasks.enqueue(tx, REFUND_TASK, args, start_of(tomorrow))
        else:
            refund_lot(tx, SYSTEM, lot_id, cause)

    return write


# --- To which account ---------------------------------------------------------------------


def _where_to(held: Holding) -> tuple[str, str]:
    """The account that paid, unless another was set while that could be."""
    return held.refund_account or held.payer_account, held.payer_name


def _carried(db: Session, held: Holding) -> Money:
    """The interest that came back with the last payment."""
    if held.state is not HoldingState.BOUNCED:
        return Money(0)
    last = queries.payout(db, payout_key(held.id, held.attempts))
    return last.interest if last is not None else Money(0)


def set_refund_account(tx: Tx, actor: Actor, holding_id: str, account: str) -> Holding:
    """A bidder has his money sent to another account than the one that paid: his basic account as it
    is registered, and before the award. Refuses CONFLICT afterwards (a change after the award is
    how refunds are diverted) and for any other account; FORBIDDEN for somebody else's money."""
    actor.must_be(Role.BIDDER)
    found = locked_holding(tx, holding_id)
    must_act_for(actor, found.bidder_uscc)
    params = {"tail": found.payer_account[-4:]}
    if projects.lot(tx.db, found.lot_id).stage in AWARDED:
        raise Refusal("deposits.refund.account_fixed", params, Kind.CONFLICT)
    if account != parties.organisation(tx.db, found.bidder_uscc).basic_account:
        raise Refusal("deposits.refund.account_other", params, Kind.CONFLICT)
    return _readdress(tx, actor, found, account, ())


def correct_account(
    tx: Tx, actor: Actor, holding_id: str, account: str, document: bytes
) -> Holding:
    """After the bank sent the money back, the supervisor has it paid to another account, with the
    document that shows why. Refuses CONFLICT where nothing came back, INVALID without document or
    with an account that is none."""
    actor.must_be(Role.SUPERVISOR)
    found = locked_holding(tx, holding_id)
    must_watch(actor, projects.lot(tx.db, found.lot_id).supervisor_uscc)
    if found.state is not HoldingState.BOUNCED:
        params = {"current": found.state, "wanted": HoldingState.BOUNCED}
        raise Refusal("deposits.cash.state", params, Kind.CONFLICT)
    check_account(account)
    if not document:
        raise Refusal("deposits.refund.document", {})
    kept = tx.vault.put(f"account-{found.id}", "application/octet-stream", document)
    return _readdress(tx, actor, found, account, (kept,))


def _readdress(
    tx: Tx, actor: Actor, found: Holding, account: str, documents: tuple[DocumentRef, ...]
) -> Holding:
    after = replace(found, refund_account=account)
    cash.store(tx.db, after)
    tx.db.flush()
    data = {"holding": found.id, "bidder": found.bidder_uscc, "account": account_digest(account)}
    tx.record(f"lot/{found.lot_id}", "deposits:cash:readdressed", actor, data, documents)
    return after
