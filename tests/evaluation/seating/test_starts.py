"""Sessions that may choose among starts: one start for all members, nobody in two places."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluation.seating import check
from evaluation.seating import synthetic as sizes
from evaluation.seating.audit import audit
from evaluation.seating.plan import Plan
from evaluation.seating.solve import solve
from tests.evaluation.seating.cases import (
    AM,
    BASIC,
    FAR,
    NEAR,
    PM,
    committee,
    plan_of,
    problem,
    seat,
)

STAYS = ((PM,),)


def starts_of(plan: Plan) -> dict[str, int]:
    return {given.session_id: given.stay for given in plan.assignments}


class TestCommonStart:
    case = problem([seat("E1", or_else=STAYS), seat("E2", or_else=STAYS)], [committee(members=6)])

    def test_all_of_a_session_start_together(self) -> None:
        plan = solve(self.case)
        assert check.violations(self.case, plan) == []
        assert len({given.stay for given in plan.assignments}) == 1

    def test_two_starts_of_one_session_are_a_breach(self) -> None:
        plan = plan_of(self.case, ("S1", "E1", NEAR), ("S1", "E2", FAR))
        first, second = plan.assignments
        spoilt = replace(plan, assignments=(first, replace(second, stay=1)))
        (reason,) = check.a_session_starts_once(self.case, spoilt)
        assert reason.code == "evaluation.seat.starts_differ"

    def test_a_start_that_is_not_offered_is_a_breach(self) -> None:
        plan = plan_of(self.case, ("S1", "E1", NEAR), ("S1", "E2", FAR))
        spoilt = tuple(replace(given, stay=7) for given in plan.assignments)
        found = list(check.a_session_starts_once(self.case, replace(plan, assignments=spoilt)))
        assert [reason.code for reason in found] == ["evaluation.seat.no_stay"] * 2


def test_a_full_morning_sends_a_session_to_the_afternoon() -> None:
    case = problem(
        [seat("E1", "S1"), seat("E2", "S2", or_else=STAYS)],
        free={(NEAR, BASIC): 1},
    )
    plan = solve(case)
    assert plan.unseated == ()
    assert starts_of(plan) == {"S1": 0, "S2": 1}


def test_an_expert_of_two_sessions_sits_in_one_after_the_other() -> None:
    case = problem(
        [seat("E1", "S1", or_else=STAYS), seat("E1", "S2", or_else=STAYS)],
        free={(NEAR, BASIC): 5},
    )
    plan = solve(case)
    assert plan.unseated == ()
    assert set(starts_of(plan).values()) == {0, 1}
    assert {AM, PM} == {case.seat_of[a.key].stays[a.stay][0] for a in plan.assignments}


@pytest.mark.slow
def test_a_small_week_keeps_every_rule_and_tells_its_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sizes.SIZES, "small", sizes.Size(1, 40, 430, 25, days=3, starts=3))
    case = sizes.problem("small", 2)
    plan = solve(case)
    assert check.violations(case, plan) == []
    assert audit(case, plan).bound == plan.bound <= plan.objective
    first = replace(case, seats=tuple(replace(one, stays=one.stays[:1]) for one in case.seats))
    assert plan.objective <= solve(first).objective
