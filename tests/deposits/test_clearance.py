"""Old deposits: entered against money that is there, noticed, given back, closed; the overdue list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from archive.errors import Refusal
from deposits.clearance import service
from deposits.clearance.item import Reason, State, Step
from deposits.ledger import service as books
from deposits.refunds.orders import service as orders
from deposits.refunds.payout import PayoutState
from deposits.statements import service as statements
from deposits.statements.lines import write
from deposits.statements.statement import Statement
from tests.builders import STAFF
from tests.deposits.makers import ACCOUNT_OF, CENTRE_ID, CLEAN, make_lots
from tests.deposits.paying import Town
from trading.calendar.legal import legal_day
from trading.money import Money

HEAD = "payer,account,project,amount,received_on,due_on,reason,note\n"
LINE = "示例旧单位,99990000,示例旧项目,642000.00,2013-05-01,2013-09-01,NO_CONTACT,\n"


def code_of(act: Callable[[], Any]) -> str:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.code


def lay(town: Town, amount: Money) -> None:
    """What lay in the account before the first statement."""
    with town.office.write() as tx:
        first = Statement(f"62{CENTRE_ID}0000000001", 1, legal_day(tx.now), amount, amount, ())
        statements.take_statement(tx, STAFF, CENTRE_ID, statements.Format.CSV, write(first))


class TestOldDeposits:
    """谁收取、谁清理、谁退还: item by item, with the money behind each."""

    def take(self, town: Town, text: str = HEAD + LINE) -> int:
        with town.office.write() as tx:
            return service.import_items(tx, STAFF, CENTRE_ID, text.encode())

    def test_from_the_list_to_the_owner(self, town: Town) -> None:
        assert code_of(lambda: self.take(town)) == "deposits.clearance.not_covered"
        lay(town, Money.yuan(700_000))
        assert self.take(town) == 1
        with town.office.read() as db:
            (item,) = service.items(db, CENTRE_ID)
        assert (item.state, item.old.reason) == (State.OPEN, Reason.NO_CONTACT)

        def note(step: Step, document: bytes = b"") -> None:
            with town.office.write() as tx:
                service.note(tx, STAFF, item.id, step, "登报公告", document)

        def pay(document: bytes = b"proof", how: Any = service.give_back) -> None:
            with town.office.write() as tx:
                how(tx, STAFF, item.id, "99990000111122", "示例旧单位", document)

        def close() -> None:
            with town.office.write() as tx:
                service.settle(tx, STAFF, item.id)

        assert code_of(lambda: note(Step.NOTICE)) == "deposits.clearance.document"
        assert code_of(lambda: note(Step.PAYMENT)) == "deposits.clearance.step"
        assert code_of(lambda: pay(how=service.hand_over)) == "deposits.clearance.no_notice"
        note(Step.NOTICE, b"notice")
        assert code_of(lambda: pay(b"")) == "deposits.clearance.document"
        pay()
        assert code_of(pay) == "deposits.clearance.paying"
        assert code_of(close) == "deposits.clearance.not_gone"
        with town.office.read() as db:
            (order,) = orders.payouts_of(db, [item.id])
            assert order.amount == Money.yuan(642_000)
            assert not books.broken(db)
        town.work()  # the bank knows of no such money, and refuses
        pay()
        assert code_of(pay) == "deposits.clearance.paying"
        with town.office.read() as db:
            found = [order.state for order in orders.payouts_of(db, [item.id])]
            assert found == [PayoutState.REFUSED, PayoutState.ORDERED]
            assert not books.broken(db)

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            (("642000.00", "-1"), "/rows/2/amount"),
            (("642000.00", "9" * 30), "/rows/2/amount"),
            (("2013-09-01", "2099-09-01"), "/rows/2/due_on"),
            (("2013-05-01", "2014-05-01"), "/rows/2/due_on"),
            (("NO_CONTACT", "LAZY"), "/rows/2/reason"),
            ((",\n", ",x,y\n"), "/rows/2/"),
        ],
    )
    def test_a_list_with_a_fault(self, town: Town, change: tuple[str, str], pointer: str) -> None:
        lay(town, Money.yuan(700_000))
        with pytest.raises(Refusal) as refused:
            self.take(town, HEAD + LINE.replace(*change))
        assert pointer in [fault.pointer for fault in refused.value.faults]
        with town.office.read() as db:
            assert service.items(db, CENTRE_ID) == ()


class TestOverdue:
    """Always empty, or explained."""

    def test_explained_by_what_is_known_and_by_a_person(self, town: Town) -> None:
        (lot_id,) = make_lots(town.office, 30_000_000)
        town.open(lot_id, town.all_pay(lot_id))
        town.work()
        town.days(1)
        town.books.do({"do": "fault", "close": ACCOUNT_OF[CLEAN]})
        town.contracted(lot_id, CLEAN)
        held = town.holding(lot_id, CLEAN)
        assert held.release_due_on is not None
        with town.office.read() as db:
            assert service.overdue(db, held.release_due_on, CENTRE_ID) == ()
        later = held.release_due_on + timedelta(days=1)
        with town.office.read() as db:
            found = service.overdue(db, later, CENTRE_ID)
        assert len(found) == 4
        assert {each.reason for each in found} == {None}, "nobody knows why: in red"

        def explain() -> None:
            with town.office.write() as tx:
                service.explain(tx, STAFF, held.id, Reason.FROZEN, "示例法院冻结")

        assert code_of(explain) == "deposits.clearance.not_overdue"
        town.clock.move_to(town.clock.now() + (later - legal_day(town.clock.now())))
        explain()
        assert code_of(explain) == "deposits.clearance.known"
        with town.office.read() as db:
            reasons = {each.bidder_uscc: each.reason for each in service.overdue(db, later)}
        assert reasons.pop(CLEAN) is Reason.FROZEN
        assert set(reasons.values()) == {None}
        town.days(5)
        with town.office.read() as db:
            (left,) = service.overdue(db, date(2030, 1, 1))
        assert left.bidder_uscc == CLEAN, "the others are back; his came back from the bank"
