"""The checker: each rule alone, with two or three objects and no solving."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archive.errors import Reason
from evaluation.seating import check
from evaluation.seating.plan import Assignment, Plan, Unseated
from evaluation.seating.problem import Pinned, Problem
from evaluation.stations.station import Equipment
from tests.evaluation.seating.cases import (
    AM,
    BASIC,
    CAD,
    DAY,
    DUAL,
    FAR,
    HOST,
    NEAR,
    NIGHT,
    OTHER,
    PLACES,
    PM,
    committee,
    plan_of,
    problem,
    seat,
    with_limits,
)

ONE = problem([seat()])


def codes(rule: check.Rule, case: Problem, plan: Plan) -> list[str]:
    return [reason.code.removeprefix("evaluation.seat.") for reason in rule(case, plan)]


class TestEachSeatOnce:
    def test_given_or_listed(self) -> None:
        assert codes(check.each_seat_once, ONE, plan_of(ONE, ("S1", "E1", NEAR))) == []
        listed = replace(plan_of(ONE), unseated=(Unseated("S1", "E1", Reason("x")),))
        assert codes(check.each_seat_once, ONE, listed) == []

    def test_left_out(self) -> None:
        assert codes(check.each_seat_once, ONE, plan_of(ONE)) == ["not_listed"]

    def test_twice(self) -> None:
        plan = plan_of(ONE, ("S1", "E1", NEAR), ("S1", "E1", FAR))
        assert codes(check.each_seat_once, ONE, plan) == ["twice"]
        given = plan_of(ONE, ("S1", "E1", NEAR))
        both = replace(given, unseated=(Unseated("S1", "E1", Reason("x")),))
        assert codes(check.each_seat_once, ONE, both) == ["twice"]

    def test_nobody_asked(self) -> None:
        plan = plan_of(ONE, ("S1", "E1", NEAR), ("S1", "E9", FAR))
        assert codes(check.each_seat_once, ONE, plan) == ["not_asked"]


class TestStationIsEquipped:
    """The classes are nested: basic < dual < CAD."""

    case = problem([seat(needs=DUAL)], free={(NEAR, BASIC): 1, (NEAR, CAD): 1})

    @pytest.mark.parametrize(
        ("equipment", "expected"), [(CAD, []), (BASIC, ["equipment"]), (DUAL, ["no_group"])]
    )
    def test_class(self, equipment: Equipment, expected: list[str]) -> None:
        plan = plan_of(self.case, ("S1", "E1", NEAR, equipment))
        assert codes(check.station_is_equipped, self.case, plan) == expected

    def test_a_centre_without_stations(self) -> None:
        plan = plan_of(self.case, ("S1", "E1", OTHER, CAD))
        assert codes(check.station_is_equipped, self.case, plan) == ["no_group"]


class TestNight:
    """隔夜评标 needs a venue that can hold a night."""

    @pytest.mark.parametrize(("centre", "elsewhere"), [(NEAR, 0), (FAR, 1)])
    def test_one_that_is_only_expected_has_a_price(self, centre: str, elsewhere: int) -> None:
        case = problem([seat(overnight=True)])
        plan = plan_of(case, ("S1", "E1", centre))
        assert check.violations(case, plan) == []
        assert check.elsewhere_cost(case, plan) == elsewhere * case.weights.elsewhere

    def test_a_night_among_the_slots_counts_by_itself(self) -> None:
        case = problem([seat(slots=(PM, NIGHT))])
        plan = plan_of(case, ("S1", "E1", FAR))
        assert codes(check.night_only_where_it_can_be_held, case, plan) == ["overnight"]


class TestBarredCentres:
    """发改法规规〔2022〕1117号 (十五): away from the main venue, the tenderer and the employer."""

    def test_host(self) -> None:
        assert codes(check.never_the_host_centre, ONE, plan_of(ONE, ("S1", "E1", NEAR))) == []
        plan = plan_of(ONE, ("S1", "E1", HOST))
        assert codes(check.never_the_host_centre, ONE, plan) == ["host_centre"]

    def test_tenderers_centre(self) -> None:
        case = problem([seat()], [committee(tenderer="USCC-NEAR")])
        near, far = plan_of(case, ("S1", "E1", NEAR)), plan_of(case, ("S1", "E1", FAR))
        assert codes(check.never_with_the_tenderer, case, near) == ["tenderer_centre"]
        assert codes(check.never_with_the_tenderer, case, far) == []

    def test_tenderers_county(self) -> None:
        case = problem([seat()], [committee(county=NEAR)])
        near, far = plan_of(case, ("S1", "E1", NEAR)), plan_of(case, ("S1", "E1", FAR))
        assert codes(check.never_in_the_tenderers_county, case, near) == ["tenderer_county"]
        assert codes(check.never_in_the_tenderers_county, case, far) == []

    def test_employers_centre(self) -> None:
        case = problem([seat(employer="USCC-FAR")])
        near, far = plan_of(case, ("S1", "E1", NEAR)), plan_of(case, ("S1", "E1", FAR))
        assert codes(check.never_with_the_employer, case, near) == []
        assert codes(check.never_with_the_employer, case, far) == ["employer_centre"]

    def test_the_sessions_own_list(self) -> None:
        case = problem([seat()], [committee(forbidden=(OTHER,))])
        plan = plan_of(case, ("S1", "E1", OTHER))
        assert codes(check.never_where_the_session_forbids, case, plan) == ["forbidden_centre"]
        plan = plan_of(case, ("S1", "E1", NEAR))
        assert codes(check.never_where_the_session_forbids, case, plan) == []


class TestGuests:
    """一对一 and 一对多 (发改办法规〔2025〕807号): the guest centres that a session names come first;
    other provinces by name alone."""

    @pytest.mark.parametrize(
        ("guests", "where", "elsewhere"),
        [((), NEAR, 0), ((FAR,), FAR, 0), ((FAR,), NEAR, 1), ((FAR, NEAR), NEAR, 0)],
    )
    def test_a_seat_outside_the_guests_named_has_a_price(
        self, guests: tuple[str, ...], where: str, elsewhere: int
    ) -> None:
        case = problem([seat()], [committee(guests=guests)])
        plan = plan_of(case, ("S1", "E1", where))
        assert check.violations(case, plan) == []
        assert check.elsewhere_cost(case, plan) == elsewhere * case.weights.elsewhere

    def test_another_province_by_name_alone(self) -> None:
        places = [replace(place, abroad=place.centre_id == FAR) for place in PLACES]
        for guests, expected in (((), ["other_province"]), ((FAR,), [])):
            case = problem([seat()], [committee(guests=guests)], places=places)
            plan = plan_of(case, ("S1", "E1", FAR))
            assert codes(check.another_province_only_by_name, case, plan) == expected

    def test_all_may_sit_in_the_one_and_half_of_them_in_each_of_two(self) -> None:
        """Whoever names one guest centre cannot be dispersed over several."""
        seats = [seat(f"E{n}") for n in range(4)]
        rows = [("S1", f"E{n}", FAR) for n in range(3)]
        for guests, expected in (
            ((FAR,), []),
            ((FAR, NEAR), ["centre_members"]),
            ((), ["centre_members"]),
        ):
            case = problem(seats, [committee(members=4, guests=guests)], free={(FAR, BASIC): 4})
            strict = with_limits(case, prefecture_permille=500)
            plan = plan_of(strict, *rows)
            assert codes(check.committee_is_dispersed_over_centres, strict, plan) == expected
            found = codes(check.committee_is_dispersed_over_prefectures, strict, plan)
            assert found == ([] if guests else ["prefecture_members"])

    def test_who_sits_elsewhere_is_dispersed_as_usual(self) -> None:
        """Naming one guest centre opens that one to the committee, and no other."""
        case = problem(
            [seat(f"E{n}") for n in range(3)],
            [committee(members=4, guests=(FAR,))],
            free={(OTHER, BASIC): 4},
        )
        plan = plan_of(case, *(("S1", f"E{n}", OTHER) for n in range(3)))
        strict = with_limits(case, prefecture_permille=500)
        assert [reason.code.rsplit(".")[-1] for reason in check.violations(strict, plan)] == [
            "centre_members",
            "prefecture_members",
        ]


class TestTheWay:
    @pytest.mark.parametrize(("limit", "expected"), [(40, []), (39, ["too_far"])])
    def test_limit(self, limit: int, expected: list[str]) -> None:
        case = with_limits(ONE, travel_minutes=limit)
        assert codes(check.way_is_not_too_far, case, plan_of(case, ("S1", "E1", OTHER))) == expected


class TestCapacity:
    case = problem(
        [seat("E1", slots=(AM, PM)), seat("E2", slots=(PM,)), seat("E3", slots=(AM,))],
        free={(NEAR, BASIC): (2, 1), (FAR, BASIC): 1},
    )

    def test_two_in_the_afternoon_where_one_is_free(self) -> None:
        plan = plan_of(self.case, ("S1", "E1", NEAR), ("S1", "E2", NEAR), ("S1", "E3", NEAR))
        (reason,) = check.stations_suffice(self.case, plan)
        assert reason.params == {
            "centre": NEAR,
            "equipment": "BASIC",
            "day": DAY.isoformat(),
            "part": "PM",
            "seats": 2,
            "free": 1,
        }

    def test_one_after_the_other_in_one_station(self) -> None:
        plan = plan_of(self.case, ("S1", "E2", FAR), ("S1", "E3", FAR))
        assert codes(check.stations_suffice, self.case, plan) == []


class TestDispersal:
    """Against the local circle: at most so many of one committee in a centre, in a prefecture."""

    seats = (seat("E1"), seat("E2"), seat("E3"))
    three = (("S1", "E1", NEAR), ("S1", "E2", NEAR), ("S1", "E3", NEAR))

    def test_centre(self) -> None:
        case = problem(self.seats)
        rule = check.committee_is_dispersed_over_centres
        assert codes(rule, case, plan_of(case, *self.three)) == ["centre_members"]
        assert codes(rule, case, plan_of(case, *self.three[:2])) == []

    def test_those_seated_before_count(self) -> None:
        pins = [Pinned("S1", "E8", NEAR), Pinned("S1", "E9", NEAR), Pinned("S2", "E7", FAR)]
        case = problem(self.seats, pinned=pins)
        rule = check.committee_is_dispersed_over_centres
        assert codes(rule, case, plan_of(case, self.three[0])) == ["centre_members"]
        assert codes(rule, case, plan_of(case, ("S1", "E1", FAR))) == []

    def test_prefecture_by_the_size_of_the_committee(self) -> None:
        case = with_limits(problem(self.seats), prefecture_permille=600)  # 1.8 of 3: two
        rule = check.committee_is_dispersed_over_prefectures
        plan = plan_of(case, ("S1", "E1", NEAR), ("S1", "E2", FAR), ("S1", "E3", FAR))
        (reason,) = rule(case, plan)
        assert reason.params["members_max"] == 2
        plan = plan_of(case, ("S1", "E1", NEAR), ("S1", "E2", FAR), ("S1", "E3", OTHER))
        assert codes(rule, case, plan) == []


class TestTwoPlacesAtOnce:
    def test_two_sessions_of_one_plan(self) -> None:
        case = problem([seat("E1", "S1", slots=(AM, PM)), seat("E1", "S2", slots=(PM,))])
        plan = plan_of(case, ("S1", "E1", NEAR), ("S2", "E1", FAR))
        (reason,) = check.nobody_sits_in_two_places(case, plan)
        assert reason.params == {
            "expert": "E1",
            "day": DAY.isoformat(),
            "part": "PM",
            "sessions": "S1, S2",
        }

    def test_one_after_the_other(self) -> None:
        case = problem([seat("E1", "S1", slots=(AM,)), seat("E1", "S2", slots=(PM,))])
        plan = plan_of(case, ("S1", "E1", NEAR), ("S2", "E1", FAR))
        assert codes(check.nobody_sits_in_two_places, case, plan) == []

    def test_an_earlier_plan(self) -> None:
        case = problem([seat(busy=(AM,))])
        plan = plan_of(case, ("S1", "E1", NEAR))
        assert codes(check.nobody_sits_in_two_places, case, plan) == ["busy"]


class TestCost:
    """What a plan costs, each part by hand."""

    def test_ways(self) -> None:
        assert check.way_cost(ONE, plan_of(ONE, ("S1", "E1", OTHER))) == 40_000

    def test_the_seed_adds_up_to_its_amplitude(self) -> None:
        case = replace(ONE, weights=replace(ONE.weights, amplitude=2_000))
        plan = plan_of(case, ("S1", "E1", OTHER))
        costs = {check.way_cost(replace(case, seed=bytes([n])), plan) - 40_000 for n in range(40)}
        assert len(costs) > 20
        assert min(costs) >= 0
        assert max(costs) <= 2_000

    def test_second_member_and_prefecture(self) -> None:
        case = problem([seat("E1"), seat("E2"), seat("E3")])
        plan = plan_of(case, ("S1", "E1", NEAR), ("S1", "E2", NEAR), ("S1", "E3", FAR))
        assert check.centre_cost(case, plan) == 25_000
        assert check.prefecture_cost(case, plan) == 20_000  # three where one in three is free

    def test_only_new_members_are_priced(self) -> None:
        pins = [Pinned("S1", "E8", NEAR), Pinned("S1", "E9", NEAR)]
        case = problem([seat("E1")], [committee(members=3)], pinned=pins)
        plan = plan_of(case, ("S1", "E1", FAR))
        assert check.centre_cost(case, plan) == 0
        assert check.prefecture_cost(case, plan) == 10_000

    def test_load_above_the_fair_share(self) -> None:
        places = [replace(place, fair=1, load=1) for place in PLACES]
        case = problem([seat(f"E{n}") for n in range(4)], places=places)
        rows = [("S1", f"E{n}", NEAR) for n in range(4)]
        assert check.load_cost(case, plan_of(case, *rows)) == 4_000 + 12_000 + 30_000 + 30_000


def test_every_planted_breach_is_caught() -> None:
    """A good plan is copied and spoilt in each way; the checker tells each."""
    case = problem(
        [
            seat("E1", slots=(AM, PM), employer="USCC-OTHER"),
            seat("E2", slots=(AM,), needs=CAD),
            seat("E3", slots=(NIGHT,), overnight=True),
            seat("E1", "S2", slots=(NIGHT,), overnight=True),
        ],
        [committee("S1", county="none", forbidden=()), committee("S2", host=FAR)],
        free={
            (HOST, BASIC): 1,
            (HOST, CAD): 1,
            (NEAR, BASIC): (0, 0, 2),
            (NEAR, CAD): 1,
            (OTHER, CAD): 2,
            (FAR, BASIC): 2,
        },
    )
    good = plan_of(
        case,
        ("S1", "E1", FAR),
        ("S1", "E2", OTHER, CAD),
        ("S1", "E3", NEAR),
        ("S2", "E1", NEAR),
    )
    assert check.violations(case, good) == []
    spoilt = {
        "not_listed": good.assignments[:3],
        "employer_centre": _with(good, 0, centre_id=OTHER, equipment=CAD),
        "no_group": _with(good, 0, centre_id=OTHER, equipment=BASIC),
        "equipment": _with(good, 1, centre_id=NEAR, equipment=BASIC),
        "overnight": _with(good, 2, centre_id=FAR),
        "host_centre": _with(good, 2, centre_id=HOST),
        "full": _with(good, 0, centre_id=NEAR),
    }
    for code, assignments in spoilt.items():
        found = {r.code for r in check.violations(case, replace(good, assignments=assignments))}
        assert f"evaluation.seat.{code}" in found, code


def _with(plan: Plan, index: int, **changes: object) -> tuple[Assignment, ...]:
    rows = list(plan.assignments)
    rows[index] = replace(rows[index], **changes)  # type: ignore[arg-type]
    return tuple(rows)
