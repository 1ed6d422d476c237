"""Bank statements in both formats: what is read, what is refused, and safe XML."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archive.actor import SYSTEM
from archive.clock import DrivenClock
from archive.errors import Refusal
from archive.office import Office
from deposits.cash import service as cash
from deposits.cash.bank import Notice, NoticeKind
from deposits.ledger import ledger
from deposits.ledger import service as books
from deposits.refunds.orders import service as orders
from deposits.statements import camt, lines, service
from deposits.statements.resolving import service as resolving
from deposits.statements.service import Format
from deposits.statements.statement import (
    Line,
    LineKind,
    Statement,
    Unreadable,
    check_days,
    check_statement,
)
from tests.builders import STAFF
from tests.deposits.makers import CENTRE_ID
from trading.calendar.legal import start_of
from trading.money import FEN_MAX, Money

ACCOUNT = "625329010000000001"
DAY = date(2026, 10, 21)
GOOD = Statement(
    ACCOUNT,
    1,
    DAY,
    Money(0),
    Money(59_999_900),
    (
        Line("R1", DAY, Money(60_000_000), LineKind.RECEIPT, "62532901", "9999", "示例甲", ""),
        Line("P1", DAY, Money(-100), LineKind.PAYOUT, "", "8888", "示例乙", "order-1"),
    ),
)
# The shape of the examples that banks publish for camt.053.001.02 (two levels of status, the
# counter party's name one level higher, no proprietary code).
OLDER = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-10-21T18:00:00+08:00</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id><ElctrncSeqNb>7</ElctrncSeqNb><CreDtTm>2026-10-21T18:00:00+08:00</CreDtTm>
<Acct><Id><Othr><Id>625329010000000001</Id></Othr></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">10.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-10-20</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">15.50</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-10-21</Dt></Dt></Bal>
<Ntry><Amt Ccy="CNY">5.50</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-10-21</Dt></BookgDt><AcctSvcrRef>X1</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>
<RltdPties><Dbtr><Nm>SYNTHETIC PAYER</Nm></Dbtr></RltdPties></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="CNY">99.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts>
<BookgDt><Dt>2026-10-21</Dt></BookgDt><AcctSvcrRef>X2</AcctSvcrRef></Ntry>
</Stmt></BkToCstmrStmt></Document>"""

TEXTS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x9FFF, exclude_characters="﻿"), max_size=20
).map(str.strip)
"""Spaces at the ends, of which U+0085 is one, are no part of what a statement says."""
LINES = st.builds(
    Line,
    st.uuids().map(str),
    st.dates(date(2013, 1, 1), date(2030, 1, 1)),
    st.integers(-(10**13), 10**13).filter(bool).map(Money),
    st.sampled_from(LineKind),
    st.text("0123456789", max_size=20),
    st.text("0123456789", max_size=20),
    TEXTS,
    st.text("abc-0123456789", max_size=20),
)


class TestReading:
    """ISO 20022 camt.053; CSV."""

    @settings(max_examples=40)
    @given(st.lists(LINES, max_size=5))
    @example([replace(GOOD.lines[0], counter_name="甲\x85\u2028乙")])  # no ends of lines in CSV
    def test_what_is_written_is_read(self, found: list[Line]) -> None:
        closing = Money(10**15 - 1)
        statement = Statement(ACCOUNT, 3, DAY, Money(1), closing, tuple(found))
        assert lines.read(lines.write(statement)) == statement
        assert camt.read(camt.write(statement)) == statement

    def test_an_older_version_as_banks_send_it(self) -> None:
        found = camt.read(OLDER.encode())
        assert (found.number, found.opening, found.closing) == (7, Money(1000), Money(1550))
        (line,) = found.lines
        assert (line.amount, line.counter_name) == (Money(550), "SYNTHETIC PAYER")
        assert (line.kind, line.key) == (LineKind.OTHER, "")

    @pytest.mark.parametrize(
        "change",
        [
            ("camt.053.001.02", "pain.001.001.03"),
            ('Ccy="CNY">5.50', 'Ccy="USD">5.50'),
            (">5.50<", ">5.505<"),
            (">5.50<", ">-5.50<"),
            (">5.50<", ">5,50<"),
            (">5.50<", ">99999999999999999999.00<"),
            ("<Cd>CLBD</Cd>", "<Cd>XXXX</Cd>"),
            ("<Cd>CLBD</Cd>", "<Cd>OPBD</Cd>"),
            ("<CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK", "<CdtDbtInd>BOTH</CdtDbtInd><Sts>BOOK"),
            ("<AcctSvcrRef>X1</AcctSvcrRef>", ""),
            ("<ElctrncSeqNb>7</ElctrncSeqNb>", "<ElctrncSeqNb>0</ElctrncSeqNb>"),
            ("2026-10-21</Dt></BookgDt>", "2026-13-21</Dt></BookgDt>"),
            ("</Stmt>", "</Stmt><Stmt></Stmt>"),
            ("SYNTHETIC PAYER", "x" * 141),
        ],
    )
    def test_a_file_that_is_wrong_somewhere(self, change: tuple[str, str]) -> None:
        text = OLDER.replace(*change)
        assert text != OLDER
        with pytest.raises(Unreadable):
            camt.read(text.encode())

    @pytest.mark.parametrize(
        "head",
        [
            '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
            '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd">',
        ],
    )
    def test_xml_that_reaches_out_is_refused(self, head: str) -> None:
        text = OLDER.replace('encoding="UTF-8"?>', f'encoding="UTF-8"?>{head}')
        with pytest.raises(Unreadable, match=r"statement\.xml"):
            camt.read(text.encode())

    @given(st.binary(max_size=300))
    def test_noise_is_unreadable_and_nothing_else(self, noise: bytes) -> None:
        for read in (camt.read, lines.read):
            with pytest.raises(Unreadable):
                read(noise)

    @pytest.mark.parametrize(
        "change",
        [
            ("statement,", "other,"),
            ("reference,day", "day,reference"),
            ("600000.00", "1e5"),
            ("RECEIPT", "GIFT"),
            ("R1,", ","),
            ("2026-10-21,600000", "yesterday,600000"),
            (",示例甲,", ',"示例甲,'),
        ],
    )
    def test_a_csv_that_is_wrong_somewhere(self, change: tuple[str, str]) -> None:
        text = lines.write(GOOD).decode()
        assert change[0] in text
        with pytest.raises(Unreadable):
            lines.read(text.replace(*change, 1).encode())


