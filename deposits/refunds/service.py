"""What becomes of a cash deposit in the end: given back, forfeited, converted, extended.

A clock starts with the contract, the award notice (procurement), the termination, a withdrawal, a
refused extension or a rejected payment, as `deposits.release` says. A task at the beginning of its
last day orders the payment that nobody has ordered by hand, and asks again the next day while an
objection suspends the lot. An order is booked as pending and committed *before* the bank is called;
the call carries the order's key, so a process that dies in between pays neither twice nor never. The
statement alone says that it was paid.

Money goes back where it came from (原路退回). Another account than that is never typed in: after a
bounce the bidder's registered basic account is taken, and only a change that was registered before
the award counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session

from archive import canonical
from archive.actor import SYSTEM, Actor, Role
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Office, Tx
from archive.tasks import service as tasks
from deposits.cash import queries as cash
from deposits.cash.bank import Bank, BankSilent, Notice, NoticeKind
from deposits.cash.holding import (
    Holding,
    HoldingState,
    converted,
    move,
    with_clock,
)
from deposits.cash.service import REFUND_TASK, ask_for_statement, clock_started, holding
from deposits.grounds import Claim, admit
from deposits.interest import interest, late_fee
from deposits.ledger import keys, ledger
from deposits.ledger import service as books
from deposits.ledger.ledger import Book, Reserve, Void
from deposits.lot import DepositLot
from deposits.refunds import payout as payouts
from deposits.refunds import queries
from deposits.refunds.ends import Answer, Extension, Forfeiture
from deposits.refunds.payout import Payout, PayoutState, Purpose, payout_key, spans_shown
from deposits.refunds.tables import (
    CallRow,
    ConversionRow,
    ExtensionAnswerRow,
    ExtensionRow,
    ForfeitureRow,
)
from deposits.release import ReleaseCause, covers, overdue_days, release_due, starts_clock
from deposits.service import deposit_lot
from trading.acting import must_act_for, must_serve, must_watch
from trading.awards import service as awards
from trading.calendar.legal import legal_day, start_of
from trading.money import Money
from trading.objections import service as objections
from trading.opening import service as opening
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.stages import Stage
from trading.rules.book import book

PAY_TASK = "deposits.pay_out"
PAY_AGAIN = timedelta(hours=1)
PAY_TRIES_MAX = 240
"""Ten days of a silent bank; then a person has to send the order, and the page shows it."""
AWARDED = frozenset({Stage.AWARDED, Stage.CONTRACTED, Stage.ARCHIVED})


# --- Clocks -------------------------------------------------------------------------------


def start_release(
    tx: Tx, actor: Actor, lot_id: str, cause: ReleaseCause, event_on: date, winner_uscc: str = ""
) -> tuple[Holding, ...]:
    """Start the clock for the cash that an event frees; the holdings whose clock it started.

    Says nothing (an empty answer) where the regime starts no clock at this event: guarantees, which
    are released beside the cash, have refused then. Refuses CONFLICT while the bank has not answered
    for a slip of the lot.
    """
    lot = _lot_settled_by(tx.db, actor, lot_id)
    if not starts_clock(lot.regime, lot.region, cause, event_on):
        return ()
    if any(h.state is HoldingState.ANNOUNCED for h in cash.of_lot(tx.db, lot_id)):
        raise Refusal("deposits.cash.not_answered", {"lot": lot_id}, Kind.CONFLICT)
    return _start(
        tx, actor, lot, cause, event_on, lambda h: covers(cause, h.bidder_uscc, winner_uscc)
    )


def _start(
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
    _lot_settled_by(tx.db, actor, lot_id)
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
    found = _locked(tx, holding_id)
    _lot_settled_by(tx.db, actor, found.lot_id)
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
        _stream(held.lot_id),
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
            "account": _digest(account),
        },
    )
    return ordered


def send(tx: Tx, actor: Actor, ordered: Payout) -> None:
    """Book the order as pending, keep it, and ask for the call of the bank."""
    to = ledger.bank(ordered.centre_id).id
    books.move(
        tx,
        actor,
        [Reserve(keys.paid(ordered.key), ordered.source, to, ordered.amount, ordered.subject)],
    )
    queries.store(tx.db, ordered)
    tasks.enqueue(tx, PAY_TASK, {"payout": ordered.key, "tries": 0})
    tx.db.flush()


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
    found = _locked(tx, holding_id)
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
    found = _locked(tx, holding_id)
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
    data = {"holding": found.id, "bidder": found.bidder_uscc, "account": _digest(account)}
    tx.record(_stream(found.lot_id), "deposits:cash:readdressed", actor, data, documents)
    return after


def check_account(account: str) -> None:
    """Refuse INVALID what is no account number."""
    if not (account.isascii() and account.isdigit() and 8 <= len(account) <= 32):
        raise Refusal("deposits.cash.account_number", {"number": account[:40]})


# --- Not given back, converted ------------------------------------------------------------


def forfeit(tx: Tx, actor: Actor, holding_id: str, claim: Claim) -> Forfeiture:
    """Do not give a deposit back, on a ground of the closed list and with its document.

    Refuses as `grounds.admit` says, CONFLICT while an objection suspends the lot and where the
    deposit is not held any more.
    """
    found = _locked(tx, holding_id)
    lot = _lot_settled_by(tx.db, actor, found.lot_id)
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
        _stream(found.lot_id),
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
    """Pay what was forfeited to the tenderer's account."""
    found = holding(tx.db, holding_id)
    actor.must_be(Role.STAFF, Role.SYSTEM)
    must_serve(actor, found.centre_id)
    if found.state is not HoldingState.FORFEITED:
        params = {"current": found.state, "wanted": HoldingState.FORFEITED}
        raise Refusal("deposits.cash.state", params, Kind.CONFLICT)
    check_account(account)
    key = payout_key(f"forfeited-{found.id}", 1)
    known = queries.payout(tx.db, key, lock=True)
    if known is not None:
        raise Refusal(
            "deposits.payout.state",
            {"key": key, "current": known.state, "wanted": PayoutState.ORDERED},
            Kind.CONFLICT,
        )
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
        _stream(found.lot_id),
        "deposits:cash:forfeited_paid",
        actor,
        {"holding": found.id, "payout": key, "account": _digest(account)},
    )
    return ordered


