"""Statements at work: taken in whole or not at all, matched, and the rest shown.

The row of the centre's account is locked first, so that two processes that fetched the same
statement take it in once. What matches posts the book; holdings follow what their orders came to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlmodel import Session

from archive.actor import SYSTEM, Actor, Role
from archive.errors import Faults, Kind, Refusal
from archive.office import Office, Tx
from archive.tasks import service as tasks
from deposits.cash import queries as cash
from deposits.cash import service as holdings
from deposits.cash.bank import Bank, BankSilent
from deposits.cash.holding import HoldingState, move
from deposits.cash.tables import CentreAccountRow
from deposits.ledger import keys, ledger
from deposits.ledger import service as books
from deposits.ledger.ledger import Account, Book, Move
from deposits.refunds import queries as kept_orders
from deposits.refunds.orders import service as orders
from deposits.refunds.payout import Payout, PayoutState, Purpose
from deposits.statements import camt, lines, queries
from deposits.statements.matching import Open, Stated, Taken, match
from deposits.statements.statement import Statement, Unreadable, check_days, check_statement
from deposits.statements.tables import StatementLineRow, StatementRow
from trading.acting import must_serve
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.spreadsheet import FAULTS_MAX

TRIES_MAX = 60
"""So many mornings a statement is waited for that the bank does not give."""
FETCHED_MAX = 100
"""Statements in one go."""


class Format(StrEnum):
    CAMT053 = "CAMT053"
    CSV = "CSV"


@dataclass(frozen=True)
class Reconciliation:
    """A centre's account by the book and by the bank. `difference` is what left at the bank
    without an order of ours (or is missing there); it is explained by the open lines that could
    not be booked, or it is `unexplained`."""

    account: Account
    number: str
    bank_name: str
    statements: int
    closing: Money
    difference: Money
    unexplained: Money
    open_lines: tuple[Stated, ...]


def take_statement(tx: Tx, actor: Actor, centre_id: str, form: Format, content: bytes) -> Taken:
    """Take a statement in: check, match, post. Refuses INVALID for a file that is none, and as
    `check_statement` says; INVALID where a line's reference stood on an earlier statement."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    must_serve(actor, centre_id)
    account = cash.centre_account(tx.db, centre_id, lock=True)
    if account is None:
        raise Refusal("deposits.cash.no_account", {"centre": centre_id}, Kind.NOT_FOUND)
    try:
        statement = camt.read(content) if form is Format.CAMT053 else lines.read(content)
    except Unreadable as error:
        faults = error.faults
        raise Refusal(
            "deposits.statement.unreadable", {"count": len(faults)}, faults=faults[:FAULTS_MAX]
        ) from error
    check_statement(statement, account.number, account.statements, Money(account.closing_fen))
    check_days(statement, account.closed_on, legal_day(tx.now))
    _check_references(tx.db, centre_id, statement)
    document = tx.vault.put(
        f"statement-{centre_id}-{statement.number}",
        "application/xml" if form is Format.CAMT053 else "text/csv",
        content,
    )
    row = StatementRow(
        centre_id=centre_id,
        take=account.taken + 1,
        number=statement.number,
        closed_on=statement.closed_on,
        opening_fen=statement.opening.fen,
        closing_fen=statement.closing.fen,
        lines=len(statement.lines),
        sha256=document.sha256,
        taken_by=actor.id,
        taken_at=tx.now,
    )
    tx.db.add(row)
    account.statements, account.closing_fen = statement.number, statement.closing.fen
    account.closed_on, account.taken = statement.closed_on, row.take
    tx.db.add(account)
    tx.db.flush()
    open_count = _match(tx, actor, account, statement)
    tx.record(
        books.stream(centre_id),
        "deposits:statement:taken",
        actor,
        {
            "number": statement.number,
            "lines": len(statement.lines),
            "open": open_count,
            "closing_fen": statement.closing.fen,
        },
        (document,),
    )
    return row.to_domain()


def _check_references(db: Session, centre_id: str, statement: Statement) -> None:
    faults = Faults("deposits.statement.invalid")
    known = queries.known(db, centre_id, {line.reference for line in statement.lines})
    for index, line in enumerate(statement.lines):
        if line.reference in known:
            faults.add(
                f"/lines/{index}/reference",
                "deposits.statement.reference_known",
                line=index + 1,
                reference=line.reference[:40],
            )
    faults.refuse()


def _match(tx: Tx, actor: Actor, account: CentreAccountRow, statement: Statement) -> int:
    """Match and post; how many lines stay open."""
    centre_id, undone = account.centre_id, account.undone
    moves: list[Move] = []
    if statement.number == 1 and statement.opening:
        moves.append(
            Book(
                keys.again(keys.opening(centre_id), undone),
                ledger.bank(centre_id).id,
                ledger.unmatched(centre_id).id,
                statement.opening,
            )
        )
    before = kept_orders.payouts(
        tx.db, {line.key for line in statement.lines if line.key}, lock=True
    )
    received = [keys.received(x.reference) for x in statement.lines]
    announced = books.standing(tx.db, received, undone)
    outcome = match(centre_id, statement.lines, announced, before, undone)
    books.move(tx, actor, [*moves, *outcome.moves])
    for position, matched in enumerate(outcome.lines):
        row = StatementLineRow.from_domain(
            centre_id, account.taken, statement.number, position, matched
        )
        tx.db.add(row)
    for key, after in outcome.orders.items():
        if after != before[key]:
            _follow(tx, actor, before[key], after)
    tx.db.flush()
    return sum(matched.why is not None for matched in outcome.lines)


