"""Confirming, releasing and re-planning seats, on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from api.flows import upkeep
from archive import canonical
from archive.actor import SYSTEM
from archive.clock import SHANGHAI, DrivenClock
from archive.errors import Kind as RefusalKind
from archive.errors import Refusal
from archive.journal import service as journal
from evaluation.accounts.account import Use, accounts
from evaluation.seating import service
from evaluation.seating.booking import BookedSeat
from evaluation.seating.checkin import service as checkin
from evaluation.seating.problem import SeatRequest
from evaluation.seating.proposals import service as proposals
from evaluation.seating.proposals.trouble import Kind, Trouble
from evaluation.seating.replan import Concerned, difference
from evaluation.seating.solve import solve
from evaluation.seating.verify import plan_faults
from evaluation.stations import service as stations
from evaluation.stations.opening import ALWAYS
from evaluation.stations.station import Closure, Equipment, GroupKey, Room
from evaluation.stations.station import Venue as Installed
from evaluation.venues import service as venues
from evaluation.venues.venue import Coverage, Venue, Zone
from tests.builders import STAFF, SUPERVISOR, expert
from tests.evaluation.seating.cases import AM, BASIC, DAY, FAR, HOST, NEAR, NIGHT, OTHER, PM
from tests.evaluation.seating.conftest import SEED, Desk, request
from trading.divisions import yunnan
from trading.money import Money

ABROAD = Venue(
    id="510000-1",
    name="示例外省中心",
    province="51",
    stations=2,
    opening=ALWAYS,
    overnight=True,
    fee=Money.yuan(80),
    meals="",
    lodging="",
    way="",
    zones=frozenset(Zone),
    coverages=frozenset(Coverage),
    agreement="示例协议",
    agreement_from=DAY,
    agreement_until=DAY,
    division="510411",
    lon=yunnan()[NEAR].lon,
    lat=yunnan()[NEAR].lat + 0.5,
)


class TestAcrossTheBorder:
    """Seats of another province: under an agreement in force (发改办法规〔2025〕807号), by name alone."""

    def open(self, desk: Desk, venue: Venue = ABROAD) -> None:
        with desk.office.write() as tx:
            venues.publish(tx, SYSTEM, [venue])
            rooms = (Room("W", Equipment.BASIC, 3),)
            stations.install(tx, SYSTEM, [Installed(venue.id, True, rooms)])

    def test_one_to_one_with_a_guest_of_another_province(self, desk: Desk) -> None:
        self.open(desk)
        names = [replace(request(f"E{n}"), members=3, guests=(ABROAD.id,)) for n in range(3)]
        plan = desk.seat(*names, replace(request("E9", "S2"), members=1))
        assert [seat.centre_id for seat in plan.seats[:3]] == [ABROAD.id] * 3
        assert plan.seats[3].centre_id == NEAR
        with desk.office.read() as db:
            uses = [Use(HOST, seat.centre_id, seat.slots) for seat in plan.seats]
            (owed,) = [a.owed for a in accounts(uses, venues.fees(db)) if a.area == HOST]
        assert owed == Money.yuan(240)
        with desk.office.write() as tx:
            assert checkin.assign_label(tx, STAFF, "S1", "E0").label.startswith("W-")

    def test_an_expert_who_lives_there(self, desk: Desk) -> None:
        """A home beyond the border is a mistake of coordinates, unless a guest there is known."""
        away = replace(request("E1"), members=1, lon=110.0, lat=30.0, guests=(ABROAD.id,))
        with pytest.raises(Refusal) as refused:
            desk.problem(away)
        assert refused.value.faults[0].code == "evaluation.seat.home_outside"
        self.open(desk, replace(ABROAD, lon=110.1, lat=30.1))
        assert [seat.centre_id for seat in desk.seat(away).seats] == [ABROAD.id]

    def test_not_a_day_longer_than_the_agreement(self, desk: Desk) -> None:
        self.open(
            desk,
            replace(
                ABROAD,
                agreement_until=DAY - timedelta(days=1),
                agreement_from=DAY - timedelta(days=9),
            ),
        )
        plan = desk.seat(replace(request("E1"), members=1, guests=(ABROAD.id,)))
        assert [seat.centre_id for seat in plan.seats] == [NEAR]

    def test_ordinary_days_do_not_know_of_it(self, desk: Desk) -> None:
        before = desk.problem(request("E1"))
        self.open(desk)
        assert desk.problem(request("E1")) == before

    def test_an_agreement_that_ends_meanwhile(self, desk: Desk) -> None:
        """Planned while it was in force, confirmed when it was not."""
        self.open(desk)
        problem = desk.problem(replace(request("E1"), members=1, guests=(ABROAD.id,)))
        with desk.office.write() as tx:
            ended = replace(
                ABROAD,
                agreement_from=DAY - timedelta(days=9),
                agreement_until=DAY - timedelta(days=1),
            )
            venues.publish(tx, SYSTEM, [ended])
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, problem, solve(problem))
        assert refused.value.code == "evaluation.seat.taken_meanwhile"


class TestConfirm:
    def test_a_plan_is_stored_and_recorded(self, desk: Desk) -> None:
        plan = desk.seat(request("E1"), request("E2"), request("E3", slots=(AM, PM)))
        assert plan.unseated == ()
        with desk.office.read() as db:
            assert service.seats_of(db, "S1") == plan.seats
            (entry,) = journal.entries(db, f"plan/{plan.id}")
            assert entry.action == "evaluation:plan:confirmed"
            value = canonical.decode(desk.office.vault.get(entry.documents[0].sha256))
            assert value["format"] == "bigloop.plan.v1"
            assert plan_faults(value) == []
            (own,) = journal.entries(db, "session/S1")
            assert [seat["expert"] for seat in own.data["seats"]] == ["E1", "E2", "E3"]
            assert any(rule.startswith("seating.centre_members_max@") for rule in own.data["rules"])

    def test_a_session_reads_nothing_of_another(self, desk: Desk) -> None:
        desk.seat(request("E1"), request("E7", "S2"))
        with desk.office.read() as db:
            (entry,) = journal.entries(db, "session/S1")
            assert b"S2" not in entry.body
            assert b"E7" not in entry.body

    def test_a_centre_sees_its_seats_and_neither_session_nor_expert(self, desk: Desk) -> None:
        plan = desk.seat(request("E1"))
        with desk.office.read() as db:
            (seen,) = service.seats_at(db, plan.seats[0].centre_id, [DAY])
        assert (seen.id, seen.slots) == (plan.seats[0].id, (AM,))
        assert "E1" not in repr(seen)
        assert "S1" not in repr(seen)

    def test_what_is_confirmed_is_taken(self, desk: Desk) -> None:
        desk.seat(request("E1"), request("E2", "S2"))
        problem = desk.problem(request("E3", "S3"))
        free = {str(group.key): group.free for group in problem.groups}
        guests = [f"{NEAR}/BASIC", f"{NEAR}/CAD", f"{FAR}/BASIC"]
        assert sum(sum(free[group]) for group in guests) == 2

    def test_the_same_seat_is_not_asked_twice(self, desk: Desk) -> None:
        desk.seat(request("E1"))
        with pytest.raises(Refusal) as refused:
            desk.problem(request("E1"))
        assert refused.value.code == "evaluation.seat.seated_already"

    def test_a_seat_that_cannot_be_given_is_listed(self, desk: Desk) -> None:
        plan = desk.seat(*(request(f"E{n}", needs=Equipment.CAD) for n in range(2)))
        (unseated,) = plan.unseated
        assert unseated.reason.code == "evaluation.seat.none_free"
        with desk.office.read() as db:
            (entry,) = journal.entries(db, "session/S1")
            assert entry.data["unseated"][0]["reason"] == "evaluation.seat.none_free"

    def test_all_or_nothing_names_the_rule_that_bites(self, desk: Desk) -> None:
        far = replace(request("E2"), lon=104.8, lat=27.5)
        with pytest.raises(Refusal) as refused:
            desk.seat(request("E1"), far, require_all=True)
        assert refused.value.kind is RefusalKind.CONFLICT
        assert refused.value.code == "evaluation.seat.none_near"
        assert refused.value.rule == "seating.travel_minutes_max"
        assert refused.value.params["session"] == "S1"
        assert refused.value.params["expert"] == "E2"
        assert refused.value.params["nearest"] in {NEAR, FAR}
        with desk.office.read() as db:
            assert service.seats_of(db, "S1") == ()

    def test_a_spoilt_plan_is_refused_with_every_breach(self, desk: Desk) -> None:
        problem = desk.problem(request("E1"), request("E2"))
        plan = solve(problem)
        moved = tuple(replace(given, centre_id="530102") for given in plan.assignments)
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, problem, replace(plan, assignments=moved))
        assert refused.value.code == "evaluation.seat.plan_breaks_rules"
        found = [fault.code for fault in refused.value.faults]
        assert found.count("evaluation.seat.host_centre") == 2

    def test_a_plan_of_another_problem_is_refused(self, desk: Desk) -> None:
        plan = solve(desk.problem(request("E1")))
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, desk.problem(request("E1"), seed=b"other"), plan)
        assert refused.value.code == "evaluation.seat.other_problem"

    def test_a_supervisor_does_not_plan(self, desk: Desk) -> None:
        problem = desk.problem(request("E1"))
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            service.confirm_plan(tx, SUPERVISOR, problem, solve(problem))
        assert refused.value.kind is RefusalKind.FORBIDDEN

    def test_every_fault_of_the_requests_is_told(self, desk: Desk) -> None:
        wrong = [
            replace(request("E1"), slots=(AM, NIGHT)),
            replace(request("E2"), slots=(PM, NIGHT), overnight=False),
            replace(request("E3"), lat=99.0),
            replace(request("E4"), members=2),
            request("E5", "S2"),
            request("E5", "S2"),
        ]
        with pytest.raises(Refusal) as refused:
            desk.problem(*wrong)
        found = [(f.pointer, f.code.rpartition(".")[2]) for f in refused.value.faults]
        assert ("/0/slots", "slots") in found
        assert ("/1/overnight", "night_unsaid") in found
        assert ("/2", "home") in found
        assert ("/3/members", "members") in found
        assert ("/3", "session_differs") in found
        assert {("/4", "asked_twice"), ("/5", "asked_twice")} <= set(found)

    def test_a_seed_is_needed(self, desk: Desk) -> None:
        with pytest.raises(Refusal) as refused:
            desk.problem(request("E1"), seed=b"")
        assert refused.value.faults[0].code == "evaluation.seat.days_or_seed"


class TestTwoPlanners:
    """Whoever comes second on the same station is refused as a whole."""

    def test_one_after_the_other(self, desk: Desk) -> None:
        first = desk.problem(*(request(f"E{n}", f"S{n}") for n in range(3)))
        second = desk.problem(*(request(f"E{n}", f"S{n}") for n in (5, 6)))
        with desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, first, solve(first))
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, second, solve(second))
        assert refused.value.kind is RefusalKind.CONFLICT
        assert refused.value.code == "evaluation.seat.taken_meanwhile"
        with desk.office.read() as db:
            assert service.seats_of(db, "S5") + service.seats_of(db, "S6") == ()
            assert list(journal.entries(db, "session/S5")) == []

    def test_at_the_same_moment(self, desk: Desk, tmp_path: Path) -> None:
        """Four planners with the last three stations, each wanting two: one of them gets them."""
        problems = [
            desk.problem(request(f"E{n}", f"S{n}"), request(f"F{n}", f"T{n}")) for n in range(4)
        ]
        plans = [solve(problem) for problem in problems]
        gate = threading.Barrier(len(plans))
        outcomes: list[str] = []

        def run(index: int) -> None:
            other = desk.again(tmp_path)
            gate.wait()
            try:
                with other.office.write() as tx:
                    service.confirm_plan(tx, STAFF, problems[index], plans[index])
                outcomes.append("confirmed")
            except Refusal as refusal:
                outcomes.append(refusal.code)
            finally:
                other.office.connections.dispose()

        threads = [threading.Thread(target=run, args=(index,)) for index in range(len(plans))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["confirmed"] + ["evaluation.seat.taken_meanwhile"] * 3
        with desk.office.read() as db:
            given = [len(service.seats_of(db, f"{s}{n}")) for s in "ST" for n in range(4)]
            assert sum(given) == 2
            assert journal.first_break_anywhere(db) is None

    def test_one_expert_in_two_plans(self, desk: Desk) -> None:
        first, second = desk.problem(request("E1", "S1")), desk.problem(request("E1", "S2"))
        with desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, first, solve(first))
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, second, solve(second))
        assert refused.value.params["rule"] == "evaluation.seat.busy"


def test_a_room_keeps_the_booths_that_somebody_was_promised(desk: Desk) -> None:
    """Three seats hold all of NEAR's stations: its room gets smaller when they are given back."""
    desk.seat(*(request(f"E{n}") for n in range(3)))
    smaller = f"centre,overnight,room,equipment,stations\r\n{NEAR},yes,A,BASIC,1\r\n".encode()
    with desk.office.read() as db:
        tried = upkeep.try_table(db, SYSTEM, upkeep.Table.ROOMS, smaller, desk.office.clock.now())
    assert [row.fault.code for row in tried.faults] == ["evaluation.station.room_booked"]
    assert tried.faults[0].fault.params == {"stations": 1, "seats": 2}
    with pytest.raises(Refusal) as refused, desk.office.write() as tx:
        upkeep.take_table(tx, SYSTEM, upkeep.Table.ROOMS, smaller)
    assert refused.value.kind is RefusalKind.INVALID
    with desk.office.write() as tx:
        service.release_seats(tx, STAFF, "S1")
        upkeep.take_table(tx, SYSTEM, upkeep.Table.ROOMS, smaller)
    with desk.office.read() as db:
        assert stations.labels(db, GroupKey(NEAR, BASIC)) == ("A-01",)
    assert len(desk.seat(*(request(f"E{n}") for n in range(3))).unseated) == 0


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


