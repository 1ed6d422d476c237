"""Deposits in cash given back: clocks, a bank that is silent, what is withheld, converted or extended."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from api.flows import completion
from archive.errors import Kind
from deposits.cash import service as cash
from deposits.cash.holding import HoldingState
from deposits.grounds import Claim, Ground
from deposits.ledger import ledger
from deposits.ledger import service as books
from deposits.refunds import service as refunds
from deposits.refunds.extensions import service as extensions
from deposits.refunds.orders import service as orders
from deposits.refunds.withheld import service as withheld
from deposits.release import ReleaseCause
from tests.builders import STAFF, bidder
from tests.deposits.makers import (
    ACCOUNT_OF,
    CENTRE_ID,
    CLEAN,
    LISTED,
    PRICE,
    make_lots,
)
from tests.deposits.paying import DUE, LARGE, TENDERER, Town, opened, refused
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.regime import ProjectKind, Regime


class TestRefunds:
    def contracted(self, town: Town) -> str:
        lot_id = opened(town)
        town.work()
        town.days(1)
        town.contracted(lot_id, CLEAN)
        return lot_id

    def test_not_before_a_clock_runs(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        town.days(1)
        held = town.holding(lot_id, CLEAN)

        def pay() -> None:
            with town.office.write() as tx:
                refunds.refund(tx, STAFF, held.id)

        refused(pay, "deposits.refund.no_clock", Kind.CONFLICT)

    def test_not_twice(self, town: Town) -> None:
        lot_id = self.contracted(town)
        held = town.holding(lot_id, CLEAN)

        def pay() -> None:
            with town.office.write() as tx:
                refunds.refund(tx, STAFF, held.id)

        pay()
        refused(pay, "deposits.cash.state", Kind.CONFLICT)

    def test_not_before_the_statement_has_the_money(self, town: Town) -> None:
        """A deposit that only the bank's word brought in cannot be paid out of others' money."""
        lot_id = opened(town)
        town.work()
        town.contracted(lot_id, CLEAN)
        held = town.holding(lot_id, CLEAN)

        def pay() -> None:
            with town.office.write() as tx:
                refunds.refund(tx, STAFF, held.id)

        refused(pay, "deposits.ledger.overdrawn", Kind.CONFLICT)
        assert town.holding(lot_id, CLEAN).state is HoldingState.HELD
        town.check()

    def test_procurement_losers_after_the_award_and_no_interest(self, town: Town) -> None:
        """政采条例 §33: losers 5 working days after the award notice, the winner after the contract."""
        lot_id = opened(town, regime=Regime.ZFCG, kind=ProjectKind.GOODS)
        town.work()
        town.days(1)
        town.awarded(lot_id, CLEAN)
        assert town.holding(lot_id, CLEAN).release_due_on is None
        loser = town.holding(lot_id, LISTED)
        assert loser.release_cause is ReleaseCause.AWARD
        town.days(14)
        assert town.states(lot_id)[LISTED] is HoldingState.REFUNDED
        assert town.states(lot_id)[CLEAN] is HoldingState.HELD
        with town.office.read() as db:
            (paid,) = orders.payouts_of(db, [loser.id])
        assert (paid.interest, paid.late_fee) == (Money(0), Money(0))

    def test_late_procurement_owes_a_fee(self, town: Town) -> None:
        """87号令 §38: benchmark loan rate × 1.2 on the days overdue, to be paid by the purchaser."""
        lot_id = opened(town, regime=Regime.ZFCG, kind=ProjectKind.GOODS)
        town.work()
        town.days(1)
        town.awarded(lot_id, CLEAN)
        loser = town.holding(lot_id, LISTED)
        assert loser.release_due_on is not None
        good = town.clock.now()
        town.clock.move_to(good + timedelta(days=40))  # nobody worked for forty days
        with town.office.write() as tx:
            order = refunds.refund(tx, STAFF, loser.id)
        days = (legal_day(order.ordered_at) - loser.release_due_on).days
        (span,) = [s for s in order.shown if s["what"] == "late_fee"]
        assert span["days"] == days
        assert order.late_fee == Money(round(DUE.fen * days * 30000 * 1.2 / 1e6 / 360))
        assert order.total == DUE, "the fee is not paid out of deposits"

    def test_a_bidder_may_name_his_basic_account_before_the_award(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        held = town.holding(lot_id, CLEAN)

        def name(account: str, who: str = CLEAN) -> None:
            with town.office.write() as tx:
                refunds.set_refund_account(tx, bidder(who), held.id, account)

        refused(lambda: name("6217000000000000"), "deposits.refund.account_other", Kind.CONFLICT)
        refused(lambda: name(ACCOUNT_OF[CLEAN], LISTED), "trading.actor.party", Kind.FORBIDDEN)
        name(ACCOUNT_OF[CLEAN])
        assert town.holding(lot_id, CLEAN).refund_account == ACCOUNT_OF[CLEAN]

    def test_money_whose_cell_was_never_opened_comes_back(self, town: Town) -> None:
        """条例 §35 and lost halves: the bidder hands in his slip after the opening."""
        (lot_id,) = make_lots(town.office, LARGE)
        slip = town.slip(lot_id, CLEAN)
        town.pay(slip, DUE)

        def reclaim(content: bytes = slip.to_bytes(), who: str = CLEAN) -> None:
            with town.office.write() as tx:
                cash.reclaim(tx, bidder(who), content)

        refused(reclaim, "deposits.cash.too_early", Kind.TOO_EARLY)
        town.open(lot_id, {})
        refused(lambda: reclaim(who=LISTED), "deposits.slip.bidder", Kind.INVALID)
        reclaim()
        refused(reclaim, "deposits.cash.known", Kind.CONFLICT)
        town.work()
        assert town.holding(lot_id, CLEAN).state is HoldingState.HELD

    def test_who_paid_to_an_earlier_account_hands_in_its_slip(self, town: Town) -> None:
        """Two accounts were opened; the slip lodged last counts, and nothing came for it."""
        (lot_id,) = make_lots(town.office, LARGE)
        paid = town.slip(lot_id, CLEAN, "e" * 64)
        town.pay(paid, DUE)
        town.open(lot_id, {CLEAN: town.slip(lot_id, CLEAN).to_bytes()})
        town.work()
        assert town.holding(lot_id, CLEAN).state is HoldingState.ABSENT
        with town.office.write() as tx:
            cash.reclaim(tx, bidder(CLEAN), paid.to_bytes())
        town.work()
        assert town.holding(lot_id, CLEAN).state is HoldingState.HELD
        town.days(1)
        town.check()


class TestForfeiture:
    """条例 §74, §35: the closed list, each with its document."""

    def forfeit(self, town: Town, lot_id: str, uscc: str, claim: Claim) -> None:
        with town.office.write() as tx:
            withheld.forfeit(tx, TENDERER, town.holding(lot_id, uscc).id, claim)

    def test_a_winner_who_does_not_sign(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        town.days(1)
        town.awarded(lot_id, CLEAN)
        self.forfeit(town, lot_id, CLEAN, Claim(Ground.NO_CONTRACT, b"letter"))
        assert town.states(lot_id)[CLEAN] is HoldingState.FORFEITED
        with town.office.read() as db:
            (row,) = withheld.forfeitures(db, lot_id)
            assert "第七十四条" in row.article
            owed = ledger.forfeited(CENTRE_ID, lot_id).id
            assert {a.id: a.balance for a in books.sub_account(db, lot_id)}[owed] == DUE
        held, closed = town.holding(lot_id, CLEAN), "6200111122223333"
        town.books.do({"do": "fault", "close": closed})

        def pay(account: str) -> None:
            with town.office.write() as tx:
                withheld.pay_forfeited(tx, STAFF, held.id, account, "示例招标人")

        for account in (closed, "6200111122224444"):  # the first comes back from the bank
            pay(account)
            refused(lambda: pay("6200111122224444"), "deposits.payout.state", Kind.CONFLICT)
            town.days(4)
        with town.office.read() as db:
            assert not {a.id: a.balance for a in books.sub_account(db, lot_id)}[owed]
        town.check()

    @pytest.mark.parametrize(
        ("uscc", "claim", "code"),
        [
            (LISTED, Claim(Ground.NO_CONTRACT, b"x"), "not_the_winner"),
            (CLEAN, Claim(Ground.NO_CONTRACT, b""), "document"),
            (CLEAN, Claim(Ground.TENDER_FILE, b"x"), "clause"),
            (CLEAN, Claim(Ground.NO_PERFORMANCE, b"x", "a clause"), "no_clause"),
        ],
    )
    def test_nothing_beyond_the_list(self, town: Town, uscc: str, claim: Claim, code: str) -> None:
        lot_id = opened(town)
        town.work()
        town.days(1)
        town.awarded(lot_id, CLEAN)
        found = refused(lambda: self.forfeit(town, lot_id, uscc, claim), "deposits.forfeit.invalid")
        assert [fault.code for fault in found.faults] == [f"deposits.forfeit.{code}"]
        assert set(town.states(lot_id).values()) == {HoldingState.HELD}

    def test_a_forfeited_deposit_is_not_paid_back(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        town.days(1)
        town.awarded(lot_id, CLEAN)
        self.forfeit(town, lot_id, CLEAN, Claim(Ground.CONDITIONS, b"letter"))
        again = Claim(Ground.CONDITIONS, b"letter")
        refused(lambda: self.forfeit(town, lot_id, CLEAN, again), "deposits.cash.state")


class TestConversion:
    """条例 §58: at most 10 % of the contract; the rest goes back."""

    def test_as_far_as_the_cap(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        town.days(1)
        town.awarded(lot_id, CLEAN)
        held = town.holding(lot_id, CLEAN)

        def convert(document: bytes = b"consent", uscc: str = CLEAN) -> Money:
            with town.office.write() as tx:
                return withheld.convert(tx, TENDERER, town.holding(lot_id, uscc).id, document)

        refused(convert, "deposits.convert.no_contract", Kind.CONFLICT)
        with town.office.write() as tx:
            completion.sign_contract(tx, TENDERER, lot_id, PRICE, b"contract")
        refused(lambda: convert(b""), "deposits.convert.document", Kind.INVALID)
        refused(lambda: convert(uscc=LISTED), "deposits.convert.not_the_winner")
        assert convert() == Money.yuan(450_000)
        assert town.holding(lot_id, CLEAN).rest == Money.yuan(150_000)
        town.days(8)
        with town.office.read() as db:
            (paid,) = orders.payouts_of(db, [held.id])
            assert paid.amount == Money.yuan(150_000)
            bond = ledger.performance(CENTRE_ID, lot_id).id
            found = {a.id: a.balance for a in books.sub_account(db, lot_id)}
        assert found[bond] == Money.yuan(450_000)
        assert town.holding(lot_id, CLEAN).state is HoldingState.REFUNDED
        town.check()


class TestExtension:
    """12号令 §40: who refuses to extend his bid gets his deposit back."""

    def test_agree_and_refuse(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        town.days(1)
        until = date(2026, 3, 31)

        def ask(day: date, document: bytes = b"notice") -> None:
            with town.office.write() as tx:
                extensions.ask_extension(tx, TENDERER, lot_id, day, document)

        def answer(uscc: str, agrees: bool) -> None:
            with town.office.write() as tx:
                extensions.answer_extension(tx, bidder(uscc), lot_id, agrees=agrees)

        refused(lambda: answer(CLEAN, True), "deposits.extension.not_asked", Kind.NOT_FOUND)
        refused(lambda: ask(date(2025, 9, 30)), "deposits.extension.until", Kind.INVALID)
        refused(lambda: ask(until, b""), "deposits.extension.document", Kind.INVALID)
        ask(until)
        answer(CLEAN, True)
        answer(LISTED, False)
        refused(lambda: answer(LISTED, True), "deposits.extension.answered", Kind.CONFLICT)
        assert town.holding(lot_id, CLEAN).valid_until == until
        gone = town.holding(lot_id, LISTED)
        assert gone.release_cause is ReleaseCause.REFUSED
        town.days(9)
        assert town.states(lot_id)[LISTED] is HoldingState.REFUNDED
        assert town.states(lot_id)[CLEAN] is HoldingState.HELD
