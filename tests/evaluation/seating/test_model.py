"""The model: each rule's rows by themselves, the optimum against brute force, the certificate."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from archive import canonical
from archive.errors import Reason
from archive.verification.report import Status
from evaluation.seating import certificate, check, model, search
from evaluation.seating import solve as planner
from evaluation.seating.arcs import arcs_of
from evaluation.seating.audit import audit
from evaluation.seating.certificate import Rows
from evaluation.seating.plan import Assignment, Method, Plan, Uniqueness, Unseated
from evaluation.seating.plan import document as document_of
from evaluation.seating.problem import (
    Pinned,
    Problem,
    allowed_groups,
    arc_cost,
    load_pieces,
    lot,
)
from evaluation.seating.solve import solve
from evaluation.seating.synthetic import problem as synthetic
from evaluation.seating.verify import verify_plan
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


def built(case: Problem, rule: Callable[[model.Model], None]) -> model.Model:
    """The model with its columns, the rows of the seats and those of one rule."""
    made = model.begun(case)
    model.every_seat_is_given_or_not(made)
    rule(made)
    return made


def names_of(made: model.Model) -> list[str]:
    return [made.row_name(row) for row in range(made.row_count)]


def row_of(made: model.Model, name: str) -> tuple[dict[int, int], int]:
    """Column → entry, and the right-hand side."""
    rows = made.rows()
    row = names_of(made).index(name)
    line = rows.matrix.getrow(row).tocoo()
    entries = {int(c): int(v) for c, v in zip(line.col, line.data, strict=True)}
    return entries, int(rows.rhs[row])


class TestArcs:
    def test_only_where_the_seat_may_be(self) -> None:
        case = problem([seat(employer="USCC-NEAR", minutes=(1, 181, 1, 1))])
        assert [case.groups[g].centre_id for g in allowed_groups(case, case.seats[0])] == [FAR]

    def test_a_busy_expert_has_none(self) -> None:
        case = problem([seat(busy=(AM,))])
        assert allowed_groups(case, case.seats[0]) == []

    def test_nobody_is_sent_farther_than_he_is_ready_to_go(self) -> None:
        case = problem([seat(reach=25)])
        assert [case.groups[g].centre_id for g in allowed_groups(case, case.seats[0])] == [NEAR]

    def test_another_centre_than_the_confirmed_one_costs_the_stay_tax(self) -> None:
        case = problem([seat(current=FAR)], weights=replace(WEIGHTS, move=60_000))
        listed = arcs_of(case)
        assert listed.cost.tolist() == [100_000, 80_000, 30_000]


class TestRows:
    def test_seat(self) -> None:
        made = built(problem([seat()]), lambda _: None)
        assert row_of(made, "seat:S1/E1:0") == ({0: 1, 1: 1, 2: 1, 3: 1}, 1)
        assert made.rows().cost.tolist() == [40_000, 20_000, 30_000, 5_000_000]
        assert made.rows().equal.tolist() == [True]

    def test_a_session_with_two_starts(self) -> None:
        made = built(problem([seat(or_else=((PM,),))]), model.a_session_starts_once)
        assert row_of(made, "seat:S1/E1:0") == ({0: 1, 1: 1, 2: 1, 6: 1, 8: -1}, 0)
        assert row_of(made, "seat:S1/E1:1") == ({3: 1, 4: 1, 5: 1, 7: 1, 9: -1}, 0)
        assert row_of(made, "start:S1") == ({8: 1, 9: 1}, 1)

    def test_capacity_only_where_it_can_bind(self) -> None:
        free: Stock = {(NEAR, BASIC): (1, 2), (FAR, BASIC): 2}
        case = problem([seat("E1", slots=(AM, PM)), seat("E2", slots=(AM, PM))], free=free)
        made = built(case, model.stations_suffice)
        assert [name for name in names_of(made) if name.startswith("capacity")] == [
            f"capacity:{NEAR}/BASIC:{AM}"
        ]
        assert row_of(made, f"capacity:{NEAR}/BASIC:{AM}") == ({0: 1, 2: 1}, 1)

    def test_centre(self) -> None:
        case = problem([seat("E1"), seat("E2"), seat("E3")], free={(NEAR, BASIC): 9})
        made = built(case, model.committees_are_dispersed_over_centres)
        entries, rhs = row_of(made, f"centre:S1:{NEAR}:0")
        assert (entries, rhs) == ({0: 1, 1: 1, 2: 1, 6: -1}, 1)
        assert (made.rows().cost[6], made.rows().most[6]) == (25_000, 1)

    def test_a_start_that_is_not_taken_frees_no_place(self) -> None:
        case = problem(
            [seat(name, or_else=((PM,),)) for name in ("E1", "E2")], free={(NEAR, BASIC): 9}
        )
        made = built(case, model.committees_are_dispersed_over_centres)
        entries, rhs = row_of(made, f"centre:S1:{NEAR}:1")
        assert rhs == 0
        assert entries[made.first_start + 1] == -1

    def test_those_seated_before_use_up_the_free_place(self) -> None:
        pins = [Pinned("S1", "E8", NEAR), Pinned("S1", "E9", NEAR)]
        case = problem([seat("E1")], free={(NEAR, BASIC): 9}, pinned=pins)
        made = built(case, model.committees_are_dispersed_over_centres)
        assert row_of(made, f"centre:S1:{NEAR}:0") == ({0: 1}, 0)

    def test_prefecture(self) -> None:
        case = problem([seat("E1"), seat("E2")], [committee(members=3)])
        made = built(case, model.committees_are_dispersed_over_prefectures)
        entries, rhs = row_of(made, "prefecture:S1:5329:0")
        assert rhs == 1
        assert sum(value == 1 for value in entries.values()) == 4
        assert made.rows().cost[-1] == 10_000

    def test_load(self) -> None:
        places = [replace(place, fair=1) for place in PLACES]
        case = problem([seat("E1"), seat("E2"), seat("E3")], places=places, free={(NEAR, BASIC): 9})
        made = built(case, model.load_is_shared)
        entries, rhs = row_of(made, f"load:{NEAR}")
        assert rhs == 1
        priced = sorted(c for c, value in entries.items() if value < 0)
        assert made.rows().cost[priced].tolist() == [4_000, 12_000]

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
        assert sum(name.startswith("clash") for name in names_of(made)) == 1


class TestSolve:
    def test_the_nearest_that_is_not_the_host(self) -> None:
        plan = solve(problem([seat()]))
        assert [given.centre_id for given in plan.assignments] == [NEAR]
        assert (plan.objective, plan.bound, plan.method) == (20_000, 20_000, Method.LINEAR)
        assert plan.is_proven

    def test_a_minute_is_cheaper_than_sitting_together(self) -> None:
        plan = solve(problem([seat("E1"), seat("E2")], [committee(members=6)]))
        assert sorted(given.centre_id for given in plan.assignments) == [NEAR, FAR]

    def test_who_cannot_be_seated_is_listed_with_the_rule_that_bites(self) -> None:
        cases = {
            "none_busy": problem([seat(busy=(AM,))]),
            "none_near": problem([seat(minutes=(200, 200, 300, 181))]),
            "none_equipped": problem([seat(needs=CAD)]),
            "none_overnight": problem([seat(slots=(NIGHT,), minutes=(40,))], places=PLACES[1:2]),
            "none_allowed": problem([seat()], [committee(forbidden=(OTHER, NEAR, FAR))]),
            "none_free": problem([seat()], free={(NEAR, BASIC): 0, (FAR, BASIC): 0}),
        }
        for code, case in cases.items():
            plan = solve(case)
            (unseated,) = plan.unseated
            assert unseated.reason.code == f"evaluation.seat.{code}"
            assert plan.objective == WEIGHTS.unseated
            assert check.violations(case, plan) == []

    def test_the_nearest_free_station_is_named(self) -> None:
        free = {(NEAR, BASIC): 0, (OTHER, BASIC): 1}
        case = problem([seat(minutes=(1, 400, 20, 30))], free=free)
        (unseated,) = solve(case).unseated
        assert unseated.reason.params["nearest"] == OTHER
        assert unseated.reason.params["minutes"] == 400

    def test_one_to_one_seats_everybody_in_the_guest_centre(self) -> None:
        seats = [seat(f"E{n}") for n in range(5)]
        case = problem(seats, [committee(members=5, guests=(FAR,))], free={(FAR, BASIC): 4})
        plan = solve(case)
        assert {given.centre_id for given in plan.assignments} == {FAR}
        assert len(plan.assignments) == 4
        assert plan.unseated[0].reason.code == "evaluation.seat.none_free"
        assert plan.is_proven
        assert [step.status for step in verify_plan(document_of(case, plan))] == [Status.OK] * 6

    @pytest.mark.parametrize("guests", [(FAR,), ("42-0001",)])
    def test_whoever_cannot_sit_with_the_guest_sits_elsewhere(self, guests: tuple[str]) -> None:
        """Two stations there, and one expert who lives too far away, or no such centre at all: whom
        a host names must leave nobody of those drawn without a seat."""
        seats = [seat("E1"), seat("E2"), seat("E3"), seat("E4", minutes=(10, 40, 20, 999))]
        case = problem(seats, [committee(members=4, guests=guests)])
        plan = solve(case)
        assert plan.unseated == ()
        there = [given.expert_id for given in plan.assignments if given.centre_id in guests]
        assert len(there) == (2 if guests == (FAR,) else 0)
        assert "E4" not in there
        outside = 4 - len(there)
        assert check.elsewhere_cost(case, plan) == outside * WEIGHTS.elsewhere > 0
        assert plan.is_proven
        assert [step.status for step in verify_plan(document_of(case, plan))] == [Status.OK] * 6
        assert check.violations(case, search.plan(case)) == []

    def test_whoever_reaches_no_venue_for_a_night_sits_where_none_can_be_held(self) -> None:
        """That a host expects a night must not choose among those drawn either (隔夜评标)."""
        seats = [
            seat("E1", overnight=True),
            seat("E2", overnight=True, minutes=(999, 999, 999, 30)),
        ]
        case = problem(seats, [committee(members=2)])
        plan = solve(case)
        assert {given.expert_id: given.centre_id for given in plan.assignments} == {
            "E1": NEAR,
            "E2": FAR,
        }
        assert check.elsewhere_cost(case, plan) == WEIGHTS.elsewhere
        assert plan.is_proven
        assert [step.status for step in verify_plan(document_of(case, plan))] == [Status.OK] * 6

    def test_a_plan_near_its_bound_is_made_better_until_it_meets_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A greedy plan in the place of the near one: every arc that a better plan could use is looked
        at, and the best comes out."""
        case = synthetic("centre", 1)
        quick, best = search.plan(case), solve(case)
        assert quick.objective > best.objective
        near = lambda *a: replace(quick, bound=a[3].bound, certificate=a[3].named)  # noqa: E731
        monkeypatch.setattr(planner, "_branch_until_near", near)
        monkeypatch.setattr(planner, "_fractional_seats", lambda *_: [0])
        plan = solve(case)
        assert plan.objective == plan.bound == best.objective
        assert check.violations(case, plan) == []

    def test_a_confirmed_seat_elsewhere_is_not_dragged_to_a_guest(self) -> None:
        """A trouble somewhere moves few: that the guest centre has room by now is no reason."""
        case = problem(
            [seat("E1", current=OTHER)],
            [committee(guests=(FAR,))],
            weights=replace(WEIGHTS, move=60_000),
        )
        plan = solve(case)
        assert [given.centre_id for given in plan.assignments] == [OTHER]
        assert plan.objective == 40_000
        assert [step.status for step in verify_plan(document_of(case, plan))] == [Status.OK] * 6

    def test_the_best_plan_sends_nobody_elsewhere_for_comfort(self) -> None:
        seats = [seat("E1", minutes=(10, 1, 1, 170)), seat("E2", minutes=(10, 1, 1, 170))]
        plan = solve(problem(seats, [committee(members=2, guests=(FAR,))]))
        assert [given.centre_id for given in plan.assignments] == [FAR, FAR]

    def test_two_clashing_sessions_seat_the_expert_once(self) -> None:
        case = problem([seat("E1", "S1"), seat("E1", "S2")])
        plan = solve(case)
        assert len(plan.assignments) == 1
        assert plan.unseated[0].reason.code == "evaluation.seat.none_clash"

    def test_dispersal_leaves_the_third_out(self) -> None:
        case = problem([seat("E1"), seat("E2"), seat("E3")], free={(NEAR, BASIC): 3})
        plan = solve(case)
        assert len(plan.assignments) == 2
        assert plan.unseated[0].reason.code == "evaluation.seat.none_dispersed"

    def test_no_time_means_the_greedy_plan_and_it_says_so(self) -> None:
        case = problem([seat("E1"), seat("E2")])
        plan = solve(case, seconds_max=0)
        assert plan.method is Method.SEARCH
        assert plan.is_fallback
        assert check.violations(case, plan) == []

    def test_the_same_seed_gives_the_same_seats_and_another_may_not(self) -> None:
        weights = replace(WEIGHTS, amplitude=2_000)
        even = [seat(f"E{n}", minutes=(9, 20, 20, 20)) for n in range(4)]
        case = problem(even, [committee(members=12)], weights=weights)
        first = solve(case)
        assert solve(replace(case)) == first
        others = {solve(replace(case, seed=bytes([n]))).assignments for n in range(8)}
        assert len(others) > 1


