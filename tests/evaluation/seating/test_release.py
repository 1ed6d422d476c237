"""A confirmed day changes: seats are given back, others are asked for, who runs stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time

import pytest

from api.flows import upkeep
from archive.actor import SYSTEM
from archive.clock import SHANGHAI, DrivenClock
from archive.errors import Kind as RefusalKind
from archive.errors import Refusal
from archive.journal import service as journal
from evaluation.seating import service
from evaluation.seating.booking import BookedSeat
from evaluation.seating.checkin import service as checkin
from evaluation.seating.proposals.trouble import Kind, Trouble
from evaluation.seating.replan import difference
from evaluation.seating.solve import solve
from evaluation.stations import service as stations
from evaluation.stations.station import Closure
from tests.builders import STAFF
from tests.evaluation.seating.cases import AM, DAY, FAR, NEAR, NIGHT, PM
from tests.evaluation.seating.conftest import SEED, Desk, request


class TestReleaseAndReplan:
    def test_a_replaced_expert_is_seated_and_the_others_stay(self, desk: Desk) -> None:
        """The full conflict check at the opening replaced one member (条例 第四十六条)."""
        before = desk.seat(request("E1"), request("E2"), request("E3"))
        with desk.office.write() as tx:
            service.release_seats(tx, STAFF, "S1", "E2")
        with desk.office.read() as db:
            problem = service.replan(db, [request("E8")], on_days=[DAY], seed=SEED)
        assert {pin.expert_id for pin in problem.pinned} == {"E1", "E3"}
        assert [one.expert_id for one in problem.seats] == ["E8"]
        with desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, problem, solve(problem))
        with desk.office.read() as db:
            after = service.seats_of(db, "S1")
        assert [seat.expert_id for seat in after] == ["E1", "E3", "E8"]
        kept = {seat.expert_id: seat for seat in before.seats}
        assert [seat for seat in after if seat.expert_id != "E8"] == [kept["E1"], kept["E3"]]

    def test_nobody_holds_stations_that_somebody_was_promised(self, desk: Desk) -> None:
        (seat,) = desk.seat(request("E1")).seats
        own = replace(STAFF, centre_id=seat.centre_id)
        with desk.office.read() as db:
            offered = stations.open_in(db, (AM,)).of(seat.group, AM)
        with desk.office.write() as tx:
            upkeep.hold(tx, own, seat.group, AM, PM, offered - 1, "", "")
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            upkeep.hold(tx, own, seat.group, AM, PM, 1, "", "")
        assert refused.value.code == "api.upkeep.holding_concerns"
        with desk.office.read() as db:
            assert len(stations.holdings(db, AM, PM)) == 1

    def test_a_seat_whose_booth_failed_moves_and_the_old_one_is_given_up(self, desk: Desk) -> None:
        before = desk.seat(request("E1", slots=(AM, PM)), request("E2", "S2"))
        near = next(seat for seat in before.seats if seat.centre_id == NEAR)
        with desk.office.write() as tx:
            for label in ("A-01", "A-02"):
                stations.close_station(tx, STAFF, NEAR, label, AM, NIGHT, "断电")
        with desk.office.read() as db:
            troubled = {
                session for over in service.overbooked(db, [DAY]) for session in over.sessions
            }
            assert near.session_id in troubled
            wanted = [
                request(seat.expert_id, seat.session_id, seat.slots)
                for seat in before.seats
                if seat.session_id in troubled
            ]
            problem = service.replan(db, wanted, on_days=[DAY], seed=SEED)
        with desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, problem, solve(problem), require_all=True)
        with desk.office.read() as db:
            assert service.overbooked(db, [DAY]) == ()
            (moved,) = service.seats_of(db, near.session_id)
            assert moved.group != near.group
            actions = [e.action for e in journal.entries(db, f"session/{near.session_id}")]
            assert actions[-2:] == ["evaluation:seats:released", "evaluation:seats:confirmed"]

    def test_released_stations_are_free_again(self, desk: Desk) -> None:
        plan = desk.seat(request("E1"), request("E2"))
        with desk.office.write() as tx:
            gone = service.release_seats(tx, STAFF, "S1")
        assert gone == plan.seats
        assert desk.seat(request("E1"), request("E2")).unseated == ()
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            service.release_seats(tx, STAFF, "S9")
        assert refused.value.kind is RefusalKind.NOT_FOUND

    def test_a_session_that_is_void_gives_back_what_it_has_not_used(self, desk: Desk) -> None:
        """招标投标法实施条例 第八十一条: another committee needs the stations, and its experts their day."""
        desk.seat(request("E1", slots=(AM, PM)), request("E2"), request("E3", slots=(PM, NIGHT)))
        office = desk.office
        assert isinstance(office.clock, DrivenClock)
        office.clock.move_to(datetime.combine(DAY, time(10), SHANGHAI))
        with office.write() as tx:
            service.end_seats(tx, SYSTEM, "S1")
        with office.read() as db:
            left = {seat.expert_id: seat.slots for seat in service.seats_of(db, "S1")}
            actions = [e.action for e in journal.entries(db, "session/S1")]
        assert left == {"E1": (AM,), "E2": (AM,)}
        assert actions[-2:] == ["evaluation:seats:released", "evaluation:seats:shortened"]
        again = desk.seat(request("E1", "S2", (PM,)), request("E3", "S2", (PM, NIGHT)))
        assert again.unseated == ()
        with office.write() as tx:
            service.end_seats(tx, SYSTEM, "S1")
            service.end_seats(tx, SYSTEM, "S9")
        with office.read() as db:
            assert [e.action for e in journal.entries(db, "session/S1")] == actions


class TestReplanWithStayTax:
    """Everybody may move, at a price; whoever stays keeps the very seat."""

    def test_who_stays_keeps_the_seat_and_hears_nothing(self, desk: Desk) -> None:
        wanted = [request("E1", "S1"), request("E2", "S2"), request("E3", "S3")]
        before = {seat.key: seat for seat in desk.seat(*wanted).seats}
        with desk.office.write() as tx:
            stations.close_station(tx, STAFF, NEAR, "A-01", AM, NIGHT, "断电")
        with desk.office.read() as db:
            problem = service.replan(db, wanted, on_days=[DAY], seed=SEED, keeps_reserve=False)
        assert {one.current for one in problem.seats} == {NEAR}
        plan = solve(problem)
        with desk.office.write() as tx:
            after = service.confirm_plan(tx, STAFF, problem, plan)
        (moved,) = (seat for seat in after.seats if seat.id != before[seat.key].id)
        assert moved.centre_id == FAR
        with desk.office.read() as db:
            heard = {k: len(list(journal.entries(db, f"session/{k}"))) for k in ("S1", "S2", "S3")}
        assert heard.pop(moved.session_id) > 1
        assert set(heard.values()) == {1}

    def test_two_who_plan_the_same_seat_anew_cannot_both_confirm(self, desk: Desk) -> None:
        desk.seat(request("E1", "S1"), request("E2", "S2"))
        with desk.office.read() as db:
            first = service.replan(db, [request("E1", "S1", slots=(PM,))], on_days=[DAY], seed=SEED)
            second = service.replan(
                db, [request("E1", "S1", slots=(AM, PM))], on_days=[DAY], seed=SEED
            )
        with desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, first, solve(first))
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, second, solve(second))
        assert refused.value.code == "evaluation.seat.planned_meanwhile"
        with desk.office.read() as db:
            assert service.seats_of(db, "S1")[0].slots == (PM,)

    def test_the_reserve_is_there_for_faults(self, desk: Desk) -> None:
        with desk.office.read() as db:
            kept = stations.capacity_in(db, [AM])
            all_of = stations.capacity_in(db, [AM], keeps_reserve=False)
        assert all(all_of.free[key] >= count for key, count in kept.free.items())


class TestRunning:
    """A review that overruns while its experts sit in their booths."""

    def overrun(self, desk: Desk, *closed: Closure) -> BookedSeat:
        """E1 sits since the morning; in the afternoon it is planned on into the night."""
        desk.seat(replace(request("E1", slots=(AM, PM)), members=1))
        with desk.office.write() as tx:
            self.first = checkin.assign_label(tx, STAFF, "S1", "E1")
        more = replace(request("E1", slots=(PM, NIGHT)), members=1)
        with desk.office.read() as db:
            problem = service.replan(db, [more], on_days=[DAY], seed=SEED, and_closed=closed)
        plan = solve(problem)
        before = {self.first.key: self.first.slots}
        self.shown = difference(problem, plan, before, {self.first.key})
        with desk.office.write() as tx:
            for one in closed:
                stations.close_station(tx, STAFF, NEAR, one.label, one.first, one.until, "断电")
            (seat,) = service.confirm_plan(tx, STAFF, problem, plan).seats
        return seat

    def test_it_stays_in_its_booth_and_is_one_stay(self, desk: Desk) -> None:
        seat = self.overrun(desk)
        assert (seat.centre_id, seat.label) == (NEAR, self.first.label)
        assert seat.slots == (AM, PM, NIGHT)
        (move,) = self.shown.moved
        assert (move.changes_centre, move.slots_after) == (False, (AM, PM, NIGHT))
        with desk.office.write() as tx:
            assert checkin.assign_label(tx, STAFF, "S1", "E1").label == self.first.label

    def test_of_a_booth_that_closes_it_moves_to_another(self, desk: Desk) -> None:
        """The two booths of its class, one of them closed at night: which, it does not matter."""
        seat = self.overrun(desk, Closure("", NEAR, "A-01", NIGHT, NIGHT + 1, ""))
        assert seat.slots == (AM, PM, NIGHT)
        assert seat.label == ("" if self.first.label == "A-01" else self.first.label)
        with desk.office.write() as tx:
            again = checkin.assign_label(tx, STAFF, "S1", "E1")
        with desk.office.read() as db:
            assert again.label in stations.open_booths(db, again.group, (PM, NIGHT))

    def test_what_is_over_needs_no_station_elsewhere(self, desk: Desk) -> None:
        """The near centre is lost at noon; the far one was full in the morning, which is past."""
        desk.seat(replace(request("E9", "S9"), members=1, forbidden=(NEAR,)))
        desk.seat(replace(request("E1", slots=(AM, PM)), members=1))
        with desk.office.read() as db:
            closed = Trouble(Kind.CENTRE, "断电", PM, NIGHT, centre_id=NEAR).closures(
                stations.groups(db)
            )
            left = replace(request("E1", slots=(PM,)), members=1)
            problem = service.replan(
                db, [left], on_days=[DAY], seed=SEED, and_closed=closed, keeps_reserve=False
            )
        with desk.office.write() as tx:
            (seat,) = service.confirm_plan(tx, STAFF, problem, solve(problem)).seats
        assert (seat.centre_id, seat.slots) == (FAR, (PM,))
