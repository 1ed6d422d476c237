"""Identity resolution: what is alike, what is not, and that a person decides and may take it back."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import Kind as Refused
from archive.errors import Refusal
from archive.office import Office
from experts.identities import service as identities
from experts.identities.companies import Same, likenesses, name_key, organisation_code
from experts.identities.persons import is_near, person_key
from experts.identities.persons import likenesses as persons_alike
from experts.identities.proposal import Kind, Proposal, State
from experts.pool import service as pool
from experts.pool.expert import Status
from experts.pool.standing import service as standing
from experts.pool.standing.machine import Apply, Return
from tests.builders import POOL_OFFICE, STAFF, make_office
from tests.experts.world import employer, make_expert
from trading.identifiers import make_uscc
from trading.parties import service as parties
from trading.parties.party import Organisation, OrganisationKind


class TestCompanyNames:
    """Full-width signs, brackets and the legal form do not tell companies apart; the rest does."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("滇示例建设有限公司", "滇示例建设有限责任公司"),
            ("滇示例建设有限公司", "滇示例建设股份有限公司"),
            ("滇示例建设集团有限公司", "滇示例建设有限公司"),
            ("滇示例\uff08大理\uff09建设公司", "滇示例(大理)建设有限公司"),
            ("滇示例\uff11\uff12号机械厂", "滇示例12号机械有限公司"),
            ("\uff21\uff22\uff23示例科技有限公司", "abc 示例科技有限公司"),
            ("滇示例建设总公司", "滇示例建设集团"),
        ],
    )
    def test_alike(self, one: str, other: str) -> None:
        assert name_key(one) == name_key(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("滇示例第一建设有限公司", "滇示例第二建设有限公司"),
            ("滇示例建设有限公司", "滇示例建设有限公司大理分公司"),
            ("滇示例(大理)建设有限公司", "滇示例(丽江)建设有限公司"),
            ("滇示例建设有限公司", "滇示例建筑有限公司"),
        ],
    )
    def test_not_alike(self, one: str, other: str) -> None:
        assert name_key(one) != name_key(other)

    @given(st.text("滇示例建设集团有限责任公司厂第一二()() ", max_size=20))
    def test_the_key_of_a_key_is_no_longer(self, name: str) -> None:
        assert len(name_key(name_key(name))) <= len(name_key(name)) <= len(name)

    def test_one_organisation_code(self) -> None:
        """GB 32100-2015: the organisation code stays when the registering department changes."""
        one, other = make_uscc("91532901XN0000777"), make_uscc("92530102XN0000777")
        far = make_uscc("91532901XN0000778")
        assert organisation_code(one) == organisation_code(other) != organisation_code(far)
        names = {one: "甲示例有限公司", other: "乙示例经营部", far: "丙示例有限公司"}
        (found,) = likenesses(names)
        assert ({found.one, found.other}, found.by) == ({one, other}, ("code",))

    def test_a_name_that_many_share_says_nothing(self) -> None:
        names = {employer(n): "滇示例劳务有限公司" for n in range(7)}
        assert likenesses(names) == ()
        assert len(likenesses(dict(list(names.items())[:3]))) == 3


class TestPersons:
    @pytest.mark.parametrize(
        "name", ["王某0421", "王某\uff10\uff14\uff12\uff11", "王\u3000某 0421", "王·某0421"]
    )
    def test_names(self, name: str) -> None:
        assert person_key(name) == "王某0421"

    def test_birthdays_one_slip_apart(self) -> None:
        assert is_near(date(1970, 1, 2), date(1970, 1, 3))
        assert not is_near(date(1970, 1, 2), date(1970, 1, 2))
        assert not is_near(date(1970, 1, 2), date(1970, 2, 3))

    def test_likenesses(self) -> None:
        base = make_expert(1, name="王某0001", born=date(1970, 1, 2))
        twice = make_expert(2, name="王某0001", born=date(1970, 1, 2), employer_uscc=employer(9))
        slip = make_expert(
            3, name="王某0001", born=date(1970, 1, 3), employer_uscc=base.employer_uscc
        )
        namesake = make_expert(4, name="王某0001", born=date(1980, 1, 2))
        stranger = make_expert(5, name="李某0001", born=date(1970, 1, 2))
        found = persons_alike([base, twice, slip, namesake, stranger])
        assert [(x.one, x.other, x.by) for x in found] == [
            ("E0001", "E0002", ("name", "birth")),
            ("E0001", "E0003", ("name", "birth_near", "employer")),
        ]


