"""The demo day goes wrong and is planned anew: a centre without power, a review that takes the night, a
booth that fails."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from archive.verification.report import Status
from evaluation.seating.plan import Plan, from_document
from evaluation.seating.problem import Problem
from evaluation.seating.verify import verify_plan
from evaluation.stations.slots import holds_night
from tests.scenarios.conftest import Played

pytestmark = pytest.mark.db


def changes(played: Played) -> dict[str, tuple[dict[str, object], Problem, Plan]]:
    """By kind of trouble: what was reported, and the plan that was confirmed for it."""
    with closing(sqlite3.connect(played.folder / "data" / "bigloop.db")) as database:
        rows = database.execute("SELECT trouble, state, plan_id FROM seat_proposal").fetchall()
    found = {}
    for trouble, state, plan_id in rows:
        assert state == "CONFIRMED"
        document = json.loads((played.folder / "plans" / f"plan-{plan_id}.json").read_text())
        assert [step.status for step in verify_plan(document)] == [Status.OK] * 6
        said = json.loads(trouble)
        found[said["kind"]] = (said, *from_document(document))
    return found


class TestTheDayGoesWrong:
    """Each change is confirmed, and its plan verified without a solver."""

    def test_three_times_and_each_time_the_plan_is_proven(self, played: Played) -> None:
        found = changes(played)
        assert set(found) == {"CENTRE", "OVERRUN", "STATION"}
        for _, problem, plan in found.values():
            assert not plan.unseated
            assert plan.objective == plan.bound
            assert problem.seats

    def test_nobody_is_left_in_the_lost_centre(self, played: Played) -> None:
        said, problem, plan = changes(played)["CENTRE"]
        lost = [seat for seat in problem.seats if seat.current == said["centre_id"]]
        assert lost
        there = {
            given.key
            for given in plan.assignments
            if given.centre_id == said["centre_id"]
            and said["first"] in problem.seat_of[given.key].stays[given.stay]
        }
        assert not there

    def test_the_overrun_holds_the_night_where_nights_can_be_held(self, played: Played) -> None:
        said, problem, plan = changes(played)["OVERRUN"]
        overnight = {place.centre_id for place in problem.places if place.overnight}
        own = [given for given in plan.assignments if given.session_id == said["session_id"]]
        assert own
        for given in own:
            assert holds_night(problem.seat_of[given.key].stays[given.stay])
            assert given.centre_id in overnight
