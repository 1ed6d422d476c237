"""A confirmed day that goes wrong: the least change, and who would be concerned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluation.seating import check, replan
from evaluation.seating.audit import audit
from evaluation.seating.plan import Plan
from evaluation.seating.problem import Problem, SeatKey
from evaluation.seating.replan import Difference, anew, concerned, difference
from evaluation.seating.solve import solve
from evaluation.seating.synthetic import problem as synthetic
from evaluation.stations.station import GroupKey
from tests.evaluation.seating.cases import (
    AM,
    BASIC,
    FAR,
    NEAR,
    NIGHT,
    OTHER,
    PM,
    WEIGHTS,
    committee,
    problem,
    seat,
)

TAX = replace(WEIGHTS, move=60_000)
CASE = problem(
    [seat("E1"), seat("E2"), seat("E1", "S2", slots=(PM,))],
    [committee("S1", members=6), committee("S2")],
    weights=TAX,
)
PLAN = solve(CASE)


def replanned(case: Problem) -> tuple[Plan, Difference]:
    plan = solve(case)
    assert check.violations(case, plan) == []
    assert audit(case, plan).bound == plan.bound
    return plan, difference(case, plan, {})


class TestSmallDay:
    """E1 and E2 of S1 sit in NEAR and FAR in the morning, E1 of S2 in NEAR in the afternoon."""

    def test_nothing_has_changed(self) -> None:
        _, found = replanned(anew(CASE, PLAN))
        assert found.is_empty
        assert found.stays == 3

    def test_a_station_fails_that_nobody_needs(self) -> None:
        case = replan.stations_fail(anew(CASE, PLAN), GroupKey(NEAR, BASIC), 1, [AM])
        assert replanned(case)[1].is_empty

    def test_all_stations_of_a_group_fail_in_the_morning(self) -> None:
        case = replan.stations_fail(anew(CASE, PLAN), GroupKey(NEAR, BASIC), 2, [AM])
        _, found = replanned(case)
        (move,) = found.moved
        assert (move.key.session_id, move.before) == ("S1", NEAR)
        assert move.changes_centre
        assert found.sessions == ("S1",)
        assert {one.centre_id: one.gone for one in concerned(case, found)}[NEAR] == 1

    def test_a_centre_is_lost(self) -> None:
        case = replan.centre_lost(anew(CASE, PLAN), NEAR, CASE.slots)
        _, found = replanned(case)
        assert {move.before for move in found.moved} == {NEAR}
        assert set(found.experts) == {a.expert_id for a in PLAN.assignments if a.centre_id == NEAR}

    def test_what_is_pinned_keeps_its_place_though_the_centre_is_lost_to_others(self) -> None:
        key = next(a.key for a in PLAN.assignments if a.centre_id == NEAR and a.session_id == "S1")
        case = replan.centre_lost(anew(CASE, PLAN, [key]), NEAR, CASE.slots)
        assert key not in case.seat_of
        assert (key.session_id, key.expert_id) in {(p.session_id, p.expert_id) for p in case.pinned}
        _, found = replanned(case)
        assert [move.key.session_id for move in found.moved] == ["S2"]

    def test_an_expert_is_replaced(self) -> None:
        case = replan.expert_replaced(anew(CASE, PLAN), SeatKey("S1", "E2"), seat("E7"))
        _, found = replanned(case)
        assert [placed.expert_id for placed in found.placed] == ["E7"]
        assert found.moved == ()

    def test_a_session_runs_into_the_night(self) -> None:
        """FAR and OTHER cannot hold a night: who sits there must move, the other stays."""
        day = problem([seat("E1"), seat("E2", slots=(AM,))], weights=TAX)
        day = replace(
            day,
            slots=(AM, PM, NIGHT),
            groups=tuple(replace(group, free=group.free * 3) for group in day.groups),
        )
        plan = solve(day)
        case = replan.session_overruns(anew(day, plan), "S1", (AM, PM, NIGHT))
        assert all(one.stays_overnight() for one in case.seats)
        new, found = replanned(case)
        assert {given.centre_id for given in new.assignments} <= {NEAR}
        assert all(move.after == NEAR for move in found.moved)

    def test_an_urgent_session(self) -> None:
        case = replan.session_added(anew(CASE, PLAN), committee("S9"), [seat("E9", "S9")])
        _, found = replanned(case)
        assert [placed.session_id for placed in found.placed] == ["S9"]
        assert found.moved == ()

    def test_who_cannot_be_seated_any_more_is_lost(self) -> None:
        case = anew(CASE, PLAN)
        for centre in (NEAR, FAR, OTHER):
            case = replan.centre_lost(case, centre, [PM])
        _, found = replanned(case)
        assert found.lost == (SeatKey("S2", "E1"),)


@pytest.mark.slow
def test_a_day_moves_few_others() -> None:
    """One station fails on a day of a small province; a free plan would move more than the tax lets."""
    day = synthetic("centre", 4)
    plan = solve(day)
    group = max(
        {a.group for a in plan.assignments},
        key=lambda key: (sum(a.group == key for a in plan.assignments), key),
    )
    case = replan.stations_fail(anew(day, plan), group, 1, day.slots)
    new, found = replanned(case)
    free = solve(replace(case, weights=replace(case.weights, move=0), seed=b"another"))
    moved_freely = len(difference(case, free, {}).moved)
    assert len(found.moved) <= moved_freely
    assert new.objective - 60_000 * len(found.moved) <= free.objective * 1.05
