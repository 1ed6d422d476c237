"""Cash deposits at work: slips come to light at the opening, the bank tells what came in.

Before the opening this room knows nothing of them. At the opening the caller hands over the slips
that came out of the sealed cells; they are put down, and a task asks the bank. What the bank says is
judged at once (a stranger's account, too little, too late) and booked as *pending*; the statement
posts it (`deposits.statements`). The bank is never called inside a transaction.

Everything is recorded on `lot/<id>`; names and account numbers stand there by digest only.
"""

from __future__ import annotations

import calendar as months
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from archive.actor import SYSTEM, Actor, Role
from archive.errors import Faults, Kind, Reason, Refusal
from archive.office import Office, Tx
from archive.tasks import service as tasks
from deposits.cash import queries
from deposits.cash.bank import Bank, BankSilent, CentreAccount, Receipt, check_account
from deposits.cash.holding import (
    UNANSWERED,
    Asked,
    Holding,
    HoldingState,
    Lead,
    judge,
    one_account,
    with_clock,
)
from deposits.cash.slip import Slip, lot_of, parse
from deposits.cash.tables import CentreAccountRow, LeadRow, ReceiptRow
from deposits.guarantees import service as guarantees
from deposits.ledger import keys, ledger
from deposits.ledger import service as books
from deposits.ledger.ledger import Book, Move, Reserve, TransferState
from deposits.lot import DepositLot
from deposits.release import ReleaseCause, ReleaseDue, release_due
from deposits.service import deposit_lot, terms_of_many
from deposits.standing import DepositStanding, with_cash
from trading.acting import must_act_for, must_serve
from trading.calendar.legal import legal_day, start_of
from trading.opening import service as opening
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.stages import BEFORE_OPENING, Stage
from trading.rules.book import book

ASK_TASK = "deposits.ask_bank"
STATEMENT_TASK = "deposits.fetch_statement"
REFUND_TASK = "deposits.refund_cash"
ASK_AGAIN = timedelta(hours=1)
ASKED_MAX = 72
"""So often a silent bank is asked about one lot; then a person has to (the holding stays ANNOUNCED,
and the page of the centre shows it)."""
STATEMENT_HOUR = timedelta(hours=8)


def register_account(tx: Tx, actor: Actor, centre_id: str, number: str, bank_name: str) -> None:
    """Enter a centre's account for deposits. CONFLICT where it has one."""
    actor.must_be(Role.STAFF, Role.OPERATOR, Role.SYSTEM)
    must_serve(actor, centre_id)
    parties.centre(tx.db, centre_id)
    faults = Faults("deposits.cash.account_invalid")
    check_account(CentreAccount(centre_id, number, bank_name), None, faults)
    faults.refuse()
    if queries.centre_account(tx.db, centre_id) is not None:
        raise Refusal("deposits.cash.account_known", {"centre": centre_id}, Kind.CONFLICT)
    tx.db.add(CentreAccountRow(centre_id=centre_id, number=number, bank_name=bank_name))
    tx.db.flush()
    books.open_accounts(
        tx, [ledger.bank(centre_id), ledger.unmatched(centre_id), ledger.interest(centre_id)]
    )
    tx.record(
        books.stream(centre_id),
        "deposits:account:registered",
        actor,
        {"centre": centre_id, "account": _digest(number)},
    )


def change_account(tx: Tx, actor: Actor, before: CentreAccount, after: CentreAccount) -> None:
    """Put a centre's account or the name of its bank right. INVALID with every fault; CONFLICT where it is
    no longer as it was said to be."""
    actor.must_be(Role.STAFF, Role.OPERATOR, Role.SYSTEM)
    must_serve(actor, after.centre_id)
    row = queries.centre_account(tx.db, after.centre_id, lock=True)
    if row is None or row.to_domain() != before:
        raise Refusal("deposits.cash.account_moved", {"centre": after.centre_id}, Kind.CONFLICT)
    faults = Faults("deposits.cash.account_invalid")
    check_account(after, before, faults)
    faults.refuse()
    row.number, row.bank_name = after.number, after.bank_name
    tx.db.add(row)
    tx.db.flush()
    tx.record(
        books.stream(after.centre_id),
        "deposits:account:changed",
        actor,
        {"centre": after.centre_id, "account": _digest(after.number), "bank": after.bank_name},
    )


def centre_accounts(db: Session) -> list[CentreAccount]:
    """The accounts of all centres that have one."""
    return [row.to_domain() for row in queries.centre_accounts(db)]


def has_account(db: Session, centre_id: str) -> bool:
    """Whether a centre has an account for deposits in cash."""
    return queries.centre_account(db, centre_id) is not None


