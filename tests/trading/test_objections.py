"""Objections: who, when, by when answered, and that they stop the tender."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from archive.actor import Actor, Role
from archive.errors import Kind
from archive.journal import service as journal
from archive.journal.entry import DocumentRef
from tests.builders import STAFF, SUPERVISOR, bidder
from tests.trading.world import (
    AGENCY,
    FIRMS,
    ISSUED,
    OPENING,
    TENDERER_ACTOR,
    World,
    refused,
)
from trading.awards import service as awards
from trading.awards.award import Candidate
from trading.calendar.legal import legal_day, start_of
from trading.money import Money
from trading.objections import service as objections
from trading.objections.objection import Objection, ObjectionStage, ObjectionState, Outcome
from trading.regime import Regime

FILE, SPOT, RESULT = ObjectionStage.FILE, ObjectionStage.OPENING, ObjectionStage.RESULT
REPORT = DocumentRef("report.json", "a" * 64, 10, "application/json")
TEXT = "示例异议书".encode()


def raised(
    world: World, lot_id: str, stage: ObjectionStage, firm: str = FIRMS[0], interest: str = ""
) -> Objection:
    with world.office.write() as tx:
        return objections.raise_objection(tx, bidder(firm), lot_id, stage, TEXT, interest)


def answered(world: World, objection: Objection, actor: Actor = TENDERER_ACTOR) -> Objection:
    with world.office.write() as tx:
        return objections.answer_objection(tx, actor, objection.id, Outcome.REJECTED, TEXT)


def published(world: World, **changes: Any) -> tuple[str, datetime]:
    lot_id = world.opened(**changes)
    one = [Candidate(1, FIRMS[0], Money.yuan(4_500_000))]
    with world.office.write() as tx:
        found = awards.publish_candidates(tx, STAFF, lot_id, one, REPORT)
    return lot_id, found.publicity.ends_at


class TestFile:
    """招标投标法实施条例 第二十二条."""

    LAST = start_of(date(2026, 11, 2))
    """Ten days before 11 November is the 1st, a Sunday; counting back, nothing rolls."""

    def test_until_ten_days_before_the_deadline(self, world: World) -> None:
        lot_id = world.register().lots[0].id
        rule = "objection.file.before_deadline"
        with refused("trading.objection.too_early", Kind.TOO_EARLY, rule):
            raised(world, lot_id, FILE)
        world.publish(lot_id)
        world.at(self.LAST - timedelta(milliseconds=1))
        assert raised(world, lot_id, FILE).state is ObjectionState.OPEN
        world.at(self.LAST)
        with refused("trading.objection.too_late", Kind.TOO_LATE, rule):
            raised(world, lot_id, FILE)

    def test_in_procurement_seven_working_days_from_the_notice(self, world: World) -> None:
        """政府采购法 第五十二条."""
        lot_id = world.noticed(regime=Regime.ZFCG)
        last = start_of(date(2026, 10, 31))
        world.at(last - timedelta(milliseconds=1))
        objection = raised(world, lot_id, FILE)
        assert len(objection.due.counted) == 7
        world.at(last)
        with refused("trading.objection.too_late", Kind.TOO_LATE, "objection.file.after_notice"):
            raised(world, lot_id, FILE)

    def test_its_author_stands_nowhere(self, any_world: World) -> None:
        """招标投标法 第二十二条: nobody may learn who takes an interest in a lot."""
        lot_id = any_world.noticed()
        objection = raised(any_world, lot_id, FILE)
        with any_world.office.read() as db:
            rows = repr(db.execute(sa.text("SELECT * FROM objection")).all())
            bodies = [entry.body for entry in journal.entries(db, f"lot/{lot_id}")]
        assert objection.raised_by == ""
        assert FIRMS[0] not in rows
        assert not any(FIRMS[0].encode() in body for body in bodies)

    def test_only_its_author_withdraws_it(self, world: World) -> None:
        lot_id = world.noticed()
        objection = raised(world, lot_id, FILE)
        secret = objection.withdrawal_secret
        for firm, given in ((FIRMS[1], secret), (FIRMS[0], "00" * 16), (FIRMS[0], "zz")):
            with refused("trading.objection.secret", Kind.FORBIDDEN), world.office.write() as tx:
                objections.withdraw_objection(tx, bidder(firm), objection.id, given)
        with world.office.write() as tx:
            done = objections.withdraw_objection(tx, bidder(FIRMS[0]), objection.id, secret)
        assert done.state is ObjectionState.WITHDRAWN
        with world.office.read() as db:
            assert not objections.suspended(db, lot_id)
            last = list(journal.entries(db, f"lot/{lot_id}"))[-1]
        assert FIRMS[0].encode() not in last.body

    def test_it_stops_the_opening_until_it_is_answered(self, world: World) -> None:
        lot_id = world.noticed()
        world.lodge(*(world.bid_cell(lot_id, firm) for firm in FIRMS[:3]))
        objection = raised(world, lot_id, FILE)
        with refused("trading.objection.suspended", Kind.CONFLICT, "objection.suspends"):
            world.begin(lot_id)
        answered(world, objection)
        assert not world.begin(lot_id).failed


class TestAnswer:
    def test_three_days_and_then_it_is_overdue(self, world: World) -> None:
        lot_id = world.noticed()
        objection = raised(world, lot_id, FILE)
        # 24 October is a Saturday: the last day rolls to Monday.
        assert objection.due.day == date(2026, 10, 26)
        ends = objection.due.ends_at
        with world.office.read() as db:
            assert objections.overdue(db, ends - timedelta(milliseconds=1)) == ()
            late = objections.overdue(db, ends, objection.centre_id)
            assert [o.id for o in late] == [objection.id]
            assert objections.overdue(db, ends, "532922") == ()
        world.at(ends)
        done = answered(world, objection)
        assert done.was_late
        with world.office.read() as db:
            assert objections.overdue(db, ends + timedelta(days=9)) == ()

    def test_the_tenderer_or_its_agency_answers_once(self, world: World) -> None:
        lot_id = world.noticed()
        objection = raised(world, lot_id, FILE)
        for actor, code in (
            (STAFF, "archive.actor.role"),
            (SUPERVISOR, "archive.actor.role"),
            (Actor("t", frozenset({Role.TENDERER}), party_id=FIRMS[0]), "trading.actor.party"),
        ):
            with refused(code, Kind.FORBIDDEN):
                answered(world, objection, actor)
        agency = Actor("agency-1", frozenset({Role.TENDERER}), party_id=AGENCY)
        done = answered(world, objection, agency)
        assert (done.outcome, done.was_late) == (Outcome.REJECTED, False)
        with refused("trading.objection.closed", Kind.CONFLICT):
            answered(world, objection)

    def test_several_objections_each_suspend(self, world: World) -> None:
        lot_id = world.noticed()
        first, second = (raised(world, lot_id, FILE, firm) for firm in FIRMS[:2])
        answered(world, first)
        with world.office.read() as db:
            assert objections.suspended(db, lot_id)
            assert [o.id for o in objections.objections(db, lot_id)] == sorted(
                [first.id, second.id]
            )
        answered(world, second)
        with world.office.read() as db:
            objections.must_not_be_suspended(db, lot_id)

    def test_an_empty_objection_is_none(self, world: World) -> None:
        lot_id = world.noticed()
        with refused("trading.objection.document", Kind.INVALID), world.office.write() as tx:
            objections.raise_objection(tx, bidder(FIRMS[0]), lot_id, FILE, b"")
        with refused("archive.actor.role", Kind.FORBIDDEN), world.office.write() as tx:
            objections.raise_objection(tx, STAFF, lot_id, FILE, TEXT)
        with refused("trading.objection.unknown", Kind.NOT_FOUND), world.office.write() as tx:
            objections.answer_objection(tx, TENDERER_ACTOR, "x", Outcome.UPHELD, TEXT)


class TestOpening:
    """招标投标法实施条例 第四十四条: on the spot, and answered on the spot."""

    def begun(self, world: World) -> str:
        lot_id = world.noticed()
        world.lodge(*(world.bid_cell(lot_id, firm) for firm in FIRMS[:3]))
        world.begin(lot_id)
        return lot_id

    def test_not_before_it_begins(self, world: World) -> None:
        lot_id = world.noticed()
        for firm in FIRMS[:2]:
            with refused("trading.objection.too_early", Kind.TOO_EARLY):
                raised(world, lot_id, SPOT, firm)

    def test_only_a_bidder_of_the_lot(self, world: World) -> None:
        lot_id = self.begun(world)
        with refused("trading.objection.no_bidder", Kind.FORBIDDEN):
            raised(world, lot_id, SPOT, FIRMS[5], interest="示例利害关系")
        assert raised(world, lot_id, SPOT).raised_by == FIRMS[0]

    def test_it_holds_up_the_end_of_the_opening(self, world: World) -> None:
        lot_id = self.begun(world)
        for firm in FIRMS[:3]:
            world.give_half(lot_id, firm)
        objection = raised(world, lot_id, SPOT)
        assert objection.due.day == legal_day(OPENING)
        with refused("trading.objection.suspended", Kind.CONFLICT):
            world.finish(lot_id)
        answered(world, objection)
        world.finish(lot_id)
        assert raised(world, lot_id, SPOT, FIRMS[1]).state is ObjectionState.OPEN
        world.at(OPENING + timedelta(minutes=30))
        with refused("trading.objection.too_late", Kind.TOO_LATE, "objection.opening.on_the_spot"):
            raised(world, lot_id, SPOT)
        with refused("trading.objection.too_late_at_all", Kind.TOO_LATE):
            raised(world, lot_id, FILE)


class TestResult:
    """招标投标法实施条例 第五十四条."""

    def test_while_the_candidates_are_published(self, any_world: World) -> None:
        lot_id, ends = published(any_world)
        any_world.at(ends - timedelta(milliseconds=1))
        objection = raised(any_world, lot_id, RESULT, FIRMS[2])
        assert objection.raised_by == FIRMS[2]
        any_world.at(ends)
        with refused("trading.objection.too_late", Kind.TOO_LATE, "candidates.publicity"):
            raised(any_world, lot_id, RESULT, FIRMS[1])
        with (
            refused("trading.objection.suspended", Kind.CONFLICT),
            any_world.office.write() as tx,
        ):
            awards.award(tx, TENDERER_ACTOR, lot_id)
        stranger = bidder(FIRMS[1])
        with refused("trading.actor.party", Kind.FORBIDDEN), any_world.office.write() as tx:
            objections.withdraw_objection(tx, stranger, objection.id)
        with any_world.office.write() as tx:
            objections.withdraw_objection(tx, bidder(FIRMS[2]), objection.id)
        with any_world.office.write() as tx:
            awards.award(tx, TENDERER_ACTOR, lot_id)

    def test_not_before(self, world: World) -> None:
        lot_id = world.opened()
        with refused("trading.objection.too_early", Kind.TOO_EARLY, "candidates.publicity"):
            raised(world, lot_id, RESULT)

    def test_who_did_not_bid_names_his_interest(self, world: World) -> None:
        lot_id, _ = published(world)
        with refused("trading.objection.no_bidder", Kind.FORBIDDEN):
            raised(world, lot_id, RESULT, FIRMS[6])
        assert raised(world, lot_id, RESULT, FIRMS[6], "示例:投标人的分包单位").id

    def test_in_procurement_after_the_award_too(self, world: World) -> None:
        """政府采购法 第五十二条: seven working days from the result."""
        lot_id, _ = published(world, regime=Regime.ZFCG)
        with world.office.write() as tx:
            awards.award(tx, TENDERER_ACTOR, lot_id)
        world.at(start_of(date(2026, 11, 21)) - timedelta(milliseconds=1))
        objection = raised(world, lot_id, RESULT)
        assert len(objection.due.counted) == 7
        with refused("trading.objection.suspended", Kind.CONFLICT), world.office.write() as tx:
            awards.sign_contract(tx, TENDERER_ACTOR, lot_id, Money.yuan(4_500_000), b"x")
        world.at(start_of(date(2026, 11, 21)))
        rule = "objection.result.after_publication"
        with refused("trading.objection.too_late", Kind.TOO_LATE, rule):
            raised(world, lot_id, RESULT)

    def test_a_tender_that_is_over_hears_no_objection(self, world: World) -> None:
        lot_id = world.noticed()
        world.lodge(world.bid_cell(lot_id, FIRMS[0]))
        world.begin(lot_id)
        with refused("trading.objection.over", Kind.CONFLICT):
            raised(world, lot_id, FILE)


@pytest.mark.parametrize("moment", [ISSUED, OPENING])
def test_an_account_without_a_party_objects_to_nothing(world: World, moment: datetime) -> None:
    lot_id = world.noticed()
    world.at(moment)
    nobody = Actor("b", frozenset({Role.BIDDER}))
    with refused("trading.actor.party", Kind.FORBIDDEN), world.office.write() as tx:
        objections.raise_objection(tx, nobody, lot_id, FILE, TEXT)