def _follow(tx: Tx, actor: Actor, before: Payout, after: Payout) -> None:
    """What an order came to, for the deposit that it paid back. Of an order that was paid and sent
    back on one statement, both are put down."""
    kept_orders.store(tx.db, after)
    if after.purpose is not Purpose.REFUND:
        return
    held = cash.by_id(tx.db, after.subject, lock=True)
    assert held is not None, "a refund has its holding"
    was_paid = before.state is not PayoutState.DONE
    if was_paid:
        held = replace(move(held, HoldingState.REFUNDED), refunded_at=tx.now)
        assert after.done_on is not None, "what was paid has its day"
        tx.record(
            f"lot/{held.lot_id}",
            "deposits:cash:refunded",
            actor,
            {
                "holding": held.id,
                "bidder": held.bidder_uscc,
                "payout": after.key,
                "paid_on": after.done_on.isoformat(),
                "total_fen": after.total.fen,
            },
        )
    if after.state is PayoutState.BOUNCED:
        held = replace(move(held, HoldingState.BOUNCED), refunded_at=None)
        tx.record(
            f"lot/{held.lot_id}",
            "deposits:cash:bounced",
            actor,
            {"holding": held.id, "bidder": held.bidder_uscc, "payout": after.key},
        )
    cash.store(tx.db, held)


# --- Reading ------------------------------------------------------------------------------


def reconciliation(db: Session, centre_id: str) -> Reconciliation | None:
    """A centre's account by the book and by the bank; None where it has no account."""
    row = cash.centre_account(db, centre_id)
    if row is None:
        return None
    account = next(a for a in books.balances(db, centre_id) if a.id == ledger.bank(centre_id).id)
    found = open_lines(db, centre_id)
    closing = Money(row.closing_fen)
    difference = account.balance - closing
    unbooked = Money(-sum(each.line.amount.fen for each in found if not each.is_booked))
    return Reconciliation(
        account=account,
        number=row.number,
        bank_name=row.bank_name,
        statements=row.statements,
        closing=closing,
        difference=difference,
        unexplained=difference - unbooked,
        open_lines=found,
    )


def open_lines(db: Session, centre_id: str = "") -> tuple[Stated, ...]:
    return tuple(row.to_domain() for row in queries.open_lines(db, centre_id))


def line_of(db: Session, centre_id: str, take: int, position: int) -> Stated:
    """One line of a statement. Refuses NOT_FOUND."""
    row = queries.line_at(db, centre_id, take, position)
    if row is None:
        params = {"reference": f"{take}/{position}"}
        raise Refusal("deposits.statement.no_line", params, Kind.NOT_FOUND)
    return _told(db, [row])[0]


def _told(db: Session, rows: Sequence[StatementLineRow]) -> tuple[Stated, ...]:
    """The lines; those of which the bank told afterwards whose they are have that as resolution."""
    unknown = {x.reference for x in rows if x.why == Open.UNKNOWN and not x.resolution}
    claimed = cash.used(db, unknown)
    return tuple(
        replace(row.to_domain(), resolution=f"TOLD {claimed[row.reference]}")
        if row.reference in claimed
        else row.to_domain()
        for row in rows
    )


def lines_of(db: Session, centre_id: str) -> tuple[Stated, ...]:
    return _told(db, queries.lines(db, centre_id))


def lines_of_take(db: Session, centre_id: str, take: int) -> tuple[Stated, ...]:
    """The lines of one file, in their order."""
    return _told(db, queries.of_take(db, centre_id, take))


def statements_of(db: Session, centre_id: str) -> tuple[Taken, ...]:
    """All files that a centre took in, the newest first, those that were undone among them."""
    return tuple(row.to_domain() for row in queries.statements(db, centre_id))


def statement_of(db: Session, centre_id: str, take: int) -> Taken:
    """One of them. Refuses NOT_FOUND."""
    row = queries.statement(db, centre_id, take)
    if row is None:
        raise Refusal("deposits.undo.unknown", {"take": take}, Kind.NOT_FOUND)
    return row.to_domain()


# --- Task ---------------------------------------------------------------------------------


def statement_task(bank: Bank) -> tasks.Handler:
    """The handler of STATEMENT_TASK: takes in what the bank has, in order. While the book waits for
    something it asks again on the next morning."""

    def handle(office: Office, args: Mapping[str, Any]) -> tasks.Write:
        centre_id, tries = str(args["centre"]), int(args["tries"])
        now = office.clock.now()
        with office.read() as db:
            account = cash.centre_account(db, centre_id)
            last = account.statements if account is not None else 0
            last_call = orders.last_call(db)
        fetched: list[bytes] = []
        called: tuple[bytes, ...] = ()
        try:
            for number in range(last + 1, last + 1 + FETCHED_MAX):
                content = bank.statement(centre_id, number, now)
                if content is None:
                    break
                fetched.append(content)
            called = bank.calls(last_call, now)
        except BankSilent:
            pass

        def write(tx: Tx) -> None:
            current = cash.centre_account(tx.db, centre_id, lock=True)
            if current is None:
                return
            for number, content in enumerate(fetched, last + 1):
                if number > current.statements:
                    take_statement(tx, SYSTEM, centre_id, Format.CAMT053, content)
            orders.take_calls(tx, called)
            waits = bool(books.pending(tx.db, centre_id))
            if waits and tries < TRIES_MAX:
                holdings.ask_for_statement(tx, centre_id, 0 if fetched else tries + 1)

        return write

    return handle