def bank_of(db: Session, centre_id: str) -> str:
    """The name of the bank that keeps a centre's deposits. Refuses CONFLICT where it has none."""
    row = queries.centre_account(db, centre_id)
    if row is None:
        raise Refusal("deposits.cash.no_account", {"centre": centre_id}, Kind.CONFLICT)
    return row.bank_name


def quiet_until(lot: DepositLot) -> date:
    """Up to when the bank keeps silent about money that nobody claims: the end of the month in
    which the period of rule `deposit.bank_silence` after the deadline ends, so that the day does
    not tell the lot."""
    rule = book().rule("deposit.bank_silence", lot.opening_on, lot.regime, lot.region)
    last = lot.opening_on + timedelta(days=rule.number)
    return last.replace(day=months.monthrange(last.year, last.month)[1])


# --- At the opening -----------------------------------------------------------------------


def restore(
    tx: Tx, actor: Actor, lot_id: str, contents: Mapping[str, bytes]
) -> tuple[Holding, ...]:
    """Put down the slips that the opening brought to light, by bidder, and ask for the bank's word.

    Refuses TOO_EARLY before the opening, INVALID for whom no bid of this lot is known, CONFLICT for
    a bidder whose slip was restored before. A slip that cannot be read is put down as ABSENT, with
    the reason: the money behind it comes up on the bank's statement as nobody's.
    """
    actor.must_be(Role.STAFF, Role.SYSTEM)
    lot = deposit_lot(tx.db, lot_id)
    must_serve(actor, lot.centre_id)
    bidders = set(opening.bidders_of(tx.db, lot_id))
    faults = Faults("deposits.restore.invalid")
    for uscc in sorted(set(contents) - bidders):
        faults.add(f"/{uscc}", "deposits.restore.not_a_bidder", bidder=uscc)
    faults.refuse()
    known = {holding.bidder_uscc for holding in queries.of_lot(tx.db, lot_id, lock=True)}
    if twice := sorted(known & set(contents)):
        raise Refusal("deposits.restore.twice", {"bidders": ", ".join(twice)}, Kind.CONFLICT)
    made = []
    for uscc, content in sorted(contents.items()):
        slip = parse(content, lot_id, uscc)
        is_slip = isinstance(slip, Slip)
        holding = Holding(
            id=tx.new_id(),
            lot_id=lot_id,
            centre_id=lot.centre_id,
            bidder_uscc=uscc,
            state=HoldingState.ANNOUNCED if is_slip else HoldingState.ABSENT,
            account=slip.account if isinstance(slip, Slip) else "",
            salt=slip.salt if isinstance(slip, Slip) else "",
            revealed_at=tx.now,
            reasons=(slip,) if isinstance(slip, Reason) else (),
        )
        queries.add(tx.db, holding)
        tx.record(
            _stream(lot_id),
            "deposits:cash:revealed",
            actor,
            {"holding": holding.id, "bidder": uscc, "slip": _digest_of(content)},
        )
        made.append(holding)
    if any(holding.state is HoldingState.ANNOUNCED for holding in made):
        tasks.enqueue(tx, ASK_TASK, {"lot": lot_id, "asked": 0})
    tx.db.flush()
    return tuple(made)


def reclaim(tx: Tx, actor: Actor, content: bytes) -> Holding:
    """A bidder hands in the slip of money whose cell was never opened: his bid was withdrawn, too
    few bid, the tender was terminated, or his half was lost. It goes back after the bank has
    confirmed it. Where nothing came for the slip that was known, he may hand in another: he had
    several accounts opened, and paid to an earlier one.

    Refuses TOO_EARLY before the opening (then the bank gives it back on his word alone), FORBIDDEN
    without an organisation, INVALID for a slip that is none or names another bidder, CONFLICT
    where money of his is known already.
    """
    actor.must_be(Role.BIDDER)
    must_act_for(actor, actor.party_id)
    lot_id = lot_of(content)
    if not lot_id:
        raise Refusal("deposits.slip.form", {})
    lot = deposit_lot(tx.db, lot_id)
    if projects.lot(tx.db, lot_id).stage in (*BEFORE_OPENING, Stage.OPENING):
        raise Refusal("deposits.cash.too_early", {}, Kind.TOO_EARLY)
    slip = parse(content, lot_id, actor.party_id)
    if isinstance(slip, Reason):
        raise Refusal(slip.code, slip.params)
    known = {h.bidder_uscc: h for h in queries.of_lot(tx.db, lot_id, lock=True)}
    earlier = known.get(actor.party_id)
    if earlier is None:
        made = Holding(
            id=tx.new_id(),
            lot_id=lot_id,
            centre_id=lot.centre_id,
            bidder_uscc=actor.party_id,
            state=HoldingState.ANNOUNCED,
            account=slip.account,
            salt=slip.salt,
            revealed_at=tx.now,
        )
        queries.add(tx.db, made)
    elif earlier.state is HoldingState.ABSENT:
        made = replace(earlier, account=slip.account, salt=slip.salt, reasons=())
        queries.store(tx.db, made)
    else:
        raise Refusal("deposits.cash.known", {}, Kind.CONFLICT)
    data = {"holding": made.id, "bidder": made.bidder_uscc, "slip": _digest_of(content)}
    tx.record(_stream(lot_id), "deposits:cash:reclaimed", actor, data)
    tasks.enqueue(tx, ASK_TASK, {"lot": lot_id, "asked": 0})
    tx.db.flush()
    return made


