"""Money that nobody claimed becomes a deposit by two persons (经办与复核分离)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from archive.actor import Actor, Role
from archive.errors import Kind
from archive.journal.service import entries
from deposits.cash.holding import HoldingState
from deposits.ledger import ledger
from deposits.ledger import service as books
from deposits.statements import lines, service
from deposits.statements.resolving import service as resolving
from deposits.statements.resolving.service import Word
from deposits.statements.service import Format
from deposits.statements.statement import Line, LineKind, Statement
from tests.builders import STAFF
from tests.deposits import makers
from tests.deposits.makers import ACCOUNT_OF, CENTRE_ID, CLEAN, LISTED, OPENING_ON
from tests.deposits.paying import DUE, LARGE, Town, refused

SECOND = replace(STAFF, id="staff-2")
STRANGER = Actor("staff-9", frozenset({Role.STAFF}), centre_id="530100")
WORD = Word("投标人来函说明误付至主账户(示例)", makers.OPENING - timedelta(days=2), b"receipt")


def stated(town: Town, *lines_: Line) -> None:
    """A statement with these lines, by file."""
    with town.office.read() as db:
        found = service.reconciliation(db, CENTRE_ID)
    assert found is not None
    closing = found.closing
    for line in lines_:
        closing = closing + line.amount
    made = Statement(
        found.number, found.statements + 1, OPENING_ON, found.closing, closing, tuple(lines_)
    )
    town.clock.move_to(max(town.clock.now(), makers.OPENING + timedelta(hours=1)))
    with town.office.write() as tx:
        service.take_statement(tx, STAFF, CENTRE_ID, Format.CSV, lines.write(made))


def came(reference: str, account: str, kind: LineKind = LineKind.RECEIPT) -> Line:
    """Told of on the day of the opening, after it."""
    return Line(reference, OPENING_ON, DUE, kind, "", account, "示例", "")


def waiting_lot(town: Town) -> str:
    """A lot with two slips for which the bank knows no money: it was paid to the main account."""
    (made,) = makers.make_lots(town.office, LARGE)
    town.open(made, {uscc: town.slip(made, uscc).to_bytes() for uscc in (CLEAN, LISTED)})
    town.work()
    assert set(town.states(made).values()) == {HoldingState.ABSENT}
    stated(
        town,
        came("R1", ACCOUNT_OF[CLEAN]),
        came("R2", "6217000011112222"),
        came("R3", ACCOUNT_OF[CLEAN], LineKind.REVERSAL),
    )
    return made


@pytest.fixture
def lot_id(town: Town) -> str:
    return waiting_lot(town)


def assigned(town: Town, lot_id: str, reference: str = "R1", word: Word = WORD) -> None:
    with town.office.write() as tx:
        held = town.holding(lot_id, CLEAN)
        resolving.assign(tx, STAFF, CENTRE_ID, reference, held.id, word)


def confirmed(town: Town, reference: str = "R1", actor: Actor = SECOND) -> None:
    with town.office.write() as tx:
        resolving.confirm(tx, actor, CENTRE_ID, reference)


class TestTwoPersons:
    def test_one_says_another_confirms_and_it_is_a_deposit(self, town: Town, lot_id: str) -> None:
        assigned(town, lot_id)
        assert town.states(lot_id)[CLEAN] is HoldingState.ABSENT
        with town.office.read() as db:
            (line, *_) = service.open_lines(db, CENTRE_ID)
            assert line.proposal is not None
            assert (line.proposal.by, line.proposal.why) == (STAFF.id, WORD.why)
            held = town.holding(lot_id, CLEAN)
            assert resolving.judgement(db, line, held).state is HoldingState.HELD
        confirmed(town)
        held = town.holding(lot_id, CLEAN)
        assert (held.state, held.amount) == (HoldingState.HELD, DUE)
        town.check()
        with town.office.read() as db:
            assert [x.line.reference for x in service.open_lines(db, CENTRE_ID)] == ["R2", "R3"]
            account = ledger.held(CENTRE_ID, lot_id, held.id).id
            balances = {a.id: a.balance for a in books.balances(db, CENTRE_ID)}
            assert balances[account] == DUE
            told = [e.action for e in entries(db, f"ledger/{CENTRE_ID}")]
        assert told.index("deposits:statement:assigned") < told.index(
            "deposits:statement:line_resolved"
        )

    def test_a_strangers_account_stays_a_strangers(self, town: Town, lot_id: str) -> None:
        """条例 第二十六条: 应当从其基本账户转出."""
        assigned(town, lot_id, "R2")
        confirmed(town, "R2")
        held = town.holding(lot_id, CLEAN)
        assert held.state is HoldingState.REJECTED
        assert [r.code for r in held.reasons] == ["deposits.payment.stranger"]
        town.check()

    def test_late_by_its_receipt_is_late(self, town: Town, lot_id: str) -> None:
        assigned(town, lot_id, word=replace(WORD, came_at=makers.OPENING))
        confirmed(town)
        assert [r.code for r in town.holding(lot_id, CLEAN).reasons] == ["deposits.payment.late"]

    def test_dropped_it_is_nobodys_again(self, town: Town, lot_id: str) -> None:
        assigned(town, lot_id)
        with town.office.write() as tx:
            resolving.drop(tx, SECOND, CENTRE_ID, "R1")
        with town.office.write() as tx:
            resolving.send_back(tx, STAFF, CENTRE_ID, "R1")
        assert town.states(lot_id)[CLEAN] is HoldingState.ABSENT
        town.check()


@pytest.mark.parametrize("office", ["sqlite"], indirect=True)
class TestRefusals:
    def test_never_by_one_alone(self, town: Town, lot_id: str) -> None:
        assigned(town, lot_id)
        said = refused(
            lambda: confirmed(town, actor=STAFF), "deposits.assign.two_persons", Kind.FORBIDDEN
        )
        assert said.rule == "deposit.two_persons"
        refused(lambda: confirmed(town, actor=STRANGER), "trading.actor.centre", Kind.FORBIDDEN)
        refused(lambda: assigned(town, lot_id), "deposits.assign.proposed", Kind.CONFLICT)
        assert town.states(lot_id)[CLEAN] is HoldingState.ABSENT

    def test_what_is_no_payment_and_who_waits_for_none(self, town: Town, lot_id: str) -> None:
        refused(lambda: assigned(town, lot_id, "R3"), "deposits.assign.kind", Kind.CONFLICT)
        refused(lambda: assigned(town, lot_id, "R9"), "deposits.statement.no_line", Kind.NOT_FOUND)
        refused(lambda: confirmed(town), "deposits.assign.nothing", Kind.CONFLICT)
        assigned(town, lot_id)
        assigned(town, lot_id, "R2")
        confirmed(town)
        refused(lambda: confirmed(town, "R2"), "deposits.assign.not_waiting", Kind.CONFLICT)
        refused(lambda: assigned(town, lot_id), "deposits.statement.dealt_with", Kind.CONFLICT)

        def send_back() -> None:
            with town.office.write() as tx:
                resolving.send_back(tx, STAFF, CENTRE_ID, "R2")

        refused(send_back, "deposits.assign.proposed", Kind.CONFLICT)

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"why": " "}, "/why"),
            ({"why": "x" * 201}, "/why"),
            ({"document": b""}, "/document"),
            ({"came_at": makers.OPENING + timedelta(days=1)}, "/came_at"),
        ],
    )
    def test_reason_moment_and_document(
        self, town: Town, lot_id: str, change: dict[str, Any], pointer: str
    ) -> None:
        word = replace(WORD, **change)
        said = refused(lambda: assigned(town, lot_id, word=word), "deposits.assign.invalid")
        assert [fault.pointer for fault in said.faults] == [pointer]
        with town.office.read() as db:
            assert all(x.proposal is None for x in service.open_lines(db, CENTRE_ID))
