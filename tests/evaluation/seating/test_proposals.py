"""A new plan for a day that went wrong: shown, then confirmed, put aside or lapsed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from archive.clock import DrivenClock
from archive.errors import Kind as RefusalKind
from archive.errors import Refusal
from archive.journal import service as journal
from archive.tasks.service import Worker
from evaluation.seating import service
from evaluation.seating.problem import SeatRequest
from evaluation.seating.proposals import service as proposals
from evaluation.seating.proposals.trouble import Kind, Trouble
from evaluation.seating.replan import Concerned
from evaluation.seating.solve import solve
from evaluation.stations import service as stations
from evaluation.stations.slots import begins_at
from evaluation.stations.station import GroupKey
from tests.builders import STAFF
from tests.evaluation.seating.cases import AM, BASIC, DAY, FAR, HOST, NEAR, NIGHT, OTHER, PM
from tests.evaluation.seating.conftest import SEED, Desk, request
from trading.rules.book import book


class Proposing:
    """A booth fails, and the day is planned anew."""

    trouble = Trouble(Kind.STATION, "断电", AM, NIGHT, centre_id=NEAR, label="A-01")
    centre = NEAR

    def proposed(self, desk: Desk, name: str = "P1") -> tuple[SeatRequest, ...]:
        wanted = (request("E1", "S1"), request("E2", "S2"), request("E3", "S3"))
        with desk.office.read() as db:
            seated = bool(service.seats_of(db, "S1"))
        if not seated:
            desk.seat(*wanted)
        with desk.office.read() as db:
            problem = service.replan(
                db,
                wanted,
                on_days=[DAY],
                seed=SEED,
                and_closed=self.trouble.closures(stations.groups(db)),
                keeps_reserve=False,
            )
        plan = solve(problem)
        for _ in range(2):  # a task may be run twice
            with desk.office.write() as tx:
                proposals.propose(tx, STAFF, name, self.trouble, problem, plan, self.centre)
        return wanted


class TestProposals(Proposing):
    """What would change is shown first; nothing has changed until somebody confirms."""

    def test_shown_then_confirmed(self, desk: Desk) -> None:
        self.proposed(desk)
        with desk.office.read() as db:
            before = [seat for k in ("S1", "S2", "S3") for seat in service.seats_of(db, k)]
            (shown,) = proposals.proposals(db, desk.office.vault)
            assert stations.capacity_in(db, [AM]).of(GroupKey(NEAR, BASIC), AM) == 2
        assert shown == proposals_read(desk, "P1")
        (move,) = shown.difference.moved
        assert (move.before, move.after) == (NEAR, FAR)
        assert (shown.trouble, shown.state) == (self.trouble, "PROPOSED")
        assert shown.difference.stays == 2
        with desk.office.write() as tx:
            confirmed = proposals.confirm(tx, STAFF, "P1")
        assert {seat.id for seat in before} & {seat.id for seat in confirmed.seats}
        with desk.office.read() as db:
            (moved,) = service.seats_of(db, move.key.session_id)
            assert moved.centre_id == move.after
            assert service.overbooked(db, [DAY]) == ()
            assert stations.capacity_in(db, [AM]).of(GroupKey(NEAR, BASIC), AM) == 1
        assert proposals_read(desk, "P1").state == "CONFIRMED"

    def test_every_centre_concerned_is_told_once(self, desk: Desk) -> None:
        self.proposed(desk)
        with desk.office.write() as tx:
            proposals.confirm(tx, STAFF, "P1")
        with desk.office.read() as db:
            told = {
                centre: [one.about for one in proposals.notices(db, centre)]
                for centre in (HOST, NEAR, FAR, OTHER)
            }
        assert told == {
            HOST: [Concerned(HOST, 0, 0, 0, 1)],
            NEAR: [Concerned(NEAR, 0, 1, 0, 0)],
            FAR: [Concerned(FAR, 1, 0, 0, 0)],
            OTHER: [],
        }
        guest = replace(STAFF, centre_id=NEAR)
        with desk.office.write() as tx:
            proposals.note(tx, guest, "P1")
        with desk.office.read() as db:
            assert proposals.notices(db, NEAR) == ()
            assert len(proposals.notices(db, FAR)) == 1
        for actor, kind in ((guest, "CONFLICT"), (replace(STAFF, centre_id=OTHER), "NOT_FOUND")):
            with pytest.raises(Refusal) as refused, desk.office.write() as tx:
                proposals.note(tx, actor, "P1")
            assert refused.value.kind == kind

    def test_of_two_one_is_confirmed(self, desk: Desk) -> None:
        self.proposed(desk, "P1")
        self.proposed(desk, "P2")
        with desk.office.write() as tx:
            proposals.confirm(tx, STAFF, "P1")
        for name, code in (("P1", "proposal_decided"), ("P2", "planned_meanwhile")):
            with pytest.raises(Refusal) as refused, desk.office.write() as tx:
                proposals.confirm(tx, STAFF, name)
            assert refused.value.code == f"evaluation.seat.{code}"
            assert refused.value.kind is RefusalKind.CONFLICT

    def test_withdrawn(self, desk: Desk) -> None:
        self.proposed(desk)
        with desk.office.write() as tx:
            proposals.withdraw(tx, STAFF, "P1")
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            proposals.confirm(tx, STAFF, "P1")
        assert refused.value.code == "evaluation.seat.proposal_decided"
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            proposals.withdraw(tx, STAFF, "P9")
        assert refused.value.kind is RefusalKind.NOT_FOUND

    def test_every_fault_of_a_report_is_told(self) -> None:
        with pytest.raises(Refusal) as refused:
            Trouble(Kind.STATION, "", PM, AM).check()
        assert {fault.pointer for fault in refused.value.faults} == {
            "/reason",
            "/until",
            "/centre_id",
            "/label",
        }


def proposals_read(desk: Desk, name: str) -> proposals.Proposal:
    with desk.office.read() as db:
        return proposals.proposal(db, desk.office.vault, name)


LAPSES_AT = begins_at(NIGHT)
"""The trouble is over before the rule's hours are: there is nothing left to be decided."""


