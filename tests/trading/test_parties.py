"""Parties: organisations, dated control, honesty by source, centres."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import Kind
from archive.journal import service as journal
from tests.builders import CENTRE, STAFF, bidder
from tests.trading.world import AGENCY, FIRMS, TENDERER, World, faults_of, refused
from trading.parties import service as parties
from trading.parties.ownership import Ownership
from trading.parties.party import (
    Centre,
    DishonestyRecord,
    Link,
    Organisation,
    OrganisationKind,
    Relation,
    Standing,
    standing,
)
from trading.synthetic import synthetic_uscc

TODAY = date(2026, 10, 21)
A, B, C, D, E, *_ = FIRMS


def link(owner: str, owned: str, relation: Relation = Relation.CONTROL, share: int = 0) -> Link:
    return Link(owner, owned, relation, share, date(2020, 1, 1))


class TestOwnership:
    """招标投标法实施条例 第三十四条; 公司法 第二百六十五条."""

    def test_more_than_half_controls_and_half_does_not(self) -> None:
        for share, controls in ((500, False), (501, True)):
            graph = Ownership([link(A, B, Relation.SHARE, share)], TODAY, 500)
            assert graph.related(A, B) is controls
            assert (B in graph.controlled_by(A)) is controls

    def test_control_is_passed_on(self) -> None:
        chain = [link(A, B), link(B, C, Relation.SHARE, 900), link(C, D, Relation.MANAGEMENT)]
        graph = Ownership(chain, TODAY, 500)
        assert graph.controllers_of(D) == {C: 1, B: 2, A: 3}
        assert graph.controlled_by(A) == {B: 1, C: 2, D: 3}
        assert graph.related(D, A)

    def test_sisters_are_one_group_but_not_named_by_the_article(self) -> None:
        graph = Ownership([link(A, B), link(A, C)], TODAY, 500)
        assert not graph.related(B, C)
        assert graph.group_of(B) == {A, B, C}

    def test_one_head_relates_both_ways(self) -> None:
        graph = Ownership([link(A, B, Relation.SAME_HEAD)], TODAY, 500)
        assert graph.related(B, A)
        assert not graph.controllers_of(B)
        assert graph.group_of(B) == {A, B}

    def test_a_minority_share_is_an_interest_and_no_group(self) -> None:
        held = link(A, B, Relation.SHARE, 100)
        graph = Ownership([held], TODAY, 500)
        assert graph.group_of(B) == {B}
        assert graph.owners_of(B) == [held]
        assert graph.holdings_of(A) == [held]

    @pytest.mark.parametrize(
        ("on", "holds"),
        [
            (date(2019, 12, 31), False),
            (date(2020, 1, 1), True),
            (date(2023, 12, 31), True),
            (date(2024, 1, 1), False),
        ],
    )
    def test_a_link_holds_from_its_first_day_until_the_day_before_its_end(
        self, on: date, holds: bool
    ) -> None:
        dated = Link(A, B, Relation.CONTROL, 0, date(2020, 1, 1), date(2024, 1, 1))
        assert Ownership([dated], on, 500).related(A, B) is holds

    @given(
        st.lists(st.tuples(st.sampled_from(FIRMS), st.sampled_from(FIRMS)), max_size=20), st.data()
    )
    def test_loops_end_and_up_mirrors_down(
        self, pairs: list[tuple[str, str]], data: st.DataObject
    ) -> None:
        graph = Ownership([link(a, b) for a, b in pairs if a != b], TODAY, 500)
        one, other = data.draw(st.sampled_from(FIRMS)), data.draw(st.sampled_from(FIRMS))
        assert (one in graph.controllers_of(other)) is (other in graph.controlled_by(one))
        assert graph.related(one, other) is graph.related(other, one)
        assert (other in graph.group_of(one)) is (one in graph.group_of(other))


class TestStanding:
    """Unknown is not clean."""

    def record(self, days_ago: int, listed: bool, until: int | None = None) -> DishonestyRecord:
        ends = TODAY + timedelta(days=until) if until is not None else None
        return DishonestyRecord(A, "甲", TODAY - timedelta(days=days_ago), listed, ends)

    def test_nobody_asked(self) -> None:
        assert standing([], TODAY, 30) is Standing.UNKNOWN

    def test_a_fresh_answer_clears_and_an_old_one_does_not(self) -> None:
        assert standing([self.record(30, False)], TODAY, 30) is Standing.CLEAN
        assert standing([self.record(31, False)], TODAY, 30) is Standing.UNKNOWN

    def test_a_listing_lasts_however_old_the_answer(self) -> None:
        assert standing([self.record(900, True)], TODAY, 30) is Standing.LISTED

    def test_a_listing_that_has_ended_does_not_clear(self) -> None:
        assert standing([self.record(5, True, until=1)], TODAY, 30) is Standing.LISTED
        assert standing([self.record(5, True, until=0)], TODAY, 30) is Standing.UNKNOWN

    def test_the_newest_answer_of_a_source_counts(self) -> None:
        both = [self.record(9, True), self.record(2, False)]
        assert standing(both, TODAY, 30) is Standing.CLEAN
        assert standing(both, TODAY - timedelta(days=5), 30) is Standing.LISTED

    def test_one_source_does_not_clear_what_another_lists(self) -> None:
        other = DishonestyRecord(A, "乙", TODAY, False)
        assert standing([self.record(9, True), other], TODAY, 30) is Standing.LISTED

    def test_of_two_answers_on_one_day_the_bad_one_counts(self) -> None:
        same = [self.record(1, False), self.record(1, True)]
        assert standing(same, TODAY, 30) is Standing.LISTED


class TestService:
    def test_all_faults_of_all_rows_are_told_at_once(self, world: World) -> None:
        rows = [
            Organisation("91532901XN000000Z0", "", OrganisationKind.COMPANY, "53290"),
            Organisation(
                synthetic_uscc(50, CENTRE), "甲", OrganisationKind.COMPANY, "539999", "12"
            ),
        ]
        with (
            refused("trading.organisation.invalid", Kind.INVALID) as caught,
            world.office.write() as tx,
        ):
            parties.register_organisations(tx, STAFF, rows)
        assert faults_of(caught) == {
            "/0/uscc": "trading.uscc.characters",
            "/0/name": "trading.party.name",
            "/0/division_code": "trading.party.division",
            "/1/division_code": "trading.party.division",
            "/1/basic_account": "trading.party.account",
        }

    def test_a_code_is_taken_once(self, world: World) -> None:
        again = Organisation(TENDERER, "甲", OrganisationKind.COMPANY, CENTRE)
        with refused("trading.organisation.taken", Kind.CONFLICT), world.office.write() as tx:
            parties.register_organisation(tx, STAFF, again)
        new = Organisation(synthetic_uscc(51, CENTRE), "乙", OrganisationKind.COMPANY, CENTRE)
        with refused("trading.organisation.taken", Kind.CONFLICT), world.office.write() as tx:
            parties.register_organisations(tx, STAFF, [new, new])

    def test_a_bidder_registers_nobody(self, world: World) -> None:
        new = Organisation(synthetic_uscc(51, CENTRE), "乙", OrganisationKind.COMPANY, CENTRE)
        with refused("archive.actor.role", Kind.FORBIDDEN), world.office.write() as tx:
            parties.register_organisation(tx, bidder(A), new)

    def test_links_need_two_known_ends(self, world: World) -> None:
        stranger = synthetic_uscc(998, CENTRE)
        wrong = Link(A, stranger, Relation.SHARE, 1001, TODAY, TODAY)
        with refused("trading.link.invalid", Kind.INVALID) as caught, world.office.write() as tx:
            parties.register_link(tx, STAFF, wrong)
        assert faults_of(caught) == {
            "/share_permille": "trading.link.share",
            "/until": "trading.link.interval",
            "/owned_uscc": "trading.organisation.unknown",
        }

    def test_a_link_that_ends_stays_answerable(self, any_world: World) -> None:
        office = any_world.office
        with office.write() as tx:
            parties.register_link(tx, STAFF, link(A, B))
        with refused("trading.link.taken", Kind.CONFLICT), office.write() as tx:
            parties.register_link(tx, STAFF, link(A, B))
        with office.write() as tx:
            parties.end_link(tx, STAFF, A, B, Relation.CONTROL, date(2020, 1, 1), TODAY)
        with office.read() as db:
            assert parties.ownership_links(db, TODAY) == []
            assert parties.ownership(db, TODAY - timedelta(days=1)).related(A, B)
            entries = [entry.action for entry in journal.entries(db, parties.STREAM)]
        assert entries[-2:] == ["trading:link:registered", "trading:link:ended"]

    def test_dishonesty_is_kept_by_source_and_date(self, any_world: World) -> None:
        office, record = any_world.office, DishonestyRecord(A, "示例平台", TODAY, False)
        with office.write() as tx:
            parties.record_dishonesty(tx, STAFF, record)
        with refused("trading.dishonesty.taken", Kind.CONFLICT), office.write() as tx:
            parties.record_dishonesty(tx, STAFF, record)
        with office.read() as db:
            assert parties.dishonesty_on(db, A, TODAY) is Standing.CLEAN
            assert parties.standings_on(db, [A, B], TODAY + timedelta(days=31)) == {
                A: Standing.UNKNOWN,
                B: Standing.UNKNOWN,
            }
            assert parties.dishonesty_on(db, A, TODAY - timedelta(days=1)) is Standing.UNKNOWN

    def test_answers_of_tomorrow_and_of_nobody_are_refused(self, world: World) -> None:
        wrong = DishonestyRecord(A, " ", TODAY + timedelta(days=1), False, TODAY)
        with (
            refused("trading.dishonesty.invalid", Kind.INVALID) as caught,
            world.office.write() as tx,
        ):
            parties.record_dishonesty(tx, STAFF, wrong)
        assert faults_of(caught) == {
            "/source": "trading.dishonesty.source",
            "/queried_on": "trading.dishonesty.future",
            "/listed_until": "trading.dishonesty.until",
        }

    def test_centres(self, world: World) -> None:
        with world.office.read() as db:
            assert [centre.id for centre in parties.centres(db)] == [CENTRE]
            assert parties.centre(db, CENTRE).prefecture_code == "532900"
            assert parties.organisation(db, AGENCY).kind is OrganisationKind.AGENCY
            with refused("trading.centre.unknown", Kind.NOT_FOUND):
                parties.centre(db, "539999")
            with refused("trading.organisation.unknown", Kind.NOT_FOUND):
                parties.organisation(db, "91")
        wrong = Centre("532922", "示例", "532923", synthetic_uscc(997, CENTRE), 100.0, 25.0)
        with refused("trading.centre.invalid", Kind.INVALID) as caught, world.office.write() as tx:
            parties.register_centres(tx, STAFF, [wrong])
        assert set(faults_of(caught)) == {"/operator_uscc", "/division_code"}

    def test_names_stay_out_of_the_record_and_accounts_out_of_documents(self, world: World) -> None:
        firm = Organisation(
            synthetic_uscc(60, CENTRE),
            "滇示例绝密",
            OrganisationKind.COMPANY,
            CENTRE,
            "9999000011112222",
        )
        with world.office.write() as tx:
            parties.register_organisation(tx, STAFF, firm)
        with world.office.read() as db:
            last = list(journal.entries(db, parties.STREAM))[-1]
        assert "绝密".encode() not in last.body
        kept = world.office.vault.get(last.documents[0].sha256)
        assert b"9999000011112222" not in kept
        assert firm.uscc.encode() in kept


def test_twenty_thousand_organisations_load_in_one_write(world: World) -> None:
    rows = [
        Organisation(
            synthetic_uscc(1000 + n, CENTRE), f"滇示例{n:05d}", OrganisationKind.COMPANY, CENTRE
        )
        for n in range(20_000)
    ]
    office = world.office
    with office.write() as tx:
        assert parties.register_organisations(tx, STAFF, rows) == 20_000
    with office.read() as db:
        companies = parties.organisations(db, kind=OrganisationKind.COMPANY)
    assert len(companies) == 20_000 + len(FIRMS)
