"""The opening without a meeting: nothing early, nobody left out, nobody able to hold up the rest."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from archive import sealing
from archive.actor import SYSTEM, Actor, Role
from archive.custody import DemoCustodian
from archive.errors import Kind
from archive.journal import service as journal
from tests.builders import STAFF, STAFF_2, SUPERVISOR, bidder
from tests.trading.world import (
    FIRMS,
    ISSUED,
    OPENING,
    OPERATOR,
    OUTSIDER,
    TENDERER_ACTOR,
    World,
    refused,
)
from trading.money import Money
from trading.opening import service as openings
from trading.opening.opening import BidState, Revocation
from trading.projects import service as projects
from trading.projects.stages import Stage

THREE = FIRMS[:3]


def lodged(world: World, firms: tuple[str, ...] = THREE) -> str:
    lot_id = world.noticed()
    world.lodge(*(world.bid_cell(lot_id, firm) for firm in firms))
    return lot_id


def price_of(world: World, lot_id: str, firm: str) -> Money:
    """What a firm is read out to ask, when all of the three have handed in their halves."""
    for each in THREE:
        world.give_half(lot_id, each)
    return {bid.bidder: bid.price for bid in world.finish(lot_id).bids}[firm]


def halves_over(world: World) -> None:
    world.at(OPENING + timedelta(minutes=30))


class TestHour:
    """招标投标法 第三十四条; 电子招标投标办法 第二十七条: nobody opens before the deadline."""

    def test_one_millisecond_early_is_early(self, world: World) -> None:
        lot_id = lodged(world)
        world.at(OPENING - timedelta(milliseconds=1))
        with (
            refused("trading.opening.too_early", Kind.TOO_EARLY, "opening.at_deadline"),
            world.office.write() as tx,
        ):
            openings.begin_opening(tx, STAFF, lot_id, world.custodian)
        assert world.begin(lot_id).bidders == tuple(sorted(THREE))

    def test_the_custodian_keeps_the_hour_by_himself(self, world: World) -> None:
        lot_id = lodged(world)
        with refused("archive.custody.too_early", Kind.TOO_EARLY):
            world.custodian.private_key(f"lot/{lot_id}", OPENING, world.office.clock.now())

    def test_without_a_notice_there_is_no_hour(self, world: World) -> None:
        lot_id = world.register().lots[0].id
        with refused("trading.opening.no_notice", Kind.TOO_EARLY):
            world.begin(lot_id)

    def test_nobody_learns_the_bidders_before(self, world: World) -> None:
        """招标投标法 第二十二条."""
        lot_id = lodged(world)
        with world.office.read() as db:
            for ask in (openings.bidders_of, openings.opening, openings.states):
                with refused("trading.opening.not_begun", Kind.TOO_EARLY):
                    ask(db, lot_id)
        world.begin(lot_id)
        with world.office.read() as db:
            assert openings.bidders_of(db, lot_id) == tuple(sorted(THREE))
            with refused("trading.opening.unfinished", Kind.TOO_EARLY):
                openings.opening(db, lot_id)

    def test_an_opening_begins_once(self, world: World) -> None:
        lot_id = lodged(world)
        world.begin(lot_id)
        with refused("trading.lot.stage", Kind.CONFLICT):
            world.begin(lot_id)


class TestRoles:
    def test_staff_of_the_host_centre_open(self, world: World) -> None:
        lot_id = lodged(world)
        world.at(OPENING)
        for actor in (SUPERVISOR, TENDERER_ACTOR, bidder(FIRMS[0])):
            with refused("archive.actor.role", Kind.FORBIDDEN), world.office.write() as tx:
                openings.begin_opening(tx, actor, lot_id, world.custodian)
        other = Actor("staff-9", frozenset({Role.STAFF}), centre_id="532922")
        with refused("trading.actor.centre", Kind.FORBIDDEN), world.office.write() as tx:
            openings.begin_opening(tx, other, lot_id, world.custodian)
        with world.office.write() as tx:
            openings.begin_opening(tx, STAFF_2, lot_id, world.custodian)

    def test_the_clock_may_open_as_well(self, world: World) -> None:
        lot_id = lodged(world)
        world.at(OPENING)
        with world.office.write() as tx:
            assert not openings.begin_opening(tx, SYSTEM, lot_id, world.custodian).failed

    def test_a_half_comes_from_the_bidder_himself(self, world: World) -> None:
        lot_id = lodged(world)
        world.begin(lot_id)
        half = world.halves[lot_id, FIRMS[0]]
        with refused("trading.actor.party", Kind.FORBIDDEN), world.office.write() as tx:
            openings.submit_half(tx, bidder(FIRMS[1]), lot_id, FIRMS[0], half)
        with refused("archive.actor.role", Kind.FORBIDDEN), world.office.write() as tx:
            openings.submit_half(tx, STAFF, lot_id, FIRMS[0], half)


class TestTooFew:
    """招标投标法 第二十八条; 条例 第四十四条: with fewer than three nothing is opened."""

    def test_two_bidders_make_no_opening(self, any_world: World) -> None:
        lot_id = lodged(any_world, FIRMS[:2])
        begun = any_world.begin(lot_id)
        assert begun.failed
        assert (begun.bidders, begun.bidder_count) == ((), 2)
        assert "opening.bidders_min" in begun.rules
        with any_world.office.read() as db:
            assert projects.lot(db, lot_id).stage is Stage.FAILED
            with refused("trading.opening.failed", Kind.CONFLICT, "opening.bidders_min"):
                openings.bidders_of(db, lot_id)
            last = list(journal.entries(db, f"lot/{lot_id}"))[-1]
        assert last.action == "trading:lot:failed"
        assert last.data["bidders"] == 2
        assert not any(firm.encode() in last.body for firm in FIRMS)
        with refused("trading.opening.finished", Kind.TOO_LATE):
            any_world.give_half(lot_id, FIRMS[0])

    def test_three_are_enough(self, world: World) -> None:
        assert not world.begin(lodged(world)).failed

    def test_of_four_who_withdraw_to_two_nothing_is_opened(self, any_world: World) -> None:
        """Their halves prove the withdrawals; so the number is judged when the halves are in."""
        lot_id = lodged(any_world, FIRMS[:4])
        any_world.lodge(*(any_world.withdrawal(lot_id, firm, 2) for firm in FIRMS[:2]))
        assert not any_world.begin(lot_id).failed
        for firm in FIRMS[:4]:
            any_world.give_half(lot_id, firm)
        opening = any_world.finish(lot_id)
        assert opening.failed
        assert (opening.bids, opening.revoked) == ((), ())
        assert opening.withdrawn == tuple(sorted(FIRMS[:2]))
        assert opening.proven == 2
        record = any_world.office.vault.get(opening.record.sha256)
        assert b"4500000" not in record
        with any_world.office.read() as db:
            assert projects.lot(db, lot_id).stage is Stage.FAILED
            for ask in (openings.bidders_of, openings.proven_bidders, openings.opening):
                with refused("trading.opening.failed", Kind.CONFLICT, "opening.bidders_min"):
                    ask(db, lot_id)
            last = list(journal.entries(db, f"lot/{lot_id}"))[-1]
            rows = db.execute(sa.text("SELECT bidder_half, content FROM opening_bid")).all()
            assert db.execute(sa.text("SELECT count(*) FROM opening_cell")).scalar() == 0
        assert {(bytes(half), bytes(content)) for half, content in rows} == {(b"", b"")}
        assert (last.action, last.data["cause"]) == ("trading:lot:failed", "TOO_FEW_BIDDERS")

    def test_who_withdrew_and_stays_away_does_not_make_up_the_number(self, world: World) -> None:
        """Nothing can be proven without his half: by what he sent he is no third bidder."""
        lot_id = lodged(world)
        world.lodge(world.withdrawal(lot_id, FIRMS[0], 1))
        world.begin(lot_id)
        for firm in FIRMS[1:3]:
            world.give_half(lot_id, firm)
        halves_over(world)
        opening = world.finish(lot_id)
        assert opening.failed
        assert opening.causes == {FIRMS[0]: Revocation.WITHDRAWAL_UNPROVEN}

    def test_missing_halves_are_no_want_of_bidders(self, world: World) -> None:
        """电子招标投标办法 第三十一条 lets the others go on, be they two; the record tells how many
        have proven themselves."""
        lot_id = lodged(world)
        world.begin(lot_id)
        for firm in FIRMS[1:3]:
            world.give_half(lot_id, firm)
        halves_over(world)
        opening = world.finish(lot_id)
        assert not opening.failed
        assert (len(opening.bids), opening.proven) == (2, 2)
        with world.office.read() as db:
            assert openings.proven_bidders(db, lot_id) == tuple(sorted(FIRMS[1:3]))
            last = list(journal.entries(db, f"lot/{lot_id}"))[-1]
        assert last.data["proven"] == 2


class TestVersions:
    """招标投标法 第二十九条: until the deadline a bid may be changed and withdrawn."""

    def test_the_newest_version_counts(self, world: World) -> None:
        lot_id = lodged(world)
        world.at(ISSUED + timedelta(hours=2))
        world.lodge(world.bid_cell(lot_id, FIRMS[0], 4_100_000, version=2))
        world.begin(lot_id)
        for firm in THREE:
            world.give_half(lot_id, firm)
        bids = {bid.bidder: bid for bid in world.finish(lot_id).bids}
        assert bids[FIRMS[0]].price == Money.yuan(4_100_000)
        assert bids[FIRMS[0]].version == 2

    def test_the_version_counts_and_not_the_order_of_lodging(self, world: World) -> None:
        lot_id = world.noticed()
        world.lodge(world.bid_cell(lot_id, FIRMS[0], 4_100_000, version=2))
        world.at(ISSUED + timedelta(hours=3))
        world.lodge(*(world.bid_cell(lot_id, firm) for firm in THREE))
        world.begin(lot_id)
        assert price_of(world, lot_id, FIRMS[0]) == Money.yuan(4_100_000)

    def test_of_one_version_the_later_batch_counts(self, world: World) -> None:
        lot_id = lodged(world)
        world.at(ISSUED + timedelta(hours=3))
        world.lodge(world.bid_cell(lot_id, FIRMS[0], 4_200_000))
        world.begin(lot_id)
        assert price_of(world, lot_id, FIRMS[0]) == Money.yuan(4_200_000)

    def test_a_withdrawal_voids_and_a_later_bid_stands_again(self, any_world: World) -> None:
        lot_id = lodged(any_world, FIRMS[:5])
        any_world.lodge(
            any_world.withdrawal(lot_id, FIRMS[0], 1),
            any_world.withdrawal(lot_id, FIRMS[1], 2),
            any_world.bid_cell(lot_id, FIRMS[1], version=3),
            any_world.cell(lot_id, FIRMS[0], b"taken back", "guarantee"),
        )
        any_world.begin(lot_id)
        for firm in FIRMS[:5]:
            any_world.give_half(lot_id, firm)
        opening = any_world.finish(lot_id)
        assert (opening.withdrawn, opening.revoked) == ((FIRMS[0],), ())
        assert [bid.bidder for bid in opening.bids] == sorted(FIRMS[1:5])
        with any_world.office.read() as db:
            assert openings.bidders_of(db, lot_id) == tuple(sorted(FIRMS[1:5]))
            assert openings.envelopes(db, lot_id, "guarantee") == {}

    def test_a_cell_lodged_at_the_deadline_is_too_late(self, world: World) -> None:
        lot_id = lodged(world)
        world.at(OPENING)
        world.lodge(world.bid_cell(lot_id, FIRMS[3]))
        assert world.begin(lot_id).bidders == tuple(sorted(THREE))

    def test_cells_of_other_lots_and_dummies_stay_shut(self, world: World) -> None:
        other = world.noticed()
        lot_id = world.register(name="示例工程0002").lots[0].id
        world.publish(lot_id, issued_at=ISSUED + timedelta(hours=1))
        world.lodge(
            *(world.bid_cell(lot_id, firm) for firm in THREE),
            *(world.bid_cell(other, firm) for firm in FIRMS[4:8]),
        )
        assert world.begin(lot_id).bidders == tuple(sorted(THREE))
        with world.office.write() as tx:
            begun = openings.begin_opening(tx, STAFF, other, world.custodian)
        assert begun.bidders == tuple(sorted(FIRMS[4:8]))

    def test_another_custodian_finds_nothing(self, world: World) -> None:
        lot_id = lodged(world)
        world.at(OPENING)
        with world.office.write() as tx:
            begun = openings.begin_opening(tx, STAFF, lot_id, DemoCustodian(b"x" * 32))
        assert begun.failed
        assert begun.bidder_count == 0

    def test_strangers_and_the_operator_are_no_bidders(self, world: World) -> None:
        """电子招标投标办法 第二十三条: the operator does not bid on its own platform."""
        lot_id = lodged(world)
        world.lodge(world.bid_cell(lot_id, OUTSIDER), world.bid_cell(lot_id, OPERATOR))
        assert world.begin(lot_id).bidders == tuple(sorted(THREE))
        with world.office.read() as db:
            last = list(journal.entries(db, f"lot/{lot_id}"))[-1]
        assert last.data["strangers"] == 2

    def test_what_the_bidders_half_opens_beside_the_bid(self, any_world: World) -> None:
        world, lot_id = any_world, lodged(any_world)
        world.lodge(
            world.cell(lot_id, FIRMS[0], b"first", "guarantee", 1),
            world.cell(lot_id, FIRMS[0], b"guaranteed", "guarantee", 2),
            world.cell(lot_id, FIRMS[1], b"another half", "guarantee", 1, b"x" * 32),
            world.cell(lot_id, FIRMS[6], b"no bidder", "guarantee", 1),
            world.cell(lot_id, FIRMS[0], b"unasked", "other", 1),
        )
        world.begin(lot_id)
        for firm in THREE:
            world.give_half(lot_id, firm)
        with world.office.read() as db:
            assert openings.envelopes(db, lot_id, "guarantee") == {}
        world.finish(lot_id)
        with world.office.read() as db:
            assert openings.envelopes(db, lot_id, "guarantee") == {FIRMS[0]: b"guaranteed"}
            assert openings.envelopes(db, lot_id, "other") == {}


class TestHalves:
    """电子招标投标办法 第三十一条: the bidder's own fault revokes his bid, the others go on."""

    def test_all_halves_open_all_bids_at_once(self, world: World) -> None:
        lot_id = lodged(world)
        world.begin(lot_id)
        for firm in THREE:
            world.give_half(lot_id, firm)
        opening = world.finish(lot_id)
        assert [bid.bidder for bid in opening.bids] == sorted(THREE)
        assert opening.revoked == ()
        with world.office.read() as db:
            assert openings.opening(db, lot_id) == opening
            assert projects.lot(db, lot_id).stage is Stage.OPENED

    def test_nobody_is_cut_off_before_his_time(self, world: World) -> None:
        lot_id = lodged(world)
        world.begin(lot_id)
        world.give_half(lot_id, FIRMS[0])
        with refused(
            "trading.opening.halves_missing", Kind.TOO_EARLY, "opening.halves_minutes"
        ) as caught:
            world.finish(lot_id)
        assert caught[0].params["missing"] == 2

    def test_a_missing_half_revokes_and_the_others_go_on(self, any_world: World) -> None:
        lot_id = lodged(any_world, FIRMS[:4])
        any_world.begin(lot_id)
        for firm in FIRMS[1:4]:
            any_world.give_half(lot_id, firm)
        halves_over(any_world)
        opening = any_world.finish(lot_id)
        assert opening.revoked == (FIRMS[0],)
        assert opening.causes == {FIRMS[0]: Revocation.HALF_MISSING}
        assert [bid.bidder for bid in opening.bids] == sorted(FIRMS[1:4])
        with any_world.office.read() as db:
            assert openings.bidders_of(db, lot_id) == tuple(sorted(FIRMS[:4]))
            last = list(journal.entries(db, f"lot/{lot_id}"))[-1]
        assert last.data["revoked"] == [FIRMS[0]]
        assert "opening.half_missing" in last.data["rules"]

    def test_a_wrong_half_is_refused_and_may_be_mended_in_time(self, world: World) -> None:
        lot_id = lodged(world)
        world.begin(lot_id)
        for wrong, code in (
            (world.halves[lot_id, FIRMS[1]], "archive.sealing.wrong_half"),
            (b"short", "archive.sealing.half_size"),
        ):
            with refused(code, Kind.INVALID):
                world.give_half(lot_id, FIRMS[0], wrong)
        world.give_half(lot_id, FIRMS[0])
        with world.office.read() as db:
            assert openings.states(db, lot_id)[FIRMS[0]] is BidState.READY
        with refused("trading.opening.half_given", Kind.CONFLICT):
            world.give_half(lot_id, FIRMS[0])

    def test_a_half_before_the_opening_and_after_it(self, world: World) -> None:
        lot_id = lodged(world)
        with refused("trading.opening.not_begun", Kind.TOO_EARLY):
            world.give_half(lot_id, FIRMS[0])
        world.begin(lot_id)
        with refused("trading.opening.no_bid", Kind.NOT_FOUND):
            world.give_half(lot_id, FIRMS[5], b"h" * 32)
        halves_over(world)
        assert len(world.finish(lot_id).revoked) == 3
        with refused("trading.opening.finished", Kind.TOO_LATE, "opening.half_missing"):
            world.give_half(lot_id, FIRMS[0])

    @pytest.mark.parametrize("content", [b"rubbish", b"{}", b""])
    def test_a_content_that_is_no_bid_is_revoked(self, world: World, content: bytes) -> None:
        lot_id = lodged(world, FIRMS[1:4])
        world.lodge(world.cell(lot_id, FIRMS[0], content))
        world.begin(lot_id)
        for firm in FIRMS[:4]:
            world.give_half(lot_id, firm)
        opening = world.finish(lot_id)
        assert opening.causes == {FIRMS[0]: Revocation.MALFORMED}
        assert len(opening.bids) == 3

    def test_a_copied_content_stands_for_nobody_else(self, world: World) -> None:
        lot_id = lodged(world, FIRMS[1:4])
        copied = world.bid_cell(lot_id, FIRMS[1])
        assert len(copied) == sealing.CELL_BYTES
        other = world.cell(lot_id, FIRMS[0], b'{"bidder":"' + FIRMS[1].encode() + b'"}')
        world.lodge(other)
        world.begin(lot_id)
        world.give_half(lot_id, FIRMS[0])
        halves_over(world)
        assert world.finish(lot_id).causes[FIRMS[0]] is Revocation.MALFORMED

    def test_no_price_stands_in_the_record_but_in_its_documents(self, world: World) -> None:
        lot_id = world.opened()
        with world.office.read() as db:
            entries = list(journal.entries(db, f"lot/{lot_id}"))
            opening = openings.opening(db, lot_id)
        assert not any(b"450000000" in entry.body for entry in entries)
        record = world.office.vault.get(opening.record.sha256)
        assert b"450000000" in record
        names = {document.name for document in entries[-1].documents}
        assert {"opening_record.json", f"bid-{FIRMS[0]}.json"} <= names
        for bid in opening.bids:
            assert world.office.vault.get(bid.document.sha256)
