"""Registration and notice: all faults at once, and the days that were counted."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from archive.actor import Actor, Role
from archive.errors import Kind
from archive.journal import service as journal
from tests.builders import CENTRE, STAFF, SUPERVISOR, bidder
from tests.trading.world import (
    FIRMS,
    ISSUED,
    OPENING,
    OTHER_SUPERVISOR,
    SUPERVISOR_USCC,
    TENDERER,
    TENDERER_ACTOR,
    World,
    faults_of,
    lot_spec,
    notice_terms,
    refused,
    registration,
)
from trading.calendar.legal import start_of
from trading.money import Money
from trading.projects import service as projects
from trading.projects.project import CommitteeSpec, Conclusion, FairReview
from trading.projects.stages import Stage
from trading.regime import Regime

REVIEW = FairReview(
    SUPERVISOR_USCC, date(2026, 10, 10), Conclusion.FITS, "", "示例审查结论".encode()
)


def rejected(world: World, **changes: Any) -> dict[str, str]:
    with refused("trading.registration.invalid", Kind.INVALID) as caught:
        world.register(**changes)
    return faults_of(caught)


class TestFairReviewGate:
    """大理 2024 年 5 月起; 公平竞争审查规则 第十三条. The platform reads, it does not decide."""

    def test_a_fitting_review_opens_the_gate(self, world: World) -> None:
        project = world.register()
        assert project.fair_review is not None
        assert project.fair_review.conclusion is Conclusion.FITS
        kept = world.office.vault.get(project.fair_review.document_sha256)
        assert kept == "示例审查结论".encode()

    def test_without_a_review_no_entry(self, world: World) -> None:
        assert rejected(world, fair_review=None) == {"/fair_review": "trading.review.missing"}

    def test_the_supervisor_of_the_project_is_competent_and_nobody_else(self, world: World) -> None:
        other = replace(REVIEW, reviewer_uscc=OTHER_SUPERVISOR)
        assert rejected(world, fair_review=other) == {
            "/fair_review/reviewer_uscc": "trading.review.reviewer"
        }

    def test_a_review_that_does_not_fit_keeps_the_gate_shut(self, world: World) -> None:
        bad = replace(REVIEW, conclusion=Conclusion.DOES_NOT_FIT)
        assert rejected(world, fair_review=bad) == {
            "/fair_review/conclusion": "trading.review.does_not_fit"
        }

    def test_an_exception_needs_its_reasons(self, world: World) -> None:
        bare = replace(REVIEW, conclusion=Conclusion.EXCEPTION, reason=" ")
        assert rejected(world, fair_review=bare) == {"/fair_review/reason": "trading.review.reason"}
        reasoned = replace(bare, reason="示例理由")
        assert world.register(fair_review=reasoned).fair_review is not None

    def test_the_gate_is_a_switch_of_the_region(self, world: World) -> None:
        assert world.register(division_code="530102", fair_review=None, order_notice=None).lots

    def test_a_review_of_tomorrow_or_without_a_document_is_none(self, world: World) -> None:
        bad = FairReview(SUPERVISOR_USCC, date(2026, 10, 22), Conclusion.FITS, "", b"")
        assert rejected(world, fair_review=bad) == {
            "/fair_review/reviewed_on": "trading.review.future",
            "/fair_review/document": "trading.review.document",
        }


class TestForm:
    def test_the_order_notice_must_be_signed(self, world: World) -> None:
        assert rejected(world, order_notice=None) == {
            "/order_notice": "trading.order_notice.missing"
        }
        assert rejected(world, order_notice=date(2026, 10, 22)) == {
            "/order_notice": "trading.order_notice.future"
        }

    def test_all_faults_are_told_at_once(self, world: World) -> None:
        lot = lot_spec(
            name="",
            estimate=Money(0),
            price_ceiling=Money(-1),
            deposit_charged=Money(-1),
            bid_validity_days=10,
            slots=0,
            committee=CommitteeSpec({"AX": 0}, representatives=-1),
            method={"weight": 0.5},
        )
        application = registration(
            name=" ",
            division_code="539999",
            centre_id="532922",
            tenderer_uscc="91532901XN000000A1",
            agency_uscc=FIRMS[0],
            supervisor_uscc=TENDERER,
            fair_review=None,
            order_notice=None,
            lots=(lot,),
        )
        with (
            refused("trading.registration.invalid", Kind.INVALID) as caught,
            world.office.write() as tx,
        ):
            projects.register_project(tx, Actor("s", frozenset({Role.STAFF})), application)
        assert faults_of(caught) == {
            "/name": "trading.party.name",
            "/division_code": "trading.party.division",
            "/centre_id": "trading.centre.unknown",
            "/tenderer_uscc": "trading.uscc.check",
            "/agency_uscc": "trading.party.kind",
            "/supervisor_uscc": "trading.party.kind",
            "/lots/0/name": "trading.party.name",
            "/lots/0/estimate": "trading.lot.amount",
            "/lots/0/price_ceiling": "trading.lot.amount",
            "/lots/0/deposit_charged": "trading.lot.deposit",
            "/lots/0/bid_validity_days": "trading.lot.validity",
            "/lots/0/slots": "trading.lot.slots",
            "/lots/0/committee/quotas": "trading.lot.quota",
            "/lots/0/committee/representatives": "trading.lot.representatives",
            "/lots/0/method": "trading.lot.method",
        }

    def test_nobody_plays_two_parts(self, world: World) -> None:
        found = rejected(world, tenderer_uscc=SUPERVISOR_USCC)
        assert found == {"/supervisor_uscc": "trading.party.two_parts"}

    def test_a_project_without_lots_is_none(self, world: World) -> None:
        assert rejected(world, lots=()) == {"/lots": "trading.lots.count"}

    def test_what_is_refused_leaves_nothing(self, world: World) -> None:
        rejected(world, fair_review=None)
        with world.office.read() as db:
            assert projects.lots(db) == ()


class TestRoles:
    """Staff register and publish, of the host centre and of no other."""

    def test_strangers(self, world: World) -> None:
        for actor in (SUPERVISOR, TENDERER_ACTOR, bidder(FIRMS[0])):
            with refused("archive.actor.role", Kind.FORBIDDEN), world.office.write() as tx:
                projects.register_project(tx, actor, registration())
        other = Actor("staff-9", frozenset({Role.STAFF}), centre_id="532922")
        with refused("trading.actor.centre", Kind.FORBIDDEN), world.office.write() as tx:
            projects.register_project(tx, other, registration())
        lot_id = world.register().lots[0].id
        with refused("trading.actor.centre", Kind.FORBIDDEN), world.office.write() as tx:
            projects.publish_notice(tx, other, lot_id, notice_terms())


class TestRecord:
    def test_what_was_registered_is_read_back(self, any_world: World) -> None:
        lots = (lot_spec(), lot_spec(name="第二标段", overnight_expected=True, slots=3))
        project = any_world.register(lots=lots)
        with any_world.office.read() as db:
            assert projects.project(db, project.id) == project
            assert projects.lot(db, project.lots[1].id) == project.lots[1]
            entry = next(iter(journal.entries(db, f"project/{project.id}")))
        assert [lot.number for lot in project.lots] == [1, 2]
        assert project.lots[1].committee == lots[1].committee
        assert project.lots[0].stage is Stage.REGISTERED
        assert "registration.fair_review_required" in entry.data["rules"]
        assert {document.name for document in entry.documents} == {
            "registration.json",
            "fair_competition_review",
        }

    def test_unknown_things(self, world: World) -> None:
        with world.office.read() as db:
            with refused("trading.project.unknown", Kind.NOT_FOUND):
                projects.project(db, "x")
            with refused("trading.lot.unknown", Kind.NOT_FOUND):
                projects.lot(db, "x")


class TestNotice:
    """招标投标法 第二十四条、第三十四条; 政府采购法 第三十五条; 条例 第十六条."""

    def test_twenty_days_are_enough_and_nineteen_are_not(self, world: World) -> None:
        lot_id = world.register().lots[0].id
        early = start_of(date(2026, 11, 9)) + timedelta(hours=9)
        with refused("trading.notice.invalid", Kind.INVALID) as caught:
            world.publish(lot_id, opening_at=early, evaluation_at=early)
        fault = caught[0].faults[0]
        assert (fault.pointer, fault.rule) == ("/opening_at", "bid.preparation_days")
        assert fault.params["earliest"] == "2026-11-10"
        day_20 = early + timedelta(days=1)
        notice = world.publish(lot_id, opening_at=day_20, evaluation_at=day_20)
        assert notice.preparation.counted[0] == date(2026, 10, 22)
        assert notice.preparation.day == date(2026, 11, 10)
        assert len(notice.preparation.counted) == 20
        assert not notice.preparation.provisional

    @pytest.mark.parametrize(
        ("regime", "earliest"),
        [(Regime.ZTB, date(2026, 10, 26)), (Regime.ZFCG, date(2026, 10, 28))],
    )
    def test_the_file_is_offered_five_days_or_five_working_days(
        self, world: World, regime: Regime, earliest: date
    ) -> None:
        lot_id = world.register(regime=regime).lots[0].id
        with refused("trading.notice.invalid", Kind.INVALID) as caught:
            world.publish(lot_id, available_until=earliest - timedelta(days=1))
        assert faults_of(caught) == {"/available_until": "trading.notice.availability"}
        assert world.publish(lot_id, available_until=earliest).availability.day == earliest

    def test_no_evaluation_before_the_opening_no_notice_of_yesterday(self, world: World) -> None:
        lot_id = world.register().lots[0].id
        with refused("trading.notice.invalid", Kind.INVALID) as caught:
            world.publish(
                lot_id,
                issued_at=ISSUED - timedelta(days=1),
                evaluation_at=OPENING - timedelta(minutes=1),
                document=b"",
            )
        assert faults_of(caught) == {
            "/issued_at": "trading.notice.backdated",
            "/evaluation_at": "trading.notice.evaluation",
            "/document": "trading.notice.document",
        }

    def test_a_validity_that_reaches_into_2027_is_provisional(self, any_world: World) -> None:
        lot_id = any_world.register().lots[0].id
        notice = any_world.publish(lot_id)
        # The ninetieth day, 9 February, lies in the Spring Festival.
        assert notice.validity.day == date(2027, 2, 11)
        assert notice.validity.provisional
        assert notice.is_provisional
        with any_world.office.read() as db:
            assert projects.lot(db, lot_id).notice == notice
            entry = list(journal.entries(db, f"lot/{lot_id}"))[-1]
        assert entry.data["preparation"]["counted"][0] == "2026-10-22"
        assert entry.data["provisional"] is True

    def test_a_notice_is_published_once(self, world: World) -> None:
        lot_id = world.noticed()
        with refused("trading.lot.stage", Kind.CONFLICT):
            world.publish(lot_id)


class TestTermination:
    """招标投标法实施条例 第三十一条."""

    def test_only_the_tenderer_with_a_reason(self, world: World) -> None:
        lot_id = world.noticed()
        stranger = Actor("t", frozenset({Role.TENDERER}), party_id=FIRMS[0])
        with refused("trading.actor.party", Kind.FORBIDDEN), world.office.write() as tx:
            projects.terminate_lot(tx, stranger, lot_id, b"x")
        with refused("trading.lot.termination_reason", Kind.INVALID), world.office.write() as tx:
            projects.terminate_lot(tx, TENDERER_ACTOR, lot_id, b"")
        with world.office.write() as tx:
            lot = projects.terminate_lot(tx, TENDERER_ACTOR, lot_id, "示例终止公告".encode())
        assert lot.stage is Stage.TERMINATED
        world.at(OPENING)
        with refused("trading.lot.stage", Kind.CONFLICT):
            world.begin(lot_id)


def test_moments_of_a_notice_are_aware(world: World) -> None:
    lot_id = world.register().lots[0].id
    with pytest.raises(ValueError):
        world.publish(lot_id, issued_at=datetime(2026, 10, 21, 2))  # noqa: DTZ001


def test_centre_of_the_lot_is_the_hosts(world: World) -> None:
    project = world.register()
    assert {lot.centre_id for lot in project.lots} == {CENTRE, project.centre_id, STAFF.centre_id}