def every(content: bytes, read: Any = lines.read) -> dict[str, str]:
    """The codes of all faults of a file, by pointer."""
    with pytest.raises(Unreadable) as caught:
        read(content)
    return {one.pointer: one.code.removeprefix("deposits.") for one in caught.value.faults}


class TestEveryFault:
    """A file is refused once, with line and column of all that is wrong with it."""

    def test_of_a_csv(self) -> None:
        text = lines.write(GOOD).decode()
        text = text.replace("R1,2026-10-21", ",yesterday").replace("-1.00", "-1,00,")
        text = text.replace("0.00,599999.00", "0.00,many")
        assert every(text.encode()) == {
            "/rows/1/closing": "statement.amount",
            "/rows/3/reference": "statement.no_reference",
            "/rows/3/day": "statement.no_day",
            "/rows/4/": "statement.cells",
        }
        assert every(b"x,y\n1,2\n") == {"/rows/1/": "statement.head"}
        assert every(b"\xff") == {"/": "statement.no_csv"}

    def test_of_a_camt(self) -> None:
        text = OLDER.replace(">5.50<", ">5,50<").replace('Ccy="CNY">99', 'Ccy="USD">99')
        text = text.replace("<Sts>PDNG</Sts>", "<Sts>BOOK</Sts>")
        assert every(text.encode(), camt.read) == {
            "/rows/1/Ntry": "statement.amount",
            "/rows/2/Ntry": "statement.currency",
        }


def code(statement: Statement, last: int = 0, closing: Money = GOOD.opening) -> list[str]:
    """The code of the refusal and of its faults."""
    with pytest.raises(Refusal) as refused:
        check_statement(statement, ACCOUNT, last, closing)
    return [refused.value.code, *(fault.code for fault in refused.value.faults)]


class TestFollowing:
    """Statements follow one another; each is whole in itself."""

    def test_a_good_one(self) -> None:
        check_statement(GOOD, ACCOUNT, 0, Money(0))

    def test_one_that_cannot_follow(self) -> None:
        assert code(GOOD, last=1) == ["deposits.statement.replayed"]
        assert code(replace(GOOD, number=3), last=1) == ["deposits.statement.gap"]
        second = replace(GOOD, number=2)
        assert code(second, last=1, closing=Money(5))[1:] == ["deposits.statement.opening"]

    def test_figures_that_do_not_add_up(self) -> None:
        assert code(replace(GOOD, closing=Money(1)))[1:] == ["deposits.statement.sum"]
        twice = replace(
            GOOD,
            lines=(GOOD.lines[0], GOOD.lines[0]),
            closing=Money(120_000_000),
        )
        assert set(code(twice)[1:]) == {"deposits.statement.reference_twice"}
        assert code(replace(GOOD, account="1"))[1:] == ["deposits.statement.account"]

    def test_days_that_cannot_be(self) -> None:
        check_days(GOOD, DAY, DAY)
        late = replace(GOOD.lines[0], booked_on=DAY + timedelta(days=1))
        for statement, last, today, wanted in (
            (GOOD, None, DAY - timedelta(days=1), "deposits.statement.day"),
            (GOOD, DAY + timedelta(days=1), DAY + timedelta(days=9), "deposits.statement.day"),
            (replace(GOOD, lines=(late,)), None, DAY, "deposits.statement.line_day"),
        ):
            with pytest.raises(Refusal) as refused:
                check_days(statement, last, today)
            assert [fault.code for fault in refused.value.faults] == [wanted]