@st.composite
def small_problems(draw: st.DrawFn) -> Problem:
    """Up to five seats of two sessions, three centres to go to, tight capacities."""
    stays = st.sampled_from([((AM,),), ((PM,),), ((AM, PM),), ((PM, NIGHT),), ((AM,), (PM,))])
    chosen = {0: draw(stays), 1: draw(stays)}
    seats = [
        seat(
            f"E{draw(st.integers(0, 3)) if n > 2 else n}",
            f"S{n % 2}",
            minutes=(5, *draw(st.tuples(*[st.integers(1, 220)] * 3))),
            slots=chosen[n % 2][0],
            or_else=chosen[n % 2][1:],
            current=draw(st.sampled_from(["", "", NEAR, FAR])),
            reach=draw(st.sampled_from([180, 180, 100])),
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
    abroad = draw(st.sampled_from(["", "", OTHER]))
    places = [replace(place, abroad=place.centre_id == abroad) for place in places]
    guests = st.sampled_from([(), (), (), (NEAR,), (OTHER,), (FAR, OTHER), (NEAR, FAR)])
    sessions = sorted({one.session_id for one in seats})
    pinned = draw(st.sampled_from([[], [Pinned("S0", "E9", NEAR)]]))
    return problem(
        seats,
        [committee(session, members=5, guests=draw(guests)) for session in sessions],
        free,
        places,
        pinned if "S0" in sessions else [],
        replace(WEIGHTS, amplitude=draw(st.sampled_from([0, 2_000])), move=60_000),
        replace(LIMITS, prefecture_permille=draw(st.sampled_from([400, 1000]))),
    )


def every_plan(case: Problem) -> Iterator[Plan]:
    """All plans whatsoever that keep the rules, with their costs."""
    starts = {one.session_id: range(len(one.stays)) for one in case.seats}
    for stays in product(*starts.values()):
        stay_of = dict(zip(starts, stays, strict=True))
        choices: list[list[Assignment | None]] = []
        for one in case.seats:
            alone = replace(case, seats=(one,))
            choices.append([None])
            for group in case.groups:
                row = Assignment(
                    *one.key, group.centre_id, group.equipment, stay_of[one.session_id]
                )
                plan = replace(plan_of(alone), assignments=(row,))
                if not check.violations(alone, plan):
                    choices[-1].append(row)
        for picked in product(*choices):
            given = tuple(row for row in picked if row is not None)
            left = tuple(
                Unseated(*one.key, Reason("x"))
                for one, row in zip(case.seats, picked, strict=True)
                if row is None
            )
            plan = Plan(case.digest, given, left, 0, 0, (), Method.SEARCH)
            if not check.violations(case, plan):
                yield replace(plan, objective=check.objective(case, plan))


def ties(case: Problem, plan: Plan) -> int:
    groups = {group.key: group for group in case.groups}
    return sum(lot(case, case.seat_of[a.key], groups[a.group]).tie for a in plan.assignments)


@settings(max_examples=30)
@given(small_problems())
def test_the_plan_is_the_best_of_all_and_the_only_one_by_its_ties(case: Problem) -> None:
    """Against brute force: the objective, the tie-break, and what is claimed of uniqueness."""
    case = replace(case, seats=case.seats[:4])
    plan = solve(case)
    assert check.violations(case, plan) == []
    assert plan.objective == check.objective(case, plan)
    everything = list(every_plan(case))
    best = min(each.objective for each in everything)
    assert plan.bound <= plan.objective == best
    if plan.uniqueness is not Uniqueness.OPEN:
        as_good = [each for each in everything if each.objective == best]
        first = min(ties(case, each) for each in as_good)
        found = {frozenset(e.assignments) for e in as_good if ties(case, e) == first}
        assert found == {frozenset(plan.assignments)}


@settings(max_examples=30)
@given(small_problems())
def test_the_auditor_finds_what_the_planner_claims(case: Problem) -> None:
    """Two programmes that share no line: the same bound, and uniqueness wherever it is certified."""
    for plan in (solve(case), search.plan(case)):
        found = audit(case, plan)
        assert found.bound == plan.bound
        assert found.is_unique or plan.uniqueness is not Uniqueness.CERTIFIED


def test_a_certificate_that_loses_by_rounding_is_not_called_one() -> None:
    """Here the ties' best duals are halves: made whole they prove one less than the sum. The plan is
    the only one all the same, yet the auditor, who wants the sum met, cannot follow."""
    seats = [
        seat("E0", "S0", minutes=(5, 1, 1, 1), slots=(AM,), or_else=((PM,),)),
        seat("E2", "S0", minutes=(5, 1, 1, 1), slots=(AM,), or_else=((PM,),)),
        seat("E0", "S1", minutes=(5, 1, 1, 1), slots=(AM,)),
        seat("E1", "S1", minutes=(5, 1, 1, 1), slots=(AM,)),
    ]
    free: Stock = {(at, e): int(at == NEAR) for at in (OTHER, NEAR, FAR) for e in (BASIC, CAD)}
    case = problem(
        seats,
        [committee("S0", members=5), committee("S1", members=5)],
        free,
        [replace(place, fair=1, load=2 * (place.centre_id == NEAR)) for place in PLACES],
        [],
        replace(WEIGHTS, amplitude=0, move=60_000),
        replace(LIMITS, prefecture_permille=400),
    )
    plan = solve(case)
    assert plan.is_proven
    assert not audit(case, plan).is_unique
    assert plan.uniqueness is Uniqueness.SOLVED
    document = json.loads(canonical.encode(document_of(case, plan)))
    assert [step.status for step in verify_plan(document)] == [Status.OK] * 6


@settings(max_examples=30)
@given(small_problems())
def test_all_arcs_at_once_are_those_of_each_seat(case: Problem) -> None:
    listed = arcs_of(case)
    found = list(
        zip(listed.seat.tolist(), listed.stay.tolist(), listed.group.tolist(), strict=True)
    )
    assert found == [
        (index, stay, group)
        for index, one in enumerate(case.seats)
        for stay in range(len(one.stays))
        for group in allowed_groups(case, one, stay)
    ]
    assert listed.cost.tolist() == [
        arc_cost(case, case.seats[index], case.groups[group]) for index, _, group in found
    ]


@settings(max_examples=30)
@given(small_problems(), st.randoms(use_true_random=False))
def test_search_keeps_every_rule_and_no_duals_lie(case: Problem, random: Any) -> None:
    """Whatever the duals, the bound they give is below what any plan costs."""
    plan = search.plan(case)
    assert check.violations(case, plan) == []
    best = solve(case)
    assert plan.bound <= best.objective <= plan.objective
    rows = model.model_of(case).rows()
    wild = [random.randint(-60_000, 60_000) for _ in rows.rhs]
    duals = certificate.whole(rows, np.array(wild, dtype=np.float64))
    assert certificate.bound(rows, duals) <= best.objective


class TestCertificate:
    rows = Rows(
        name=("seat", "capacity").__getitem__,
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

    def test_duals_go_by_the_names_of_their_rows(self) -> None:
        named = certificate.named(self.rows, np.array([7, -4]))
        assert named == (("capacity", -4), ("seat", 7))

    def test_whole_duals_are_clamped(self) -> None:
        duals = certificate.whole(self.rows, np.array([2.6, 0.4]))
        assert list(duals) == [3, 0]
        assert list(certificate.whole(self.rows, np.array([np.nan, -1.2]))) == [0, -1]


def test_the_hosts_stations_are_never_used() -> None:
    case = problem([seat()], free={(HOST, BASIC): 5})
    assert solve(case).assignments == ()
    assert plan_of(case, ("S1", "E1", HOST)).assignments