def convert(tx: Tx, actor: Actor, holding_id: str, document: bytes) -> Money:
    """Turn the winner's deposit into his performance bond, as far as that may be (10 % of the
    contract, 条例 §58); how much. The rest goes back by its clock. `document` is the winner's
    consent.

    Refuses FORBIDDEN for somebody else than staff or the tenderer, CONFLICT before the contract, for
    another than the winner, and where the deposit is not held any more; INVALID without consent.
    """
    found = _locked(tx, holding_id)
    lot = _lot_settled_by(tx.db, actor, found.lot_id)
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
        _stream(found.lot_id),
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


# --- Extending the validity ---------------------------------------------------------------


def ask_extension(tx: Tx, actor: Actor, lot_id: str, until: date, document: bytes) -> int:
    """Ask all bidders of a lot to extend their bids and deposits to `until`; the number of the
    asking. Refuses INVALID for a day that is not later than what holds now, CONFLICT after the
    award."""
    actor.must_be(Role.TENDERER, Role.SYSTEM)
    lot = deposit_lot(tx.db, lot_id)
    if Role.SYSTEM not in actor.roles:
        must_act_for(actor, lot.beneficiary_uscc, lot.agency_uscc)
    stage = projects.lot(tx.db, lot_id).stage
    if stage not in (Stage.OPENED, Stage.EVALUATED, Stage.CANDIDATES):
        raise Refusal("deposits.extension.stage", {"stage": stage}, Kind.CONFLICT)
    if not document:
        raise Refusal("deposits.extension.document", {})
    known = queries.extensions(tx.db, lot_id)
    holds = [h.valid_until for h in cash.of_lot(tx.db, lot_id) if h.valid_until is not None]
    last = max([*holds, *(row.until for row in known), legal_day(tx.now)])
    if until <= last:
        raise Refusal(
            "deposits.extension.until", {"until": until.isoformat(), "last": last.isoformat()}
        )
    kept = tx.vault.put(f"extension-{lot_id}", "application/octet-stream", document)
    number = len(known) + 1
    tx.db.add(
        ExtensionRow(
            lot_id=lot_id,
            number=number,
            until=until,
            document_name=kept.name,
            document_sha256=kept.sha256,
            asked_at=tx.now,
        )
    )
    tx.db.flush()
    data = {"number": number, "until": until.isoformat()}
    tx.record(_stream(lot_id), "deposits:extension:asked", actor, data, (kept,))
    return number


