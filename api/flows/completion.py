"""From the award to the deposit given back, guarantee or cash: two rooms, one clock."""

from __future__ import annotations

from api.flows import review
from archive.actor import Actor
from archive.office import Tx
from deposits.cash import service as cash
from deposits.guarantees import service as guarantees
from deposits.refunds import service as refunds
from deposits.release import ReleaseCause
from evaluation.session import service as sessions
from trading.awards import service as awards
from trading.awards.award import Award, Cause, Contract
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.projects import service as projects
from trading.regime import Regime


def award(
    tx: Tx,
    actor: Actor,
    lot_id: str,
    rank: int = 1,
    cause: Cause | None = None,
    document: bytes = b"",
) -> Award:
    """Award the lot, another than the first for a `cause` with its proof; in procurement the
    losers' clock starts with the award notice (政采条例 第三十三条). CONFLICT where the committee's
    conclusions do not stand (`review.must_stand`)."""
    session = sessions.session_of_lot(tx.db, lot_id)
    if session is not None:
        review.must_stand(tx.db, session)
    made = awards.award(tx, actor, lot_id, rank, cause, document)
    if projects.lot(tx.db, lot_id).regime is Regime.ZFCG:
        guarantees.start_release(
            tx,
            actor,
            lot_id,
            ReleaseCause.AWARD,
            legal_day(tx.now),
            winner_uscc=made.winner.bidder_uscc,
        )
    refunds.start_release(
        tx,
        actor,
        lot_id,
        ReleaseCause.AWARD,
        legal_day(tx.now),
        winner_uscc=made.winner.bidder_uscc,
    )
    return made


def sign_contract(
    tx: Tx,
    actor: Actor,
    lot_id: str,
    amount: Money,
    document: bytes,
    extension: bytes = b"",
) -> Contract:
    """Put the contract on record; the clock of what is still held starts (条例 第五十七条). Past the
    bids' validity with the `extension` that both sides signed."""
    contract = awards.sign_contract(tx, actor, lot_id, amount, document, extension)
    guarantees.start_release(
        tx,
        actor,
        lot_id,
        ReleaseCause.CONTRACT,
        legal_day(tx.now),
        winner_uscc=contract.winner_uscc,
    )
    refunds.start_release(
        tx,
        actor,
        lot_id,
        ReleaseCause.CONTRACT,
        legal_day(tx.now),
        winner_uscc=contract.winner_uscc,
    )
    return contract


def release(tx: Tx, actor: Actor, lot_id: str) -> int:
    """Give back everything whose clock runs, before its last day: guarantees are released, cash is
    ordered to be paid; how many of both."""
    causes = {record.release_cause for record in guarantees.guarantees(tx.db, lot_id)}
    released = sum(
        len(guarantees.release_lot(tx, actor, lot_id, cause))
        for cause in sorted(cause for cause in causes if cause is not None)
    )
    owed = {holding.release_cause for holding in cash.holdings(tx.db, lot_id)}
    return released + sum(
        len(refunds.refund_lot(tx, actor, lot_id, cause))
        for cause in sorted(cause for cause in owed if cause is not None)
    )
