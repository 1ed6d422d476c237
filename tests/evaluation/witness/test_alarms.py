"""Alarms tell the truth: each is raised when its condition holds, and cleared when it is over.

Rules `witness.*` of the pack; all of them are proposals.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.journal.entry import Entry
from evaluation.session import commands as c
from evaluation.witness import queries
from evaluation.witness import service as witness
from evaluation.witness.alarms import Alarm
from evaluation.witness.desk import service as desk
from evaluation.witness.keeping import service as keeping
from evaluation.witness.stations import service as stations
from evaluation.witness.watch import Watch
from tests.builders import SUPERVISOR
from tests.evaluation.course import assert_said, member, sha, staff
from tests.evaluation.witness.night import VENUE, WITNESS_A, WITNESS_B, Device, Night
from tests.support import outsider


def picture(label: str, luma: int = 100) -> dict[str, object]:
    return {"track": "t1", "bytes": 9, "sha256": sha(label), "luma": luma}


def segment(track: str, n: int, what: str) -> dict[str, object]:
    begins = "2026-10-21T01:00:00.000Z"
    digest = sha(f"{track} {n}")
    told = {"track": track, "n": n, "sha256": digest, "bytes": 9, "what": what}
    return {**told, "begins_at": begins, "duration_ms": 2000}


@pytest.fixture
def night(sealing: Night) -> Night:
    """Sealed, one witness on duty, everything quiet."""
    sealing.on_duty(WITNESS_A)
    sealing.seal()
    return sealing


class TestStations:
    def test_silent_then_heard_again(self, night: Night) -> None:
        device = _bind(night)
        night.run(device, seconds=30)
        assert night.round() == []
        night.pass_time(seconds=15)
        assert night.round() == []
        night.pass_time(seconds=1)
        assert night.round() == ["RAISED STATION_SILENT cam-1"]
        assert night.round() == []
        device.up += 16_000
        night.beat(device)
        assert night.round() == ["CLEARED STATION_SILENT cam-1"]

    def test_camera_lost_black_and_frozen(self, night: Night) -> None:
        device = _bind(night)
        for n in range(5):
            night.pass_time(seconds=2)
            device.up += 2000
            night.beat(device, "snapshot", **picture(f"p{n}"))
        assert night.round() == []
        for _ in range(5):
            night.beat(device, "snapshot", **picture("still"))
        assert night.round() == []
        night.beat(device, "snapshot", **picture("still"))
        assert night.round() == ["RAISED PICTURE_FROZEN cam-1"]
        night.beat(device, "snapshot", **picture("dark", luma=8))
        assert night.round() == ["RAISED PICTURE_BLACK cam-1", "CLEARED PICTURE_FROZEN cam-1"]
        night.beat(device, "snapshot", **picture("bright", luma=9))
        assert night.round() == ["CLEARED PICTURE_BLACK cam-1"]
        night.run(device, seconds=20)
        assert night.round() == ["RAISED CAMERA_LOST cam-1"]

    def test_each_track_is_watched_for_itself(self, night: Night) -> None:
        """A screen may stand still and be dark; what is lost beside it is lost all the same."""
        device = _bind(night)
        night.beat(device, "media_digest", **segment("cam", 0, "CAMERA"))
        for _ in range(8):
            night.pass_time(seconds=2)
            device.up += 2000
            still = {"track": "scr", "bytes": 9, "sha256": sha("still"), "luma": 0}
            night.beat(device, "snapshot", **still, what="SCREEN")
        assert night.round() == ["RAISED CAMERA_LOST cam-1"]
        night.beat(device, "media_digest", **segment("cam", 1, "CAMERA"))
        assert night.round() == ["CLEARED CAMERA_LOST cam-1"]

    def test_a_camera_that_is_stopped_at_night_is_lost(self, night: Night) -> None:
        device = _bind(night)
        for what in ("CAMERA", "SCREEN"):
            night.beat(device, "media_digest", **segment(what.lower(), 0, what), ends=True)
        assert night.round() == ["RAISED CAMERA_LOST cam-1"]

    def test_nothing_is_expected_of_a_voice(self, night: Night) -> None:
        device = Device("voice-1", night.id)
        key = {"algorithm": "P-256", "key": device.public}
        assert night.do(stations.bind_voice, SUPERVISOR, venue=VENUE, seat="1", **key) == "voice-1"
        night.beat(device, "media_digest", **segment("voice", 0, "VOICE"))
        night.pass_time(seconds=100)
        assert night.round() == []
        for wrong in (segment("voice", 1, "CAMERA"), segment("cam", 1, "VOICE")):
            with pytest.raises(Refusal) as caught:
                night.send(device, device.report(night.now, "media_digest", **wrong))
            assert_said(caught.value)

    def test_momentary_ones_stand_until_acknowledged(self, night: Night) -> None:
        device = _bind(night)
        first = device.report(night.now)
        night.send(device, first)
        night.beat(device)
        night.send(device, first)
        device.report(night.now)
        device.up += 1
        night.send(device, device.report(night.now - timedelta(seconds=5)))
        raised = night.round()
        assert raised == [
            "RAISED CLOCK_STEP cam-1",
            "RAISED REPORT_REJECTED cam-1",
            "RAISED SEQUENCE_GAP cam-1",
        ]
        seqs = [entry.seq for entry in night.entries("alarm")]
        for seq in seqs[:2]:
            night.do(desk.acknowledge, WITNESS_A, seq, "已查看,系设备重启")
        assert night.round() == ["CLEARED CLOCK_STEP cam-1", "CLEARED REPORT_REJECTED cam-1"]
        night.do(desk.acknowledge, WITNESS_A, seqs[2])
        device.report(night.now)
        night.beat(device)  # a second gap, before the first was cleared; its clock is set right
        assert night.round() == ["RAISED CLOCK_STEP cam-1"]
        night.do(desk.acknowledge, WITNESS_A, seqs[2])
        assert night.round() == ["CLEARED SEQUENCE_GAP cam-1"]

    def test_power_network_doors_seals_calls(self, night: Night) -> None:
        device = _bind(night)
        night.beat(device, "power", venue=VENUE, state="BATTERY")
        night.beat(device, "network", venue=VENUE, state="DOWN")
        night.beat(device, "door", venue=VENUE, door="D1", state="OPEN")
        night.do(
            witness.record_event,
            staff(VENUE),
            "seal_check",
            {"venue": VENUE, "number": f"YN-1-{VENUE}", "intact": False},
        )
        night.do(
            witness.record_event, staff(VENUE), "call", {"what": "OUTSIDE_CONTACT", "venue": VENUE}
        )
        assert night.round() == [
            "RAISED DOOR_OPEN D1",
            "RAISED NETWORK_CUT cam-1",
            "RAISED OUTSIDE_CONTACT",
            "RAISED POWER_CUT",
            "RAISED SEAL_BROKEN",
        ]
        night.beat(device, "power", venue=VENUE, state="MAINS")
        night.beat(device, "network", venue=VENUE, state="UP")
        night.beat(device, "door", venue=VENUE, door="D1", state="CLOSED")
        assert night.round() == [
            "CLEARED DOOR_OPEN D1",
            "CLEARED NETWORK_CUT cam-1",
            "CLEARED POWER_CUT",
        ]


class TestPersons:
    def test_not_cosigned_in_time(self, night: Night) -> None:
        night.pass_time(minutes=20)
        assert night.round() == []
        night.pass_time(seconds=1)
        assert night.round() == ["RAISED NOT_COSIGNED"]
        night.countersign(WITNESS_A)
        assert night.round() == ["CLEARED NOT_COSIGNED"]

    def test_nobody_watches(self, sealing: Night) -> None:
        sealing.seal()
        sealing.pass_time(minutes=15)
        assert sealing.round() == []
        sealing.pass_time(seconds=1)
        assert sealing.round() == ["RAISED WITNESS_ABSENT"]
        sealing.on_duty(WITNESS_A)
        assert sealing.round() == ["CLEARED WITNESS_ABSENT"]

    def test_who_is_on_the_roster_and_does_not_come(self, night: Night) -> None:
        begins = night.now + timedelta(minutes=2)
        ends = begins + timedelta(minutes=16)
        night.do(desk.plan_shift, SUPERVISOR, WITNESS_B.id, begins, ends)
        night.pass_time(minutes=17, seconds=1)
        assert night.round() == ["RAISED WITNESS_ABSENT witness-b"]
        night.pass_time(minutes=1)
        assert night.round() == ["CLEARED WITNESS_ABSENT witness-b"]

    def test_presence_overdue_and_missing(self, night: Night) -> None:
        found = []
        for _ in range(17):
            night.pass_time(minutes=15)
            night.countersign(WITNESS_A)
            found.append(night.round())
        assert found[:16] == [[]] * 16
        assert found[16] == [f"RAISED PRESENCE_OVERDUE S{n}" for n in range(1, 6)]
        for seat in night.served.state.sitting:
            check = c.CheckPresence(seat.expert_id, 1, seat.seat_code != "S2")
            night.served.do(staff(seat.centre_id), check)
        assert night.round() == [
            "RAISED MEMBER_MISSING S2",
            *(f"CLEARED PRESENCE_OVERDUE S{n}" for n in range(1, 6)),
        ]
        night.served.do(member("expert-2"), c.ConfirmPresence("expert-2"))
        assert night.round() == ["CLEARED MEMBER_MISSING S2"]

    def test_escalated_to_a_person_each_time_nobody_answers(self, night: Night) -> None:
        night.do(
            witness.record_event, staff(VENUE), "call", {"what": "OUTSIDE_CONTACT", "venue": VENUE}
        )
        said = []
        for _ in range(8):
            night.round()
            night.pass_time(minutes=2, seconds=30)
        for entry in night.entries("alarm"):
            if entry.data["alarm"] == "OUTSIDE_CONTACT":
                said.append((entry.data["state"], entry.data["to"]))
        assert said == [("RAISED", "witness-a"), ("ESCALATED", "HOST"), ("ESCALATED", "SUPERVISOR")]

    def test_acknowledged_ones_are_not_escalated(self, night: Night) -> None:
        night.pass_time(minutes=21)
        assert night.round() == ["RAISED NOT_COSIGNED"]
        seq = night.entries("alarm")[0].seq
        night.do(desk.acknowledge, WITNESS_A, seq)
        with pytest.raises(Refusal) as caught:
            night.do(desk.acknowledge, WITNESS_B, seq)
        assert caught.value.kind is Kind.CONFLICT
        with pytest.raises(Refusal) as caught:
            night.do(desk.acknowledge, WITNESS_B, 0)
        assert_said(caught.value)
        night.pass_time(minutes=6)
        assert [s for s in night.round() if s.startswith("ESCALATED")] == []

    def test_nothing_stands_when_the_session_is_over(self, night: Night) -> None:
        night.pass_time(minutes=21)
        night.round()
        night.served.do(SUPERVISOR, c.VoidSession("test"))
        assert night.round() == ["CLEARED NOT_COSIGNED"]


class TestTheKeeper:
    """One fenced holder: a stale one cannot write."""

    def test_another_takes_over_and_the_stale_one_is_refused(self, any_sealing: Night) -> None:
        night = any_sealing
        night.seal()
        real = night.now
        night.round("node-1", real)
        stale, old_watch = night.lease, night.watch
        assert stale is not None
        with night.office.write() as tx:
            assert keeping.take(tx, night.id, "node-2", real + timedelta(seconds=9)) is None
        with night.office.read() as db:
            assert keeping.sessions_to_keep(db, "node-2", real) == []
            assert keeping.sessions_to_keep(db, "node-1", real) == [night.id]
            late = real + timedelta(seconds=10)
            assert keeping.sessions_to_keep(db, "node-2", late) == [night.id]
        night.pass_time(minutes=16)
        night.watch = None
        assert night.round("node-2", real + timedelta(seconds=11)) == ["RAISED WITNESS_ABSENT"]
        assert night.lease is not None
        assert night.lease.fence == stale.fence + 1
        size = len(night.entries())
        # Its clock was set back: it believes that its lease still runs.
        with pytest.raises(Refusal) as caught, night.office.write() as tx:
            keeping.keep(tx, stale, old_watch, real + timedelta(seconds=1))
        assert caught.value.code == "evaluation.witness.lease_lost"
        assert_said(caught.value)
        assert len(night.entries()) == size
        assert [e.data["fence"] for e in night.entries("alarm")] == [night.lease.fence]

    def test_an_expired_lease_writes_nothing_even_unclaimed(self, sealing: Night) -> None:
        night = sealing
        night.round()
        lease = night.lease
        assert lease is not None
        with pytest.raises(Refusal, match="lease_lost"), night.office.write() as tx:
            keeping.keep(tx, lease, night.watch, lease.until)
        with night.office.write() as tx:
            again = keeping.take(tx, night.id, "node-1", lease.until)
        assert again is not None
        assert again.fence == lease.fence + 1

    def test_both_come_to_the_same_state(self, night: Night) -> None:
        device = _bind(night)
        night.run(device, seconds=30)
        night.pass_time(minutes=25)
        night.round()
        with night.office.read() as db:
            anew = keeping.begin(db, night.id)
            keeping.read_on(db, night.watch)
        assert anew == night.watch
        assert anew.raised

    def test_a_reader_takes_in_what_is_new_alone_and_sees_the_same(
        self, night: Night, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        watches, read = keeping.Watches(), []
        take = Watch.take

        def counted(watch: Watch, entry: Entry) -> None:
            read.append(entry.seq)
            take(watch, entry)

        device = _bind(night)
        monkeypatch.setattr(Watch, "take", counted)
        with night.office.read() as older:
            first = watches.of(older, night.id)
            kept = first.copy()
            assert read == list(range(first.size))
            night.run(device, seconds=30)
            night.round()
            read.clear()
            with night.office.read() as db:
                second = watches.of(db, night.id)
                assert read == list(range(first.size, second.size))
                assert second == keeping.begin(db, night.id)
                read.clear()
                assert watches.of(db, night.id) is second
                assert read == []
            assert first == kept, "what somebody was given does not change under him"
            again = watches.of(older, night.id)  # his snapshot is older than what others saw
            assert again == kept
        with night.office.read() as db:
            assert watches.of(db, night.id) is second

    def test_a_step_of_the_servers_clock(self, night: Night) -> None:
        night.round()
        lease = night.lease
        assert lease is not None
        with night.office.write() as tx:
            step = timedelta(seconds=-5)
            keeping.report_step(tx, lease, night.served.state.host, step, tx.now)
        assert night.round() == ["RAISED CLOCK_STEP"]

    def test_a_checkpoint_each_second_or_hundred_entries(self, night: Night) -> None:
        night.round()
        now = night.now
        due = keeping.is_checkpoint_due
        assert due(0, None, 1, now)
        assert not due(5, now, 5, now + timedelta(hours=1))
        assert not due(5, now, 104, now + timedelta(milliseconds=999))
        assert due(5, now, 105, now)
        assert due(5, now, 6, now + timedelta(seconds=1))
        with night.office.read() as db:
            row = queries.newest_checkpoint(db, night.id)
            assert row is not None
            stored, note = row.size, row.note
        size, _, text = night.checkpoint(stored)
        assert size == stored
        assert outsider.checkpoint(note) == outsider.checkpoint(f"{text}\n")

    def test_a_watch_takes_nothing_out_of_order(self, night: Night) -> None:
        with pytest.raises(ValueError, match="after 0 entries"):
            Watch(night.id).take(night.entries()[3])

    def test_alarms_are_the_keepers_alone(self, night: Night) -> None:
        data = {"venue": VENUE, "alarm": "CAMERA_LOST", "state": "RAISED", "severity": "GRAVE"}
        for actor in (staff(VENUE), SUPERVISOR, Actor("x", frozenset({Role.SYSTEM}))):
            with pytest.raises(Refusal, match="kind"):
                night.do(witness.record_event, actor, "alarm", {**data, "fence": 1})


def test_every_alarm_of_the_list_is_tested() -> None:
    source = Path(__file__).read_text("utf-8")
    assert [alarm for alarm in Alarm if f"{alarm.value}" not in source] == []


def _bind(night: Night) -> Device:
    """In a sealed night: by the supervisor."""
    device = Device("cam-1", night.id)
    night.do(
        stations.bind_station,
        SUPERVISOR,
        venue=VENUE,
        station="cam-1",
        algorithm="P-256",
        key=device.public,
        every=5,
    )
    return device
