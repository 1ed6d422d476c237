"""A million random steps of deposits' lives on the pure machines, all invariants after each: of cash with
its ledger, and of guarantees with their issuer's books (`tests.soak.promises`), in one sequence.

Many lives at once, in one book: money announced, stated or not, held, rejected, ordered, refused,
paid, sent back, forfeited, converted; and at every turn somebody tries what may not be. Each step is
the machine's own function and the ledger's own moves; a small sample of the same runs on the database
in `tests/deposits`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from archive.errors import Refusal
from deposits.cash.bank import Receipt
from deposits.cash.holding import (
    FOLLOWS,
    OWED,
    Asked,
    Holding,
    HoldingState,
    converted,
    judge,
    move,
    with_clock,
)
from deposits.guarantees.states import Event
from deposits.ledger import keys, ledger
from deposits.ledger.ledger import Book, Ledger, Move, Post, Reserve, Void, broken
from deposits.release import ReleaseCause, release_due
from tests.soak.promises import Promises
from trading.money import Money
from trading.regime import Regime

STEPS = 1_000_000
LIVES = 40
CENTRE, LOT = "532901", "lot"
NOW = datetime(2026, 10, 21, 1, tzinfo=UTC)
DUE = release_due(Regime.ZTB, CENTRE, ReleaseCause.CONTRACT, date(2026, 10, 21))
S = HoldingState
ENDS = frozenset({S.FORFEITED, S.CONVERTED})


@dataclass
class Life:
    holding: Holding
    is_stated: bool = False

    @property
    def account(self) -> str:
        return ledger.held(CENTRE, LOT, self.holding.id).id

    @property
    def payout(self) -> str:
        return f"{self.holding.id}-{self.holding.attempts}"


class Machine:
    """Lives, one book, and what must be so after every step; beside them the guarantees."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.promises = Promises(self.dice)
        self.steps = 0
        self.bank = ledger.bank(CENTRE)
        self.ends = (ledger.forfeited(CENTRE, LOT), ledger.performance(CENTRE, LOT))
        fixed = (self.bank, *self.ends)
        self.book = Ledger({account.id: account for account in fixed}, {})
        self.lives: list[Life] = []
        self.born = self.refused = self.ended = 0
        self.inside = 0
        """Fen that the bank's statement has shown to be there: in, less out."""

    def step(self) -> None:
        if self.dice.random() < 0.5:
            self.promises.step()
        else:
            self.cash_step()

    def cash_step(self) -> None:
        self.steps += 1
        if len(self.lives) < LIVES:
            self.bear()
        life = self.dice.choice(self.lives)
        acts = (self.judge, self.state, self.clock, self.order, self.settle, self.refuse)
        more = (self.bounce, self.forfeit, self.convert, self.forbidden)
        self.dice.choice(acts + more)(life)
        self.check(life)
        if life.holding.state in ENDS or (
            life.holding.state is S.REFUNDED and self.dice.random() < 0.5
        ):
            self.bury(life)

    def bear(self) -> None:
        self.born += 1
        name = f"h{self.born}"
        account = ledger.held(CENTRE, LOT, name)
        self.book.accounts[account.id] = account
        holding = Holding(name, LOT, CENTRE, f"b{self.born}", S.ANNOUNCED, "1", "2", NOW)
        self.lives.append(Life(holding))

    def bury(self, life: Life) -> None:
        """A life that is over leaves nothing in its account."""
        account = self.book.accounts[life.account]
        assert account.balance == account.available == Money(0), life
        assert not account.credits_pending, life
        self.ended += 1
        self.lives.remove(life)

    def apply(self, *moves: Move) -> bool:
        try:
            self.book.apply(moves)
        except Refusal:
            self.refused += 1
            return False
        return True

    # --- What happens ---------------------------------------------------------------------

    def judge(self, life: Life) -> None:
        if life.holding.state not in (S.ANNOUNCED, S.ABSENT):
            return
        fen = self.dice.randint(1, 80_000_000)
        due = Money(self.dice.choice((fen, fen + 1, 40_000_000)))
        asked = Asked(due, False, NOW, "9999", True, "n", "", "")
        came = [Receipt(f"R{life.holding.id}", "1", "9999", "n", Money(fen), NOW - timedelta(1))]
        after = judge(life.holding, came if self.dice.random() < 0.8 else [], asked)
        if after.amount:
            key = keys.received(life.holding.id)
            assert self.apply(Reserve(key, self.bank.id, life.account, after.amount))
        life.holding = after

    def state(self, life: Life) -> None:
        """The statement shows the receipt."""
        if life.holding.amount and not life.is_stated:
            assert self.apply(Post(keys.received(life.holding.id)))
            life.is_stated = True
            self.inside += life.holding.amount.fen

    def clock(self, life: Life) -> None:
        if life.holding.state in (S.HELD, S.REJECTED):
            life.holding = with_clock(life.holding, DUE)

    def order(self, life: Life) -> None:
        ready = life.holding.state in (S.HELD, S.REJECTED, S.BOUNCED)
        if not ready or life.holding.release_due_on is None:
            return
        after = replace(move(life.holding, S.REFUNDING), attempts=life.holding.attempts + 1)
        key = f"{after.id}-{after.attempts}"
        if self.apply(Reserve(keys.paid(key), life.account, self.bank.id, after.rest)):
            life.holding = after
        else:
            assert not life.is_stated, "money that is there could not be paid"

    def settle(self, life: Life) -> None:
        if life.holding.state is S.REFUNDING:
            assert self.apply(Post(keys.paid(life.payout)))
            self.inside -= life.holding.rest.fen
            life.holding = move(life.holding, S.REFUNDED)

    def refuse(self, life: Life) -> None:
        if life.holding.state is S.REFUNDING:
            assert self.apply(Void(keys.paid(life.payout)))
            life.holding = move(life.holding, S.BOUNCED)

    def bounce(self, life: Life) -> None:
        if life.holding.state is S.REFUNDED:
            back = Book(keys.bounced(life.payout), self.bank.id, life.account, life.holding.rest)
            assert self.apply(back)
            self.inside += life.holding.rest.fen
            life.holding = move(life.holding, S.BOUNCED)

    def forfeit(self, life: Life) -> None:
        if life.holding.state is S.HELD:
            key = keys.forfeited(life.holding.id)
            taken = Book(key, life.account, self.ends[0].id, life.holding.rest)
            if self.apply(taken):
                life.holding = move(life.holding, S.FORFEITED)

    def convert(self, life: Life) -> None:
        if life.holding.state is not S.HELD or life.holding.converted:
            return
        part = Money(self.dice.randint(1, life.holding.rest.fen))
        key = keys.converted(life.holding.id)
        if self.apply(Book(key, life.account, self.ends[1].id, part)):
            life.holding = converted(life.holding, part)

    def forbidden(self, life: Life) -> None:
        """Somebody wants what may not be: a state that does not follow, another's money, a fen too
        much, a key again with another amount."""
        to = self.dice.choice(list(S))
        if to not in FOLLOWS[life.holding.state]:
            with pytest.raises(Refusal):
                move(life.holding, to)
        available = self.book.accounts[life.account].available.fen
        before = dict(self.book.accounts)
        assert not self.apply(
            Book(f"theft {self.refused}", life.account, self.bank.id, Money(available + 1))
        )
        if life.is_stated:
            key = keys.received(life.holding.id)
            more = life.holding.amount + Money(1)
            assert not self.apply(Book(key, self.bank.id, life.account, more))
        assert self.book.accounts == before

    # --- What must be so ------------------------------------------------------------------

    def check(self, life: Life) -> None:
        account = self.book.accounts[life.account]
        held = life.holding
        assert account.available.fen >= 0
        assert 0 <= held.converted.fen <= held.amount.fen
        if not life.is_stated:
            assert account.balance == Money(0)
        elif held.state in OWED:
            assert account.balance == held.rest, held
        bank = self.book.accounts[self.bank.id]
        assert bank.balance.fen == self.inside, "the book's bank is not the bank's"

    def check_all(self) -> None:
        assert broken(list(self.book.accounts.values()), self.book.transfers.values()) == []

    def forget(self) -> None:
        """Drop what is settled and over, so that the book does not grow without end; the sums of
        the bank and of the ends start anew from what their transfers leave."""
        living = {life.holding.id for life in self.lives}
        gone = {a.id for a in self.book.accounts.values() if a.holder and a.holder not in living}
        kept = {
            key: t
            for key, t in self.book.transfers.items()
            if t.debit not in gone and t.credit not in gone
        }
        fresh = {
            a.id: replace(a, debits_pending=0, debits_posted=0, credits_pending=0, credits_posted=0)
            for a in self.book.accounts.values()
            if a.id not in gone
        }
        # What the dead left in the two ends is not there any more: pay it out of the book.
        left = sum(
            t.amount.fen if t.credit in {e.id for e in self.ends} else 0
            for key, t in self.book.transfers.items()
            if key not in kept and t.state is ledger.TransferState.POSTED
        )
        self.inside -= left
        again = Ledger(fresh, {})
        for key, t in kept.items():  # in the order in which they were made
            again.apply([Reserve(key, t.debit, t.credit, t.amount, t.subject)])
            if t.state is ledger.TransferState.POSTED:
                again.apply([Post(key)])
            elif t.state is ledger.TransferState.VOIDED:
                again.apply([Void(key)])
        self.book = again


