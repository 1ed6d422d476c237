"""From the report to the contract: candidates, award, contract, archive, and their clocks."""

from datetime import date, timedelta
from typing import Any

import pytest

from archive.actor import Actor, Role
from archive.errors import Kind
from archive.journal import service as journal
from archive.journal.entry import DocumentRef
from tests.builders import STAFF, SUPERVISOR, bidder
from tests.trading.world import FIRMS, OPENING, TENDERER_ACTOR, World, faults_of, refused
from trading.awards import service as awards
from trading.awards.award import Award, Candidate, Cause, Contract, Publication
from trading.calendar.legal import start_of
from trading.money import Money
from trading.objections import service as objections
from trading.objections.objection import ObjectionStage
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.projects.stages import Stage
from trading.regime import Regime

REPORT = DocumentRef("report.json", "a" * 64, 10, "application/json")
PRICE = Money.yuan(4_500_000)
THREE = [Candidate(n, f, PRICE, 9000 - n) for n, f in enumerate(FIRMS[:3], start=1)]


def evaluated(world: World, **changes: Any) -> str:
    lot_id = world.opened(**changes)
    with world.office.write() as tx:
        projects.mark_evaluated(tx, STAFF, lot_id, REPORT)
    return lot_id


def publish(world: World, lot_id: str, candidates: list[Candidate] = THREE) -> Publication:
    with world.office.write() as tx:
        return awards.publish_candidates(tx, STAFF, lot_id, candidates, REPORT)


def award(world: World, lot_id: str, **changes: Any) -> Award:
    with world.office.write() as tx:
        return awards.award(tx, TENDERER_ACTOR, lot_id, **changes)


def awarded(world: World, **changes: Any) -> tuple[str, Award]:
    lot_id = evaluated(world, **changes)
    world.at(publish(world, lot_id).publicity.ends_at)
    return lot_id, award(world, lot_id)


def sign(world: World, lot_id: str, amount: Money = PRICE, extension: bytes = b"") -> Contract:
    with world.office.write() as tx:
        return awards.sign_contract(
            tx, TENDERER_ACTOR, lot_id, amount, "示例合同".encode(), extension
        )


class TestCandidates:
    """招标投标法实施条例 第五十三条、第五十四条."""

    def test_at_most_three_ranked_and_with_a_bid(self, world: World) -> None:
        lot_id = evaluated(world)
        wrong = [
            Candidate(1, FIRMS[0], PRICE),
            Candidate(3, FIRMS[0], PRICE),
            Candidate(3, FIRMS[7], Money(0)),
            Candidate(4, FIRMS[1], PRICE),
        ]
        with refused("trading.candidates.invalid", Kind.INVALID) as caught:
            publish(world, lot_id, wrong)
        assert faults_of(caught) == {
            "": "trading.candidates.count",
            "/1/rank": "trading.candidates.rank",
            "/1/bidder_uscc": "trading.candidates.twice",
            "/2/bidder_uscc": "trading.candidates.no_bid",
            "/2/price": "trading.lot.amount",
        }
        with refused("trading.candidates.invalid", Kind.INVALID):
            publish(world, lot_id, [])

    def test_a_revoked_bid_makes_no_candidate(self, world: World) -> None:
        lot_id = world.noticed()
        world.lodge(*(world.bid_cell(lot_id, firm) for firm in FIRMS[:4]))
        world.begin(lot_id)
        for firm in FIRMS[1:4]:
            world.give_half(lot_id, firm)
        world.at(OPENING + timedelta(minutes=30))
        world.finish(lot_id)
        with refused("trading.candidates.invalid", Kind.INVALID) as caught:
            publish(world, lot_id, [Candidate(1, FIRMS[0], PRICE)])
        assert faults_of(caught) == {"/0/bidder_uscc": "trading.candidates.no_bid"}

    def test_three_days_after_the_report_is_late(self, world: World) -> None:
        lot_id = evaluated(world)
        # Reported on Wednesday the 11th: the third day, Saturday, rolls to Monday the 16th.
        world.at(start_of(date(2026, 11, 17)) - timedelta(milliseconds=1))
        with world.office.read() as db:
            clock = awards.clocks(db, lot_id)[0]
        assert (clock.rule, clock.due.day) == ("candidates.publish_within", date(2026, 11, 16))
        assert not clock.is_overdue(world.office.clock.now())
        world.at(start_of(date(2026, 11, 17)))
        published = publish(world, lot_id)
        assert published.is_late
        with world.office.read() as db:
            assert awards.publication(db, lot_id) == published
            last = list(journal.entries(db, f"lot/{lot_id}"))[-1]
        assert last.data["late"] is True

    def test_the_report_may_come_with_the_candidates(self, world: World) -> None:
        lot_id = world.opened()
        assert not publish(world, lot_id).is_late
        with refused("trading.lot.stage", Kind.CONFLICT):
            publish(world, lot_id)

    def test_strangers_publish_nothing(self, world: World) -> None:
        lot_id = evaluated(world)
        other = Actor("t", frozenset({Role.TENDERER}), party_id=FIRMS[0])
        for actor, code in (
            (bidder(FIRMS[0]), "archive.actor.role"),
            (other, "trading.actor.party"),
        ):
            with refused(code, Kind.FORBIDDEN), world.office.write() as tx:
                awards.publish_candidates(tx, actor, lot_id, THREE, REPORT)


