"""Two classes of recordings: security video ends, the evaluation record does not.

Rule `media.security_days` (practice: three months; 反恐怖主义法 第三十二条 for comparison); for what is recorded of an
evaluation 财政部令第87号 第三十九条, 第七十六条.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from archive import canonical
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.journal.entry import Entry
from archive.tasks import service as tasks
from archive.tasks.service import Worker
from archive.vault import Vault
from evaluation.witness.media import service as media
from evaluation.witness.media.kinds import Form, Retention, Use, What, retention_of
from evaluation.witness.retention import service as retention
from evaluation.witness.retention.service import DISCARD_TASK, Keeping, discard_task
from evaluation.witness.stations import service as stations
from tests.builders import SUPERVISOR
from tests.evaluation.course import assert_said, sha, staff
from tests.evaluation.witness.night import VENUE, Device, Night

DAYS = 90


@pytest.mark.parametrize(
    ("use", "what", "kept"),
    [
        (Use.SECURITY, What.CAMERA, Retention.SECURITY),
        (Use.SECURITY, None, Retention.SECURITY),
        (Use.SECURITY, What.SCREEN, Retention.EVALUATION),
        (Use.SECURITY, What.VOICE, Retention.EVALUATION),
        (Use.EVALUATION, What.CAMERA, Retention.EVALUATION),
        (Use.VOICE, What.VOICE, Retention.EVALUATION),
    ],
)
def test_only_pictures_of_a_security_camera_ever_end(
    use: Use, what: What | None, kept: Retention
) -> None:
    assert retention_of(use, what) is kept


def bind(night: Night, name: str, use: Use) -> Device:
    device = Device(name, night.id)
    key = {"algorithm": "P-256", "key": device.public, "every": 5}
    night.do(stations.bind_station, staff(VENUE), venue=VENUE, station=name, use=use, **key)
    return device


def film(night: Night, device: Device, content: bytes, track: str = "cam") -> str:
    """A segment reported and kept; its digest."""
    told = {"track": track, "n": device.n, "bytes": len(content), "duration_ms": 2000}
    begins = {"begins_at": "2026-10-21T01:00:00.000Z", "what": "CAMERA"}
    digest = hashlib.sha256(content).hexdigest()
    night.beat(device, "media_digest", **told, **begins, sha256=digest)
    name = media.Name(night.id, device.name, track)
    assert media.keep(night.office, name, Form.SEGMENT, content) == digest
    return digest


class Room:
    """A night with a corridor camera and one that looks at the committee."""

    def __init__(self, night: Night) -> None:
        self.night = night
        self.corridor = bind(night, "corridor", Use.SECURITY)
        self.booth = bind(night, "booth", Use.EVALUATION)
        self.is_suspended = False

    @property
    def vault(self) -> Vault:
        return media.vault_of(self.night.office.vault, self.night.id)

    def has(self, digest: str) -> bool:
        return (self.vault.root / digest[:2] / digest[2:]).exists()

    def run(self, *, is_killed: bool = False) -> None:
        """The task by itself; `is_killed`: before its last write."""
        write = discard_task(lambda db, lot: self.is_suspended)(
            self.night.office, {"session": self.night.id}
        )
        if not is_killed:
            with self.night.office.write() as tx:
                write(tx)

    def told(self) -> list[Entry]:
        with self.night.office.read() as db:
            return list(journal.entries(db, retention.stream_of(self.night.id)))

    def keeping(self) -> Keeping:
        with self.night.office.read() as db:
            return retention.keeping(db, self.night.id)


@pytest.fixture
def room(any_sealing: Night) -> Room:
    return Room(any_sealing)


@pytest.fixture
def small(sealing: Night) -> Room:
    return Room(sealing)


class TestDiscarding:
    def test_the_day_before_the_day_and_what_stays(self, room: Room) -> None:
        night = room.night
        old, kept = film(night, room.corridor, b"corridor"), film(night, room.booth, b"committee")
        night.pass_time(days=DAYS - 1)
        room.run()
        assert room.has(old)
        late = film(night, room.corridor, b"later")
        night.pass_time(days=1)
        room.run()
        assert [room.has(each) for each in (old, late, kept)] == [False, True, True]
        (entry,) = room.told()
        assert entry.action == "evaluation:media:discarded"
        assert (entry.data["count"], entry.data["days"]) == (1, DAYS)
        named = canonical.decode(night.office.vault.get(entry.documents[0].sha256))
        assert [each["sha256"] for each in named["media"]] == [old]
        found = room.keeping()
        assert (found.security.count, found.evaluation.count, found.discarded) == (1, 1, 1)
        night.pass_time(days=10 * 365)
        room.run()
        assert room.has(kept)
        assert not room.has(late)
        # It cannot be brought back under its digest either.
        name = media.Name(night.id, "corridor", "cam")
        refused(lambda: media.keep(night.office, name, Form.SEGMENT, b"corridor"))

    def test_twice_and_killed_between(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        night = room.night
        digests = [film(night, room.corridor, b"%d" % n) for n in range(3)]
        night.pass_time(days=DAYS)
        discard = Vault.discard

        def killed(vault: Vault, digest: str) -> None:
            if digest == sorted(digests)[1]:
                raise KeyboardInterrupt
            discard(vault, digest)

        with monkeypatch.context() as patched:
            patched.setattr(Vault, "discard", killed)
            with pytest.raises(KeyboardInterrupt):
                room.run()
        assert [room.has(each) for each in sorted(digests)] == [False, True, True]
        room.run(is_killed=True)
        for _ in range(2):
            room.run()
        assert not any(room.has(each) for each in digests)
        assert len(room.told()) == 1  # said once, though it was done in three runs
        assert room.keeping().discarded == 3

    def test_never_under_hold(self, small: Room) -> None:
        night = small.night
        digest = film(night, small.corridor, b"corridor")
        night.pass_time(days=DAYS)
        night.do(retention.hold, SUPERVISOR, "有人投诉,保全当夜走廊录像")
        small.run()
        assert small.has(digest)
        again = refused(lambda: night.do(retention.hold, SUPERVISOR, "again"))
        assert again.kind is Kind.CONFLICT
        no_staff = refused(lambda: night.do(retention.release, staff(VENUE), "no"))
        assert no_staff.kind is Kind.FORBIDDEN
        night.do(retention.release, SUPERVISOR, "投诉已处理")
        refused(lambda: night.do(retention.release, SUPERVISOR, "again"))
        small.is_suspended = True  # an objection is unanswered
        small.run()
        assert small.has(digest)
        small.is_suspended = False
        small.run()
        assert not small.has(digest)
        acts = [entry.action.rsplit(":", 1)[1] for entry in small.told()]
        assert acts == ["held", "released", "discarded"]

    def test_the_same_bytes_of_a_track_that_is_kept_stay(self, small: Room) -> None:
        """A black picture is the same everywhere."""
        digest = film(small.night, small.corridor, b"black")
        assert film(small.night, small.booth, b"black") == digest
        small.night.pass_time(days=DAYS)
        small.run()
        assert small.has(digest)
        assert small.keeping().discarded == 1

    def test_the_task_comes_by_itself_and_looks_again(self, small: Room) -> None:
        night = small.night
        digest = film(night, small.corridor, b"corridor")
        worker = Worker(night.office, {DISCARD_TASK: discard_task(lambda db, lot: False)}, "w")
        assert not worker.run_one()
        night.pass_time(days=DAYS)
        assert worker.run_one()
        assert not small.has(digest)
        assert not worker.run_one()
        with night.office.read() as db:
            assert tasks.next_due(db) is not None  # the session is not over


def refused(call: Callable[[], Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    assert_said(caught.value)
    return caught.value


def test_reported_elsewhere_is_nobodys_to_delete(sealing: Night) -> None:
    """Segments of a venue's own recorder: the record has their digests alone."""
    room = Room(sealing)
    told = {"track": "cam", "n": 0, "bytes": 9, "duration_ms": 2000, "sha256": sha("elsewhere")}
    sealing.beat(room.corridor, "media_digest", **told, begins_at="2026-10-21T01:00:00.000Z")
    sealing.pass_time(days=DAYS + 1)
    room.run()
    assert room.told() == []
