"""Clearance at work: items are found, notices sent, money given back or handed over.

The money of an imported item lies in the centre's account since before the first statement, as
UNMATCHED; entering the item moves it to an account of its own, so that an item without money is
refused and no money is given out twice. `overdue` is the promise of this room: whatever is due and not
back stands there with its reason, or without one, in red.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Tx
from deposits.cash import service as cash
from deposits.cash.holding import Holding, HoldingState
from deposits.clearance import queries
from deposits.clearance.item import CLOSED, Done, Item, Old, Reason, State, Step, read_items
from deposits.clearance.tables import ClearanceRow, ClearanceStepRow
from deposits.guarantees import service as guarantees
from deposits.ledger import keys, ledger
from deposits.ledger import service as books
from deposits.ledger.ledger import AccountKind, Book
from deposits.refunds import service as refunds
from deposits.refunds.orders import service as orders
from deposits.refunds.payout import FAILED, Payout, PayoutState, Purpose, payout_key
from deposits.release import overdue_days
from trading.acting import must_serve
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.objections import service as objections
from trading.projects import service as projects

NOTE_LENGTH_MAX = 500
_PAID = (Step.PAYMENT, Step.HAND_OVER)


@dataclass(frozen=True)
class Overdue:
    """One deposit that should be back: cash or guarantee. `reason` is None where nobody knows why
    it is not; `item_id` its item of clearance, where there is one."""

    subject: str
    lot_id: str
    centre_id: str
    bidder_uscc: str
    is_cash: bool
    amount: Money | None
    due_on: date
    days: int
    reason: Reason | None
    item_id: str


def import_items(tx: Tx, actor: Actor, centre_id: str, content: bytes) -> int:
    """Take in a list of old deposits, one file, all or nothing; how many. Refuses INVALID with all
    faults, CONFLICT where the centre's unmatched money does not cover them."""
    _staff_of(actor, centre_id)
    dry = read_items(content, legal_day(tx.now))
    dry.refuse("deposits.clearance.invalid")
    found = dry.rows
    wanted = Money(sum(old.amount.fen for old in found))
    (nobodys,) = books.balances(tx.db, centre_id, AccountKind.UNMATCHED)
    if wanted.fen > nobodys.available.fen:
        params = {"wanted": wanted.in_yuan(), "available": nobodys.available.in_yuan()}
        raise Refusal("deposits.clearance.not_covered", params, Kind.CONFLICT)
    moves = []
    for old in found:
        item_id = tx.new_id()
        account = ledger.legacy(centre_id, item_id)
        books.open_accounts(tx, [account])
        source = ledger.unmatched(centre_id).id
        moves.append(Book(keys.legacy(item_id), source, account.id, old.amount, item_id))
        _enter(tx, actor, item_id, centre_id, "", old)
    books.move(tx, actor, moves)
    document = tx.vault.put("clearance.csv", "text/csv", content)
    data = {"count": len(found), "amount_fen": sum(old.amount.fen for old in found)}
    tx.record(books.stream(centre_id), "deposits:clearance:imported", actor, data, (document,))
    return len(found)


def explain(tx: Tx, actor: Actor, holding_id: str, reason: Reason, note: str) -> Item:
    """Enter a deposit of the ledger that is overdue, with the reason why it is not back. Refuses
    CONFLICT where it is not overdue or has its item."""
    held = cash.holding(tx.db, holding_id)
    _staff_of(actor, held.centre_id)
    today = legal_day(tx.now)
    is_owed = any(each.id == holding_id for each in refunds.due_by(tx.db, today))
    if not is_owed or held.release_due_on is None or held.release_due_on >= today:
        raise Refusal("deposits.clearance.not_overdue", {}, Kind.CONFLICT)
    if holding_id in queries.of_holdings(tx.db, [holding_id]):
        raise Refusal("deposits.clearance.known", {}, Kind.CONFLICT)
    _check_note(note)
    assert held.paid_on is not None, "money that is owed came on a day"
    old = Old(
        payer=held.payer_name,
        account=held.payer_account,
        project=held.lot_id,
        amount=held.rest,
        received_on=held.paid_on,
        due_on=held.release_due_on,
        reason=reason,
        note=note,
    )
    return _enter(tx, actor, tx.new_id(), held.centre_id, holding_id, old)


