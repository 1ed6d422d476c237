"""Deposits that are not given back: forfeited on a ground of the closed list, or turned into the
winner's performance bond.
"""

from __future__ import annotations

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Tx
from deposits.cash import queries as cash
from deposits.cash.holding import HoldingState, converted, move
from deposits.cash.service import holding, locked_holding
from deposits.grounds import Claim, admit
from deposits.ledger import keys, ledger
from deposits.ledger import service as books
from deposits.ledger.ledger import Book
from deposits.refunds import queries
from deposits.refunds.ends import AWARDED, Forfeiture
from deposits.refunds.orders.service import check_account, send
from deposits.refunds.payout import FAILED, Payout, PayoutState, Purpose, account_digest, payout_key
from deposits.refunds.tables import ConversionRow, ForfeitureRow
from deposits.release import ReleaseCause
from deposits.service import lot_to_settle
from trading.acting import must_serve
from trading.awards import service as awards
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.objections import service as objections
from trading.projects import service as projects
from trading.projects.stages import Stage
from trading.rules.book import book


def forfeit(tx: Tx, actor: Actor, holding_id: str, claim: Claim) -> Forfeiture:
    """Do not give a deposit back, on a ground of the closed list and with its document.

    Refuses as `grounds.admit` says, CONFLICT while an objection suspends the lot and where the
    deposit is not held any more.
    """
    found = locked_holding(tx, holding_id)
    lot = lot_to_settle(tx.db, actor, found.lot_id)
    objections.must_not_be_suspended(tx.db, found.lot_id)
    admitted = admit(
        claim,
        lot.regime,
        lot.region,
        legal_day(tx.now),
        is_winner=_winner(tx.db, found.lot_id) == found.bidder_uscc,
        has_withdrawn=found.release_cause is ReleaseCause.WITHDRAWN,
    )
    after = move(found, HoldingState.FORFEITED)
    document = tx.vault.put(f"forfeiture-{found.id}", "application/octet-stream", claim.document)
    account = ledger.forfeited(found.centre_id, found.lot_id)
    books.open_accounts(tx, [account])
    source = ledger.held(found.centre_id, found.lot_id, found.id).id
    books.move(
        tx, actor, [Book(keys.forfeited(found.id), source, account.id, found.rest, found.id)]
    )
    cash.store(tx.db, after)
    row = ForfeitureRow(
        holding_id=found.id,
        lot_id=found.lot_id,
        centre_id=found.centre_id,
        bidder_uscc=found.bidder_uscc,
        amount_fen=found.rest.fen,
        ground=admitted.ground,
        rule_id=admitted.rule_id,
        article=admitted.article,
        clause=claim.clause,
        document_name=document.name,
        document_sha256=document.sha256,
        decided_by=actor.id,
        decided_at=tx.now,
    )
    tx.db.add(row)
    tx.db.flush()
    tx.record(
        f"lot/{found.lot_id}",
        "deposits:cash:forfeited",
        actor,
        {
            "holding": found.id,
            "bidder": found.bidder_uscc,
            "amount_fen": found.rest.fen,
            "ground": admitted.ground,
            "rule": admitted.rule_id,
            "article": admitted.article,
        },
        (document,),
    )
    return row.to_domain()


def pay_forfeited(tx: Tx, actor: Actor, holding_id: str, account: str, name: str) -> Payout:
    """Pay what was forfeited to the tenderer's account; again where the bank refused or returned it."""
    found = holding(tx.db, holding_id)
    actor.must_be(Role.STAFF, Role.SYSTEM)
    must_serve(actor, found.centre_id)
    if found.state is not HoldingState.FORFEITED:
        params = {"current": found.state, "wanted": HoldingState.FORFEITED}
        raise Refusal("deposits.cash.state", params, Kind.CONFLICT)
    check_account(account)
    earlier = queries.of_subjects(tx.db, [found.id])
    for known in earlier:
        if known.state not in FAILED:
            raise Refusal(
                "deposits.payout.state",
                {"key": known.key, "current": known.state, "wanted": PayoutState.ORDERED},
                Kind.CONFLICT,
            )
    key = payout_key(f"forfeited-{found.id}", len(earlier) + 1)
    ordered = Payout(
        key=key,
        subject=found.id,
        purpose=Purpose.FORFEITED,
        centre_id=found.centre_id,
        source=ledger.forfeited(found.centre_id, found.lot_id).id,
        to_account=account,
        to_name=name,
        amount=found.rest,
        interest=Money(0),
        carried=Money(0),
        late_fee=Money(0),
        due_on=None,
        ordered_at=tx.now,
        state=PayoutState.ORDERED,
    )
    send(tx, actor, ordered)
    tx.record(
        f"lot/{found.lot_id}",
        "deposits:cash:forfeited_paid",
        actor,
        {"holding": found.id, "payout": key, "account": account_digest(account)},
    )
    return ordered


def convert(tx: Tx, actor: Actor, holding_id: str, document: bytes) -> Money:
    """Turn the winner's deposit into his performance bond, as far as that may be (10 % of the
    contract, 条例 §58); how much. The rest goes back by its clock. `document` is the winner's
    consent.

    Refuses FORBIDDEN for somebody else than staff or the tenderer, CONFLICT before the contract, for
    another than the winner, and where the deposit is not held any more; INVALID without consent.
    """
    found = locked_holding(tx, holding_id)
    lot = lot_to_settle(tx.db, actor, found.lot_id)
    if not document:
        raise Refusal("deposits.convert.document", {})
    if _winner(tx.db, found.lot_id) != found.bidder_uscc:
        raise Refusal("deposits.convert.not_the_winner", {}, Kind.CONFLICT)
    if projects.lot(tx.db, found.lot_id).stage not in (Stage.CONTRACTED, Stage.ARCHIVED):
        raise Refusal("deposits.convert.no_contract", {}, Kind.CONFLICT)
    contract = awards.contract(tx.db, found.lot_id)
    rule = book().rule("deposit.performance_max", legal_day(tx.now), lot.regime, lot.region)
    cap = Money(contract.amount.fen * rule.number // 1000)
    amount = min(found.rest, cap)
    after = converted(found, amount)
    kept = tx.vault.put(f"conversion-{found.id}", "application/octet-stream", document)
    account = ledger.performance(found.centre_id, found.lot_id)
    books.open_accounts(tx, [account])
    source = ledger.held(found.centre_id, found.lot_id, found.id).id
    books.move(tx, actor, [Book(keys.converted(found.id), source, account.id, amount, found.id)])
    cash.store(tx.db, after)
    tx.db.add(
        ConversionRow(
            holding_id=found.id,
            lot_id=found.lot_id,
            amount_fen=amount.fen,
            contract_fen=contract.amount.fen,
            rule_id=rule.id,
            article=rule.article,
            document_name=kept.name,
            document_sha256=kept.sha256,
            made_at=tx.now,
        )
    )
    tx.db.flush()
    tx.record(
        f"lot/{found.lot_id}",
        "deposits:cash:converted",
        actor,
        {
            "holding": found.id,
            "bidder": found.bidder_uscc,
            "amount_fen": amount.fen,
            "rest_fen": after.rest.fen,
            "rule": rule.id,
        },
        (kept,),
    )
    return amount


def forfeitures(db: Session, lot_id: str = "") -> tuple[Forfeiture, ...]:
    return tuple(queries.forfeitures(db, lot_id))


def _winner(db: Session, lot_id: str) -> str:
    if projects.lot(db, lot_id).stage not in AWARDED:
        return ""
    return awards.award_of(db, lot_id).winner.bidder_uscc
