"""The booth is drawn from the seed when its expert comes."""

from __future__ import annotations

import pytest

from archive.errors import Kind as RefusalKind
from archive.errors import Refusal
from archive.journal import service as journal
from evaluation.seating import service
from evaluation.seating.checkin import service as checkin
from evaluation.stations import service as stations
from evaluation.stations.station import GroupKey
from tests.builders import STAFF, expert
from tests.evaluation.seating.cases import AM, NIGHT, PM
from tests.evaluation.seating.conftest import Desk, request


class TestCheckIn:
    """The booth is drawn when the expert stands there (现场随机分配工位)."""

    def crowd(self, desk: Desk) -> dict[str, str]:
        """Fill both basic stations of the near centre; expert → session."""
        wanted = [request("E1", "S1"), request("E2", "S2"), request("E3", "S3", slots=(PM,))]
        desk.seat(*wanted)
        return {one.expert_id: one.session_id for one in wanted}

    def test_everybody_gets_a_booth_of_the_group_and_nobody_the_same(self, desk: Desk) -> None:
        sessions = self.crowd(desk)
        seats = []
        for who, session in sessions.items():
            with desk.office.write() as tx:
                seats.append(checkin.assign_label(tx, STAFF, session, who))
        held = {(seat.centre_id, seat.label, slot) for seat in seats for slot in seat.slots}
        assert len(held) == 3
        assert all(seat.label for seat in seats)

    def test_it_is_not_known_before_and_stays_the_same_after(self, desk: Desk) -> None:
        self.crowd(desk)
        with desk.office.read() as db:
            assert service.seats_of(db, "S1")[0].label == ""
        with desk.office.write() as tx:
            first = checkin.assign_label(tx, expert("E1"), "S1", "E1")
        with desk.office.write() as tx:
            assert checkin.assign_label(tx, expert("E1"), "S1", "E1") == first
        with desk.office.read() as db:
            assert service.seats_of(db, "S1")[0] == first
            entries = [e for e in journal.entries(db, "session/S1") if "booth" in e.action]
        assert [entry.data["label"] for entry in entries] == [first.label]
        assert first.label in entries[0].data["free"]

    def test_whoever_is_early_leaves_a_booth_for_those_before(self, desk: Desk) -> None:
        """A long stay from the morning has no booth yet when two of the afternoon come early."""
        desk.seat(request("E1", "S1", slots=(AM, PM, NIGHT)))
        group = service_group(desk, "S1")
        early = []
        for who, session in (("E2", "S2"), ("E3", "S3")):
            desk.seat(request(who, session, slots=(NIGHT,)))
            if service_group(desk, session) == group:
                early.append((who, session))
        assert early
        for who, session in early:
            with desk.office.write() as tx:
                checkin.assign_label(tx, STAFF, session, who)
        with desk.office.read() as db:
            assert service.seats_of(db, "S1")[0].label == ""
            booths = [e for e in journal.entries(db, "session/S1") if "booth" in e.action]
            assert booths == []
        with desk.office.write() as tx:
            late = checkin.assign_label(tx, STAFF, "S1", "E1")
        with desk.office.read() as db:
            others = [service.seats_of(db, session)[0].label for _, session in early]
        assert late.label not in others

    def test_a_booth_that_fails_is_drawn_anew(self, desk: Desk) -> None:
        self.crowd(desk)
        with desk.office.write() as tx:
            first = checkin.assign_label(tx, STAFF, "S3", "E3")
        with desk.office.write() as tx:
            stations.close_station(tx, STAFF, first.centre_id, first.label, PM, NIGHT, "无声")
        if len(group_labels(desk, first.group)) > 1:
            with desk.office.write() as tx:
                second = checkin.assign_label(tx, STAFF, "S3", "E3")
            assert second.label != first.label
        else:
            with pytest.raises(Refusal) as refused, desk.office.write() as tx:
                checkin.assign_label(tx, STAFF, "S3", "E3")
            assert refused.value.code == "evaluation.seat.no_booth"

    def test_only_the_expert_or_staff(self, desk: Desk) -> None:
        self.crowd(desk)
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            checkin.assign_label(tx, expert("E2"), "S1", "E1")
        assert refused.value.kind is RefusalKind.FORBIDDEN
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            checkin.assign_label(tx, STAFF, "S1", "E2")
        assert refused.value.kind is RefusalKind.NOT_FOUND


def service_group(desk: Desk, session: str) -> GroupKey:
    with desk.office.read() as db:
        return service.seats_of(db, session)[0].group


def group_labels(desk: Desk, group: GroupKey) -> tuple[str, ...]:
    with desk.office.read() as db:
        return stations.labels(db, group)