def _enter(tx: Tx, actor: Actor, item_id: str, centre_id: str, holding_id: str, old: Old) -> Item:
    row = ClearanceRow(
        id=item_id,
        centre_id=centre_id,
        holding_id=holding_id,
        payer=old.payer,
        account=old.account,
        project=old.project,
        amount_fen=old.amount.fen,
        received_on=old.received_on,
        due_on=old.due_on,
        reason=old.reason,
        note=old.note,
        state=State.OPEN,
        found_at=tx.now,
    )
    tx.db.add(row)
    tx.db.flush()
    _step(tx, actor, row, Step.FOUND, old.note, None)
    return row.to_domain()


def note(tx: Tx, actor: Actor, item_id: str, step: Step, text: str, document: bytes = b"") -> Item:
    """Put down what was done: a notice (with its document), an inquiry, a better reason."""
    row = _open(tx, actor, item_id)
    if step not in (Step.NOTICE, Step.INQUIRY):
        raise Refusal("deposits.clearance.step", {"step": step})
    if step is Step.NOTICE and not document:
        raise Refusal("deposits.clearance.document", {})
    _check_note(text)
    if step is Step.NOTICE:
        row.notices += 1
        if row.state == State.OPEN:
            row.state = State.NOTICED
        tx.db.add(row)
    _step(tx, actor, row, step, text, _keep(tx, row, document))
    return row.to_domain()


def give_back(
    tx: Tx, actor: Actor, item_id: str, account: str, name: str, document: bytes
) -> Payout:
    """Pay an imported item to its owner, with the document that shows that he is it; again where the
    bank refused or returned it."""
    return _pay(tx, actor, item_id, account, name, document, Step.PAYMENT)


def hand_over(
    tx: Tx, actor: Actor, item_id: str, account: str, name: str, document: bytes
) -> Payout:
    """Pay an imported item to the treasury: only after a notice, on a document that orders it."""
    row = _open(tx, actor, item_id)
    if not row.notices:
        raise Refusal("deposits.clearance.no_notice", {}, Kind.CONFLICT)
    return _pay(tx, actor, item_id, account, name, document, Step.HAND_OVER)


def _pay(
    tx: Tx, actor: Actor, item_id: str, account: str, name: str, document: bytes, step: Step
) -> Payout:
    row = _open(tx, actor, item_id)
    if row.holding_id:
        raise Refusal("deposits.clearance.by_refund", {}, Kind.CONFLICT)
    if any(order.state not in FAILED for order in orders.payouts_of(tx.db, [row.id])):
        raise Refusal("deposits.clearance.paying", {}, Kind.CONFLICT)
    if not document:
        raise Refusal("deposits.clearance.document", {})
    orders.check_account(account)
    order = Payout(
        key=payout_key(f"legacy-{row.id}", queries.next_number(tx.db, row.id)),
        subject=row.id,
        purpose=Purpose.CLEARANCE,
        centre_id=row.centre_id,
        source=ledger.legacy(row.centre_id, row.id).id,
        to_account=account,
        to_name=name,
        amount=Money(row.amount_fen),
        interest=Money(0),
        carried=Money(0),
        late_fee=Money(0),
        due_on=row.due_on,
        ordered_at=tx.now,
        state=PayoutState.ORDERED,
    )
    orders.send(tx, actor, order)
    row.state = State.PAYING
    tx.db.add(row)
    _step(tx, actor, row, step, order.key, _keep(tx, row, document))
    return order


def settle(tx: Tx, actor: Actor, item_id: str) -> Item:
    """Close an item whose money is gone: its payout stands on a statement, or its holding was
    refunded. Refuses CONFLICT while it is not."""
    row = _open(tx, actor, item_id)
    done = State.RETURNED
    if row.holding_id:
        is_gone = cash.holding(tx.db, row.holding_id).state is HoldingState.REFUNDED
    else:
        given = orders.payouts_of(tx.db, [row.id])
        is_gone = bool(given) and given[-1].state is PayoutState.DONE
        paid = [s.step for s in queries.steps(tx.db, row.id) if s.step in _PAID]
        if paid[-1:] == [Step.HAND_OVER]:
            done = State.HANDED_OVER
    if not is_gone:
        raise Refusal("deposits.clearance.not_gone", {}, Kind.CONFLICT)
    row.state = done
    tx.db.add(row)
    _step(tx, actor, row, Step.CLOSED, "", None)
    return row.to_domain()


# --- Reading ------------------------------------------------------------------------------


def items(db: Session, centre_id: str) -> tuple[Item, ...]:
    return tuple(row.to_domain() for row in queries.items(db, centre_id))


