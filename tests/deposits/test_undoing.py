"""A statement taken in by mistake is undone by counter-entries, as far as nothing rests on it
(会计基础工作规范 第五十二条: 更正错账 leaves what was wrong legible)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import Kind, Refusal
from deposits.cash import service as cash
from deposits.cash.bank import Receipt
from deposits.cash.holding import HoldingState
from deposits.clearance import service as clearance
from deposits.ledger import ledger
from deposits.ledger import service as books
from deposits.ledger.ledger import Account
from deposits.refunds import service as refunds
from deposits.release import ReleaseCause
from deposits.statements import lines, service
from deposits.statements.matching import Taken
from deposits.statements.resolving import service as resolving
from deposits.statements.service import Format
from deposits.statements.statement import Line, LineKind, Statement
from deposits.statements.undoing import service as undoing
from tests.builders import STAFF
from tests.deposits import makers
from tests.deposits.makers import CENTRE_ID, CLEAN
from tests.deposits.paying import DUE, Town, opened, refused
from tests.deposits.test_assigning import STRANGER, assigned, confirmed, waiting_lot
from trading.calendar.legal import legal_day
from trading.money import Money

ON_ONE_ENGINE = pytest.mark.parametrize("office", ["sqlite"], indirect=True)
WHY = "误将其他日期的文件导入(示例)"


def undone(town: Town, take: int, why: str = WHY) -> Taken:
    with town.office.write() as tx:
        return undoing.undo(tx, STAFF, CENTRE_ID, take, why)


def book(town: Town) -> dict[str, Account]:
    with town.office.read() as db:
        return {account.id: account for account in books.balances(db, CENTRE_ID)}


def nets(town: Town) -> dict[str, tuple[Money, Money]]:
    """(balance, available) of every account: what a counter-entry has to bring back."""
    return {key: (found.balance, found.available) for key, found in book(town).items()}


def open_lines(town: Town) -> list[str]:
    with town.office.read() as db:
        return [x.line.reference for x in service.open_lines(db, CENTRE_ID)]


def take(town: Town, *found: Line, number: int = 0) -> Taken:
    """A statement by file that follows the last one."""
    with town.office.read() as db:
        now = service.reconciliation(db, CENTRE_ID)
    assert now is not None
    closing = Money(now.closing.fen + sum(line.amount.fen for line in found))
    day = legal_day(town.clock.now())
    made = Statement(
        now.number, number or now.statements + 1, day, now.closing, closing, tuple(found)
    )
    with town.office.write() as tx:
        return service.take_statement(tx, STAFF, CENTRE_ID, Format.CSV, lines.write(made))


def nobodys(reference: str, fen: int, day: date) -> Line:
    return Line(reference, day, Money(fen), LineKind.RECEIPT, "", "6217000011112222", "示例", "")


class TestUndoing:
    def test_what_was_nobodys_leaves_and_the_right_file_follows(self, town: Town) -> None:
        day = legal_day(town.clock.now())
        first = take(town, nobodys("R1", 500, day))
        before = nets(town)
        wrong = take(town, nobodys("R2", 700, day), nobodys("R3", 900, day))
        said = undone(town, wrong.take)
        assert said.undone is not None
        assert (said.undone.by, said.undone.why) == (STAFF.id, WHY)
        assert nets(town) == before
        assert open_lines(town) == ["R1"]
        right = take(town, nobodys("R2", 700, day))
        assert (right.number, right.take) == (wrong.number, wrong.take + 1)
        assert open_lines(town) == ["R1", "R2"]
        town.check()
        with town.office.read() as db:
            assert [(x.take, x.undone is None) for x in service.statements_of(db, CENTRE_ID)] == [
                (3, True),
                (2, False),
                (1, True),
            ]
            kept = service.lines_of_take(db, CENTRE_ID, wrong.take)
            assert [(x.line.reference, x.is_undone) for x in kept] == [("R2", True), ("R3", True)]
            found = service.reconciliation(db, CENTRE_ID)
            assert found is not None
            assert (found.closing, found.difference) == (Money(1200), Money(0))
        undone(town, right.take)
        undone(town, first.take)
        assert all(balance == Money(0) for balance, _ in nets(town).values())
        town.check()

    def test_a_receipt_is_pending_again_and_its_deposit_stays(self, town: Town) -> None:
        """As the bank's word had made it; the right file posts it."""
        lot_id = opened(town)
        town.work()
        before, states = nets(town), town.states(lot_id)
        town.days(1)
        assert nets(town) != before
        with town.office.read() as db:
            (last,) = service.statements_of(db, CENTRE_ID)
        undone(town, last.take)
        assert nets(town) == before
        assert town.states(lot_id) == states
        town.check()
        town.days(2)  # the bank's own comes again by itself
        with town.office.read() as db:
            again, _ = service.statements_of(db, CENTRE_ID)
            assert (again.number, again.sha256) == (last.number, last.sha256)
            assert books.pending(db, CENTRE_ID) == []
        account = ledger.held(CENTRE_ID, lot_id, town.holding(lot_id, CLEAN).id).id
        assert book(town)[account].balance == DUE
        town.check()

    @ON_ONE_ENGINE
    def test_of_the_first_its_opening_leaves_too(self, town: Town) -> None:
        with town.office.read() as db:
            number = service.reconciliation(db, CENTRE_ID)
        assert number is not None
        day = legal_day(town.clock.now())
        made = Statement(number.number, 1, day, Money(500), Money(500), ())
        for time in (1, 2):
            with town.office.write() as tx:
                service.take_statement(tx, STAFF, CENTRE_ID, Format.CSV, lines.write(made))
            assert book(town)[ledger.unmatched(CENTRE_ID).id].balance == Money(500)
            undone(town, time)
            assert book(town)[ledger.unmatched(CENTRE_ID).id].balance == Money(0)
        town.check()

    @ON_ONE_ENGINE
    def test_money_of_which_the_bank_tells_later_is_not_open(self, town: Town) -> None:
        """And nobody can send it back, out of somebody else's money."""
        lot_id = waiting_lot(town)
        assert open_lines(town) == ["R1", "R2", "R3"]
        with town.office.read() as db:
            line = service.open_lines(db, CENTRE_ID)[0].line
        held = town.holding(lot_id, CLEAN)
        with town.office.write() as tx:
            receipt = Receipt("R1", "1", line.counter_account, "示例", line.amount, makers.START)
            cash.record_receipts(tx, STAFF, lot_id, {held.id: [receipt]})
        assert open_lines(town) == ["R2", "R3"]

        def back() -> None:
            with town.office.write() as tx:
                resolving.send_back(tx, STAFF, CENTRE_ID, "R1")

        refused(back, "deposits.statement.dealt_with", Kind.CONFLICT)
        town.check()


