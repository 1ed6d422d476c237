"""`bigloop demo --months`: volumes by the planner alone."""

from __future__ import annotations

from api.demo import months
from api.demo.province import Province
from api.demo.script import cohort
from evaluation.seating import check
from evaluation.seating.solve import solve
from evaluation.stations.station import groups_of

SEED = 1


class TestVolumes:
    """Dali, January to October 2024: 400 projects hosted, 4,533 seats given, on 210 working days."""

    def test_two_days_are_planned_to_the_proof_and_counted_both_ways(self) -> None:
        province = Province(SEED, months.FIRST, 3_000)
        figures = months.volumes(1, SEED, province, days_max=2)
        assert figures["working_days"] == 2
        assert figures["plans_proven_best"] == 2
        assert figures["province_unseated"] == 0
        assert figures["loop_share_percent"] == 100
        given, received = figures["seats_given"], figures["seats_received"]
        assert 15 <= int(given) <= 90  # the published figures are 43 in two days
        assert int(received) > int(figures["seats_within_dali"])

    def test_a_night_is_still_held_the_next_morning(self) -> None:
        province = Province(SEED, months.FIRST, 3_000)
        groups, centres = groups_of(province.venues), province.parties.centres
        first, second = (day for day in months._days(1)[1:3])
        projects = cohort(SEED, first, province.cast)
        problem = months.problem_of(
            SEED, first, months._requests(province, SEED, first, projects), groups, centres
        )
        held = months._held(problem, solve(problem))
        assert held
        after = cohort(SEED, second, province.cast)
        busy = {seat.expert_id for seat in held}
        requests = months._requests(province, SEED, second, after, busy)
        assert busy.isdisjoint(request.expert_id for request in requests)
        morning = months.problem_of(SEED, second, requests, groups, centres, held)
        alone = months.problem_of(SEED, second, requests, groups, centres)
        gone = sum(sum(group.free) for group in alone.groups) - sum(
            sum(group.free) for group in morning.groups
        )
        assert gone == sum(sum(slot in morning.slots for slot in seat.slots) for seat in held)
        assert not check.violations(morning, solve(morning))