class TestAward:
    """招标投标法实施条例 第五十五条."""

    def test_not_while_the_candidates_are_published(self, world: World) -> None:
        lot_id = evaluated(world)
        published = publish(world, lot_id)
        # Published on Wednesday the 11th: the third day, Saturday, rolls to Monday.
        assert published.publicity.day == date(2026, 11, 16)
        world.at(published.publicity.ends_at - timedelta(milliseconds=1))
        with refused("trading.award.too_early", Kind.TOO_EARLY, "candidates.publicity"):
            award(world, lot_id)
        world.at(published.publicity.ends_at)
        assert award(world, lot_id).winner == THREE[0]

    def test_state_money_takes_the_first(self, world: World) -> None:
        lot_id = evaluated(world)
        world.at(publish(world, lot_id).publicity.ends_at)
        for changes in (
            {"rank": 2},
            {"rank": 2, "cause": Cause.GAVE_UP},
            {"rank": 2, "document": b"x"},
        ):
            with refused("trading.award.not_first", Kind.INVALID, "award.rank_one"):
                award(world, lot_id, **changes)
        with refused("trading.award.rank", Kind.INVALID):
            award(world, lot_id, rank=4)
        proof = "示例放弃中标函".encode()
        made = award(world, lot_id, rank=2, cause=Cause.GAVE_UP, document=proof)
        assert (made.winner, made.cause) == (THREE[1], Cause.GAVE_UP)
        assert made.document is not None
        assert world.office.vault.get(made.document.sha256) == proof

    def test_private_money_chooses_among_the_candidates(self, world: World) -> None:
        lot_id = evaluated(world, government_invested=False)
        world.at(publish(world, lot_id).publicity.ends_at)
        assert award(world, lot_id, rank=3).winner == THREE[2]

    def test_procurement_takes_the_first_at_once(self, world: World) -> None:
        """政府采购法实施条例 第四十三条."""
        lot_id = evaluated(world, regime=Regime.ZFCG, government_invested=False)
        published = publish(world, lot_id)
        assert len(published.award_due.counted) == 5
        with refused("trading.award.not_first", Kind.INVALID):
            award(world, lot_id, rank=2)
        assert award(world, lot_id).winner.rank == 1

    def test_only_the_tenderer_awards(self, world: World) -> None:
        lot_id = evaluated(world)
        world.at(publish(world, lot_id).publicity.ends_at)
        for actor in (STAFF, SUPERVISOR, bidder(FIRMS[0])):
            with refused("archive.actor.role", Kind.FORBIDDEN), world.office.write() as tx:
                awards.award(tx, actor, lot_id)


