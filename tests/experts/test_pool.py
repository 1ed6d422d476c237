"""The pool: enrolment, eligibility on a day, the arrays, versions, and what the record shows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office
from experts.pool import service as pool
from experts.pool.columns import build
from experts.pool.eligibility import EligibilityRules, ineligible, ineligible_all
from experts.pool.expert import Expert, Status, Title
from experts.specialties import covers
from tests.builders import STAFF, SUPERVISOR, bidder, make_office
from tests.experts.world import TODAY, make_expert, make_pool

ZTB = EligibilityRules(70, 8, 3, senior_title_suffices=False)
ZFCG = EligibilityRules(70, 8, 2, senior_title_suffices=True)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = make_office(tmp_path)
    yield made
    made.connections.dispose()


def codes(rules: EligibilityRules, on: date = TODAY, **changes: Any) -> list[str]:
    found = ineligible(make_expert(1, **changes), on, rules)
    return [code.removeprefix("experts.eligibility.") for code in found]


class TestEligibility:
    """招标投标法 第三十七条;财库〔2016〕198号 第六条."""

    @pytest.mark.parametrize(
        ("changes", "found"),
        [
            ({}, []),
            ({"status": Status.SUSPENDED}, ["status"]),
            ({"enrolled_on": date(2026, 10, 22)}, ["enrolled"]),
            ({"enrolled_on": TODAY}, []),
            ({"born": date(1956, 10, 21)}, ["age"]),
            ({"born": date(1956, 10, 22)}, []),
            ({"field_years": 7}, ["field_years"]),
            ({"title_level": Title.MIDDLE}, ["title"]),
            ({"penalised": True}, ["penalised"]),
            ({"status": Status.LEFT, "field_years": 1}, ["status", "field_years"]),
        ],
    )
    def test_by_named_rules(self, changes: dict[str, Any], found: list[str]) -> None:
        assert codes(ZTB, **changes) == found

    @pytest.mark.parametrize(
        ("title", "years", "found"),
        [
            (Title.MIDDLE, 8, []),
            (Title.MIDDLE, 7, ["field_years"]),
            (Title.SENIOR, 3, []),
            (Title.JUNIOR, 20, ["title"]),
        ],
    )
    def test_procurement_takes_a_title_or_years(
        self, title: Title, years: int, found: list[str]
    ) -> None:
        assert codes(ZFCG, title_level=title, field_years=years) == found

    @pytest.mark.parametrize(
        ("on", "born", "is_old"),
        [
            (date(2028, 2, 29), date(1958, 2, 28), True),
            (date(2028, 2, 29), date(1958, 3, 1), False),
            (date(2026, 2, 28), date(1956, 2, 29), False),
            (date(2026, 3, 1), date(1956, 2, 29), True),
        ],
    )
    def test_birthdays_of_leap_years(self, on: date, born: date, is_old: bool) -> None:
        assert ("age" in codes(ZTB, on, born=born)) == is_old

    @given(
        st.lists(
            st.tuples(
                st.dates(date(1950, 1, 1), date(1999, 1, 1)),
                st.dates(date(2020, 1, 1), date(2027, 1, 1)),
                st.integers(0, 12),
                st.sampled_from(Title),
                st.sampled_from(Status),
                st.booleans(),
            ),
            min_size=1,
            max_size=8,
        ),
        st.sampled_from([ZTB, ZFCG]),
    )
    def test_the_arrays_say_the_same(self, many: list[Any], rules: EligibilityRules) -> None:
        columns = build(
            "v",
            [
                make_expert(
                    number,
                    born=born,
                    enrolled_on=enrolled,
                    field_years=years,
                    title_level=title,
                    status=status,
                    penalised=penalised,
                )
                for number, (born, enrolled, years, title, status, penalised) in enumerate(many)
            ],
        )
        masks = ineligible_all(columns, TODAY, rules)
        for row, expert in enumerate(columns.experts):
            single = ineligible(expert, TODAY, rules)
            assert tuple(code for code, mask in masks.items() if mask[row]) == single


class TestColumns:
    def test_a_prefix_finds_each_expert_once(self) -> None:
        experts = make_pool()
        columns = build("v", reversed(experts))
        for code in ("A080104", "A0801", "A08", "A", "C1210", "B0101"):
            rows = columns.matching(code).tolist()
            expected = [row for row, e in enumerate(columns.experts) if covers(code, e.specialties)]
            assert rows == expected

    def test_the_order_of_the_rows_does_not_matter(self) -> None:
        experts = make_pool()
        assert build("v", experts).experts == build("v", experts[::-1]).experts


class TestEnrolment:
    def test_keeps_what_it_was_given(self, office: Office) -> None:
        given_ = make_expert(
            5,
            past_employers=((make_expert(9).employer_uscc, date(2024, 2, 3)),),
            board_seats=(make_expert(11).employer_uscc,),
        )
        with office.write() as tx:
            assert pool.enrol_many(tx, STAFF, [given_, make_expert(6)]) == 2
        with office.read() as db:
            assert pool.expert(db, "E0005") == given_
            assert pool.size(db) == 2
            assert pool.columns(db).experts[0] == given_

    def test_all_faults_at_once(self, office: Office) -> None:
        wrong = make_expert(
            1,
            id="X 1",
            name=" ",
            specialties=("A0801",),
            home_division="530100",
            employer_uscc="91",
            field_years=-1,
        )
        with pytest.raises(Refusal) as refused, office.write() as tx:
            pool.enrol_many(tx, STAFF, [make_expert(2), wrong])
        assert {(f.pointer, f.code) for f in refused.value.faults} == {
            ("/1/id", "experts.expert.id"),
            ("/1/name", "experts.expert.name"),
            ("/1/field_years", "experts.expert.field_years"),
            ("/1/home_division", "experts.expert.home"),
            ("/1/specialties/0", "experts.specialty.not_leaf"),
            ("/1/units", "experts.expert.uscc"),
        }

    def test_an_id_is_taken_once(self, office: Office) -> None:
        with office.write() as tx:
            pool.enrol_many(tx, STAFF, [make_expert(1)])
        for again in ([make_expert(1)], [make_expert(2), make_expert(2)]):
            with pytest.raises(Refusal) as refused, office.write() as tx:
                pool.enrol_many(tx, STAFF, again)
            assert refused.value.kind is Kind.CONFLICT

    def test_not_by_just_anybody(self, office: Office) -> None:
        with pytest.raises(Refusal) as refused, office.write() as tx:
            pool.enrol_many(tx, bidder("x"), [make_expert(1)])
        assert refused.value.kind is Kind.FORBIDDEN

    def test_changes_move_the_version_on(self, office: Office) -> None:
        versions = []
        with office.write() as tx:
            pool.enrol_many(tx, STAFF, make_pool(8))
            versions.append(pool.columns(tx.db).version)
        with office.write() as tx:
            assert pool.change_status(tx, STAFF, "E0001", Status.SUSPENDED).status == "SUSPENDED"
        with office.read() as db:
            versions.append(pool.columns(db).version)
            assert not pool.columns(db).active[1]
        with office.write() as tx:
            assert pool.record_penalty(tx, SUPERVISOR, "E0002").penalised
        with office.read() as db:
            versions.append(pool.columns(db).version)
            assert pool.columns(db).penalised.tolist() == [n == 2 for n in range(8)]
        assert len(set(versions)) == 3

    def test_a_rolled_back_change_leaves_nothing(self, office: Office) -> None:
        with office.write() as tx:
            pool.enrol_many(tx, STAFF, make_pool(8))

        def change_and_fail() -> None:
            with office.write() as tx:
                pool.change_status(tx, STAFF, "E0001", Status.LEFT)
                assert not pool.columns(tx.db).active[1]
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            change_and_fail()
        with office.read() as db:
            assert pool.columns(db).active.all()

    def test_unknown(self, office: Office) -> None:
        with pytest.raises(Refusal) as refused, office.write() as tx:
            pool.change_status(tx, STAFF, "E9999", Status.LEFT)
        assert refused.value.kind is Kind.NOT_FOUND

    def test_no_name_on_the_record(self, office: Office) -> None:
        with office.write() as tx:
            pool.enrol_many(tx, STAFF, make_pool(8))
        with office.write() as tx:
            pool.change_status(tx, STAFF, "E0001", Status.LEFT)
        with office.read() as db:
            entries = list(journal.entries(db, "pool"))
        assert [e.action for e in entries] == [
            "experts:pool:enrolled",
            "experts:pool:status_changed",
        ]
        assert entries[0].data["count"] == 8
        assert not any("王某".encode() in entry.body for entry in entries)


class TestTheRecordDigest:
    """What decides about draws changes it; the name does not."""

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": Status.LEFT},
            {"penalised": True},
            {"specialties": ("C1210",)},
            {"employer_uscc": make_expert(90).employer_uscc},
            {"born": date(1966, 6, 6)},
            {"home_division": "532901"},
        ],
    )
    def test_changes(self, changes: dict[str, Any]) -> None:
        before: Expert = make_expert(1)
        assert replace(before, **changes).record_sha256 != before.record_sha256

    def test_the_name_is_not_in_it(self) -> None:
        before = make_expert(1)
        assert replace(before, name="李某9999").record_sha256 == before.record_sha256
