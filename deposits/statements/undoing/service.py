"""A statement that was taken in by mistake is undone (冲销): counter-entries, and nothing is deleted.

Only the last one can be, for each opens where the one before it closed. What it brought in as nobody's
leaves the book by a counter-entry; a receipt that it posted is pending again, as the bank's word had made
it, so a deposit stands where it stood before the file. What money of it was used for stands in the way,
each line by name: a payment that it settled, interest, a return; a deposit that was paid back, not given
back or converted since; what a person assigned or sent back; old deposits entered against it. Its lines
stay as history, its number is free for the right file, and the bank is asked for its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Fault, Faults, Kind, Param, Refusal
from archive.office import Tx
from deposits.cash import queries as cash
from deposits.cash import service as holdings
from deposits.cash.holding import HoldingState
from deposits.cash.tables import CentreAccountRow
from deposits.ledger import keys, ledger
from deposits.ledger import service as books
from deposits.ledger.ledger import AccountKind, Book, Move, Reserve
from deposits.statements import queries
from deposits.statements.matching import Stated, Taken
from deposits.statements.service import lines_of_take, statement_of
from deposits.statements.statement import LineKind
from trading.acting import must_serve
from trading.money import Money

WHY_LENGTH_MAX = 200
_UNTOUCHED = frozenset({HoldingState.HELD, HoldingState.REJECTED})
"""A deposit with which nothing was done since its money came."""


def undo(tx: Tx, actor: Actor, centre_id: str, take: int, why: str) -> Taken:
    """Undo the last statement of a centre. Refuses NOT_FOUND an unknown one; CONFLICT one that is not
    the last, or undone; INVALID without a reason, and with everything that stands in the way."""
    actor.must_be(Role.STAFF)
    must_serve(actor, centre_id)
    account = cash.centre_account(tx.db, centre_id, lock=True)
    row = queries.statement(tx.db, centre_id, take)
    if account is None or row is None:
        raise Refusal("deposits.undo.unknown", {"take": take}, Kind.NOT_FOUND)
    if row.undone_at is not None:
        raise Refusal("deposits.undo.twice", {"number": row.number}, Kind.CONFLICT)
    if row.number != account.statements:
        params = {"number": row.number, "last": account.statements}
        raise Refusal("deposits.undo.not_last", params, Kind.CONFLICT)
    faults = Faults("deposits.undo.in_the_way")
    if not 0 < len(why.strip()) <= WHY_LENGTH_MAX:
        faults.add("/why", "deposits.undo.why", length_max=WHY_LENGTH_MAX)
    faults.extend(in_the_way(tx.db, centre_id, take))
    faults.refuse()
    books.move(tx, actor, _counter(tx.db, account, row.to_domain()))
    for line in queries.of_take(tx.db, centre_id, take):
        line.is_undone = True
        tx.db.add(line)
    row.undone_by, row.undone_why, row.undone_at = actor.id, why.strip(), tx.now
    before = queries.standing(tx.db, centre_id, row.number - 1)
    account.statements = row.number - 1
    account.closing_fen = before.closing_fen if before is not None else 0
    account.closed_on = before.closed_on if before is not None else None
    account.undone += 1
    tx.db.add(row)
    tx.db.add(account)
    tx.db.flush()
    data = {"number": row.number, "take": take, "lines": row.lines, "why": row.undone_why}
    tx.record(books.stream(centre_id), "deposits:statement:undone", actor, data)
    holdings.ask_for_statement(tx, centre_id)
    return row.to_domain()


def in_the_way(db: Session, centre_id: str, take: int) -> tuple[Fault, ...]:
    """What was done with money of a statement, line by line; empty where it can be undone."""
    faults: list[Fault] = []
    still_open = {row.reference for row in queries.open_lines(db, centre_id)}
    nobodys = Money(0)
    for stated in lines_of_take(db, centre_id, take):
        if stated.line.reference in still_open and stated.is_booked:
            nobodys += stated.line.amount
        if code := _why_not(db, stated, still_open):
            params: dict[str, Param] = {
                "line": stated.position + 1,
                "reference": stated.line.reference[:40],
            }
            if code == "deposits.undo.acted":
                params["state"] = holdings.holding(db, stated.subject).state
            faults.append(Fault(f"/lines/{stated.position}", code, params))
    found = statement_of(db, centre_id, take)
    nobodys += found.opening if found.number == 1 else Money(0)
    (unmatched,) = books.balances(db, centre_id, AccountKind.UNMATCHED)
    if unmatched.available < nobodys:
        short = (nobodys - unmatched.available).in_yuan()
        faults.append(Fault("/lines", "deposits.undo.spent", {"short": short}))
    return tuple(faults)


def _why_not(db: Session, stated: Stated, still_open: Collection[str]) -> str:
    """Why a line cannot be undone, by code; empty where it can."""
    if stated.why is not None:
        if stated.proposal is not None and stated.line.reference in still_open:
            return "deposits.undo.proposed"
        if stated.line.reference in still_open:
            return ""
        is_back = stated.resolution.startswith("SENT_BACK")
        return "deposits.undo.sent_back" if is_back else "deposits.undo.assigned"
    if stated.line.kind is not LineKind.RECEIPT:
        return "deposits.undo.paid"
    held = holdings.holding(db, stated.subject)
    is_untouched = held.state in _UNTOUCHED and not held.converted
    return "" if is_untouched else "deposits.undo.acted"


def _counter(db: Session, account: CentreAccountRow, taken: Taken) -> Sequence[Move]:
    """The counter-entries, and what is pending again."""
    names = [
        (keys.received if stated.why is None else keys.nobodys)(stated.line.reference)
        for stated in lines_of_take(db, account.centre_id, taken.take)
        if stated.is_booked
    ]
    if taken.number == 1 and taken.opening:
        names.append(keys.opening(account.centre_id))
    moves: list[Move] = []
    unmatched = ledger.unmatched(account.centre_id).id
    for name, made in books.standing(db, names, account.undone).items():
        moves.append(
            Book(keys.undone(made.key), made.credit, made.debit, made.amount, made.subject)
        )
        if made.credit != unmatched:
            again = keys.again(name, account.undone + 1)
            moves.append(Reserve(again, made.debit, made.credit, made.amount, made.subject))
    return moves