def record_receipts(
    tx: Tx, actor: Actor, lot_id: str, told: Mapping[str, Sequence[Receipt]]
) -> tuple[Holding, ...]:
    """Judge and book what the bank told, by holding; all holdings of the lot.

    Rules and registers are those of the day of the opening. Calling it again with the same receipts
    changes nothing. Refuses CONFLICT where a receipt was used for another deposit, or the bank now
    tells something else about one it told before; nothing is booked then.
    """
    actor.must_be(Role.STAFF, Role.SYSTEM)
    lot = deposit_lot(tx.db, lot_id)
    must_serve(actor, lot.centre_id)
    waiting = {
        holding.id: holding
        for holding in queries.of_lot(tx.db, lot_id, lock=True)
        if holding.id in told and holding.state in UNANSWERED
    }
    references = [r.reference for holding_id in waiting for r in told[holding_id]]
    _must_be_unused(tx.db, references, waiting)
    asked = _asked(tx.db, lot, [holding.bidder_uscc for holding in waiting.values()])
    moves: list[Move] = []
    for holding in waiting.values():
        came = told[holding.id]
        after = judge(holding, came, asked[holding.bidder_uscc])
        if after == holding:
            continue
        if after.state is HoldingState.HELD:
            after = _with_validity(tx.db, lot, after)
        cause = _freed_at_once(tx.db, after)
        due = None
        if cause is not None:
            due = release_due(lot.regime, lot.region, cause, legal_day(tx.now))
            after = with_clock(after, due)
        queries.store(tx.db, after)
        tx.db.flush()
        if came:
            moves += _booked(tx, after, came)
        _record_judgement(tx, actor, after, asked[holding.bidder_uscc])
        if due is not None:
            clock_started(tx, actor, lot_id, due, [after.id])
    books.move(tx, actor, moves)
    _raise_leads(tx, actor, lot_id)
    if moves:
        ask_for_statement(tx, lot.centre_id)
    tx.db.flush()
    return tuple(queries.of_lot(tx.db, lot_id))


def _freed_at_once(db: Session, holding: Holding) -> ReleaseCause | None:
    """Why money that has only just become known goes back: it is no deposit, or its bid is none."""
    if holding.state is HoldingState.REJECTED:
        return ReleaseCause.REJECTED
    if holding.state is not HoldingState.HELD:
        return None
    if projects.lot(db, holding.lot_id).stage in (Stage.FAILED, Stage.TERMINATED):
        return ReleaseCause.TERMINATED
    if projects.lot(db, holding.lot_id).stage in (Stage.CONTRACTED, Stage.ARCHIVED):
        return ReleaseCause.CONTRACT
    if holding.bidder_uscc not in opening.bidders_of(db, holding.lot_id):
        return ReleaseCause.WITHDRAWN
    return None


def clock_started(
    tx: Tx, actor: Actor, lot_id: str, due: ReleaseDue, holding_ids: Sequence[str]
) -> None:
    """Put a started clock on the record and have the money paid at the beginning of its last day."""
    tx.record(
        _stream(lot_id),
        "deposits:cash:refund_due",
        actor,
        {
            "cause": due.cause,
            "rule": due.rule_id,
            "starts_on": due.starts_on.isoformat(),
            "due_on": due.deadline.day.isoformat(),
            "counted": [day.isoformat() for day in due.deadline.counted],
            "provisional": due.deadline.provisional,
            "holdings": list(holding_ids),
        },
    )
    args = {"lot": lot_id, "cause": due.cause, "first": holding_ids[0]}
    tasks.enqueue(tx, REFUND_TASK, args, max(tx.now, start_of(due.deadline.day)))