class TestSame:
    @given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=10))
    def test_groups_are_the_components(self, pairs: list[tuple[int, int]]) -> None:
        named = [(f"C{a}", f"C{b}") for a, b in pairs if a != b]
        same = Same.of(named)
        for one, other in named:
            assert same.of_code(one) == same.of_code(other) == same.codes_of(one)[0]
            assert one in same.codes_of(other)
        for code in same.canonical:
            assert same.of_code(same.of_code(code)) == same.of_code(code)

    def test_a_stranger_is_himself(self) -> None:
        assert Same().codes_of("C1") == ("C1",)


class TestDecisions:
    OLD, NEW = make_uscc("91532901XN0000777"), make_uscc("92530102XN0000777")

    @pytest.fixture
    def office(self, tmp_path: Path, database_url: str) -> Iterator[Office]:
        made = make_office(tmp_path, database_url)
        twins = [
            make_expert(1, name="王某0001", born=date(1970, 1, 2)),
            make_expert(
                2, name="王某0001", born=date(1970, 1, 2), employer_uscc=employer(9),
                board_seats=(employer(8),),
            ),
            make_expert(3),
        ]  # fmt: skip
        with made.write() as tx:
            kind = OrganisationKind.COMPANY
            named = [
                Organisation(code, f"{code[:2]}示例建设", kind, "532901")
                for code in (self.OLD, self.NEW)
            ]
            parties.register_organisations(tx, STAFF, named)
            pool.enrol_many(tx, POOL_OFFICE, twins)
        yield made
        made.connections.dispose()

    def found(self, office: Office, kind: Kind) -> Proposal:
        with office.write() as tx:
            identities.search(tx, POOL_OFFICE)
        with office.read() as db:
            return next(p for p in identities.proposals(db) if p.kind is kind)

    def decide(self, office: Office, proposal: Proposal, is_same: bool) -> Proposal:
        with office.write() as tx:
            return identities.decide(tx, POOL_OFFICE, proposal.id, is_same=is_same)

    def test_nothing_happens_before_somebody_decides(self, office: Office) -> None:
        self.found(office, Kind.PERSON)
        with office.read() as db:
            assert identities.companies(db) == Same()
            assert pool.expert(db, "E0002").status is Status.ACTIVE

    def test_a_company_and_back(self, office: Office) -> None:
        proposal = self.found(office, Kind.COMPANY)
        self.decide(office, proposal, is_same=True)
        with office.read() as db:
            assert identities.companies(db).codes_of(self.NEW) == tuple(
                sorted((self.OLD, self.NEW))
            )
        with office.write() as tx:
            assert identities.undo(tx, POOL_OFFICE, proposal.id).state is State.UNDONE
        with office.read() as db:
            assert identities.companies(db) == Same()

    def test_a_person_and_back(self, office: Office) -> None:
        proposal = self.found(office, Kind.PERSON)
        with office.read() as db:
            before = [pool.expert(db, expert_id) for expert_id in ("E0001", "E0002")]
        self.decide(office, proposal, is_same=True)
        with office.read() as db:
            one, other = pool.expert(db, "E0001"), pool.expert(db, "E0002")
            assert set(one.declared_units) == {employer(8), employer(9)}
            assert other.status is Status.LEFT
        for alone in (Return(), Apply(other)):
            with pytest.raises(Refusal) as refused, office.write() as tx:
                standing.act(tx, POOL_OFFICE, other.id, alone)
            assert refused.value.code == "experts.standing.merged"
        with office.write() as tx:
            identities.undo(tx, POOL_OFFICE, proposal.id)
        with office.read() as db:
            assert [pool.expert(db, e.id) for e in before] == before

    def test_a_rejected_one_is_not_proposed_again(self, office: Office) -> None:
        proposal = self.found(office, Kind.PERSON)
        self.decide(office, proposal, is_same=False)
        with office.write() as tx:
            assert identities.search(tx, POOL_OFFICE).made == 0
        with pytest.raises(Refusal) as refused:
            self.decide(office, proposal, is_same=True)
        assert refused.value.kind is Refused.CONFLICT

    def test_not_by_a_centres_staff(self, office: Office) -> None:
        proposal = self.found(office, Kind.PERSON)
        with pytest.raises(Refusal) as refused, office.write() as tx:
            identities.decide(tx, STAFF, proposal.id, is_same=True)
        assert refused.value.kind is Refused.FORBIDDEN