class TestContract:
    """招标投标法 第四十六条; 招标投标法实施条例 第二十五条、第五十七条."""

    def test_at_the_price_of_the_award_and_no_other(self, any_world: World) -> None:
        lot_id, _ = awarded(any_world)
        with refused("trading.contract.price", Kind.INVALID, "contract.price_as_bid"):
            sign(any_world, lot_id, PRICE - Money(1))
        contract = sign(any_world, lot_id)
        with any_world.office.read() as db:
            assert awards.contract(db, lot_id) == contract
        with refused("trading.lot.stage", Kind.CONFLICT):
            sign(any_world, lot_id)

    def test_thirty_days_after_the_award_is_late_and_taken(self, world: World) -> None:
        lot_id, made = awarded(world)
        assert made.contract_due.day == date(2026, 12, 17)
        world.at(made.contract_due.ends_at - timedelta(milliseconds=1))
        with world.office.read() as db:
            assert not awards.clocks(db, lot_id)[-1].is_overdue(world.office.clock.now())
        world.at(made.contract_due.ends_at)
        assert sign(world, lot_id).is_late

    def test_past_the_validity_only_with_an_extension(self, world: World) -> None:
        lot_id, made = awarded(world)
        world.at(made.validity.ends_at)
        with refused("trading.contract.validity", Kind.TOO_LATE, "contract.within_validity"):
            sign(world, lot_id)
        assert sign(world, lot_id, extension="示例延长函".encode()).is_late

    @pytest.mark.parametrize(("regime", "days"), [(Regime.ZFCG, 2), (Regime.ZTB, 7)])
    def test_the_clock_of_its_publication(self, world: World, regime: Regime, days: int) -> None:
        """政府采购法实施条例 第五十条: two working days; for tendering a proposal."""
        lot_id, _ = awarded(world, regime=regime)
        contract = sign(world, lot_id)
        assert len(contract.publish_due.counted) == days
        world.at(contract.publish_due.ends_at)
        with world.office.read() as db:
            assert awards.clocks(db, lot_id)[-1].is_overdue(contract.publish_due.ends_at)
        with world.office.write() as tx:
            assert awards.publish_contract(tx, STAFF, lot_id).published_at is not None
        with refused("trading.contract.published", Kind.CONFLICT), world.office.write() as tx:
            awards.publish_contract(tx, STAFF, lot_id)

    def test_nothing_is_read_before_it_is_there(self, world: World) -> None:
        lot_id = world.noticed()
        with world.office.read() as db:
            for ask, code in (
                (awards.publication, "trading.candidates.none"),
                (awards.award_of, "trading.award.none"),
                (awards.contract, "trading.contract.none"),
                (awards.dossier_root, "trading.archival.none"),
            ):
                with refused(code, Kind.NOT_FOUND):
                    ask(db, lot_id)
            assert awards.clocks(db, lot_id) == ()


class TestArchive:
    ROOT = "b" * 64

    def archive(self, world: World, lot_id: str, root: str = ROOT) -> Lot:
        with world.office.write() as tx:
            return awards.mark_archived(tx, STAFF, lot_id, root)

    def test_after_the_contract_and_not_while_suspended(self, world: World) -> None:
        lot_id = evaluated(world)
        ends = publish(world, lot_id).publicity.ends_at
        with refused("trading.lot.stage", Kind.CONFLICT):
            self.archive(world, lot_id)
        world.at(ends)
        award(world, lot_id)
        sign(world, lot_id)
        with refused("trading.archival.root", Kind.INVALID):
            self.archive(world, lot_id, "B" * 64)
        assert self.archive(world, lot_id).stage is Stage.ARCHIVED

    def test_an_unanswered_objection_keeps_the_dossier_open(self, world: World) -> None:
        lot_id, _ = awarded(world, regime=Regime.ZFCG)
        sign(world, lot_id)
        with world.office.write() as tx:
            objections.raise_objection(
                tx, bidder(FIRMS[1]), lot_id, ObjectionStage.RESULT, "示例质疑".encode()
            )
        with refused("trading.objection.suspended", Kind.CONFLICT):
            self.archive(world, lot_id)

    def test_a_failed_tender_is_archived_too(self, world: World) -> None:
        lot_id = world.opened()
        with world.office.write() as tx:
            lot = projects.fail_lot(tx, STAFF, lot_id, REPORT)
        assert lot.stage is Stage.FAILED
        assert self.archive(world, lot_id).stage is Stage.FAILED
        with world.office.read() as db:
            assert awards.dossiers(db) == {lot_id: self.ROOT}
        with refused("trading.archival.done", Kind.CONFLICT):
            self.archive(world, lot_id)

    def test_all_bids_rejected_only_after_the_opening(self, world: World) -> None:
        lot_id = world.noticed()
        with refused("trading.lot.stage", Kind.CONFLICT), world.office.write() as tx:
            projects.fail_lot(tx, STAFF, lot_id, REPORT)
