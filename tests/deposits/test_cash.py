"""Deposits in cash from the slip to the holding, with a bank in the same process that may be late, wrong or
dishonest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from archive import canonical
from archive.actor import SYSTEM
from archive.errors import Kind
from archive.journal import service as journal
from deposits.cash import service as cash
from deposits.cash.bank import BankSilent, Notice, NoticeKind
from deposits.cash.holding import HoldingState
from deposits.cash.slip import Slip, parse
from deposits.ledger import service as books
from deposits.refunds import service as refunds
from deposits.refunds.orders import service as orders
from deposits.refunds.payout import PayoutState
from deposits.release import ReleaseCause
from deposits.standing import StandingKind
from deposits.statements import service as statements
from tests.builders import STAFF, bidder
from tests.deposits.makers import (
    ACCOUNT_OF,
    CENTRE_ID,
    CLEAN,
    LISTED,
    OPENING,
    OPENING_ON,
    make_lots,
)
from tests.deposits.paying import DUE, LARGE, WATCH, Town, opened, refused
from trading.money import Money


class Mute:
    """A bank that does not answer, and has heard nothing."""

    def __getattr__(self, _: str) -> Any:
        def silent(*_: Any) -> Any:
            raise BankSilent("mute")

        return silent


class Deaf:
    """A bank that does what it is told, and whose answers are all lost."""

    def __init__(self, bank: Any) -> None:
        self._bank = bank

    def __getattr__(self, name: str) -> Any:
        def lost(*args: Any) -> Any:
            getattr(self._bank, name)(*args)
            raise BankSilent("lost")

        return lost


class TestOneDeposit:
    """条例 §26, §57: from the basic account, back within 5 days of the contract, with interest."""

    def test_paid_opened_stated_contracted_and_back(self, town: Town) -> None:
        lot_id = opened(town)
        assert set(town.states(lot_id).values()) == {HoldingState.ANNOUNCED}
        town.work()
        assert set(town.states(lot_id).values()) == {HoldingState.HELD}
        with town.office.read() as db:
            standing = cash.standing_of(db, lot_id, CLEAN, OPENING_ON)
            assert standing.kind is StandingKind.VERIFIED
            # The bank has said so, its statement has not: nothing is there to be spent.
            account = next(a for a in books.sub_account(db, lot_id))
            assert (account.balance, account.credits_pending) == (Money(0), DUE.fen)
        town.days(1)
        with town.office.read() as db:
            assert all(a.balance == DUE for a in books.sub_account(db, lot_id))
            found = statements.reconciliation(db, CENTRE_ID)
            assert found is not None
            assert found.closing == Money(4 * DUE.fen)
            assert (found.difference, found.open_lines) == (Money(0), ())
        town.contracted(lot_id, CLEAN)
        held = town.holding(lot_id, LISTED)
        assert held.release_cause is ReleaseCause.CONTRACT
        assert held.release_due_on is not None
        with town.office.read() as db:
            signed = next(
                e for e in journal.entries(db, f"lot/{lot_id}") if e.action.endswith("refund_due")
            )
        assert len(signed.data["counted"]) >= 5
        town.days((held.release_due_on - signed_day(signed.data)).days)
        assert set(town.states(lot_id).values()) == {HoldingState.REFUNDING}
        town.days(2)
        assert set(town.states(lot_id).values()) == {HoldingState.REFUNDED}
        with town.office.read() as db:
            (paid,) = orders.payouts_of(db, [held.id])
            assert paid.state is PayoutState.DONE
            assert paid.to_account == ACCOUNT_OF[LISTED]
            assert paid.due_on is not None
            assert paid.done_on is not None
            assert paid.done_on <= paid.due_on
            assert paid.interest.fen > 0
            assert (
                sum(span["days"] for span in paid.shown)
                == (held.release_due_on - date(2025, 9, 16)).days
            )
            assert refunds.due_by(db, date(2030, 1, 1)) == ()
            assert all(not a.balance for a in books.balances(db, CENTRE_ID))
        totals = town.books.do({"do": "totals"})
        assert totals["there"] == 0
        assert totals["payments"] == 4
        town.check()

    def test_the_record_names_no_account_and_no_payer(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        town.days(1)
        with town.office.read() as db:
            said = b"".join(
                entry.body
                for stream in (f"lot/{lot_id}", f"ledger/{CENTRE_ID}", "parties")
                for entry in journal.entries(db, stream)
                if entry.action.startswith("deposits:")
            ).decode()
        for account in ACCOUNT_OF.values():
            assert account not in said
        assert "有限公司" not in said

    def test_before_the_opening_the_platform_knows_nothing(self, town: Town) -> None:
        """招标投标法 §22: the bank gives no statement of money whose salt nobody has shown."""
        (lot_id,) = make_lots(town.office, LARGE)
        town.all_pay(lot_id)
        assert town.bank.statement(CENTRE_ID, 1, OPENING) is None
        with town.office.read() as db:
            assert cash.holdings(db, lot_id) == ()
            assert statements.lines_of(db, CENTRE_ID) == ()
        wrong = Slip(lot_id, CLEAN, town.slip(lot_id, CLEAN).account, "0" * 64)
        refused(lambda: town.bank.restore(wrong, OPENING), "api.bank.declined")


def signed_day(data: Any) -> date:
    return date.fromisoformat(data["starts_on"])


class TestBadPayments:
    """Each is rejected with its reason, and goes back."""

    @pytest.mark.parametrize(
        ("how", "reason"),
        [
            ({"account": "6217000000000000"}, "stranger"),
            ({"amount": DUE - Money(1)}, "short"),
            ({"at": OPENING}, "late"),
        ],
    )
    def test_a_payment_that_is_no_deposit(
        self, town: Town, how: dict[str, Any], reason: str
    ) -> None:
        (lot_id,) = make_lots(town.office, LARGE)
        slip = town.slip(lot_id, CLEAN)
        town.pay(slip, **{"amount": DUE, **how})
        town.open(lot_id, {CLEAN: slip.to_bytes()})
        town.work()
        held = town.holding(lot_id, CLEAN)
        assert held.state is HoldingState.REJECTED
        assert [r.code for r in held.reasons] == [f"deposits.payment.{reason}"]
        with town.office.read() as db:
            standing = cash.standing_of(db, lot_id, CLEAN, OPENING_ON)
            assert standing.kind is StandingKind.INVALID
            assert not standing.is_fulfilled
        town.days(12)
        assert town.states(lot_id) == {CLEAN: HoldingState.REFUNDED}
        with town.office.read() as db:
            (paid,) = orders.payouts_of(db, [held.id])
        assert paid.interest == Money(0), "what was never a deposit bears none"
        town.check()

    def test_one_fen_short_says_so(self, town: Town) -> None:
        (lot_id,) = make_lots(town.office, LARGE)
        slip = town.slip(lot_id, CLEAN)
        town.pay(slip, DUE - Money(1))
        town.open(lot_id, {CLEAN: slip.to_bytes()})
        town.work()
        assert town.holding(lot_id, CLEAN).reasons[0].params["short_fen"] == 1

    def test_nothing_was_due(self, town: Town) -> None:
        (lot_id,) = make_lots(town.office, 1_000_000)
        slip = town.slip(lot_id, CLEAN)
        town.pay(slip, Money.yuan(20_000))
        town.open(lot_id, {CLEAN: slip.to_bytes()})
        town.work()
        assert town.holding(lot_id, CLEAN).reasons[0].code == "deposits.payment.nothing_due"

    def test_nothing_came(self, town: Town) -> None:
        (lot_id,) = make_lots(town.office, LARGE)
        town.open(lot_id, {CLEAN: town.slip(lot_id, CLEAN).to_bytes()})
        town.work()
        assert town.states(lot_id) == {CLEAN: HoldingState.ABSENT}

    def test_one_account_for_two_is_a_lead(self, town: Town) -> None:
        """条例 §40(6). The lead names both; the stranger among them is rejected besides."""
        (lot_id,) = make_lots(town.office, LARGE)
        slips = {uscc: town.slip(lot_id, uscc) for uscc in (CLEAN, LISTED)}
        for slip in slips.values():
            town.pay(slip, DUE, account=ACCOUNT_OF[CLEAN])
        town.open(lot_id, {uscc: slip.to_bytes() for uscc, slip in slips.items()})
        town.work()
        with town.office.read() as db:
            (lead,) = cash.leads(db, lot_id)
            assert lead.bidders == tuple(sorted([CLEAN, LISTED]))
            entry = next(
                e for e in journal.entries(db, f"lot/{lot_id}") if e.action.endswith("one_account")
            )
        assert "第四十条" in entry.data["article"]
        assert ACCOUNT_OF[CLEAN] not in str(entry.data)
        assert town.holding(lot_id, CLEAN).state is HoldingState.HELD
        assert town.holding(lot_id, LISTED).state is HoldingState.REJECTED

    def test_each_from_his_own_account_is_none(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        with town.office.read() as db:
            assert cash.leads(db, lot_id) == ()

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            (lambda s: replace(s, lot_id="another"), "lot"),
            (lambda s: replace(s, bidder=LISTED), "bidder"),
            (lambda s: replace(s, salt="xyz"), "form"),
            (lambda s: replace(s, account="1' OR 1=1"), "form"),
        ],
    )
    def test_a_slip_that_is_none(
        self, town: Town, change: Callable[[Slip], Slip], code: str
    ) -> None:
        (lot_id,) = make_lots(town.office, LARGE)
        slip = change(town.slip(lot_id, CLEAN))
        town.open(lot_id, {CLEAN: slip.to_bytes()})
        town.work()
        held = town.holding(lot_id, CLEAN)
        assert held.state is HoldingState.ABSENT
        assert held.reasons[0].code == f"deposits.slip.{code}"

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format":1}', b"\xff" * 100])
    def test_nonsense_is_no_slip(self, content: bytes) -> None:
        assert getattr(parse(content, "l", "b"), "code", "") == "deposits.slip.form"


class TestTheBankAsAnAdversary:
    """Delays, duplicates, lies: the book follows the statement, and what differs is shown."""

    def test_a_receipt_that_was_told_too_high(self, town: Town) -> None:
        (lot_id,) = make_lots(town.office, LARGE)
        slip = town.slip(lot_id, CLEAN)
        town.pay(slip, DUE - Money(100))
        town.books.do({"do": "fault", "lie": slip.account, "fen": 100})
        town.open(lot_id, {CLEAN: slip.to_bytes()})
        town.work()
        assert town.holding(lot_id, CLEAN).state is HoldingState.HELD, "the bank said so"
        town.days(1)
        with town.office.read() as db:
            found = statements.reconciliation(db, CENTRE_ID)
            assert found is not None
            (line,) = found.open_lines
            assert line.why == "AMOUNT"
            assert found.difference == Money(0), "the book follows the statement"
            assert len(books.pending(db, CENTRE_ID)) == 1, "and the word of the bank stays pending"
        town.check()

    def test_a_receipt_told_for_two_deposits(self, town: Town) -> None:
        (lot_id,) = make_lots(town.office, LARGE)
        paid, unpaid = town.slip(lot_id, CLEAN), town.slip(lot_id, LISTED)
        town.pay(paid, DUE)
        town.open(lot_id, {slip.bidder: slip.to_bytes() for slip in (paid, unpaid)})
        town.work()
        second = town.holding(lot_id, LISTED)
        with town.office.read() as db:
            receipt = cash.receipts(db, town.holding(lot_id, CLEAN).id)[0]

        def tell() -> None:
            with town.office.write() as tx:
                cash.record_receipts(tx, SYSTEM, lot_id, {second.id: [receipt]})

        refused(tell, "deposits.cash.receipt_used", Kind.CONFLICT)
        assert town.holding(lot_id, LISTED) == second
        town.check()

    def test_a_bank_that_is_silent_for_a_day(self, town: Town) -> None:
        lot_id = opened(town)
        good = town.bank
        town.bank = Mute()
        town.work()
        town.days(1)
        assert set(town.states(lot_id).values()) == {HoldingState.ANNOUNCED}
        town.bank = good
        town.days(1)
        assert set(town.states(lot_id).values()) == {HoldingState.HELD}

    def test_an_answer_that_is_lost_pays_once(self, town: Town) -> None:
        """The bank did it, and nobody heard: the same key is sent again and is the same payment."""
        lot_id = opened(town)
        town.work()
        town.days(1)
        town.contracted(lot_id, CLEAN)
        good = town.bank
        town.bank = Deaf(good)
        town.days(6)
        town.bank = good
        town.days(3)
        assert set(town.states(lot_id).values()) == {HoldingState.REFUNDED}
        assert town.books.do({"do": "totals"})["payments"] == 4
        town.check()

    def test_a_payment_made_twice_is_found(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        town.days(1)
        held = town.holding(lot_id, CLEAN)
        town.books.do({"do": "fault", "double": f"{held.id}-1"})
        town.contracted(lot_id, CLEAN)
        with town.office.write() as tx:
            refunds.refund(tx, STAFF, held.id)
        town.days(3)
        with town.office.read() as db:
            found = statements.reconciliation(db, CENTRE_ID)
            assert found is not None
            (line,) = found.open_lines
            assert (line.why, line.is_booked) == ("PAID_TWICE", False)
            assert found.difference == -line.line.amount
            assert found.unexplained == Money(0)
        town.check()

    def test_a_payment_that_bounces_goes_to_the_account_the_supervisor_sets(
        self, town: Town
    ) -> None:
        lot_id = opened(town)
        town.work()
        town.days(1)
        held = town.holding(lot_id, CLEAN)
        town.books.do({"do": "fault", "close": ACCOUNT_OF[CLEAN]})
        town.contracted(lot_id, CLEAN)
        town.days(10)
        assert town.holding(lot_id, CLEAN).state is HoldingState.BOUNCED
        with town.office.read() as db:
            assert [h.id for h in refunds.due_by(db, date(2030, 1, 1))] == [held.id]

        def diverted() -> None:
            with town.office.write() as tx:
                refunds.set_refund_account(tx, bidder(CLEAN), held.id, "6217000000000000")

        refused(diverted, "deposits.refund.account_fixed", Kind.CONFLICT)
        with town.office.write() as tx:
            refunds.correct_account(tx, WATCH, held.id, "99998888777766", b"proof")
        with town.office.write() as tx:
            again = refunds.refund(tx, STAFF, held.id)
        assert again.to_account == "99998888777766"
        assert again.carried.fen > 0, "the interest came back with the payment"
        assert again.interest >= again.carried
        town.days(3)
        assert town.holding(lot_id, CLEAN).state is HoldingState.REFUNDED
        totals = town.books.do({"do": "totals"})
        assert totals["there"] == 0
        with town.office.read() as db:
            assert all(not a.balance for a in books.balances(db, CENTRE_ID))
        town.check()

    def test_calls_are_taken_once_and_in_order(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        town.days(1)
        town.contracted(lot_id, CLEAN)
        with town.office.write() as tx:
            order = refunds.refund(tx, STAFF, town.holding(lot_id, CLEAN).id)

        def call(number: int, kind: NoticeKind, key: str) -> None:
            with town.office.write() as tx:
                orders.take_call(tx, SYSTEM, Notice(number, kind, key, tx.now))

        refused(lambda: call(2, NoticeKind.SETTLED, order.key), "deposits.call.out_of_order")
        refused(lambda: call(1, NoticeKind.SETTLED, "nobody's"), "deposits.call.unknown")
        call(1, NoticeKind.REFUSED, order.key)
        refused(lambda: call(1, NoticeKind.REFUSED, order.key), "deposits.call.replayed")
        told = {"at": "2026-10-21T09:00:00+08:00", "format": "bigloop.bank-notice.v1"}
        told |= {"key": order.key, "kind": "SETTLED"}
        again = [canonical.encode({**told, "number": number}) for number in (1, 3, 2)]
        for taken in (1, 1, 0):  # one that comes again or too early keeps none from being heard
            with town.office.write() as tx:
                assert orders.take_calls(tx, again) == taken
        assert town.holding(lot_id, CLEAN).state is HoldingState.BOUNCED
        with town.office.read() as db:
            (account,) = [a for a in books.sub_account(db, lot_id) if a.holder == order.subject]
        assert account.available == DUE, "what the bank refuses is there again"
        with town.office.write() as tx:
            assert refunds.refund(tx, STAFF, order.subject).key == f"{order.subject}-2"
        town.check()

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b'{"number":1}',
            b'{"at":"x","format":"f","key":"k","kind":"SETTLED","number":1}',
        ],
    )
    def test_a_malformed_call(self, content: bytes) -> None:
        refused(lambda: orders.read_notice(content), "deposits.call.form", Kind.INVALID)