def item(db: Session, actor: Actor, item_id: str) -> tuple[Item, tuple[Done, ...]]:
    """An item with its steps. Refuses NOT_FOUND, FORBIDDEN staff of another centre."""
    row = queries.item(db, item_id)
    if row is None:
        raise Refusal("deposits.clearance.unknown", {"item": item_id[:40]}, Kind.NOT_FOUND)
    must_serve(actor, row.centre_id)
    return row.to_domain(), tuple(step.to_domain() for step in queries.steps(db, item_id))


def overdue(db: Session, on: date, centre_id: str = "") -> tuple[Overdue, ...]:
    """All deposits, cash and guarantees, that should be back before `on` and are not, the longest
    first; each with the reason that is known."""
    late = [h for h in refunds.due_by(db, on) if h.release_due_on and h.release_due_on < on]
    known = queries.of_holdings(db, [h.id for h in late])
    found = [_overdue(db, held, on, known.get(held.id)) for held in late]
    for each in guarantees.unreleased(db, on):
        if each.due_on >= on:
            continue
        suspended = objections.suspended(db, each.lot_id)
        found.append(
            Overdue(
                subject=each.guarantee_id,
                lot_id=each.lot_id,
                centre_id=_centre_of(db, each.lot_id),
                bidder_uscc=each.bidder_uscc,
                is_cash=False,
                amount=None,
                due_on=each.due_on,
                days=each.overdue_days,
                reason=Reason.SUSPENDED if suspended else None,
                item_id="",
            )
        )
    ours = (each for each in found if not centre_id or each.centre_id == centre_id)
    return tuple(sorted(ours, key=lambda each: (each.due_on, each.subject)))


def _overdue(db: Session, held: Holding, on: date, row: ClearanceRow | None) -> Overdue:
    assert held.release_due_on is not None, "what is overdue has its day"
    reason: Reason | None = Reason(row.reason) if row is not None else None
    if reason is None and held.state is HoldingState.BOUNCED:
        reason = Reason.BOUNCED
    if reason is None and objections.suspended(db, held.lot_id):
        reason = Reason.SUSPENDED
    if reason is None and held.state is HoldingState.REFUNDING:
        reason = Reason.BANK
    return Overdue(
        subject=held.id,
        lot_id=held.lot_id,
        centre_id=held.centre_id,
        bidder_uscc=held.bidder_uscc,
        is_cash=True,
        amount=held.rest,
        due_on=held.release_due_on,
        days=overdue_days(held.release_due_on, on),
        reason=reason,
        item_id=row.id if row is not None else "",
    )


def _centre_of(db: Session, lot_id: str) -> str:
    return projects.lot(db, lot_id).centre_id


# --- Shared -------------------------------------------------------------------------------


def _open(tx: Tx, actor: Actor, item_id: str) -> ClearanceRow:
    row = queries.item(tx.db, item_id)
    if row is None:
        raise Refusal("deposits.clearance.unknown", {"item": item_id[:40]}, Kind.NOT_FOUND)
    _staff_of(actor, row.centre_id)
    if State(row.state) in CLOSED:
        raise Refusal("deposits.clearance.closed", {}, Kind.CONFLICT)
    return row


def _staff_of(actor: Actor, centre_id: str) -> None:
    actor.must_be(Role.STAFF)
    must_serve(actor, centre_id)


def _check_note(text: str) -> None:
    if not 0 < len(text.strip()) <= NOTE_LENGTH_MAX:
        raise Refusal("deposits.clearance.note", {"length_max": NOTE_LENGTH_MAX})


def _keep(tx: Tx, row: ClearanceRow, document: bytes) -> DocumentRef | None:
    if not document:
        return None
    return tx.vault.put(f"clearance-{row.id}", "application/octet-stream", document)


def _step(
    tx: Tx, actor: Actor, row: ClearanceRow, step: Step, text: str, document: DocumentRef | None
) -> None:
    tx.db.add(
        ClearanceStepRow(
            item_id=row.id,
            number=queries.next_number(tx.db, row.id),
            step=step,
            note=text,
            document_name=document.name if document else "",
            document_sha256=document.sha256 if document else "",
            actor=actor.id,
            at=tx.now,
        )
    )
    tx.db.flush()
    data = {"item": row.id, "step": step, "state": row.state, "reason": row.reason}
    kept = (document,) if document else ()
    tx.record(books.stream(row.centre_id), "deposits:clearance:step", actor, data, kept)
