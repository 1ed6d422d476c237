"""A clock that is set by five seconds, and a cut of twelve hours: the order stays, and alarms tell the truth, as
whoever checks the record later judges it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from api.watchkeeper import Keeper
from evaluation.witness.record_check import judge_recording
from evaluation.witness.stations import service as stations
from evaluation.witness.stations.service import REPORTS_MAX
from tests.api.test_watchkeeper import HostClock
from tests.builders import SUPERVISOR
from tests.evaluation.witness.conftest import locked_office, sealing  # noqa: F401  fixtures
from tests.evaluation.witness.night import VENUE, WITNESS_A, Device, Night

HOURS = 12


@pytest.fixture
def night(sealing: Night) -> tuple[Night, Device, HostClock]:  # noqa: F811
    """Sealed, witnessed, with a station; legal time is the host's clock, as in production."""
    host = HostClock(sealing.now)
    sealing.office.clock = host
    sealing.on_duty(WITNESS_A)
    sealing.seal()
    device = Device("cam-1", sealing.id)
    bound = {"venue": VENUE, "station": "cam-1", "algorithm": "P-256", "key": device.public}
    sealing.do(stations.bind_station, SUPERVISOR, **bound, every=5)
    return sealing, device, host


def alarms(night: Night) -> list[tuple[str, str, str]]:
    found = (entry.data for entry in night.entries("alarm"))
    return [(one["state"], one["alarm"], one.get("station", "")) for one in found]


def judged(night: Night) -> None:
    """Numbers without a gap, times that never go back, and nothing that a verifier would say."""
    entries = night.entries()
    assert [entry.seq for entry in entries] == list(range(len(entries)))
    times = [entry.at for entry in entries]
    assert times == sorted(times)
    judged = judge_recording(f"{night.office.log.name}/session/{night.id}", entries)
    assert judged.faults == []


def report(night: Night, device: Device, since: HostClock) -> None:
    """The station's own clock is right."""
    at = night.now
    device.up = 1000 + round(since.steady * 1000)
    night.send(device, device.report(at))


@pytest.mark.parametrize("steps", [{8: -5}, {8: 5}, {6: 5, 17: -5, 28: -5, 33: 5}])
def test_the_clock_is_set_while_stations_report(
    night: tuple[Night, Device, HostClock], steps: dict[int, int]
) -> None:
    sealed, device, host = night
    keeper = Keeper(sealed.office, "node-1", host=host)
    true_start = host.wall
    for second in range(45):
        host.pass_time(1, wall=1 + steps.get(second, 0))
        if second % 5 == 0:
            device.up = 1000 + second * 1000
            sealed.send(device, device.report(true_start + timedelta(seconds=second)))
        keeper.round()
    assert [entry.data["step_ms"] for entry in sealed.entries("clock_step")] == [
        step * 1000 for step in steps.values()
    ]
    assert alarms(sealed) == [("RAISED", "CLOCK_STEP", "")]
    judged(sealed)


def silent(found: Iterable[tuple[str, str, str]]) -> list[str]:
    return [state for state, alarm, _ in found if alarm == "STATION_SILENT"]


def test_a_station_is_cut_for_twelve_hours(night: tuple[Night, Device, HostClock]) -> None:
    """It keeps what it reported, and sends it in order when the line is back."""
    sealed, device, host = night
    keeper = Keeper(sealed.office, "node-1", host=host)
    start = host.wall
    kept = []
    for minute in range(HOURS * 60):
        host.pass_time(60)
        device.up += 60_000
        kept.append(device.report(start + timedelta(minutes=minute + 1)))
        if minute % 30 == 0:
            keeper.round()
    assert silent(alarms(sealed)) == ["RAISED", "ESCALATED", "ESCALATED"]
    for first in range(0, len(kept), REPORTS_MAX):
        taken = sealed.send(device, *kept[first : first + REPORTS_MAX])
        assert all(one.is_recorded for one in taken)
    host.pass_time(1)
    keeper.round()
    assert silent(alarms(sealed))[-1] == "CLEARED"
    assert len(sealed.entries("heartbeat")) == len(kept)
    assert not sealed.entries("station_gap")
    judged(sealed)


def test_the_power_is_cut_for_twelve_hours(night: tuple[Night, Device, HostClock]) -> None:
    """Nobody watched: the next keeper has the next fence number, and says at once what is due."""
    sealed, device, host = night
    report(sealed, device, host)
    Keeper(sealed.office, "node-1", host=host).round()
    host.pass_time(HOURS * 3600)
    second = Keeper(sealed.office, "node-2", host=host)
    second.round()
    raised = [entry.data for entry in sealed.entries("alarm")]
    assert {one["alarm"] for one in raised if one["state"] == "RAISED"} >= {
        "STATION_SILENT",
        "NOT_COSIGNED",
        "PRESENCE_OVERDUE",
    }
    assert {one["fence"] for one in raised} == {2}
    report(sealed, device, host)
    host.pass_time(1)
    second.round()
    assert silent(alarms(sealed))[-1] == "CLEARED"
    judged(sealed)