class TestLapse(Proposing):
    """`seating.proposal_hours`: what nobody decides changes nothing for ever; its end is stated at once."""

    def at(self, desk: Desk, moment: datetime) -> None:
        assert isinstance(desk.office.clock, DrivenClock)
        desk.office.clock.move_to(moment)

    def work(self, desk: Desk) -> None:
        handlers = {proposals.LAPSE_TASK: proposals.lapse_task}
        Worker(desk.office, handlers, "test").run_all_due()

    def test_it_states_when_and_until_then_may_be_decided(self, desk: Desk) -> None:
        self.proposed(desk)
        assert proposals_read(desk, "P1").lapses_at == LAPSES_AT
        self.at(desk, LAPSES_AT - timedelta(milliseconds=1))
        self.work(desk)
        assert proposals_read(desk, "P1").may_be_decided(desk.office.clock.now())
        with desk.office.write() as tx:
            proposals.confirm(tx, STAFF, "P1")
        self.at(desk, LAPSES_AT)
        self.work(desk)
        assert proposals_read(desk, "P1").state == "CONFIRMED"

    def test_the_rules_hours_where_the_trouble_lasts_longer(self, desk: Desk) -> None:
        hours = timedelta(hours=book().rule(proposals.RULE_HOURS, DAY).number)
        self.trouble = replace(self.trouble, until=NIGHT + 3)
        self.proposed(desk)
        made = proposals_read(desk, "P1")
        assert made.lapses_at == made.proposed_at + hours

    def test_nobody_decided(self, desk: Desk) -> None:
        """No seat and no booth was held, an entry says so, and whom it concerns is told once."""
        self.proposed(desk)
        with desk.office.read() as db:
            seats = service.seats_of(db, "S1"), stations.capacity_in(db, [AM])
        self.at(desk, LAPSES_AT)
        for act in (proposals.confirm, proposals.withdraw):  # the hour counts, not the worker
            with pytest.raises(Refusal) as refused, desk.office.write() as tx:
                act(tx, STAFF, "P1")
            assert refused.value.code == "evaluation.seat.proposal_lapsed"
            assert refused.value.kind is RefusalKind.TOO_LATE
        self.work(desk)
        with desk.office.write() as tx:
            proposals.lapse_task(desk.office, {"proposal": "P1"})(tx)  # a task may be run twice
        assert proposals_read(desk, "P1").state == "LAPSED"
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            proposals.confirm(tx, STAFF, "P1")
        assert refused.value.code == "evaluation.seat.proposal_lapsed"
        with desk.office.read() as db:
            assert proposals.proposals(db, desk.office.vault) == ()
            assert seats == (service.seats_of(db, "S1"), stations.capacity_in(db, [AM]))
            entries = list(journal.entries(db, "plan/P1"))
            told = {
                centre: [(one.is_lapsed, one.about.hosted) for one in proposals.notices(db, centre)]
                for centre in (HOST, NEAR, FAR, OTHER)
            }
        assert [entry.action for entry in entries][1:] == ["evaluation:plan:lapsed"]
        assert entries[-1].data["centres"] == sorted((HOST, NEAR))
        # NEAR reported it, HOST holds the session; FAR would have given a seat and never heard of it
        assert told == {HOST: [(True, 1)], NEAR: [(True, 0)], FAR: [], OTHER: []}

    def test_a_session_whose_seats_all_stay_has_its_host_told(self, desk: Desk) -> None:
        """It is no part of the problem: its experts sit already, and an overrun asks for nothing new."""
        self.trouble = Trouble(Kind.OVERRUN, "评审未完", AM, NIGHT, session_id="S9")
        self.centre = HOST
        self.proposed(desk)
        self.at(desk, LAPSES_AT)
        self.work(desk)
        assert proposals_read(desk, "P1").state == "LAPSED"
        with desk.office.read() as db:
            (told,) = proposals.notices(db, HOST)
        assert told.is_lapsed
