"""Stations sign at the source: what is forged, repeated, out of order or left out is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import Kind, Refusal
from archive.journal.entry import moment_text
from evaluation.witness import service as witness
from evaluation.witness.sources import (
    Algorithm,
    Line,
    Report,
    StationKey,
    Wrong,
    decode64,
    judge,
)
from evaluation.witness.stations import service as stations
from tests.builders import START, SUPERVISOR
from tests.evaluation.course import assert_said, sha, staff
from tests.evaluation.witness.night import VENUE, Device, Night

PICTURE = {"track": "t1", "bytes": 100, "sha256": sha("p1"), "sm3": sha("p2"), "luma": 90}


def line_of(device: Device) -> Line:
    key = StationKey.of(device.algorithm, device.public)
    assert key is not None
    return Line(VENUE, key)


def no(night: Night, call: object, *given: object, **named: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        night.do(call, *given, **named)  # type: ignore[arg-type]
    assert_said(caught.value)
    return caught.value


@pytest.mark.parametrize("algorithm", list(Algorithm))
class TestOneLine:
    """The rule `witness.signed_at_source`, purely."""

    def test_reports_in_order_are_taken_in(self, algorithm: str) -> None:
        device = Device("cam-1", "s", algorithm)
        line = line_of(device)
        for n in range(5):
            judged = judge(line, device.report(START + timedelta(seconds=n)))
            assert judged.wrong is None
            assert judged.missing == 0
            line = judged.line
        assert line.next == 5

    @pytest.mark.parametrize(
        "field", ["session", "station", "n", "prev", "at", "up", "kind", "data"]
    )
    def test_nothing_can_be_changed(self, algorithm: str, field: str) -> None:
        device = Device("cam-1", "s", algorithm)
        report = device.report(START)
        other = {"n": 1, "up": 2, "data": {"station": "x"}}.get(field, "other")
        changed = replace(report, **{field: other})  # type: ignore[arg-type]
        assert judge(line_of(device), changed).wrong is Wrong.FORGED

    def test_another_key_is_forged(self, algorithm: str) -> None:
        device, thief = Device("cam-1", "s", algorithm), Device("cam-1", "s", algorithm)
        assert judge(line_of(device), thief.report(START)).wrong is Wrong.FORGED
        for signature in ("", "x", "AAAA", "A" * 86 + "=="):
            report = replace(device.report(START), signature=signature)
            assert judge(line_of(device), report).wrong is Wrong.FORGED

    def test_a_copied_key_shows(self, algorithm: str) -> None:
        """Two devices with one key: the second history does not follow the first."""
        device = Device("cam-1", "s", algorithm)
        copy = Device("cam-1", "s", algorithm, key=device.key)
        line = judge(line_of(device), device.report(START)).line
        copy.report(START, "door", venue=VENUE, door="D", state="OPEN")
        judged = judge(line, copy.report(START))
        assert judged.wrong is Wrong.OTHER_HISTORY
        assert judged.line == line


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 7), max_size=20))
def test_any_order_is_judged_truly(order: list[int]) -> None:
    """Whatever is sent in whatever order: taken in once and rising, else said to be wrong; every
    number that never came is counted as missing."""
    device = Device("cam-1", "s", "ED25519")
    reports = [device.report(START + timedelta(seconds=n)) for n in range(8)]
    line, taken, missing = line_of(device), [], 0
    for n in order:
        judged = judge(line, reports[n])
        if judged.wrong is None and not judged.is_repeat:
            taken.append(n)
            missing += judged.missing
        else:
            assert n < line.next
        line = judged.line
    assert taken == sorted(set(taken))
    assert missing == line.next - len(taken)


class TestTheClock:
    """The rule `witness.clock_step_ms`: the station's wall clock against its own monotonic one."""

    @pytest.mark.parametrize("step", [-5, 5])
    def test_a_step_is_measured_even_when_reported_late(self, step: int) -> None:
        device = Device("cam-1", "s")
        line = judge(line_of(device), device.report(START)).line
        device.up += 60_000
        judged = judge(line, device.report(START + timedelta(seconds=60 + step)))
        assert judged.step == timedelta(seconds=step)

    def test_a_restart_is_no_step(self) -> None:
        device = Device("cam-1", "s")
        line = judge(line_of(device), device.report(START)).line
        device.up = 5
        assert judge(line, device.report(START + timedelta(hours=1))).step == timedelta()