def _must_be_unused(db: Session, references: Sequence[str], ours: Mapping[str, Holding]) -> None:
    if len(set(references)) < len(references):
        raise Refusal("deposits.cash.receipt_twice", {}, Kind.CONFLICT)
    for reference, holding_id in queries.used(db, references).items():
        if holding_id not in ours:
            params = {"reference": reference[:40]}
            raise Refusal("deposits.cash.receipt_used", params, Kind.CONFLICT)


def _booked(tx: Tx, holding: Holding, came: Sequence[Receipt]) -> list[Move]:
    """The moves for what came in: from the bank, pending; or, where a statement has brought it in
    already as nobody's, from there."""
    account = ledger.held(holding.centre_id, holding.lot_id, holding.id)
    books.open_accounts(tx, [account])
    centre = queries.centre_account(tx.db, holding.centre_id)
    undone = centre.undone if centre is not None else 0
    known = books.standing(tx.db, [keys.nobodys(r.reference) for r in came], undone)
    moves: list[Move] = []
    for receipt in came:
        tx.db.add(
            ReceiptRow(
                reference=receipt.reference,
                holding_id=holding.id,
                account=receipt.account,
                payer_account=receipt.payer_account,
                payer_name=receipt.payer_name,
                amount_fen=receipt.amount.fen,
                paid_at=receipt.paid_at,
            )
        )
        before = known.get(keys.nobodys(receipt.reference))
        if before is not None and before.state is TransferState.POSTED:
            moves.append(
                Book(
                    keys.received(receipt.reference),
                    ledger.unmatched(holding.centre_id).id,
                    account.id,
                    receipt.amount,
                    holding.id,
                )
            )
        else:
            moves.append(
                Reserve(
                    keys.received(receipt.reference),
                    ledger.bank(holding.centre_id).id,
                    account.id,
                    receipt.amount,
                    holding.id,
                )
            )
    return moves


def _asked(db: Session, lot: DepositLot, bidders: Sequence[str]) -> dict[str, Asked]:
    terms = terms_of_many(db, lot, bidders, lot.opening_on)
    named = parties.organisations(db, bidders)
    notice = projects.lot(db, lot.lot_id).notice
    assert notice is not None, "an opened lot has a notice"
    must_be_basic, article = False, ""
    for rule in book().versions("deposit.basic_account"):
        if rule.holds(lot.opening_on, lot.regime, lot.region):
            must_be_basic, article = rule.is_on, rule.article
    return {
        uscc: Asked(
            due=terms[uscc].due,
            is_excused=terms[uscc].exempt or not terms[uscc].due,
            deadline=notice.opening_at,
            basic_account=named[uscc].basic_account if uscc in named else "",
            must_be_basic=must_be_basic,
            bidder_name=named[uscc].name if uscc in named else "",
            rule_amount=terms[uscc].steps[0].article,
            rule_account=article,
        )
        for uscc in bidders
    }


def _with_validity(db: Session, lot: DepositLot, holding: Holding) -> Holding:
    terms = terms_of_many(db, lot, [holding.bidder_uscc], lot.opening_on)
    return replace(holding, valid_until=terms[holding.bidder_uscc].valid_until)


def _record_judgement(tx: Tx, actor: Actor, holding: Holding, asked: Asked) -> None:
    data: dict[str, Any] = {
        "holding": holding.id,
        "bidder": holding.bidder_uscc,
        "due_fen": asked.due.fen,
        "amount_fen": holding.amount.fen,
        "payer": _digest(holding.payer_account),
        "reasons": [{"code": r.code, "params": dict(r.params)} for r in holding.reasons],
    }
    tx.record(_stream(holding.lot_id), f"deposits:cash:{holding.state.lower()}", actor, data)


def _raise_leads(tx: Tx, actor: Actor, lot_id: str) -> None:
    """条例 §40(6): deposits of different bidders from one account."""
    holdings = queries.of_lot(tx.db, lot_id)
    known = {lead.payer_account: lead for lead in queries.leads(tx.db, lot_id)}
    names = {holding.payer_account: holding.payer_name for holding in holdings}
    on = legal_day(tx.now)
    for account, bidders in one_account(holdings).items():
        lead = known.get(account)
        if lead is not None and lead.bidders == bidders:
            continue
        rule = book().rule("deposit.one_account", on)
        tx.db.merge(
            LeadRow(
                lot_id=lot_id,
                payer_account=account,
                payer_name=names[account],
                bidders=" ".join(bidders),
                raised_at=tx.now,
            )
        )
        tx.record(
            _stream(lot_id),
            "deposits:lead:one_account",
            actor,
            {
                "account": _digest(account),
                "bidders": list(bidders),
                "rule": rule.id,
                "article": rule.article,
            },
        )