class TestProposals:
    """What would change is shown first; nothing has changed until somebody confirms."""

    trouble = Trouble(Kind.STATION, "断电", AM, NIGHT, centre_id=NEAR, label="A-01")

    def proposed(self, desk: Desk, name: str = "P1") -> tuple[SeatRequest, ...]:
        wanted = (request("E1", "S1"), request("E2", "S2"), request("E3", "S3"))
        with desk.office.read() as db:
            seated = bool(service.seats_of(db, "S1"))
        if not seated:
            desk.seat(*wanted)
        with desk.office.read() as db:
            problem = service.replan(
                db,
                wanted,
                on_days=[DAY],
                seed=SEED,
                and_closed=self.trouble.closures(stations.groups(db)),
                keeps_reserve=False,
            )
        plan = solve(problem)
        for _ in range(2):  # a task may be run twice
            with desk.office.write() as tx:
                proposals.propose(tx, STAFF, name, self.trouble, problem, plan)
        return wanted

    def test_shown_then_confirmed(self, desk: Desk) -> None:
        self.proposed(desk)
        with desk.office.read() as db:
            before = [seat for k in ("S1", "S2", "S3") for seat in service.seats_of(db, k)]
            (shown,) = proposals.proposals(db, desk.office.vault)
            assert stations.capacity_in(db, [AM]).of(GroupKey(NEAR, BASIC), AM) == 2
        assert shown == proposals_read(desk, "P1")
        (move,) = shown.difference.moved
        assert (move.before, move.after) == (NEAR, FAR)
        assert (shown.trouble, shown.state) == (self.trouble, "PROPOSED")
        assert shown.difference.stays == 2
        with desk.office.write() as tx:
            confirmed = proposals.confirm(tx, STAFF, "P1")
        assert {seat.id for seat in before} & {seat.id for seat in confirmed.seats}
        with desk.office.read() as db:
            (moved,) = service.seats_of(db, move.key.session_id)
            assert moved.centre_id == move.after
            assert service.overbooked(db, [DAY]) == ()
            assert stations.capacity_in(db, [AM]).of(GroupKey(NEAR, BASIC), AM) == 1
        assert proposals_read(desk, "P1").state == "CONFIRMED"

    def test_every_centre_concerned_is_told_once(self, desk: Desk) -> None:
        self.proposed(desk)
        with desk.office.write() as tx:
            proposals.confirm(tx, STAFF, "P1")
        with desk.office.read() as db:
            told = {
                centre: [one.about for one in proposals.notices(db, centre)]
                for centre in (HOST, NEAR, FAR, OTHER)
            }
        assert told == {
            HOST: [Concerned(HOST, 0, 0, 0, 1)],
            NEAR: [Concerned(NEAR, 0, 1, 0, 0)],
            FAR: [Concerned(FAR, 1, 0, 0, 0)],
            OTHER: [],
        }
        guest = replace(STAFF, centre_id=NEAR)
        with desk.office.write() as tx:
            proposals.note(tx, guest, "P1")
        with desk.office.read() as db:
            assert proposals.notices(db, NEAR) == ()
            assert len(proposals.notices(db, FAR)) == 1
        for actor, kind in ((guest, "CONFLICT"), (replace(STAFF, centre_id=OTHER), "NOT_FOUND")):
            with pytest.raises(Refusal) as refused, desk.office.write() as tx:
                proposals.note(tx, actor, "P1")
            assert refused.value.kind == kind

    def test_of_two_one_is_confirmed(self, desk: Desk) -> None:
        self.proposed(desk, "P1")
        self.proposed(desk, "P2")
        with desk.office.write() as tx:
            proposals.confirm(tx, STAFF, "P1")
        for name, code in (("P1", "proposal_decided"), ("P2", "planned_meanwhile")):
            with pytest.raises(Refusal) as refused, desk.office.write() as tx:
                proposals.confirm(tx, STAFF, name)
            assert refused.value.code == f"evaluation.seat.{code}"
            assert refused.value.kind is RefusalKind.CONFLICT

    def test_withdrawn(self, desk: Desk) -> None:
        self.proposed(desk)
        with desk.office.write() as tx:
            proposals.withdraw(tx, STAFF, "P1")
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            proposals.confirm(tx, STAFF, "P1")
        assert refused.value.code == "evaluation.seat.proposal_decided"
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            proposals.withdraw(tx, STAFF, "P9")
        assert refused.value.kind is RefusalKind.NOT_FOUND

    def test_every_fault_of_a_report_is_told(self) -> None:
        with pytest.raises(Refusal) as refused:
            Trouble(Kind.STATION, "", PM, AM).check()
        assert {fault.pointer for fault in refused.value.faults} == {
            "/reason",
            "/until",
            "/centre_id",
            "/label",
        }


