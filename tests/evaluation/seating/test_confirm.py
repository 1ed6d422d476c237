"""A plan is confirmed all at once, by the record, and by one of two planners."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from api.flows import upkeep
from archive import canonical
from archive.actor import SYSTEM
from archive.errors import Kind as RefusalKind
from archive.errors import Refusal
from archive.journal import service as journal
from evaluation.seating import service
from evaluation.seating.solve import solve
from evaluation.seating.verify import plan_faults
from evaluation.stations import service as stations
from evaluation.stations.station import Equipment, GroupKey
from tests.builders import STAFF, SUPERVISOR
from tests.evaluation.seating.cases import AM, BASIC, DAY, FAR, NEAR, NIGHT, PM
from tests.evaluation.seating.conftest import Desk, request


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
