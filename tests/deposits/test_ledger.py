"""The ledger: limits, two phases, keys, and that money is neither made nor lost in any order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from archive.actor import SYSTEM
from archive.errors import Kind, Refusal
from archive.office import Office
from deposits.ledger import ledger, queries, service
from deposits.ledger.ledger import (
    BALANCE_FEN_MAX,
    Account,
    Book,
    Ledger,
    Move,
    Post,
    Reserve,
    TransferState,
    Void,
    broken,
)
from trading.money import FEN_MAX, Money

CENTRE = "532901"
BANK, UNMATCHED = ledger.bank(CENTRE), ledger.unmatched(CENTRE)
HELD = tuple(ledger.held(CENTRE, "lot-1", f"h{n}") for n in range(3))
FORFEITED = ledger.forfeited(CENTRE, "lot-1")
ACCOUNTS = (BANK, UNMATCHED, *HELD, FORFEITED)


def fresh() -> Ledger:
    return Ledger({account.id: account for account in ACCOUNTS}, {})


def code_of(act: Callable[[], Any]) -> str:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.code


class TestTwoPhases:
    """Pending money is there for nobody but the one it is promised to."""

    def test_a_pending_receipt_cannot_be_spent(self) -> None:
        book = fresh()
        book.apply([Reserve("in", BANK.id, HELD[0].id, Money(100))])
        assert book.accounts[HELD[0].id].balance == Money(0)
        out = [Reserve("out", HELD[0].id, BANK.id, Money(1))]
        assert code_of(lambda: book.apply(out)) == "deposits.ledger.overdrawn"
        book.apply([Post("in")])
        book.apply(out)
        assert book.accounts[HELD[0].id].balance == Money(100)
        assert book.accounts[HELD[0].id].available == Money(99)
        assert book.accounts[BANK.id].available == Money(99)

    def test_a_voided_payment_is_there_again(self) -> None:
        book = fresh()
        book.apply([Book("in", BANK.id, HELD[0].id, Money(100))])
        book.apply([Reserve("out", HELD[0].id, BANK.id, Money(100))])
        again = [Reserve("out-2", HELD[0].id, BANK.id, Money(1))]
        assert code_of(lambda: book.apply(again)) == "deposits.ledger.overdrawn"
        book.apply([Void("out")])
        book.apply(again)
        assert not broken(list(book.accounts.values()), book.transfers.values())

    def test_a_settled_transfer_stays_settled(self) -> None:
        book = fresh()
        book.apply([Reserve("in", BANK.id, HELD[0].id, Money(100)), Post("in")])
        book.apply([Post("in")])  # again: nothing
        assert book.accounts[BANK.id].debits_posted == 100
        assert code_of(lambda: book.apply([Void("in")])) == "deposits.ledger.settled"

    def test_one_deposit_does_not_pay_for_another(self) -> None:
        book = fresh()
        book.apply([Book("in", BANK.id, HELD[0].id, Money(100))])
        other = [Reserve("out", HELD[1].id, BANK.id, Money(1))]
        assert code_of(lambda: book.apply(other)) == "deposits.ledger.overdrawn"


class TestRefusals:
    @pytest.mark.parametrize(
        ("move", "code"),
        [
            (Book("k", BANK.id, HELD[0].id, Money(0)), "amount"),
            (Book("k", BANK.id, HELD[0].id, Money(-5)), "amount"),
            (Book("k", BANK.id, BANK.id, Money(5)), "accounts"),
            (Book("k", BANK.id, ledger.bank("530102").id, Money(5)), "accounts"),
            (Book("k", BANK.id, "nowhere", Money(5)), "no_account"),
            (Post("k"), "no_transfer"),
            (Void("k"), "no_transfer"),
            (Book("k", HELD[0].id, HELD[1].id, Money(5)), "overdrawn"),
        ],
    )
    def test_what_cannot_be_is_refused(self, move: Move, code: str) -> None:
        book = fresh()
        other = ledger.bank("530102")
        book.accounts[other.id] = other
        before = dict(book.accounts)
        good = Book("good", BANK.id, HELD[2].id, Money(7))
        assert code_of(lambda: book.apply([good, move])) == f"deposits.ledger.{code}"
        assert book.accounts == before, "the good move before it was kept"
        assert not book.transfers

    def test_a_key_stands_for_one_transfer(self) -> None:
        book = fresh()
        move = Book("k", BANK.id, HELD[0].id, Money(5))
        book.apply([move, move])
        assert book.accounts[BANK.id].debits_posted == 5
        other = replace(move, amount=Money(6))
        assert code_of(lambda: book.apply([other])) == "deposits.ledger.key_taken"

    def test_a_number_that_overflows(self) -> None:
        with pytest.raises(ValueError):
            Money(FEN_MAX + 1)
        full = replace(BANK, debits_posted=BALANCE_FEN_MAX)
        book = fresh()
        book.accounts[BANK.id] = full
        move = [Book("k", BANK.id, HELD[0].id, Money(1))]
        assert code_of(lambda: book.apply(move)) == "deposits.ledger.overflow"


class TestBrokenBooksAreSeen:
    """Negative controls: a fen lost, a fen made, a forged state."""

    def test_a_fen_too_many(self) -> None:
        book = fresh()
        book.apply([Book("in", BANK.id, HELD[0].id, Money(100))])
        assert not broken(list(book.accounts.values()), book.transfers.values())
        forged = replace(book.accounts[HELD[0].id], credits_posted=101)
        accounts = list({**book.accounts, forged.id: forged}.values())
        assert broken(accounts, book.transfers.values())

    def test_a_forged_state(self) -> None:
        book = fresh()
        book.apply([Reserve("in", BANK.id, HELD[0].id, Money(100))])
        forged = replace(book.transfers["in"], state=TransferState.POSTED)
        assert broken(list(book.accounts.values()), [forged])


def outcome(act: Callable[[list[Move]], None], moves: list[Move]) -> str:
    """The code of the refusal, empty where there was none."""
    try:
        act(moves)
    except Refusal as refusal:
        return refusal.code
    return ""


KEYS = st.sampled_from([f"k{n}" for n in range(8)])
IDS = st.sampled_from([account.id for account in ACCOUNTS])
AMOUNTS = st.integers(1, 50).map(Money)
MOVES = st.one_of(
    st.builds(Reserve, KEYS, IDS, IDS, AMOUNTS),
    st.builds(Book, KEYS, IDS, IDS, AMOUNTS),
    st.builds(Book, KEYS, st.just(BANK.id), IDS, AMOUNTS),
    st.builds(Post, KEYS),
    st.builds(Void, KEYS),
)
BATCHES = st.lists(st.lists(MOVES, min_size=1, max_size=4), max_size=15)


class TestConservation:
    """Σ debits = Σ credits and no account is overdrawn, after any batches in any order."""

    @given(BATCHES)
    def test_in_memory(self, batches: list[list[Move]]) -> None:
        book = fresh()
        for batch in batches:
            before = dict(book.accounts), dict(book.transfers)
            try:
                book.apply(batch)
            except Refusal:
                assert (book.accounts, book.transfers) == before
            assert not broken(list(book.accounts.values()), book.transfers.values())

    def test_in_the_database_as_in_memory(self, office: Office) -> None:
        """The same batches come to the same book in rows as in the pure ledger."""
        number = 0

        @settings(max_examples=6, deadline=None)
        @given(BATCHES)
        def run(batches: list[list[Move]]) -> None:
            nonlocal number
            number += 1
            centre = f"c{number}"  # a fresh book each time, in the one database

            def moved(text: str) -> str:
                return text.replace(CENTRE, centre)

            def here(move: Move) -> Move:
                if isinstance(move, Reserve | Book):
                    return replace(
                        move,
                        key=f"{centre} {move.key}",
                        debit=moved(move.debit),
                        credit=moved(move.credit),
                    )
                return replace(move, key=f"{centre} {move.key}")

            accounts = [replace(a, id=moved(a.id), centre_id=centre) for a in ACCOUNTS]
            pure = Ledger({a.id: a for a in accounts}, {})

            def in_rows(moves: list[Move]) -> None:
                with office.write() as tx:
                    service.move(tx, SYSTEM, moves)

            with office.write() as tx:
                service.open_accounts(tx, accounts)
            for batch in batches:
                ours = [here(move) for move in batch]
                assert outcome(pure.apply, ours) == outcome(in_rows, ours)
            with office.read() as db:
                rows = service.balances(db, centre)
                assert rows == sorted(pure.accounts.values(), key=lambda a: a.id)
                found = queries.transfers(db, set(pure.transfers))
                assert found == pure.transfers
                assert not service.broken(db)

        run()

    def test_workers_at_once(self, office: Office) -> None:
        """Four workers post, void and pay the same deposits at once: each transfer is settled one
        way, nothing is overdrawn, both sides stay equal."""
        with office.write() as tx:
            service.open_accounts(tx, ACCOUNTS)
            service.move(
                tx,
                SYSTEM,
                [Book(f"in{n}", BANK.id, held.id, Money(100)) for n, held in enumerate(HELD)],
            )
        outcomes: list[str] = []
        failures: list[BaseException] = []

        def work(worker: int) -> None:
            for round_ in range(4):
                for n, held in enumerate(HELD):
                    # All workers order the same payment; then they disagree about it.
                    key = f"out{n} {round_}"
                    settle: Move = Post(key) if (worker + round_) % 2 else Void(key)
                    batches: list[list[Move]] = [
                        [Reserve(key, held.id, BANK.id, Money(30))],
                        [settle],
                        [Book(f"own{worker} {n} {round_}", BANK.id, held.id, Money(7))],
                    ]
                    for batch in batches:
                        try:
                            with office.write() as tx:
                                service.move(tx, SYSTEM, batch)
                        except Refusal as refusal:
                            outcomes.append(refusal.code)
                        except BaseException as error:
                            failures.append(error)
                            return

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures
        assert set(outcomes) <= {
            "deposits.ledger.settled",
            "deposits.ledger.overdrawn",
            "deposits.ledger.no_transfer",
        }
        with office.read() as db:
            assert not service.broken(db)
            accounts = {a.id: a for a in service.balances(db, CENTRE)}
        given_in = 300 + 4 * 4 * 3 * 7
        paid = accounts[BANK.id].credits_posted
        assert accounts[BANK.id].debits_posted == given_in
        assert sum(accounts[h.id].balance.fen for h in HELD) == given_in - paid


class TestRows:
    """The database keeps the limits by itself."""

    @pytest.fixture
    def booked(self, office: Office) -> Office:
        with office.write() as tx:
            service.open_accounts(tx, ACCOUNTS)
            service.move(tx, SYSTEM, [Book("in", BANK.id, HELD[0].id, Money(100))])
        return office

    @pytest.mark.parametrize(
        "statement",
        [
            f"UPDATE ledger_account SET credits_posted = 101 WHERE id = '{BANK.id}'",
            f"UPDATE ledger_account SET debits_pending = 101 WHERE id = '{HELD[0].id}'",
            f"UPDATE ledger_account SET debits_posted = -1 WHERE id = '{BANK.id}'",
            f"UPDATE ledger_account SET debits_posted = {BALANCE_FEN_MAX + 1} WHERE kind = 'BANK'",
            "UPDATE ledger_transfer SET amount_fen = 0",
            "UPDATE ledger_transfer SET state = 'PENDING'",
            "UPDATE ledger_transfer SET credit = debit",
        ],
    )
    def test_an_impossible_row_is_refused(self, booked: Office, statement: str) -> None:
        with pytest.raises(IntegrityError), booked.connections.write() as db:
            db.connection().execute(sa.text(statement))

    def test_a_row_changed_behind_our_back_is_seen(self, booked: Office) -> None:
        with booked.connections.write() as db:
            db.connection().execute(sa.text("UPDATE ledger_transfer SET amount_fen = 99"))
        with booked.read() as db:
            assert service.broken(db)

    def test_a_batch_stands_on_the_record(self, booked: Office) -> None:
        from archive.journal import service as journal

        with booked.read() as db:
            (entry,) = journal.entries(db, service.stream(CENTRE))
            known = queries.transfers(db, ["in"])
        assert entry.data["sha256"] == service.digest(known.values())

    def test_a_refused_batch_leaves_nothing(self, booked: Office) -> None:
        with pytest.raises(Refusal) as refused, booked.write() as tx:
            service.move(
                tx,
                SYSTEM,
                [
                    Book("more", BANK.id, HELD[1].id, Money(5)),
                    Book("over", HELD[2].id, BANK.id, Money(5)),
                ],
            )
        assert refused.value.kind is Kind.CONFLICT
        with booked.read() as db:
            assert not queries.transfers(db, ["more", "over"])

    def test_accounts_open_once(self, booked: Office) -> None:
        with booked.write() as tx:
            service.open_accounts(tx, [*ACCOUNTS, Account("x", CENTRE, BANK.kind)])
        with booked.read() as db:
            assert len(service.balances(db, CENTRE)) == len(ACCOUNTS) + 1