def answer_extension(tx: Tx, actor: Actor, lot_id: str, *, agrees: bool) -> None:
    """A bidder's answer to the last asking. Who agrees, his deposit holds as long as his bid; who
    refuses gets it back (12号令 §40). Refuses NOT_FOUND where nothing was asked, CONFLICT where he
    has answered."""
    actor.must_be(Role.BIDDER)
    asked = queries.extensions(tx.db, lot_id)
    if not asked:
        raise Refusal("deposits.extension.not_asked", {"lot": lot_id}, Kind.NOT_FOUND)
    last, uscc = asked[-1], actor.party_id
    if uscc not in opening.bidders_of(tx.db, lot_id):
        raise Refusal("deposits.extension.not_a_bidder", {}, Kind.FORBIDDEN)
    if any(row.bidder_uscc == uscc for row in queries.answers(tx.db, lot_id, last.number)):
        raise Refusal("deposits.extension.answered", {}, Kind.CONFLICT)
    tx.db.add(
        ExtensionAnswerRow(
            lot_id=lot_id,
            number=last.number,
            bidder_uscc=uscc,
            agrees=agrees,
            answered_at=tx.now,
        )
    )
    tx.db.flush()
    data = {"number": last.number, "bidder": uscc, "agrees": agrees}
    tx.record(_stream(lot_id), "deposits:extension:answered", actor, data)
    if not agrees:
        lot, today = deposit_lot(tx.db, lot_id), legal_day(tx.now)
        _start(tx, actor, lot, ReleaseCause.REFUSED, today, lambda h: h.bidder_uscc == uscc)
        return
    for each in cash.of_lot(tx.db, lot_id, lock=True):
        if each.bidder_uscc == uscc and each.state is HoldingState.HELD:
            cash.store(tx.db, replace(each, valid_until=last.until))


# --- What the bank calls ------------------------------------------------------------------


def read_notice(content: bytes) -> Notice:
    """The bank's call out of its canonical bytes. Refuses INVALID."""
    try:
        value = canonical.decode(content)
        if set(value) != {"at", "format", "key", "kind", "number"}:
            raise ValueError("fields")
        if value["format"] != "bigloop.bank-notice.v1" or type(value["number"]) is not int:
            raise ValueError("format")
        at = datetime.fromisoformat(value["at"])
        if at.tzinfo is None or not 1 <= value["number"] < 2**53:
            raise ValueError("moment or number")
        return Notice(value["number"], NoticeKind(value["kind"]), str(value["key"]), at)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Refusal("deposits.call.form", {}) from error


def take_call(tx: Tx, actor: Actor, call: Notice) -> None:
    """Take one call of the bank. Calls are counted: one that was taken is refused as replayed
    (CONFLICT), one that comes before its turn as out of order (TOO_EARLY), one about an order that
    nobody gave as unknown (NOT_FOUND). A call posts nothing; what it changes is where an order
    stands: refused by the bank, its transfer is voided and the deposit waits for a further order."""
    actor.must_be(Role.SYSTEM)
    last = queries.last_call(tx.db)
    if call.number <= last:
        params = {"number": call.number, "last": last}
        raise Refusal("deposits.call.replayed", params, Kind.CONFLICT)
    if call.number != last + 1:
        params = {"number": call.number, "last": last}
        raise Refusal("deposits.call.out_of_order", params, Kind.TOO_EARLY)
    found = queries.payout(tx.db, call.key, lock=True)
    if found is None:
        raise Refusal("deposits.call.unknown", {"key": call.key[:80]}, Kind.NOT_FOUND)
    tx.db.add(
        CallRow(number=call.number, kind=call.kind, key=call.key, at=call.at, taken_at=tx.now)
    )
    tx.db.flush()
    if call.kind is NoticeKind.REFUSED and found.state in (PayoutState.ORDERED, PayoutState.SENT):
        _refused(tx, actor, found)
    tx.record(
        books.stream(found.centre_id),
        "deposits:bank:called",
        actor,
        {"number": call.number, "kind": call.kind, "payout": call.key},
    )


def last_call(db: Session) -> int:
    """The number of the last call that was taken; 0 before the first."""
    return queries.last_call(db)


def take_calls(tx: Tx, contents: Sequence[bytes]) -> int:
    """Take calls that were fetched, in order, up to the first that cannot be taken (it stays the
    next one, and its orders are settled by the statement all the same); how many."""
    taken = 0
    for content in contents:
        try:
            call = read_notice(content)
        except Refusal:
            break
        known = queries.payout(tx.db, call.key) is not None
        if call.number != queries.last_call(tx.db) + 1 or not known:
            break
        take_call(tx, SYSTEM, call)
        taken += 1
    return taken