class TestTakingIn:
    """All of a statement or nothing of it."""

    @pytest.fixture
    def centre(self, office: Office) -> Office:
        with office.write() as tx:
            cash.register_account(tx, SYSTEM, CENTRE_ID, ACCOUNT, "示例银行")
        assert isinstance(office.clock, DrivenClock)
        office.clock.move_to(start_of(DAY))
        return office

    def take(self, office: Office, statement: Statement, form: Format = Format.CSV) -> None:
        write = lines.write if form is Format.CSV else camt.write
        with office.write() as tx:
            service.take_statement(tx, STAFF, CENTRE_ID, form, write(statement))

    @pytest.mark.parametrize("form", list(Format))
    def test_nobodys_money_is_booked_and_listed(self, centre: Office, form: Format) -> None:
        self.take(centre, GOOD, form)
        with centre.read() as db:
            found = service.reconciliation(db, CENTRE_ID)
            assert found is not None
            assert [(x.line.reference, x.why) for x in found.open_lines] == [
                ("R1", "UNKNOWN"),
                ("P1", "UNKNOWN_PAYOUT"),
            ]
            assert (found.difference, found.unexplained) == (Money(100), Money(0))
            (nobodys,) = [
                a for a in books.balances(db, CENTRE_ID) if a.id == ledger.unmatched(CENTRE_ID).id
            ]
            assert nobodys.balance == Money(60_000_000)

    def test_the_same_again_changes_nothing(self, centre: Office) -> None:
        self.take(centre, GOOD)
        with pytest.raises(Refusal) as refused:
            self.take(centre, GOOD)
        assert refused.value.code == "deposits.statement.replayed"
        again = replace(GOOD, number=2, opening=GOOD.closing, closing=Money(2 * GOOD.closing.fen))
        with pytest.raises(Refusal) as refused:
            self.take(centre, again)
        assert {f.code for f in refused.value.faults} == {"deposits.statement.reference_known"}
        with centre.read() as db:
            assert len(service.lines_of(db, CENTRE_ID)) == 2
            assert len(service.statements_of(db, CENTRE_ID)) == 1
            assert not books.broken(db)

    def test_numbers_that_overflow_book_nothing(self, centre: Office) -> None:
        """Each line is small enough, and so is the closing; what would stand in the book is not."""
        most = [
            Line(f"R{n}", DAY, Money(sign * FEN_MAX), kind, "", "9999", "示例甲", "")
            for n, (sign, kind) in enumerate(2 * [(1, LineKind.RECEIPT), (-1, LineKind.PAYOUT)])
        ]
        with pytest.raises(Refusal) as refused:
            self.take(centre, replace(GOOD, closing=Money(0), lines=tuple(most)))
        assert refused.value.code == "deposits.ledger.overflow"
        with centre.read() as db:
            assert service.statements_of(db, CENTRE_ID) == ()
            assert service.lines_of(db, CENTRE_ID) == ()
            assert not books.broken(db)

    def test_what_lay_there_before_the_first_statement(self, centre: Office) -> None:
        self.take(centre, replace(GOOD, opening=Money(500), closing=Money(500), lines=()))
        with centre.read() as db:
            found = service.reconciliation(db, CENTRE_ID)
        assert found is not None
        assert (found.account.balance, found.difference) == (Money(500), Money(0))

    def test_nobodys_money_goes_back_once(self, centre: Office) -> None:
        self.take(centre, replace(GOOD, lines=GOOD.lines[:1], closing=Money(60_000_000)))
        with centre.write() as tx:
            order = resolving.send_back(tx, STAFF, CENTRE_ID, "R1")
        assert (order.to_account, order.amount) == ("9999", Money(60_000_000))
        with pytest.raises(Refusal) as refused, centre.write() as tx:
            resolving.send_back(tx, STAFF, CENTRE_ID, "R1")
        assert refused.value.code == "deposits.statement.dealt_with"
        with centre.read() as db:
            assert service.open_lines(db, CENTRE_ID) == ()
        with centre.write() as tx:  # refused by the bank, it is nobody's again, and seen
            orders.take_call(tx, SYSTEM, Notice(1, NoticeKind.REFUSED, order.key, tx.now))
        with centre.read() as db:
            assert [line.line.reference for line in service.open_lines(db, CENTRE_ID)] == ["R1"]
        with centre.write() as tx:
            assert resolving.send_back(tx, STAFF, CENTRE_ID, "R1").key != order.key
        with centre.read() as db:
            assert service.open_lines(db, CENTRE_ID) == ()
            assert not books.broken(db)

    def test_a_centre_without_account(self, office: Office) -> None:
        with pytest.raises(Refusal) as refused:
            self.take(office, GOOD)
        assert refused.value.code == "deposits.cash.no_account"
