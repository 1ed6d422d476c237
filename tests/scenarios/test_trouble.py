"""The demo day goes wrong and is planned anew: a centre without power, a review that takes the night, a
booth that fails."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.demo import people
from api.flows import changes as flow
from api.flows import desk, replanning
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.verification.report import Status
from evaluation.seating import service as seating
from evaluation.seating.plan import Plan, from_document
from evaluation.seating.problem import Problem
from evaluation.seating.proposals import trouble as troubles
from evaluation.seating.proposals.trouble import Trouble
from evaluation.seating.verify import verify_plan
from evaluation.session.state import Stage
from evaluation.stations import service as stations
from evaluation.stations.slots import SLOTS_A_DAY, holds_night, slot_at
from experts.draws import service as draws
from tests.scenarios.conftest import Played
from tests.support.playing import Province, province_at
from tests.support.servers import free_port

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


EVENING = datetime(2026, 10, 21, 12, tzinfo=UTC)
"""20:00 of the demonstration's day."""


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


def _nobody_goes_for_want_of_a_station(at: Province, host: Actor) -> None:
    """条例 第四十八条, docs/decisions/0012: who reviews already is not replaced because a night, or a
    fault, has left him without a station; so no overrun changes a committee."""
    with at.office.read() as db:
        lot_id, before = at.session.lot_id, draws.committee(db, at.session.draw_id)
        held = seating.seats_of(db, at.session.id)
    with at.office.write() as tx:
        seating.release_seats(tx, host, at.session.id, held[0].expert_id)
    with pytest.raises(Refusal) as caught, at.office.write() as tx:
        desk.substitute_unseated(tx, host, lot_id)
    assert (caught.value.code, caught.value.kind) == ("api.desk.reviews_already", Kind.CONFLICT)
    with at.office.read() as db:
        assert draws.committee(db, at.session.draw_id) == before


@pytest.mark.slow
def test_a_trouble_that_comes_to_nobody(run_folder: Path, tmp_path: Path) -> None:
    """In the evening every seat that is held has begun, and keeps its place: a booth where nobody sits concerns none of them, nor does
    one whose hours are over before a proposal is made. What is over, too far off or too long is refused."""
    with province_at(run_folder, Stage.REVIEWING, tmp_path / "day", free_port()) as at:
        at.clock.move_to(EVENING)
        now = slot_at(EVENING)
        with at.office.read() as db:
            taken = {seat.centre_id for seat in seating.seats_in(db, now, now)}
            group = next(g for g in stations.groups(db) if g.centre_id not in taken)
        kind = troubles.Kind.STATION
        booth = Trouble(kind, "示例故障", now, now + 1, group.centre_id, group.labels[0])
        staff = people.staff(group.centre_id)
        with pytest.raises(Refusal) as caught, at.office.write() as tx:
            flow.ask(tx, staff, booth)
        assert (caught.value.code, caught.value.kind) == (
            "evaluation.seat.trouble_none",
            Kind.CONFLICT,
        )
        struck = Trouble(kind, "示例故障", now, now + 1, min(taken), "1")
        with at.office.read() as db:
            assert replanning.problem_of(db, booth, now) is None
            assert replanning.problem_of(db, struck, now) is not None
            assert replanning.problem_of(db, struck, now + 1) is None
        session = at.session
        with at.office.read() as db:
            begins = min(seat.slots[0] for seat in seating.seats_of(db, session.id))
        host, overrun = people.staff(session.centre_id), troubles.Kind.OVERRUN
        for until, code in (
            (now + 31, "evaluation.seat.trouble_far"),
            (begins + 3 * SLOTS_A_DAY + 1, "evaluation.seat.trouble_long"),
            (now, "evaluation.seat.trouble_over"),
        ):
            late = Trouble(overrun, "示例延长", until - 1, until, session_id=session.id)
            with pytest.raises(Refusal) as caught, at.office.write() as tx:
                flow.ask(tx, host, late)
            assert [(f.pointer, f.code) for f in caught.value.faults] == [("/until", code)]
        _nobody_goes_for_want_of_a_station(at, host)
