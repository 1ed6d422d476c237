"""The pool: enrolment, eligibility on a day, the arrays, versions, and what the record shows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.actor import Actor
from archive.errors import Faults, Kind, Refusal
from archive.journal import service as journal
from archive.office import Office
from experts.pool import service as pool
from experts.pool.columns import build
from experts.pool.eligibility import EligibilityRules, ineligible, ineligible_all
from experts.pool.expert import Expert, Status, Term, Title, check, of_facts
from experts.pool.standing import service as standing
from experts.pool.standing.history import Cause
from experts.pool.standing.machine import Leave, Penalise, Suspend
from experts.specialties import catalogue, covers
from tests.builders import POOL_OFFICE, STAFF, SUPERVISOR, bidder, make_office
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
            ({"certified_until": TODAY}, ["certificate"]),
            ({"certified_until": date(2026, 10, 22)}, []),
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
                st.none() | st.dates(date(2026, 10, 1), date(2026, 11, 1)),
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
                    certified_until=certified,
                )
                for number, (
                    born,
                    enrolled,
                    years,
                    title,
                    status,
                    penalised,
                    certified,
                ) in enumerate(many)
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


class TestTermsOfSpecialties:
    """A specialty holds from its first day to the day before its end."""

    EXPERT = make_expert(
        1,
        specialties=("A060101", "A080104", "C1210"),
        specialty_terms=(
            Term("A060101", None, date(2026, 10, 22)),
            Term("C1210", date(2026, 10, 23), date(2027, 1, 1)),
        ),
    )

    @pytest.mark.parametrize(
        ("on", "held"),
        [
            (date(2026, 10, 21), ("A060101", "A080104")),
            (date(2026, 10, 22), ("A080104",)),
            (date(2026, 10, 23), ("A080104", "C1210")),
            (date(2027, 1, 1), ("A080104",)),
        ],
    )
    def test_on_a_day(self, on: date, held: tuple[str, ...]) -> None:
        assert self.EXPERT.specialties_on(on) == held
        columns = build("v", [self.EXPERT], on)
        assert columns.experts[0].specialties == held
        assert [code for code in self.EXPERT.specialties if columns.matching(code).size] == [*held]

    def test_the_pool_of_a_day_is_kept_from_one_boundary_to_the_next(self, office: Office) -> None:
        with office.write() as tx:
            pool.enrol_many(tx, POOL_OFFICE, [self.EXPERT, make_expert(2)])
        with office.read() as db:
            days = [date(2026, 10, 20), date(2026, 10, 21), date(2026, 10, 22)]
            first, second, third = (pool.columns(db, day) for day in days)
            assert first is second
            assert second is not third
            assert len(pool.columns(db).experts[0].specialties) == 3

    def test_of_a_specialty_that_he_has_not(self) -> None:
        faults = Faults("x")
        wrong = replace(self.EXPERT, specialty_terms=(Term("A0101", TODAY, TODAY),), pool="5301")
        check(wrong, catalogue(), TODAY, faults, "")
        with pytest.raises(Refusal) as refused:
            faults.refuse()
        assert {(f.pointer, f.code) for f in refused.value.faults} == {
            ("/specialty_terms/0", "experts.expert.term_code"),
            ("/specialty_terms/0", "experts.expert.term_order"),
            ("/pool", "experts.expert.pool"),
        }


class TestEnrolment:
    def test_keeps_what_it_was_given(self, office: Office) -> None:
        given_ = make_expert(
            5,
            past_employers=((make_expert(9).employer_uscc, date(2024, 2, 3)),),
            board_seats=(make_expert(11).employer_uscc,),
        )
        with office.write() as tx:
            assert pool.enrol_many(tx, POOL_OFFICE, [given_, make_expert(6)]) == 2
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
            pool.enrol_many(tx, POOL_OFFICE, [make_expert(2), wrong])
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
            pool.enrol_many(tx, POOL_OFFICE, [make_expert(1)])
        for again in ([make_expert(1)], [make_expert(2), make_expert(2)]):
            with pytest.raises(Refusal) as refused, office.write() as tx:
                pool.enrol_many(tx, POOL_OFFICE, again)
            assert refused.value.kind is Kind.CONFLICT

    @pytest.mark.parametrize("actor", [bidder("x"), STAFF], ids=["bidder", "staff"])
    def test_not_by_just_anybody(self, office: Office, actor: Actor) -> None:
        """Nor by a centre's staff: whoever asks for draws does not fill the pool."""
        with pytest.raises(Refusal) as refused, office.write() as tx:
            pool.enrol_many(tx, actor, [make_expert(1)])
        assert refused.value.kind is Kind.FORBIDDEN

    def test_changes_move_the_version_on(self, office: Office) -> None:
        versions = []
        with office.write() as tx:
            pool.enrol_many(tx, POOL_OFFICE, make_pool(8))
            versions.append(pool.columns(tx.db).version)
        with office.write() as tx:
            standing.act(tx, POOL_OFFICE, "E0001", Suspend(Cause.HEALTH, "体检(示例)"))
            assert pool.expert(tx.db, "E0001").status is Status.SUSPENDED
        with office.read() as db:
            versions.append(pool.columns(db).version)
            assert not pool.columns(db).active[1]
        with office.write() as tx:
            standing.act(tx, SUPERVISOR, "E0002", Penalise("处罚决定(示例)"))
            assert pool.expert(tx.db, "E0002").penalised
        with office.read() as db:
            versions.append(pool.columns(db).version)
            assert pool.columns(db).penalised.tolist() == [n == 2 for n in range(8)]
        assert len(set(versions)) == 3

    def test_a_rolled_back_change_leaves_nothing(self, office: Office) -> None:
        with office.write() as tx:
            pool.enrol_many(tx, POOL_OFFICE, make_pool(8))

        def change_and_fail() -> None:
            with office.write() as tx:
                standing.act(tx, POOL_OFFICE, "E0001", Leave(Cause.WISH))
                assert not pool.columns(tx.db).active[1]
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            change_and_fail()
        with office.read() as db:
            assert pool.columns(db).active.all()

    def test_unknown(self, office: Office) -> None:
        with pytest.raises(Refusal) as refused, office.write() as tx:
            standing.act(tx, POOL_OFFICE, "E9999", Leave(Cause.WISH))
        assert refused.value.kind is Kind.NOT_FOUND

    def test_no_name_on_the_record(self, office: Office) -> None:
        with office.write() as tx:
            pool.enrol_many(tx, POOL_OFFICE, make_pool(8))
        with office.write() as tx:
            standing.act(tx, POOL_OFFICE, "E0001", Leave(Cause.WISH))
        with office.read() as db:
            entries = list(journal.entries(db, "pool"))
        assert [e.action for e in entries] == [
            "experts:pool:enrolled",
            "experts:pool:left",
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
            {"controlled_units": (make_expert(90).employer_uscc,)},
            {"past_board_seats": ((make_expert(90).employer_uscc, date(2025, 1, 1)),)},
            {"specialty_terms": (Term("A080104", None, date(2027, 1, 1)),)},
            {"certified_until": date(2027, 1, 1)},
            {"pool": "520000"},
        ],
    )
    def test_changes(self, changes: dict[str, Any]) -> None:
        before: Expert = make_expert(1)
        assert replace(before, **changes).record_sha256 != before.record_sha256

    def test_facts_there_and_back(self) -> None:
        whole = replace(
            TestTermsOfSpecialties.EXPERT,
            past_board_seats=((make_expert(90).employer_uscc, date(2025, 1, 1)),),
            certified_until=date(2027, 1, 1),
        )
        again = of_facts(
            whole.facts(), name=whole.name, gender=whole.gender, lon=whole.lon, lat=whole.lat
        )
        assert again == whole

    def test_the_name_is_not_in_it(self) -> None:
        before = make_expert(1)
        assert replace(before, name="李某9999").record_sha256 == before.record_sha256