# --- Reading ------------------------------------------------------------------------------


def holdings(db: Session, lot_id: str) -> tuple[Holding, ...]:
    """The cash deposits of a lot in order of the bidders' codes; none before its opening."""
    return tuple(queries.of_lot(db, lot_id))


def holding(db: Session, holding_id: str) -> Holding:
    """Refuses NOT_FOUND."""
    found = queries.by_id(db, holding_id)
    if found is None:
        raise Refusal("deposits.cash.unknown", {"holding": holding_id[:40]}, Kind.NOT_FOUND)
    return found


def locked_holding(tx: Tx, holding_id: str) -> Holding:
    """The same, locked for a change."""
    found = queries.by_id(tx.db, holding_id, lock=True)
    if found is None:
        raise Refusal("deposits.cash.unknown", {"holding": holding_id[:40]}, Kind.NOT_FOUND)
    return found


def waiting(db: Session, centre_id: str) -> tuple[Holding, ...]:
    """Deposits of a centre that were opened and for which no money is known."""
    return tuple(h for h in queries.of_centre(db, centre_id) if h.state in UNANSWERED)


def judgement(db: Session, holding: Holding, came: Sequence[Receipt]) -> Holding:
    """What a deposit would be if this had come in for it; nothing is stored."""
    asked = _asked(db, deposit_lot(db, holding.lot_id), [holding.bidder_uscc])
    return judge(holding, came, asked[holding.bidder_uscc])


def holdings_of_bidder(db: Session, bidder_uscc: str) -> tuple[Holding, ...]:
    return tuple(queries.of_bidder(db, bidder_uscc))


def holdings_of_centre(db: Session, centre_id: str) -> tuple[Holding, ...]:
    return tuple(queries.of_centre(db, centre_id))


def receipts(db: Session, holding_id: str) -> tuple[Receipt, ...]:
    """What the bank told of one deposit."""
    return tuple(queries.receipts(db, [holding_id]).get(holding_id, []))


def leads(db: Session, lot_id: str = "") -> tuple[Lead, ...]:
    """Accounts that paid for several bidders: of a lot, or all."""
    return tuple(queries.leads(db, lot_id))


def standing_of(db: Session, lot_id: str, bidder_uscc: str, on: date) -> DepositStanding:
    """Where one bidder stands with the deposit of a lot, by guarantee or in cash."""
    found = guarantees.standing_of(db, lot_id, bidder_uscc, on)
    ours = [h for h in queries.of_lot(db, lot_id) if h.bidder_uscc == bidder_uscc]
    return with_cash(found, ours[0]) if ours else found


# --- Tasks --------------------------------------------------------------------------------


def ask_for_statement(tx: Tx, centre_id: str, tries: int = 0) -> None:
    """Have the bank's statement fetched on the next morning, once."""
    row = queries.centre_account(tx.db, centre_id, lock=True)
    tomorrow = legal_day(tx.now) + timedelta(days=1)
    if row is None or row.asked_for == tomorrow:
        return
    row.asked_for = tomorrow
    tx.db.add(row)
    args = {"centre": centre_id, "tries": tries}
    tasks.enqueue(tx, STATEMENT_TASK, args, start_of(tomorrow) + STATEMENT_HOUR)


def ask_task(bank: Bank) -> tasks.Handler:
    """The handler of ASK_TASK: asks the bank about every slip that it has not answered for. A
    silent bank is asked again in an hour; what a bank refuses (a salt that does not fit) counts as
    nothing having come in."""

    def handle(office: Office, args: Mapping[str, Any]) -> tasks.Write:
        lot_id, asked = str(args["lot"]), int(args["asked"])
        now = office.clock.now()
        with office.read() as db:
            waiting = [h for h in queries.of_lot(db, lot_id) if h.state in UNANSWERED and h.account]
        told: dict[str, Sequence[Receipt]] = {}
        silent = False
        for holding in waiting:
            slip = Slip(lot_id, holding.bidder_uscc, holding.account, holding.salt)
            try:
                told[holding.id] = bank.restore(slip, now)
            except Refusal:
                told[holding.id] = ()
            except BankSilent:
                silent = True

        def write(tx: Tx) -> None:
            if told:
                record_receipts(tx, SYSTEM, lot_id, told)
            if silent and asked < ASKED_MAX:
                again = {"lot": lot_id, "asked": asked + 1}
                tasks.enqueue(tx, ASK_TASK, again, tx.now + ASK_AGAIN)

        return write

    return handle


def _digest(text: str) -> str:
    return _digest_of(text.encode()) if text else ""


def _digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _stream(lot_id: str) -> str:
    return f"lot/{lot_id}"
