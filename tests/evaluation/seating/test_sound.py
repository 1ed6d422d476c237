"""Bad input: every fault is told at once, and nothing is planned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archive import canonical
from archive.errors import Faults, Refusal
from evaluation.seating.plan import document
from evaluation.seating.problem import Problem
from evaluation.seating.solve import solve
from evaluation.seating.sound import check_problem
from evaluation.seating.verify import plan_faults
from tests.evaluation.seating.cases import AM, NIGHT, committee, problem, seat

GOOD = problem([seat("E1"), seat("E2")], [committee(members=3)])


def faults_of(case: Problem) -> list[tuple[str, str]]:
    faults = Faults("evaluation.seat.invalid")
    check_problem(case, faults)
    try:
        faults.refuse()
    except Refusal as refusal:
        return [(f.pointer, f.code.removeprefix("evaluation.seat.")) for f in refusal.faults]
    return []


def test_a_good_problem_has_none() -> None:
    assert faults_of(GOOD) == []


@pytest.mark.parametrize(
    ("weights", "limits", "rule"),
    [
        ({"load": (12_000, 4_000)}, {}, "seating.price_load"),
        ({"unseated": 1_000}, {}, "seating.price_unseated"),
        ({"second_member": -1}, {}, "seating.price_second_member"),
        ({"move": -5}, {}, "seating.price_move"),
        ({}, {"centre_max": 0}, "seating.centre_members_max"),
        ({}, {"prefecture_permille": 0}, "seating.prefecture_members_permille"),
        ({}, {"prefecture_share": 0}, "seating.prefecture_share"),
        ({}, {"travel_minutes": -1}, "seating.travel_minutes_max"),
    ],
)
def test_a_rule_that_contradicts_itself(
    weights: dict[str, object], limits: dict[str, int], rule: str
) -> None:
    case = replace(
        GOOD,
        weights=replace(GOOD.weights, **weights),  # type: ignore[arg-type]
        limits=replace(GOOD.limits, **limits),
    )
    faults = Faults("evaluation.seat.invalid")
    check_problem(case, faults)
    with pytest.raises(Refusal) as refused:
        faults.refuse()
    assert rule in {fault.rule for fault in refused.value.faults}


def test_two_rules_that_collide() -> None:
    case = replace(GOOD, limits=replace(GOOD.limits, centre_free=3))
    assert ("/rules", "rules_collide") in faults_of(case)


def test_all_faults_at_once() -> None:
    first, second = GOOD.seats
    case = replace(
        GOOD,
        groups=(replace(GOOD.groups[0], free=(-1,)), *GOOD.groups[1:], GOOD.groups[-1]),
        places=(replace(GOOD.places[0], load=-2), *GOOD.places[1:]),
        seats=(
            replace(first, stays=((AM, NIGHT),)),
            replace(second, near=(9,), minutes=(5,), session_id="S7"),
            second,
        ),
    )
    found = set(faults_of(case))
    assert {
        ("/groups/0/free", "capacity_negative"),
        ("/groups", "named_twice"),
        ("/places/0", "capacity_negative"),
        ("/seats/0", "slots"),
        ("/seats/1", "ways"),
        ("/seats/1", "no_session"),
    } <= found


def test_the_verifier_refuses_a_plan_with_a_bad_problem() -> None:
    plan = solve(GOOD)
    bad = replace(GOOD, places=(replace(GOOD.places[0], load=-2), *GOOD.places[1:]))
    value = document(bad, replace(plan, problem_digest=bad.digest))
    reasons = plan_faults(canonical.decode(canonical.encode(value)))
    assert [reason.code for reason in reasons] == ["evaluation.seat.capacity_negative"]
