"""A day of the whole province, solved once; and the synthetic stations it stands on."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from evaluation.seating import check, search
from evaluation.seating.plan import Method
from evaluation.seating.problem import Problem
from evaluation.seating.solve import solve
from evaluation.stations.station import Equipment
from evaluation.synthetic import DALI_STATIONS, seat_requests, venues
from tests.evaluation.seating.cases import DAY, province_day
from trading.synthetic import centres


class TestSyntheticStations:
    """Dali's report: 12 centres, 93 stations."""

    stock = venues(b"stations", centres())

    def test_dali_has_ninety_three(self) -> None:
        dali = [venue for venue in self.stock if venue.centre_id.startswith("5329")]
        assert len(dali) == 12
        assert sum(r.stations for v in dali for r in v.rooms) == DALI_STATIONS == 93

    def test_the_province_has_about_twelve_hundred(self) -> None:
        assert sum(room.stations for venue in self.stock for room in venue.rooms) == 1_200

    def test_the_prefectures_are_larger_and_hold_nights(self) -> None:
        sizes = {v.centre_id: sum(r.stations for r in v.rooms) for v in self.stock}
        towns = [v for v in self.stock if v.centre_id.endswith("00")]
        assert all(venue.overnight for venue in towns)
        least = min(sizes[venue.centre_id] for venue in towns)
        assert least > max(size for centre, size in sizes.items() if not centre.endswith("00"))
        assert {room.equipment for venue in towns for room in venue.rooms} == set(Equipment)

    def test_the_seed_alone_decides(self) -> None:
        assert venues(b"stations", tuple(reversed(centres()))) == self.stock
        assert venues(b"others", centres()) != self.stock
        requests = seat_requests(b"1", centres(), DAY, 5)
        assert requests == seat_requests(b"1", centres(), DAY, 5)

    def test_a_part_of_the_province(self) -> None:
        some = [centre for centre in centres() if centre.id.startswith("5301")]
        stock = venues(b"stations", some)
        assert (
            sum(room.stations for venue in stock for room in venue.rooms)
            == 1_200 * len(some) // 141
        )


@pytest.fixture(scope="module")
def day() -> Problem:
    return province_day(b"1", 100)


@pytest.mark.slow
class TestProvinceDay:
    """140 centres, 1,200 stations, 100 sessions, 630 seats."""

    def test_proven_to_the_last_milli_in_about_a_second(self, day: Problem) -> None:
        began = time.perf_counter()
        plan = solve(day)
        seconds = time.perf_counter() - began
        assert seconds < 5  # alone about half a second; other tests share the machine
        assert len(day.seats) > 600
        assert check.violations(day, plan) == []
        assert plan.method is Method.LINEAR
        assert plan.gap_ppm <= day.limits.gap_ppm
        quick = search.plan(day)
        assert check.violations(day, quick) == []
        assert plan.objective < quick.objective

    def test_the_same_seed_gives_the_same_seats(self, day: Problem) -> None:
        small = province_day(b"2", 12)
        mixed = province_day(b"2", 12, requests=seat_requests(b"2", centres(), DAY, 12)[::-1])
        assert small.digest == mixed.digest
        first = solve(small)
        assert solve(mixed) == first
        assert solve(replace(small, seed=b"x")).assignments != first.assignments

    def test_a_tight_day_is_near_its_bound_too(self) -> None:
        tight = province_day(b"3", 30, percent_free=20)
        plan = solve(tight)
        assert check.violations(tight, plan) == []
        assert plan.unseated
        assert plan.gap_ppm <= tight.limits.gap_ppm
