"""What persons do with lines that did not match: assign one to a deposit, or send it back.

Money of nobody becomes a deposit only by two persons: one says whose it is and why (`assign`), another
of the same centre confirms it (`confirm`). Then it is judged as if the bank had told of it: a stranger's
account stays a stranger's. A statement has only the day on which the bank spoke of the money, which it
may do long after the opening; when it came says the document. Either of them, or a third, may drop what was said; all of it stays on
`ledger/<centre>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Faults, Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Tx
from deposits.cash import service as holdings
from deposits.cash.bank import Receipt
from deposits.cash.holding import UNANSWERED, Holding
from deposits.ledger import ledger
from deposits.ledger import service as books
from deposits.refunds.orders import service as orders
from deposits.refunds.payout import Payout, PayoutState, Purpose, payout_key
from deposits.statements import queries
from deposits.statements.matching import Stated
from deposits.statements.tables import StatementLineRow
from trading.acting import must_serve
from trading.calendar.legal import legal_day
from trading.money import Money

WHY_LENGTH_MAX = 200
IN_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Before any deadline: for what a deposit would be had the money come in time."""


@dataclass(frozen=True)
class Word:
    """What the first person says: why the money is the deposit's, when it came, and what shows it (the
    bank's receipt or letter)."""

    why: str
    came_at: datetime
    document: bytes


def assign(
    tx: Tx, actor: Actor, centre_id: str, reference: str, holding_id: str, word: Word
) -> Stated:
    """Say that money that nobody claimed belongs to a deposit for which none came; nothing is booked
    until somebody else confirms it.

    Refuses NOT_FOUND an unknown line or deposit; CONFLICT where the line is dealt with, assigned
    already, or no payment of a bidder, and where the deposit waits for no money; INVALID without a
    reason and a document, and for a moment after the day of the line.
    """
    row = _open_line(tx, actor, centre_id, reference)
    _must_be_free(row)
    if not row.to_domain().is_payment:
        raise Refusal("deposits.assign.kind", {"reference": reference[:40]}, Kind.CONFLICT)
    faults = Faults("deposits.assign.invalid")
    if not 0 < len(word.why.strip()) <= WHY_LENGTH_MAX:
        faults.add("/why", "deposits.assign.why", length_max=WHY_LENGTH_MAX)
    if legal_day(word.came_at) > row.booked_on:
        faults.add("/came_at", "deposits.assign.came_at", day=row.booked_on.isoformat())
    if not word.document:
        faults.add("/document", "deposits.assign.document")
    faults.refuse()
    held = _waiting(tx, centre_id, holding_id)
    name = f"assigned-{centre_id}-{row.take}-{row.position}"
    document = tx.vault.put(name, "application/octet-stream", word.document)
    row.proposed_for, row.proposed_why = held.id, word.why.strip()
    row.proposed_came_at, row.proposed_document = word.came_at, document.sha256
    row.proposed_by, row.proposed_at = actor.id, tx.now
    _noted(tx, actor, row, "assigned", held.id, document)
    return row.to_domain()


def confirm(tx: Tx, actor: Actor, centre_id: str, reference: str) -> Holding:
    """The second person's word: the money is the deposit's, and judged; the deposit afterwards.

    Refuses FORBIDDEN who assigned it himself; CONFLICT where nobody did, or the deposit has got its
    money meanwhile.
    """
    row = _open_line(tx, actor, centre_id, reference)
    proposal = row.proposal
    if proposal is None:
        raise Refusal("deposits.assign.nothing", {"reference": reference[:40]}, Kind.CONFLICT)
    if proposal.by == actor.id:
        params = {"actor": actor.id}
        rule = "deposit.two_persons"
        raise Refusal("deposits.assign.two_persons", params, Kind.FORBIDDEN, rule=rule)
    held = _waiting(tx, centre_id, proposal.holding_id)
    receipts = {held.id: [_receipt(row.to_domain(), held, proposal.came_at)]}
    after = holdings.record_receipts(tx, actor, held.lot_id, receipts)
    _resolved(tx, actor, row, "ASSIGNED", held.id)
    return next(each for each in after if each.id == held.id)


def drop(tx: Tx, actor: Actor, centre_id: str, reference: str) -> None:
    """Take back, or do not confirm, what was said of a line: it is nobody's again."""
    row = _open_line(tx, actor, centre_id, reference)
    proposal = row.proposal
    if proposal is None:
        raise Refusal("deposits.assign.nothing", {"reference": reference[:40]}, Kind.CONFLICT)
    row.proposed_for = row.proposed_why = row.proposed_by = row.proposed_document = ""
    row.proposed_at = row.proposed_came_at = None
    _noted(tx, actor, row, "assignment_dropped", proposal.holding_id)


