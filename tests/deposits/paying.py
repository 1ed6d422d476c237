"""Bidders that pay in cash, for the tests of this room: a bank in the same process and its people."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from api.desks.bank.core import Books, centre_account
from api.desks.bank.desk import Desk
from api.desks.bank.local import BankAdapter
from api.flows import completion, ending
from api.flows.names import FREE_TASK
from archive.actor import SYSTEM, Actor, Role
from archive.clock import DrivenClock
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Office
from archive.tasks import service as tasks
from archive.tasks.service import Handler, Worker
from deposits.cash import service as cash
from deposits.cash.bank import Bank
from deposits.cash.holding import Holding, HoldingState
from deposits.cash.slip import Slip, commitment
from deposits.guarantees import service as guarantees
from deposits.issuers.desk import NoIssuers
from deposits.ledger import service as ledgers
from deposits.refunds import service as refunds
from deposits.refunds.orders import service as orders
from deposits.service import deposit_lot, terms_for
from deposits.statements import service as statements
from tests.builders import STAFF
from tests.deposits import makers
from tests.deposits.makers import ACCOUNT_OF, BIDDERS, CENTRE_ID, OPENING, OPENING_ON, PRICE
from trading.awards import service as awards
from trading.awards.award import Candidate
from trading.lodging.bid import PAYMENT
from trading.money import Money
from trading.opening import service as opening
from trading.parties import service as parties
from trading.projects import service as projects

REPORT = DocumentRef("report.json", "a" * 64, 10, "application/json")
PAID_AT = OPENING - timedelta(days=2)
TENDERER = makers.TENDERER_ACTOR
WATCH = Actor("supervisor-1", frozenset({Role.SUPERVISOR}), party_id=makers.SUPERVISOR)


def salt_of(lot_id: str, uscc: str) -> str:
    return hashlib.sha256(f"{lot_id} {uscc}".encode()).hexdigest()


LARGE = 30_000_000
"""Nobody is exempt: 600,000 yuan from everybody."""
DUE = Money.yuan(600_000)


@dataclass
class Town:
    """An office and its bank; what people do around a deposit in cash."""

    office: Office
    books: Books | Desk = field(default_factory=Books)
    bank: Bank = field(init=False)

    def __post_init__(self) -> None:
        self.bank = BankAdapter(lambda command: self.books.do(dict(command)))

    def register(self) -> None:
        with self.office.write() as tx:
            cash.register_account(tx, SYSTEM, CENTRE_ID, centre_account(CENTRE_ID), "示例银行")

    @property
    def clock(self) -> DrivenClock:
        assert isinstance(self.office.clock, DrivenClock)
        return self.office.clock

    def due(self, lot_id: str, uscc: str) -> Money:
        with self.office.read() as db:
            return terms_for(db, lot_id, uscc, OPENING_ON).due

    def slip(self, lot_id: str, uscc: str, salt: str = "") -> Slip:
        """The bidder has a sub-account opened."""
        with self.office.read() as db:
            quiet = cash.quiet_until(deposit_lot(db, lot_id))
        salt = salt or salt_of(lot_id, uscc)
        adapter = BankAdapter(lambda command: self.books.do(dict(command)))
        account, _ = adapter.open_account(CENTRE_ID, commitment(lot_id, uscc, salt), quiet)
        return Slip(lot_id, uscc, account, salt)

    def pay(
        self,
        slip: Slip,
        amount: Money,
        *,
        account: str = "",
        name: str = "",
        at: datetime = PAID_AT,
        key: str = "",
    ) -> None:
        """The bidder's own bank pays."""
        with self.office.read() as db:
            known = parties.organisation(db, slip.bidder).name
        self.books.do(
            {
                "do": "pay",
                "at": at.isoformat(),
                "key": key or f"{slip.account}",
                "account": slip.account,
                "payer_account": account or ACCOUNT_OF[slip.bidder],
                "payer_name": name or known,
                "fen": amount.fen,
            }
        )

    def all_pay(self, lot_id: str) -> dict[str, bytes]:
        """Every bidder who owes something pays it; the slips."""
        slips = {}
        for uscc in BIDDERS:
            if due := self.due(lot_id, uscc):
                slip = self.slip(lot_id, uscc)
                self.pay(slip, due)
                slips[uscc] = slip.to_bytes()
        return slips

    def open(self, lot_id: str, slips: Mapping[str, bytes]) -> None:
        """Bids and slips are lodged and opened, and the slips handed over."""
        halves = makers.lodge(self.office, lot_id, {}, slips)
        makers.open_lot(self.office, lot_id, halves)
        with self.office.write() as tx:
            contents = opening.envelopes(tx.db, lot_id, PAYMENT)
            assert contents == dict(slips)
            if contents:
                cash.restore(tx, STAFF, lot_id, contents)

    @property
    def handlers(self) -> dict[str, Handler]:
        return {
            cash.ASK_TASK: cash.ask_task(self.bank),
            cash.STATEMENT_TASK: statements.statement_task(self.bank),
            cash.REFUND_TASK: refunds.refund_task,
            FREE_TASK: ending.free_task,
            **guarantees.handlers(NoIssuers()),
            orders.PAY_TASK: orders.pay_task(self.bank),
        }

    def work(self) -> None:
        """Everything that is due now."""
        Worker(self.office, self.handlers, "test").run_all_due(1000)
        with self.office.read() as db:
            assert not tasks.failed(db), tasks.failed(db)

    def days(self, count: int) -> None:
        """So many days pass, each with its work."""
        for _ in range(count):
            self.clock.move_to(self.clock.now() + timedelta(days=1))
            self.work()

    def awarded(self, lot_id: str, winner: str) -> None:
        """The lot is reviewed, its candidates published, and awarded to the first of them."""
        ranked = [winner, *(uscc for uscc in BIDDERS if uscc != winner)][:3]
        candidates = [Candidate(n, uscc, PRICE, 9000 - n) for n, uscc in enumerate(ranked, 1)]
        with self.office.write() as tx:
            projects.mark_evaluated(tx, STAFF, lot_id, REPORT)
            published = awards.publish_candidates(tx, STAFF, lot_id, candidates, REPORT)
        self.clock.move_to(published.publicity.ends_at)
        with self.office.write() as tx:
            completion.award(tx, TENDERER, lot_id)

    def contracted(self, lot_id: str, winner: str) -> None:
        """The same, and the contract is signed on the day of the award."""
        self.awarded(lot_id, winner)
        with self.office.write() as tx:
            completion.sign_contract(tx, TENDERER, lot_id, PRICE, b"contract")

    def holding(self, lot_id: str, uscc: str) -> Holding:
        with self.office.read() as db:
            return next(h for h in cash.holdings(db, lot_id) if h.bidder_uscc == uscc)

    def states(self, lot_id: str) -> dict[str, HoldingState]:
        with self.office.read() as db:
            return {h.bidder_uscc: h.state for h in cash.holdings(db, lot_id)}

    def check(self) -> None:
        """What holds at every moment: the book is whole, and no fen is there that the bank has not."""
        with self.office.read() as db:
            assert ledgers.broken(db) == []


def refused(act: Callable[[], Any], code: str, kind: Kind | None = None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.code == code, caught.value.code
    assert kind is None or caught.value.kind is kind
    return caught.value


def opened(town: Town, **change: Any) -> str:
    """A lot for which everybody has paid, just opened; the bank is not asked yet."""
    (lot_id,) = makers.make_lots(town.office, LARGE, **change)
    town.open(lot_id, town.all_pay(lot_id))
    return lot_id