def codes(refusal: Refusal) -> Sequence[tuple[str, str]]:
    return [(fault.pointer, fault.code.rpartition(".")[2]) for fault in refusal.faults]


@ON_ONE_ENGINE
class TestInTheWay:
    """Each line is named, with what rests on it; nothing is changed."""

    def test_assigned_sent_back_and_proposed(self, town: Town) -> None:
        lot_id = waiting_lot(town)
        assigned(town, lot_id)
        said = refused(lambda: undone(town, 1), "deposits.undo.in_the_way", Kind.INVALID)
        assert codes(said) == [("/lines/0", "proposed")]
        confirmed(town)
        with town.office.write() as tx:
            resolving.send_back(tx, STAFF, CENTRE_ID, "R2")
        said = refused(lambda: undone(town, 1, " "), "deposits.undo.in_the_way", Kind.INVALID)
        assert codes(said) == [("/why", "why"), ("/lines/0", "assigned"), ("/lines/1", "sent_back")]
        assert said.faults[1].params == {"line": 1, "reference": "R1"}
        town.check()

    def test_paid_back(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        town.days(1)
        with town.office.write() as tx:
            refunds.start_release(tx, STAFF, lot_id, ReleaseCause.TERMINATED, legal_day(tx.now))
            refunds.refund(tx, STAFF, town.holding(lot_id, CLEAN).id)
        said = refused(lambda: undone(town, 1), "deposits.undo.in_the_way", Kind.INVALID)
        assert [code for _, code in codes(said)] == ["acted"]
        assert said.faults[0].params["state"] == HoldingState.REFUNDING
        town.days(2)
        assert town.states(lot_id)[CLEAN] is HoldingState.REFUNDED
        refused(lambda: undone(town, 1), "deposits.undo.not_last", Kind.CONFLICT)
        said = refused(lambda: undone(town, 2), "deposits.undo.in_the_way", Kind.INVALID)
        assert {code for _, code in codes(said)} == {"paid"}

    def test_entered_as_old_deposits(self, town: Town) -> None:
        day = legal_day(town.clock.now())
        take(town, nobodys("R1", 50_000, day))
        head = "payer,account,project,amount,received_on,due_on,reason,note"
        old = f"{head}\n示例,62220000,示例项目,400.00,2013-05-01,2013-06-01,NO_CONTACT,\n"
        with town.office.write() as tx:
            clearance.import_items(tx, STAFF, CENTRE_ID, old.encode())
        said = refused(lambda: undone(town, 1), "deposits.undo.in_the_way", Kind.INVALID)
        assert codes(said) == [("/lines", "spent")]
        assert said.faults[0].params == {"short": "400.00"}

    def test_who_and_what(self, town: Town) -> None:
        take(town, nobodys("R1", 500, legal_day(town.clock.now())))
        refused(lambda: undone(town, 9), "deposits.undo.unknown", Kind.NOT_FOUND)

        def strange() -> None:
            with town.office.write() as tx:
                undoing.undo(tx, STRANGER, CENTRE_ID, 1, WHY)

        refused(strange, "trading.actor.centre", Kind.FORBIDDEN)
        undone(town, 1)
        refused(lambda: undone(town, 1), "deposits.undo.twice", Kind.CONFLICT)


@ON_ONE_ENGINE
def test_any_order_of_taking_and_undoing_keeps_the_book(town: Town) -> None:
    """After whatever was taken in and undone the book is as if only what stands had been."""
    day = legal_day(town.clock.now())

    @settings(max_examples=8, deadline=None)
    @given(st.lists(st.sampled_from(["take", "undo"]), min_size=1, max_size=8))
    def check(steps: list[str]) -> None:
        standing: list[Taken] = []
        for step in [*steps, *("undo" for _ in steps)]:
            if step == "take":
                number = len(standing) + 1  # the same references come again and again
                standing.append(take(town, nobodys(f"R{number}", 100 * number, day)))
            elif standing:
                undone(town, standing.pop().take)
            total = sum(100 * (n + 1) for n in range(len(standing)))
            assert book(town)[ledger.unmatched(CENTRE_ID).id].balance == Money(total)
            assert open_lines(town) == [f"R{n + 1}" for n in range(len(standing))]
        town.check()

    check()