def _receipt(stated: Stated, held: Holding, came_at: datetime) -> Receipt:
    """What the bank would have told of a line, had it known whose it is."""
    line = stated.line
    return Receipt(
        reference=line.reference,
        account=line.account or held.account or "0",
        payer_account=line.counter_account or "0",
        payer_name=line.counter_name or "?",
        amount=line.amount,
        paid_at=came_at,
    )


def judgement(db: Session, stated: Stated, held: Holding, came_at: datetime = IN_TIME) -> Holding:
    """What a deposit would be if a line were assigned to it; nothing is stored."""
    return holdings.judgement(db, held, [_receipt(stated, held, came_at)])


def send_back(tx: Tx, actor: Actor, centre_id: str, reference: str) -> Payout:
    """Pay money that is nobody's back to the account that it came from. Refuses as `assign`, and
    where the bank did not say from where it came."""
    row = _open_line(tx, actor, centre_id, reference)
    _must_be_free(row)
    if not row.counter_account:
        raise Refusal("deposits.statement.no_sender", {"reference": reference[:40]}, Kind.CONFLICT)
    earlier = orders.payouts_of(tx.db, [row.reference])
    order = Payout(
        key=payout_key(f"back-{centre_id}-{row.take}-{row.position}", 1 + len(earlier)),
        subject=row.reference,
        purpose=Purpose.CLEARANCE,
        centre_id=centre_id,
        source=ledger.unmatched(centre_id).id,
        to_account=row.counter_account,
        to_name=row.counter_name,
        amount=Money(row.amount_fen),
        interest=Money(0),
        carried=Money(0),
        late_fee=Money(0),
        due_on=None,
        ordered_at=tx.now,
        state=PayoutState.ORDERED,
    )
    orders.send(tx, actor, order)
    _resolved(tx, actor, row, "SENT_BACK", order.key)
    return order


def _open_line(tx: Tx, actor: Actor, centre_id: str, reference: str) -> StatementLineRow:
    actor.must_be(Role.STAFF)
    must_serve(actor, centre_id)
    row = queries.line(tx.db, centre_id, reference, lock=True)
    if row is None:
        raise Refusal("deposits.statement.no_line", {"reference": reference[:40]}, Kind.NOT_FOUND)
    still_open = {each.reference for each in queries.open_lines(tx.db, centre_id)}
    if row.reference not in still_open or not row.is_booked:
        raise Refusal("deposits.statement.dealt_with", {"reference": reference[:40]}, Kind.CONFLICT)
    return row


def _must_be_free(row: StatementLineRow) -> None:
    if row.proposed_for:
        params = {"reference": row.reference[:40], "by": row.proposed_by}
        raise Refusal("deposits.assign.proposed", params, Kind.CONFLICT)


def _waiting(tx: Tx, centre_id: str, holding_id: str) -> Holding:
    """The deposit, where it is the centre's and waits for money."""
    held = holdings.locked_holding(tx, holding_id)
    if held.centre_id != centre_id:
        raise Refusal("deposits.cash.unknown", {"holding": holding_id[:40]}, Kind.NOT_FOUND)
    if held.state not in UNANSWERED:
        raise Refusal("deposits.assign.not_waiting", {}, Kind.CONFLICT)
    return held


def _resolved(tx: Tx, actor: Actor, row: StatementLineRow, what: str, subject: str) -> None:
    row.resolution, row.resolved_at = f"{what} {subject}", tx.now
    tx.db.add(row)
    tx.db.flush()
    tx.record(
        books.stream(row.centre_id),
        "deposits:statement:line_resolved",
        actor,
        {"statement": row.statement, "position": row.position, "what": what, "subject": subject},
    )


def _noted(
    tx: Tx,
    actor: Actor,
    row: StatementLineRow,
    what: str,
    holding_id: str,
    document: DocumentRef | None = None,
) -> None:
    tx.db.add(row)
    tx.db.flush()
    data: dict[str, str | int] = {
        "statement": row.statement,
        "position": row.position,
        "holding": holding_id,
        "why": row.proposed_why,
    }
    documents = (document,) if document is not None else ()
    tx.record(books.stream(row.centre_id), f"deposits:statement:{what}", actor, data, documents)
