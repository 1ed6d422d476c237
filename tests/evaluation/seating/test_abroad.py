"""Seats of another province: given by name alone, and as long as the agreement holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from archive.actor import SYSTEM
from archive.errors import Refusal
from evaluation.accounts.account import Use, accounts
from evaluation.seating import service
from evaluation.seating.checkin import service as checkin
from evaluation.seating.solve import solve
from evaluation.stations import service as stations
from evaluation.stations.opening import ALWAYS
from evaluation.stations.station import Equipment, Room
from evaluation.stations.station import Venue as Installed
from evaluation.venues import service as venues
from evaluation.venues.venue import Coverage, Venue, Zone
from tests.builders import STAFF
from tests.evaluation.seating.cases import DAY, HOST, NEAR
from tests.evaluation.seating.conftest import Desk, request
from trading.divisions import yunnan
from trading.money import Money

ABROAD = Venue(
    id="510000-1",
    name="示例外省中心",
    province="51",
    stations=2,
    opening=ALWAYS,
    overnight=True,
    fee=Money.yuan(80),
    meals="",
    lodging="",
    way="",
    zones=frozenset(Zone),
    coverages=frozenset(Coverage),
    agreement="示例协议",
    agreement_from=DAY,
    agreement_until=DAY,
    division="510411",
    lon=yunnan()[NEAR].lon,
    lat=yunnan()[NEAR].lat + 0.5,
)


class TestAcrossTheBorder:
    """Seats of another province: under an agreement in force (发改办法规〔2025〕807号), by name alone."""

    def open(self, desk: Desk, venue: Venue = ABROAD) -> None:
        with desk.office.write() as tx:
            venues.publish(tx, SYSTEM, [venue])
            rooms = (Room("W", Equipment.BASIC, 3),)
            stations.install(tx, SYSTEM, [Installed(venue.id, True, rooms)])

    def test_one_to_one_with_a_guest_of_another_province(self, desk: Desk) -> None:
        self.open(desk)
        names = [replace(request(f"E{n}"), members=3, guests=(ABROAD.id,)) for n in range(3)]
        plan = desk.seat(*names, replace(request("E9", "S2"), members=1))
        assert [seat.centre_id for seat in plan.seats[:3]] == [ABROAD.id] * 3
        assert plan.seats[3].centre_id == NEAR
        with desk.office.read() as db:
            uses = [Use(HOST, seat.centre_id, seat.slots) for seat in plan.seats]
            (owed,) = [a.owed for a in accounts(uses, venues.fees(db)) if a.area == HOST]
        assert owed == Money.yuan(240)
        with desk.office.write() as tx:
            assert checkin.assign_label(tx, STAFF, "S1", "E0").label.startswith("W-")

    def test_an_expert_who_lives_there(self, desk: Desk) -> None:
        """A home beyond the border is a mistake of coordinates, unless a guest there is known."""
        away = replace(request("E1"), members=1, lon=110.0, lat=30.0, guests=(ABROAD.id,))
        with pytest.raises(Refusal) as refused:
            desk.problem(away)
        assert refused.value.faults[0].code == "evaluation.seat.home_outside"
        self.open(desk, replace(ABROAD, lon=110.1, lat=30.1))
        assert [seat.centre_id for seat in desk.seat(away).seats] == [ABROAD.id]

    def test_not_a_day_longer_than_the_agreement(self, desk: Desk) -> None:
        self.open(
            desk,
            replace(
                ABROAD,
                agreement_until=DAY - timedelta(days=1),
                agreement_from=DAY - timedelta(days=9),
            ),
        )
        plan = desk.seat(replace(request("E1"), members=1, guests=(ABROAD.id,)))
        assert [seat.centre_id for seat in plan.seats] == [NEAR]

    def test_ordinary_days_do_not_know_of_it(self, desk: Desk) -> None:
        before = desk.problem(request("E1"))
        self.open(desk)
        assert desk.problem(request("E1")) == before

    def test_an_agreement_that_ends_meanwhile(self, desk: Desk) -> None:
        """Planned while it was in force, confirmed when it was not."""
        self.open(desk)
        problem = desk.problem(replace(request("E1"), members=1, guests=(ABROAD.id,)))
        with desk.office.write() as tx:
            ended = replace(
                ABROAD,
                agreement_from=DAY - timedelta(days=9),
                agreement_until=DAY - timedelta(days=1),
            )
            venues.publish(tx, SYSTEM, [ended])
        with pytest.raises(Refusal) as refused, desk.office.write() as tx:
            service.confirm_plan(tx, STAFF, problem, solve(problem))
        assert refused.value.code == "evaluation.seat.taken_meanwhile"
