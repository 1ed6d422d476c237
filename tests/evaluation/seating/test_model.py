"""The model: each rule's rows by themselves, the optimum against brute force, the certificate."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from archive.errors import Reason
from evaluation.seating import certificate, check, greedy, model
from evaluation.seating.certificate import Rows
from evaluation.seating.plan import Assignment, Method, Plan, Unseated
from evaluation.seating.problem import Pinned, Problem, allowed_groups, load_pieces
from evaluation.stations.station import Equipment
from tests.evaluation.seating.cases import (
    AM,
    BASIC,
    CAD,
    FAR,
    HOST,
    LIMITS,
    NEAR,
    NIGHT,
    OTHER,
    PLACES,
    PM,
    WEIGHTS,
    committee,
    plan_of,
    problem,
    seat,
)

Stock: TypeAlias = dict[tuple[str, Equipment], int | tuple[int, ...]]


def built(case: Problem, rule: object) -> model.Model:
    """The model with its arcs, its seats and one rule."""
    made = model.Model(case)
    model.add_arcs(made)
    model.every_seat_is_given_or_not(made)
    rule(made)  # type: ignore[operator]
    return made


def row_of(made: model.Model, name: str) -> tuple[dict[int, int], int]:
    """Column → entry, and the right-hand side."""
    row = made.names.index(name)
    entries = zip(made.entry_rows, made.entry_columns, made.entry_values, strict=True)
    return {column: value for r, column, value in entries if r == row}, made.rhs[row]


class TestRows:
    def test_arcs_only_where_the_seat_may_be(self) -> None:
        case = problem([seat(employer="USCC-NEAR", minutes=(1, 181, 1, 1))])
        assert [case.groups[g].centre_id for g in allowed_groups(case, case.seats[0])] == [FAR]

    def test_a_busy_expert_has_no_arc(self) -> None:
        case = problem([seat(busy=(AM,))])
        assert allowed_groups(case, case.seats[0]) == []

    def test_seat(self) -> None:
        made = built(problem([seat()]), lambda _: None)
        assert row_of(made, "seat:S1/E1") == ({0: 1, 1: 1, 2: 1, 3: 1}, 1)
        assert made.costs == [40_000, 20_000, 30_000, 5_000_000]
        assert made.equal == [True]

    def test_capacity_only_where_it_can_bind(self) -> None:
        free: Stock = {(NEAR, BASIC): (1, 2), (FAR, BASIC): 2}
        case = problem([seat("E1", slots=(AM, PM)), seat("E2", slots=(AM, PM))], free=free)
        made = built(case, model.stations_suffice)
        assert [name for name in made.names if name.startswith("capacity")] == [
            f"capacity:{NEAR}/BASIC:{AM}"
        ]
        assert row_of(made, f"capacity:{NEAR}/BASIC:{AM}") == ({0: 1, 2: 1}, 1)

    def test_centre(self) -> None:
        case = problem([seat("E1"), seat("E2"), seat("E3")], free={(NEAR, BASIC): 9})
        made = built(case, model.committees_are_dispersed_over_centres)
        entries, rhs = row_of(made, f"centre:S1:{NEAR}")
        assert (entries, rhs) == ({0: 1, 1: 1, 2: 1, 6: -1}, 1)
        assert (made.costs[6], made.most[6]) == (25_000, 1)

    def test_those_seated_before_use_up_the_free_place(self) -> None:
        pins = [Pinned("S1", "E8", NEAR), Pinned("S1", "E9", NEAR)]
        case = problem([seat("E1")], free={(NEAR, BASIC): 9}, pinned=pins)
        made = built(case, model.committees_are_dispersed_over_centres)
        assert row_of(made, f"centre:S1:{NEAR}") == ({0: 1}, 0)

    def test_prefecture(self) -> None:
        case = problem([seat("E1"), seat("E2")], [committee(members=3)])
        made = built(case, model.committees_are_dispersed_over_prefectures)
        entries, rhs = row_of(made, "prefecture:S1:5329")
        assert rhs == 1
        assert sum(value == 1 for value in entries.values()) == 4
        assert made.costs[-1] == 10_000

    def test_load(self) -> None:
        places = [replace(place, fair=1) for place in PLACES]
        case = problem([seat("E1"), seat("E2"), seat("E3")], places=places, free={(NEAR, BASIC): 9})
        made = built(case, model.load_is_shared)
        entries, rhs = row_of(made, f"load:{NEAR}")
        assert rhs == 1
        assert [made.costs[c] for c, value in entries.items() if value < 0] == [4_000, 12_000]

    def test_load_pieces_follow_what_was_given_before(self) -> None:
        case = problem([seat()])
        place = replace(PLACES[0], fair=2, load=3)
        assert load_pieces(case, place, 6) == [(1, 4_000), (2, 12_000), (3, 30_000)]
        assert load_pieces(case, replace(place, load=0), 2) == [(2, 0)]

    def test_clash(self) -> None:
        case = problem(
            [seat("E1", "S1", slots=(AM, PM)), seat("E1", "S2", slots=(PM,)), seat("E2", "S2")],
            free={(NEAR, BASIC): 9},
        )
        made = built(case, model.nobody_sits_in_two_places)
        assert row_of(made, f"clash:E1:{PM}") == ({0: 1, 1: 1}, 1)
        assert sum(name.startswith("clash") for name in made.names) == 1


class TestSolve:
    def test_the_nearest_that_is_not_the_host(self) -> None:
        plan = model.solve(problem([seat()]))
        assert [given.centre_id for given in plan.assignments] == [NEAR]
        assert (plan.objective, plan.bound, plan.method) == (20_000, 20_000, Method.LINEAR)
        assert plan.is_proven

    def test_a_minute_is_cheaper_than_sitting_together(self) -> None:
        plan = model.solve(problem([seat("E1"), seat("E2")], [committee(members=6)]))
        assert sorted(given.centre_id for given in plan.assignments) == [NEAR, FAR]

    def test_who_cannot_be_seated_is_listed_with_the_rule_that_bites(self) -> None:
        cases = {
            "none_busy": problem([seat(busy=(AM,))]),
            "none_near": problem([seat(minutes=(200, 200, 300, 181))]),
            "none_equipped": problem([seat(needs=CAD)]),
            "none_overnight": problem([seat(overnight=True, minutes=(40,))], places=PLACES[1:2]),
            "none_allowed": problem([seat()], [committee(forbidden=(OTHER, NEAR, FAR))]),
            "none_free": problem([seat()], free={(NEAR, BASIC): 0, (FAR, BASIC): 0}),
        }
        for code, case in cases.items():
            plan = model.solve(case)
            (unseated,) = plan.unseated
            assert unseated.reason.code == f"evaluation.seat.{code}"
            assert plan.objective == WEIGHTS.unseated
            assert check.violations(case, plan) == []

    def test_the_nearest_free_station_is_named(self) -> None:
        free = {(NEAR, BASIC): 0, (OTHER, BASIC): 1}
        case = problem([seat(minutes=(1, 400, 20, 30))], free=free)
        (unseated,) = model.solve(case).unseated
        assert unseated.reason.params["nearest"] == OTHER
        assert unseated.reason.params["minutes"] == 400

    def test_two_clashing_sessions_seat_the_expert_once(self) -> None:
        case = problem([seat("E1", "S1"), seat("E1", "S2")])
        plan = model.solve(case)
        assert len(plan.assignments) == 1
        assert plan.unseated[0].reason.code == "evaluation.seat.none_clash"

    def test_dispersal_leaves_the_third_out(self) -> None:
        case = problem([seat("E1"), seat("E2"), seat("E3")], free={(NEAR, BASIC): 3})
        plan = model.solve(case)
        assert len(plan.assignments) == 2
        assert plan.unseated[0].reason.code == "evaluation.seat.none_dispersed"

    def test_no_time_means_the_greedy_plan_and_it_says_so(self) -> None:
        case = problem([seat("E1"), seat("E2")])
        plan = model.solve(case, seconds_max=0)
        assert plan.method is Method.GREEDY
        assert plan.is_fallback
        assert check.violations(case, plan) == []

    def test_the_same_seed_gives_the_same_seats_and_another_may_not(self) -> None:
        weights = replace(WEIGHTS, amplitude=2_000)
        even = [seat(f"E{n}", minutes=(9, 20, 20, 20)) for n in range(4)]
        case = problem(even, [committee(members=12)], weights=weights)
        first = model.solve(case)
        assert model.solve(replace(case)) == first
        others = {model.solve(replace(case, seed=bytes([n]))).assignments for n in range(8)}
        assert len(others) > 1


@st.composite
def small_problems(draw: st.DrawFn) -> Problem:
    """Up to five seats of two sessions, three centres to go to, tight capacities."""
    seats = [
        seat(
            f"E{draw(st.integers(0, 3)) if n > 2 else n}",
            f"S{n % 2}",
            minutes=(5, *draw(st.tuples(*[st.integers(1, 220)] * 3))),
            slots=draw(st.sampled_from([(AM,), (PM,), (AM, PM), (PM, NIGHT)])),
            needs=draw(st.sampled_from([BASIC, BASIC, CAD])),
            overnight=draw(st.booleans()),
        )
        for n in range(draw(st.integers(1, 5)))
    ]
    seats = list({one.key: one for one in seats}.values())
    free: Stock = {
        (centre, equipment): draw(st.integers(0, 2))
        for centre in (OTHER, NEAR, FAR)
        for equipment in (BASIC, CAD)
    }
    places = [
        replace(place, fair=draw(st.integers(1, 2)), load=draw(st.integers(0, 2)))
        for place in PLACES
    ]
    sessions = sorted({one.session_id for one in seats})
    pinned = draw(st.sampled_from([[], [Pinned("S0", "E9", NEAR)]]))
    return problem(
        seats,
        [committee(session, members=5) for session in sessions],
        free,
        places,
        pinned if "S0" in sessions else [],
        replace(WEIGHTS, amplitude=draw(st.sampled_from([0, 2_000]))),
        replace(LIMITS, prefecture_permille=draw(st.sampled_from([400, 1000]))),
    )


def best_by_hand(case: Problem) -> int:
    """The least cost over all plans whatsoever that keep the rules."""
    choices: list[list[tuple[str, Equipment] | None]] = []
    for one in case.seats:
        alone = replace(case, seats=(one,))
        choices.append([None])
        for group in case.groups:
            plan = plan_of(alone, (*one.key, group.centre_id, group.equipment))
            if not check.violations(alone, plan):
                choices[-1].append((group.centre_id, group.equipment))
    best = None
    for picked in product(*choices):
        given, left = [], []
        for one, choice in zip(case.seats, picked, strict=True):
            if choice is None:
                left.append(Unseated(*one.key, Reason("x")))
            else:
                given.append(Assignment(*one.key, *choice))
        plan = Plan("", tuple(given), tuple(left), 0, 0, (), Method.GREEDY)
        if not check.violations(case, plan):
            cost = check.objective(case, plan)
            best = cost if best is None else min(best, cost)
    assert best is not None
    return best


@settings(max_examples=60)
@given(small_problems())
def test_the_objective_is_that_of_brute_force(case: Problem) -> None:
    case = replace(case, seats=case.seats[:4])
    plan = model.solve(case)
    assert check.violations(case, plan) == []
    assert plan.objective == check.objective(case, plan) == best_by_hand(case)
    assert plan.bound <= plan.objective


@settings(max_examples=60)
@given(small_problems(), st.randoms(use_true_random=False))
def test_greedy_keeps_every_rule_and_no_duals_lie(case: Problem, random: object) -> None:
    """Whatever the duals, the bound they give is below what any plan costs."""
    plan = greedy.plan(case)
    assert check.violations(case, plan) == []
    best = model.solve(case)
    assert plan.bound <= best.objective <= plan.objective
    rows = model.model_of(case).rows()
    wild = [random.randint(-60_000, 60_000) for _ in rows.names]  # type: ignore[attr-defined]
    duals = certificate.whole(rows, np.array(wild, dtype=np.float64))
    assert certificate.bound(rows, duals) <= best.objective


class TestCertificate:
    rows = Rows(
        names=("seat", "capacity"),
        matrix=sparse.csr_matrix(np.array([[1, 1], [1, 0]], dtype=np.int64)),
        rhs=np.array([1, 0]),
        equal=np.array([True, False]),
        cost=np.array([3, 7]),
        most=np.array([1, 1]),
    )

    def test_by_hand(self) -> None:
        """min 3a + 7b, a + b = 1, a ≤ 0: the optimum is 7, and y = (7, −4) proves it."""
        assert certificate.bound(self.rows, np.array([7, -4])) == 7
        assert certificate.bound(self.rows, np.array([3, 0])) == 3
        assert certificate.bound(self.rows, np.array([100, 0])) == 100 - 97 - 93

    def test_a_positive_dual_of_an_upper_row_is_refused(self) -> None:
        with pytest.raises(ValueError, match="positive"):
            certificate.bound(self.rows, np.array([7, 4]))

    def test_too_large_or_too_few_duals_are_refused(self) -> None:
        for duals in ([7], [certificate.DUAL_MAX + 1, 0]):
            with pytest.raises(ValueError, match="not duals"):
                certificate.bound(self.rows, np.array(duals))

    def test_names_go_there_and_back(self) -> None:
        named = certificate.named(self.rows, np.array([7, -4]))
        assert named == (("capacity", -4), ("seat", 7))
        assert list(certificate.duals_of(self.rows, named)) == [7, -4]
        with pytest.raises(ValueError, match="no dual"):
            certificate.duals_of(self.rows, {"clash": 1})

    def test_whole_duals_are_clamped(self) -> None:
        duals = certificate.whole(self.rows, np.array([2.6, 0.4]))
        assert list(duals) == [3, 0]
        assert list(certificate.whole(self.rows, np.array([np.nan, -1.2]))) == [0, -1]


def test_the_hosts_stations_are_never_used() -> None:
    case = problem([seat()], free={(HOST, BASIC): 5})
    assert model.solve(case).assignments == ()
    assert plan_of(case, ("S1", "E1", HOST)).assignments