class TestBinding:
    def test_reports_stand_on_the_record_with_their_source(self, any_sealing: Night) -> None:
        night = any_sealing
        device = night.device()
        assert night.beat(device).is_recorded
        night.beat(device, "snapshot", **PICTURE)
        (entry,) = night.entries("snapshot")
        report = Report.of_entry(night.id, "snapshot", entry.data)
        assert report is not None
        key = StationKey.of("P-256", night.entries("station_bound")[0].data["key"])
        assert key is not None
        signature = decode64(report.signature)
        assert signature is not None
        assert key.is_signature(report.signed_bytes(), signature)
        assert {k: v for k, v in entry.data.items() if k != "source"} == {
            "station": "cam-1",
            **PICTURE,
        }

    def test_in_a_sealed_night_the_supervisor_alone_binds(self, sealing: Night) -> None:
        night = sealing
        device = night.device()
        night.seal()
        new = Device("cam-1", night.id)
        given = {
            "venue": VENUE, "station": "cam-1", "algorithm": "P-256", "key": new.public, "every": 5,
        }  # fmt: skip
        assert no(night, stations.bind_station, staff(VENUE), **given).kind is Kind.FORBIDDEN
        night.do(stations.bind_station, SUPERVISOR, **given)
        assert night.beat(device).wrong is Wrong.FORGED
        assert night.beat(new).is_recorded

    def test_in_a_sealed_night_staff_ask_and_the_supervisor_binds_what_he_was_shown(
        self, any_sealing: Night
    ) -> None:
        night = any_sealing

        def wanted(device: Device, key: str = "") -> stations.Wanted:
            return stations.Wanted(VENUE, device.name, "P-256", key or device.public, 5)

        before, lost, other = (Device(name, night.id) for name in ("cam-0", "cam-1", "cam-1"))
        assert night.do(stations.ask_station, staff(VENUE), wanted(before))
        night.seal()
        for _ in range(2):  # asked again, as the page does, it is on the record once
            assert not night.do(stations.ask_station, staff(VENUE), wanted(lost))
        assert len(night.entries("station_asked")) == 1
        assert night.do(stations.ask_station, staff(VENUE), wanted(before))
        elsewhere = no(night, stations.ask_station, staff("532300"), wanted(lost))
        assert elsewhere.code == "evaluation.witness.venue_other"
        no(night, stations.ask_station, staff(VENUE), wanted(lost, key=before.public))
        with night.office.read() as db:
            assert stations.asked(db, night.id) == {"cam-1": wanted(lost)}

        accept = (stations.accept_station, SUPERVISOR, "cam-1")
        refused = no(night, stations.accept_station, staff(VENUE), "cam-1", lost.public)
        assert refused.code == "evaluation.witness.bound_at_night"
        night.do(stations.ask_station, staff(VENUE), wanted(other))
        assert no(night, *accept, lost.public).code == "evaluation.witness.asked_other"
        night.do(*accept, other.public)
        assert no(night, *accept, other.public).code == "evaluation.witness.not_asked"
        assert night.do(stations.ask_station, staff(VENUE), wanted(other))
        assert night.beat(other).is_recorded
        assert night.entries("station_bound")[-1].actor == SUPERVISOR.id

    def test_in_a_sealed_night_he_declines_what_he_was_shown_and_says_why(
        self, any_sealing: Night
    ) -> None:
        night = any_sealing
        device, other = Device("cam-1", night.id), Device("cam-1", night.id)
        wanted = stations.Wanted(VENUE, "cam-1", "P-256", device.public, 5)
        ask = (stations.ask_station, staff(VENUE))
        decline = (stations.decline_station, SUPERVISOR, "cam-1")
        night.seal()
        assert no(night, *decline, device.public, "理由").code == "evaluation.witness.not_asked"
        night.do(*ask, wanted)
        by_staff = (stations.decline_station, staff(VENUE), "cam-1", device.public, "理由")
        assert no(night, *by_staff).code == "evaluation.witness.bound_at_night"
        assert no(night, *decline, other.public, "理由").code == "evaluation.witness.asked_other"
        night.do(*decline, device.public, "指纹不符")
        entry = night.entries("station_declined")[-1]
        assert (entry.actor, entry.data["key"]) == (SUPERVISOR.id, device.public)
        assert entry.data["sha256"] == entry.documents[0].sha256
        assert night.office.vault.get(entry.data["sha256"]).decode() == "指纹不符"
        assert no(night, *decline, device.public, "理由").code == "evaluation.witness.not_asked"
        accept = (stations.accept_station, SUPERVISOR, "cam-1", device.public)
        assert no(night, *accept).code == "evaluation.witness.not_asked"
        with night.office.read() as db:
            assert stations.asked(db, night.id) == {}
            found = stations.request_of(db, staff(VENUE), night.id, "cam-1")
            assert found == stations.Request(wanted, entry)
            with pytest.raises(Refusal, match="venue_other"):
                stations.request_of(db, staff("532300"), night.id, "cam-1")
        assert not night.do(*ask, wanted)  # the same key once more: a new request
        assert len(night.entries("station_asked")) == 2
        night.do(*accept)
        assert night.beat(device).is_recorded

    def test_a_venue_withdraws_its_own_request(self, sealing: Night) -> None:
        night, device = sealing, Device("cam-1", sealing.id)
        wanted = stations.Wanted(VENUE, "cam-1", "P-256", device.public, 5)
        withdraw = stations.withdraw_station
        night.seal()
        night.do(stations.ask_station, staff(VENUE), wanted)
        elsewhere = no(night, withdraw, staff("532300"), "cam-1", device.public)
        assert elsewhere.code == "evaluation.witness.venue_other"
        night.do(withdraw, staff(VENUE), "cam-1", device.public)
        again = no(night, withdraw, staff(VENUE), "cam-1", device.public)
        assert again.code == "evaluation.witness.not_asked"
        with night.office.read() as db:
            assert stations.request_of(db, staff(VENUE), night.id, "cam-1") is None

    def test_faults_of_a_binding(self, sealing: Night) -> None:
        night = sealing
        device = night.device()
        given = {
            "venue": VENUE, "station": "cam-2", "algorithm": "P-256", "key": device.public,
            "every": 901,
        }  # fmt: skip
        refusal = no(night, stations.bind_station, staff(VENUE), **given)
        assert {fault.pointer for fault in refusal.faults} == {"/key", "/every"}
        short = {**given, "algorithm": "ED25519", "every": 5}
        assert no(night, stations.bind_station, staff(VENUE), **short).faults
        other = {**given, "venue": "530100"}
        assert no(night, stations.bind_station, staff(VENUE), **other).kind is Kind.FORBIDDEN
        away = {**given, "venue": "110101"}
        assert "venue_unknown" in no(night, stations.bind_station, staff(VENUE), **away).code

    def test_unsigned_reports_of_a_bound_station_are_refused(self, sealing: Night) -> None:
        night = sealing
        night.do(witness.record_event, staff(VENUE), "heartbeat", {"station": "cam-1"})
        night.device()
        refusal = no(night, witness.record_event, staff(VENUE), "heartbeat", {"station": "cam-1"})
        assert refusal.rule == "witness.signed_at_source"
        night.do(stations.release_station, staff(VENUE), "cam-1")
        night.do(witness.record_event, staff(VENUE), "heartbeat", {"station": "cam-1"})
        assert "unknown" in no(night, stations.release_station, staff(VENUE), "cam-1").code