def run(steps: int, seed: int) -> Machine:
    machine = Machine(seed)
    for done in range(1, steps + 1):
        machine.step()
        if done % 2_000 == 0:
            machine.check_all()
            machine.forget()
            machine.check_all()
            machine.promises.check_all()
    return machine


def test_a_million_steps(capsys: pytest.CaptureFixture[str]) -> None:
    machine = run(STEPS, 1)
    cash = {"steps": machine.steps, "ended": machine.ended, "refused": machine.refused}
    promises = {"steps": STEPS - machine.steps, "born": machine.promises.born}
    with capsys.disabled():
        print(f"\ncash {cash}\nguarantees {promises | machine.promises.happened}")
    assert machine.ended > 5_000
    assert machine.refused > 10_000
    happened = machine.promises.happened
    wanted = {*Event} - {Event.APPLY, Event.PAY, Event.UNDERWRITE, Event.ISSUE, Event.DECLINE}
    wanted -= {
        Event.AMEND,
        Event.SURRENDER,
        Event.WITHDRAW,
    }  # the issuer's, and one that is unheard
    assert {event for event in wanted if happened[event] < 200} == set()
    assert min(happened[what] for what in ("amended", "surrendered", "declined", "refused")) > 1_000
    assert happened["not underwritten"] > 200


def test_a_premium_that_is_lost_is_caught() -> None:
    """Negative control."""
    machine = Machine(3)
    for _ in range(2_000):
        machine.step()
    machine.promises.books.premiums -= 1
    with pytest.raises(AssertionError, match="premiums"):
        machine.promises.step()


def test_a_step_that_loses_a_fen_is_caught() -> None:
    """Negative control."""
    machine = Machine(2)
    for _ in range(2_000):
        machine.step()
    machine.inside += 1
    with pytest.raises(AssertionError, match="bank"):
        machine.cash_step()