def proposals_read(desk: Desk, name: str) -> proposals.Proposal:
    with desk.office.read() as db:
        return proposals.proposal(db, desk.office.vault, name)


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


class TestCheckIn:
    """The booth is drawn when the expert stands there (现场随机分配工位)."""

    def crowd(self, desk: Desk) -> dict[str, str]:
        """Fill both basic stations of the near centre; expert → session."""
        wanted = [request("E1", "S1"), request("E2", "S2"), request("E3", "S3", slots=(PM,))]
        desk.seat(*wanted)
        return {one.expert_id: one.session_id for one in wanted}

    def test_everybody_gets_a_booth_of_the_group_and_nobody_the_same(self, desk: Desk) -> None:
        sessions = self.crowd(desk)
        seats = []
        for who, session in sessions.items():
            with desk.office.write() as tx:
                seats.append(checkin.assign_label(tx, STAFF, session, who))
        held = {(seat.centre_id, seat.label, slot) for seat in seats for slot in seat.slots}
        assert len(held) == 3
        assert all(seat.label for seat in seats)

    def test_it_is_not_known_before_and_stays_the_same_after(self, desk: Desk) -> None:
        self.crowd(desk)
        with desk.office.read() as db:
            assert service.seats_of(db, "S1")[0].label == ""
        with desk.office.write() as tx:
            first = checkin.assign_label(tx, expert("E1"), "S1", "E1")
        with desk.office.write() as tx:
            assert checkin.assign_label(tx, expert("E1"), "S1", "E1") == first
        with desk.office.read() as db:
            assert service.seats_of(db, "S1")[0] == first
            entries = [e for e in journal.entries(db, "session/S1") if "booth" in e.action]
        assert [entry.data["label"] for entry in entries] == [first.label]
        assert first.label in entries[0].data["free"]

    def test_whoever_is_early_leaves_a_booth_for_those_before(self, desk: Desk) -> None:
        """A long stay from the morning has no booth yet when two of the afternoon come early."""
        desk.seat(request("E1", "S1", slots=(AM, PM, NIGHT)))
        group = service_group(desk, "S1")
        early = []
        for who, session in (("E2", "S2"), ("E3", "S3")):
            desk.seat(request(who, session, slots=(NIGHT,)))
            if service_group(desk, session) == group:
                early.append((who, session))
        assert early
        for who, session in early:
            with desk.office.write() as tx:
                checkin.assign_label(tx, STAFF, session, who)
        with desk.office.read() as db:
            assert service.seats_of(db, "S1")[0].label == ""
            booths = [e for e in journal.entries(db, "session/S1") if "booth" in e.action]
            assert booths == []
        with desk.office.write() as tx:
            late = checkin.assign_label(tx, STAFF, "S1", "E1")
        with desk.office.read() as db:
            others = [service.seats_of(db, session)[0].label for _, session in early]
        assert late.label not in others

    def test_a_booth_that_fails_is_drawn_anew(self, desk: Desk) -> None:
        self.crowd(desk)
        with desk.office.write() as tx:
            first = checkin.assign_label(tx, STAFF, "S3", "E3")
        with desk.office.write() as tx:
            stations.close_station(tx, STAFF, first.centre_id, first.label, PM, NIGHT, "无声")
        if len(group_labels(desk, first.group)) > 1:
            with desk.office.write() as tx:
                second = checkin.assign_label(tx, STAFF, "S3", "E3")
            assert second.label != first.label
        else:
            with pytest.raises(Refusal) as refused, desk.office.write() as tx:
                checkin.assign_label(tx, STAFF, "S3", "E3")
            assert refused.value.code == "evaluation.seat.no_booth"

    def test_only_the_expert_or_staff(self, desk: Desk) -> None:
        self.crowd(desk)
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            checkin.assign_label(tx, expert("E2"), "S1", "E1")
        assert refused.value.kind is RefusalKind.FORBIDDEN
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            checkin.assign_label(tx, STAFF, "S1", "E2")
        assert refused.value.kind is RefusalKind.NOT_FOUND


def service_group(desk: Desk, session: str) -> GroupKey:
    with desk.office.read() as db:
        return service.seats_of(db, session)[0].group


def group_labels(desk: Desk, group: GroupKey) -> tuple[str, ...]:
    with desk.office.read() as db:
        return stations.labels(db, group)