class TestTakingIn:
    def test_a_replay_is_refused_and_recorded_once_a_minute(self, any_sealing: Night) -> None:
        night = any_sealing
        device = night.device()
        first = device.report(night.now)
        night.send(device, first)
        night.beat(device)
        again = [night.send(device, first)[0] for _ in range(3)]
        assert {(one.wrong, one.next) for one in again} == {(Wrong.REPLAYED, 2)}
        with pytest.raises(Refusal) as caught:
            again[0].refuse()
        assert_said(caught.value)
        assert [e.data["reason"] for e in night.entries("station_rejected")] == ["REPLAYED"]
        night.pass_time(minutes=1)
        night.send(device, first)
        assert len(night.entries("station_rejected")) == 2
        assert len(night.entries("heartbeat")) == 2

    def test_a_lost_acknowledgement_costs_nothing(self, sealing: Night) -> None:
        night = sealing
        device = night.device()
        report = device.report(night.now)
        night.send(device, report)
        size = len(night.entries())
        (taken,) = night.send(device, report)
        assert (taken.is_recorded, taken.wrong) == (False, None)
        assert len(night.entries()) == size

    def test_a_gap_is_taken_in_and_recorded(self, sealing: Night) -> None:
        night = sealing
        device = night.device()
        night.beat(device)
        lost = [device.report(night.now) for _ in range(3)]
        assert night.beat(device).is_recorded
        (gap,) = night.entries("station_gap")
        assert (gap.data["n"], gap.data["missing"]) == (1, 3)
        assert night.send(device, lost[0])[0].wrong is Wrong.REPLAYED

    def test_a_cut_of_hours_is_sent_later_in_one_go(self, sealing: Night) -> None:
        night = sealing
        device = night.device()
        kept = []
        for minute in range(100):
            device.up += 60_000
            kept.append(device.report(night.now + timedelta(minutes=minute + 1)))
        night.pass_time(hours=2)
        taken = night.send(device, *kept)
        assert [one.n for one in taken if one.is_recorded] == list(range(100))
        assert not night.entries("clock_step")

    def test_what_follows_a_wrong_one_waits(self, sealing: Night) -> None:
        night = sealing
        device = night.device()
        good, bad, late = (device.report(night.now) for _ in range(3))
        taken = night.send(device, good, replace(bad, up=9), late)
        assert [one.wrong for one in taken] == [None, Wrong.FORGED]
        assert taken[-1].next == 1

    def test_what_is_no_report_of_it(self, sealing: Night) -> None:
        night = sealing
        device = night.device()
        for kind, data in (
            ("order", {"order": "STOP"}),
            ("door", {"venue": "530100", "door": "D", "state": "OPEN"}),
            ("heartbeat", {"station": "cam-2"}),
            ("heartbeat", {}),
        ):
            report = device.signed(replace(device.report(night.now), kind=kind, data=data))
            no(night, stations.take_reports, staff(VENUE), "cam-1", [report])
        wrong_time = device.signed(replace(device.report(night.now), at="yesterday"))
        no(night, stations.take_reports, staff(VENUE), "cam-1", [wrong_time])
        other = staff("530100")
        fine = device.report(night.now)
        assert no(night, stations.take_reports, other, "cam-1", [fine]).kind is Kind.FORBIDDEN
        assert no(night, stations.take_reports, SUPERVISOR, "cam-1", [fine]).kind is Kind.FORBIDDEN
        (unknown,) = night.do(stations.take_reports, staff(VENUE), "cam-9", [fine])
        assert unknown.wrong is Wrong.UNKNOWN
        many = [fine] * (stations.REPORTS_MAX + 1)
        assert "many" in no(night, stations.take_reports, staff(VENUE), "cam-1", many).code

    def test_a_step_of_the_clock_is_recorded(self, sealing: Night) -> None:
        night = sealing
        device = night.device()
        night.beat(device)
        device.up += 5000
        night.send(device, device.report(night.now + timedelta(seconds=10)))
        (entry,) = night.entries("clock_step")
        assert entry.data["step_ms"] == 5000
        assert moment_text(entry.at) == moment_text(night.now)