def _refused(tx: Tx, actor: Actor, found: Payout) -> None:
    queries.store(tx.db, payouts.move(found, PayoutState.REFUSED))
    books.move(tx, actor, [Void(keys.paid(found.key))])
    if found.purpose is Purpose.REFUND:
        held = _locked(tx, found.subject)
        cash.store(tx.db, move(held, HoldingState.BOUNCED))


# --- Reading ------------------------------------------------------------------------------


def due_by(db: Session, day: date) -> tuple[Holding, ...]:
    """Money whose last day is `day` or earlier and that still lies with its centre."""
    return tuple(cash.owed_by(db, day))


def payouts_of(db: Session, subjects: list[str]) -> tuple[Payout, ...]:
    """All orders for these holdings or items, the oldest first."""
    return tuple(queries.of_subjects(db, subjects))


def payouts_of_centre(
    db: Session, centre_id: str, *, only_open: bool = False
) -> tuple[Payout, ...]:
    return tuple(queries.of_centre(db, centre_id, only_open=only_open))


def forfeitures(db: Session, lot_id: str = "") -> tuple[Forfeiture, ...]:
    return tuple(queries.forfeitures(db, lot_id))


def extension_of(
    db: Session, lot_id: str, bidder_uscc: str
) -> tuple[Extension, bool | None] | None:
    """The last asking of a lot and the bidder's answer to it, None while he has given none."""
    asked = queries.extensions(db, lot_id)
    if not asked:
        return None
    given = [
        row.agrees
        for row in queries.answers(db, lot_id, asked[-1].number)
        if row.bidder_uscc == bidder_uscc
    ]
    return asked[-1], given[0] if given else None


def refused_extensions(db: Session) -> tuple[Answer, ...]:
    return tuple(queries.refusals(db))


# --- Tasks --------------------------------------------------------------------------------


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


def pay_task(bank: Bank) -> tasks.Handler:
    """The handler of PAY_TASK: hands an order to the bank. A silent bank gets the same order again
    in an hour; whether it had heard the first one does not matter, for it knows the key."""

    def handle(office: Office, args: Mapping[str, Any]) -> tasks.Write:
        key, tries = str(args["payout"]), int(args["tries"])
        with office.read() as db:
            found = queries.payout(db, key)
        if found is None or found.state is not PayoutState.ORDERED:
            return lambda tx: None
        outcome = PayoutState.SENT
        try:
            bank.pay_out(found.order)
        except BankSilent:
            outcome = PayoutState.ORDERED
        except Refusal:
            outcome = PayoutState.REFUSED

        def write(tx: Tx) -> None:
            now = queries.payout(tx.db, key, lock=True)
            if now is None or now.state is not PayoutState.ORDERED:
                return
            if outcome is PayoutState.ORDERED:
                if tries < PAY_TRIES_MAX:
                    again = {"payout": key, "tries": tries + 1}
                    tasks.enqueue(tx, PAY_TASK, again, tx.now + PAY_AGAIN)
            elif outcome is PayoutState.REFUSED:
                _refused(tx, SYSTEM, now)
            else:
                queries.store(tx.db, payouts.move(now, PayoutState.SENT))
                ask_for_statement(tx, now.centre_id)

        return write

    return handle


# --- Shared -------------------------------------------------------------------------------


def _winner(db: Session, lot_id: str) -> str:
    if projects.lot(db, lot_id).stage not in AWARDED:
        return ""
    return awards.award_of(db, lot_id).winner.bidder_uscc


def _locked(tx: Tx, holding_id: str) -> Holding:
    found = cash.by_id(tx.db, holding_id, lock=True)
    if found is None:
        raise Refusal("deposits.cash.unknown", {"holding": holding_id[:40]}, Kind.NOT_FOUND)
    return found


def _lot_settled_by(db: Session, actor: Actor, lot_id: str) -> DepositLot:
    """The lot, where the actor may settle its deposits: its centre's staff, its tenderer, or the
    clock."""
    actor.must_be(Role.STAFF, Role.TENDERER, Role.SYSTEM)
    lot = deposit_lot(db, lot_id)
    must_serve(actor, lot.centre_id)
    if actor.roles.isdisjoint({Role.STAFF, Role.SYSTEM}):
        must_act_for(actor, lot.beneficiary_uscc, lot.agency_uscc)
    return lot


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _stream(lot_id: str) -> str:
    return f"lot/{lot_id}"
