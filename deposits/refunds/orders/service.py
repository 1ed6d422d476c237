"""Orders to the bank, and what it says of them.

An order is booked as pending and committed *before* the bank is called; the call carries the order's
key, so a process that dies in between pays neither twice nor never. What the bank calls back posts
nothing: the statement alone says that it was paid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from archive import canonical
from archive.actor import SYSTEM, Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Office, Tx
from archive.tasks import service as tasks
from deposits.cash import queries as cash
from deposits.cash.bank import Bank, BankSilent, Notice, NoticeKind
from deposits.cash.holding import HoldingState, move
from deposits.cash.service import ask_for_statement, locked_holding
from deposits.ledger import keys, ledger
from deposits.ledger import service as books
from deposits.ledger.ledger import Reserve, Void
from deposits.refunds import payout as payouts
from deposits.refunds import queries
from deposits.refunds.payout import Payout, PayoutState, Purpose
from deposits.refunds.tables import CallRow

PAY_TASK = "deposits.pay_out"
PAY_AGAIN = timedelta(hours=1)
PAY_TRIES_MAX = 240
"""Ten days of a silent bank; then a person has to send the order, and the page shows it."""


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


def check_account(account: str) -> None:
    """Refuse INVALID what is no account number."""
    if not (account.isascii() and account.isdigit() and 8 <= len(account) <= 32):
        raise Refusal("deposits.cash.account_number", {"number": account[:40]})


def payouts_of(db: Session, subjects: list[str]) -> tuple[Payout, ...]:
    """All orders for these holdings or items, the oldest first."""
    return tuple(queries.of_subjects(db, subjects))


def payouts_of_centre(
    db: Session, centre_id: str, *, only_open: bool = False
) -> tuple[Payout, ...]:
    return tuple(queries.of_centre(db, centre_id, only_open=only_open))


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
    """Take of the calls that were fetched those that can be; how many. One that came again does not
    keep what follows from being heard, one before its turn is taken the next time, and one that
    never can be stays the next (its orders are settled by the statement all the same)."""
    taken = 0
    for content in contents:
        try:
            call = read_notice(content)
        except Refusal:
            continue
        known = queries.payout(tx.db, call.key) is not None
        if call.number != queries.last_call(tx.db) + 1 or not known:
            continue
        take_call(tx, SYSTEM, call)
        taken += 1
    return taken


def _refused(tx: Tx, actor: Actor, found: Payout) -> None:
    queries.store(tx.db, payouts.move(found, PayoutState.REFUSED))
    books.move(tx, actor, [Void(keys.paid(found.key))])
    if found.purpose is Purpose.REFUND:
        held = locked_holding(tx, found.subject)
        cash.store(tx.db, move(held, HoldingState.BOUNCED))
