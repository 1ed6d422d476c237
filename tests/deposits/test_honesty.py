"""Registers of credit: files, grades, appeals; relief by credit in the terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from archive.clock import DrivenClock
from archive.errors import Refusal
from archive.office import Office
from deposits.honesty import service
from deposits.honesty.register import AppealState, CreditGrade, grade_on, read_answers
from deposits.service import set_clause, terms_for
from deposits.terms import CreditRelief, TenderDeposit, check_tender_terms, terms
from tests.builders import STAFF, bidder
from tests.deposits.makers import CLEAN, LISTED, OPENING_ON, START, UNKNOWN, make_lots
from tests.deposits.paying import WATCH
from tests.deposits.test_terms import FACTS, ON
from trading.money import Money
from trading.parties import service as parties
from trading.parties.party import Standing
from trading.regime import ProjectKind, Regime
from trading.spreadsheet import FAULTS_MAX

TODAY = START.date()
HEAD = "uscc,queried_on,is_listed,listed_until,reference\n"
GRADES = "uscc,grade,given_on,reference\n"
RELIEF = CreditRelief(("AAA", "AA"), 300)


def code_of(act: Callable[[], Any]) -> str:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.code


class TestFiles:
    """All of a file or nothing of it, with its source."""

    def take(self, office: Office, text: str, source: str = "信用中国(示例)") -> int:
        with office.write() as tx:
            return service.import_answers(tx, STAFF, source, text.encode())

    def test_unknown_becomes_known_by_its_day(self, office: Office) -> None:
        with office.read() as db:
            assert parties.dishonesty_on(db, UNKNOWN, TODAY) is Standing.UNKNOWN
        assert self.take(office, f"{HEAD}{UNKNOWN},{TODAY},no,,\n") == 1
        with office.read() as db:
            assert parties.dishonesty_on(db, UNKNOWN, TODAY) is Standing.CLEAN
            earlier = TODAY - timedelta(days=1)
            assert parties.dishonesty_on(db, UNKNOWN, earlier) is Standing.UNKNOWN

    def test_one_register_that_lists_is_enough(self, office: Office) -> None:
        self.take(office, f"{HEAD}{CLEAN},{TODAY},是,,示例案号1\n", "法院失信名单(示例)")
        with office.read() as db:
            assert parties.dishonesty_on(db, CLEAN, TODAY) is Standing.LISTED

    def test_a_file_with_faults_brings_nothing(self, office: Office) -> None:
        text = f"{HEAD}{UNKNOWN},{TODAY},no,,\n{CLEAN},tomorrow,maybe,,\n"
        with pytest.raises(Refusal) as refused:
            self.take(office, text)
        assert [(f.pointer, f.code) for f in refused.value.faults] == [
            ("/rows/3/queried_on", "trading.table.day"),
            ("/rows/3/is_listed", "trading.table.yes_no"),
        ]
        with office.read() as db:
            assert parties.dishonesty_on(db, UNKNOWN, TODAY) is Standing.UNKNOWN

    def test_all_faults_by_line_whatever_finds_them(self, office: Office) -> None:
        """Those of a cell, those of the register of organisations, those of what is on file."""
        self.take(office, f"{HEAD}{UNKNOWN},{TODAY},no,,\n")
        later = TODAY + timedelta(days=1)
        text = (
            f"{HEAD}{UNKNOWN},{TODAY},no,,\n91530000MA6XXXXXX1,{later},no,2030-01-01,\n"
            f"{CLEAN},soon,yes,,\n{LISTED},{TODAY},yes,,\n{LISTED},{TODAY},yes,,\n"
        )
        with pytest.raises(Refusal) as refused:
            self.take(office, text)
        assert [(f.pointer, f.code.rpartition(".")[2]) for f in refused.value.faults] == [
            ("/rows/2/", "held"),
            ("/rows/3/uscc", "unknown"),
            ("/rows/3/queried_on", "future"),
            ("/rows/3/listed_until", "until"),
            ("/rows/4/queried_on", "day"),
            ("/rows/6/", "held"),
        ]
        assert refused.value.params["count"] == 6

    def test_as_many_faults_as_a_person_reads(self, office: Office) -> None:
        with pytest.raises(Refusal) as refused:
            self.take(office, HEAD + f"{UNKNOWN},soon,no,,\n" * 300)
        assert (refused.value.params["count"], len(refused.value.faults)) == (300, FAULTS_MAX)

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"\xff\xfe", "file"),
            (b"", "file"),
            (b"uscc,is_listed\n1,no\n", "column_missing"),
            (HEAD.encode() + b"a,b\n", "cells"),
        ],
    )
    def test_a_file_of_another_kind(self, content: bytes, code: str) -> None:
        assert f"trading.table.{code}" in {
            one.fault.code for one in read_answers(content, "s").faults
        }

    def test_a_source_is_named(self, office: Office) -> None:
        assert code_of(lambda: self.take(office, HEAD, " ")) == "deposits.register.source"


class TestAppeal:
    """Listed until it is decided; an upheld appeal counts from its own day on."""

    def test_upheld_from_its_day_on(self, office: Office) -> None:
        clock = office.clock
        assert isinstance(clock, DrivenClock)

        def appeal(uscc: str = LISTED, document: bytes = b"proof") -> str:
            with office.write() as tx:
                made = service.appeal(tx, bidder(uscc), uscc, "示例信用平台", TODAY, document)
            return made.id

        assert code_of(lambda: appeal(document=b"")) == "deposits.appeal.document"
        assert code_of(lambda: appeal(CLEAN)) == "deposits.appeal.not_listed"
        made = appeal()
        assert code_of(appeal) == "deposits.appeal.open"
        with office.read() as db:
            assert parties.dishonesty_on(db, LISTED, TODAY) is Standing.LISTED

        def decide(upheld: bool = True) -> AppealState:
            with office.write() as tx:
                return service.decide(tx, WATCH, made, upheld=upheld).state

        assert code_of(decide) == "deposits.appeal.same_day"
        clock.move_to(clock.now() + timedelta(days=2))
        assert decide() is AppealState.UPHELD
        assert code_of(decide) == "deposits.appeal.decided"
        later = TODAY + timedelta(days=2)
        with office.read() as db:
            assert parties.dishonesty_on(db, LISTED, later) is Standing.CLEAN
            day_before = later - timedelta(days=1)
            assert parties.dishonesty_on(db, LISTED, day_before) is Standing.LISTED


class TestReliefByCredit:
    """云发改交易管理〔2023〕397号 第三条: where the tender file says so."""

    facts = replace(FACTS, relief=RELIEF, grade="AA")

    def test_a_grade_that_gets_relief(self) -> None:
        got = terms(self.facts, ON)
        assert got.due == Money.yuan(420_000)
        assert "deposit.credit_relief" in got.rule_ids

    @pytest.mark.parametrize(
        ("change", "step"),
        [
            ({"grade": "B"}, "credit_other_grade"),
            ({"grade": ""}, "credit_no_grade"),
            ({"honesty": Standing.LISTED}, "credit_listed"),
            ({"region": "510104"}, "credit_unknown_here"),
        ],
    )
    def test_no_relief_and_why(self, change: dict[str, Any], step: str) -> None:
        got = terms(replace(self.facts, **change), ON)
        assert got.due == Money.yuan(600_000)
        assert f"deposits.step.{step}" in [s.text.code for s in got.steps]

    def test_the_newest_grade_counts_as_long_as_it_is_fresh(self) -> None:
        old = CreditGrade("u", "s", "AAA", date(2025, 1, 1))
        new = CreditGrade("u", "s", "B", date(2025, 6, 1))
        assert grade_on([old, new], date(2025, 6, 1), 365) == "B"
        assert grade_on([old, new], date(2025, 5, 31), 365) == "AAA"
        assert grade_on([old], date(2026, 1, 2), 365) == ""

    def test_a_clause_that_no_rule_admits(self) -> None:
        clause = TenderDeposit(
            Regime.ZTB, ProjectKind.WORKS, "510104", Money.yuan(1), Money(0), False, (),
            relief=CreditRelief((), 0), return_conditions=("原件返还后",),
        )  # fmt: skip
        found = {fault.code for fault in check_tender_terms(clause, ON)}
        assert found == {
            "deposits.tender.relief_unknown",
            "deposits.tender.relief_grades",
            "deposits.terms.relief",
            "deposits.tender.return_conditions",
        }

    def test_from_the_file_to_the_terms(self, office: Office) -> None:
        (lot_id,) = make_lots(office, 30_000_000)
        clause = TenderDeposit(
            Regime.ZTB, ProjectKind.WORKS, "532901", Money.yuan(30_000_000), Money(0), False, (),
            relief=RELIEF,
        )  # fmt: skip
        with pytest.raises(Refusal) as refused, office.write() as tx:
            set_clause(tx, STAFF, lot_id, clause)
        assert refused.value.code == "deposits.terms.noticed"
        with office.write() as tx:
            text = f"{GRADES}{CLEAN},AAA,{TODAY},\n"
            assert service.import_grades(tx, STAFF, "省信用评价(示例)", text.encode()) == 1
            from deposits.tables import ClauseRow

            tx.db.add(ClauseRow(lot_id=lot_id, grades="AAA AA", permille=300))
        with office.read() as db:
            assert terms_for(db, lot_id, CLEAN, OPENING_ON).due == Money.yuan(420_000)
            assert terms_for(db, lot_id, UNKNOWN, OPENING_ON).due == Money.yuan(600_000)
