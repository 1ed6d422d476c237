"""Pictures of a station: on the record first, then shown; late viewers begin with a keyframe."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from api import media
from api.fanout import Chunk
from api.media import Track
from archive.clock import DrivenClock
from archive.errors import Refusal
from archive.office import Office
from evaluation.witness.keeping import service as keeping
from evaluation.witness.media import service as pictures
from evaluation.witness.sources import Report
from evaluation.witness.webm import MalformedWebm, Scanner
from tests.evaluation.witness.night import Device
from tests.evaluation.witness.test_webm import INIT, RECORDING
from tests.scenarios.streaming import PASSWORD, SESSION, STATION, prepare

JPEG = b"\xff\xd8\xff\xe0" + b"picture"
SOCKET = f"/live/sessions/{SESSION}/media/{STATION}/cam"
PATH = f"/api/sessions/{SESSION}/stations/{STATION}"


@pytest.fixture
def device(office: Office) -> Device:
    return prepare(office)


@pytest.fixture
def staff(app: FastAPI, device: Device) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        given = {"account": "staff-1", "password": PASSWORD}
        assert client.post("/api/sign-in", json=given).status_code == 200
        yield client


def report(
    staff: TestClient, office: Office, device: Device, n: int, data: bytes, **more: Any
) -> None:
    told = {
        "track": "cam",
        "n": n,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "begins_at": "2026-10-21T01:00:00.000Z",
        "duration_ms": 1000,
        **more,
    }
    tell(staff, device.report(office.clock.now(), "media_digest", **told))


def tell(staff: TestClient, *made: Report) -> None:
    reports = [
        {"n": one.n, "prev": one.prev, "at": one.at, "up": one.up, "kind": one.kind,
         "data": dict(one.data), "sig": one.signature}
        for one in made
    ]  # fmt: skip
    answer = staff.post(f"{PATH}/reports", json={"reports": reports})
    assert answer.status_code == 201, answer.text


def picture(device: Device, office: Office, content: bytes, **more: Any) -> Report:
    digest = hashlib.sha256(content).hexdigest()
    told = {"track": "cam", "sha256": digest, "bytes": len(content), "luma": 90, **more}
    return device.report(office.clock.now(), "snapshot", **told)


def kept(office: Office, data: bytes) -> bytes:
    vault = pictures.vault_of(office.vault, SESSION)
    return vault.get(hashlib.sha256(data).hexdigest())


def send(staff: TestClient, data: bytes) -> Any:
    return staff.post(f"{PATH}/media/cam", content=data, headers={"Content-Type": "video/webm"})


class TestOverHttp:
    def test_reported_then_shown_to_early_and_late_viewers(
        self, staff: TestClient, office: Office, device: Device
    ) -> None:
        segments = [INIT + RECORDING[0], *RECORDING[1:]]
        with staff.websocket_connect(SOCKET) as early:
            for n, data in enumerate(segments[:2]):
                report(staff, office, device, n, data)
                assert send(staff, data).status_code == 201
            assert early.receive_bytes() + early.receive_bytes() == b"".join(segments[:2])
            with staff.websocket_connect(SOCKET) as late:
                assert late.receive_text() == "part"
                opening = late.receive_bytes()
                report(staff, office, device, 2, segments[2])
                send(staff, segments[2])
                live = late.receive_bytes()
                assert early.receive_bytes() == live == segments[2]
        assert opening.startswith(INIT)
        parts = Scanner().feed(opening)
        assert parts[0].is_key
        assert b"frame 2" not in opening
        assert b"frame 3" in opening
        assert kept(office, segments[0]) == segments[0]

    def test_what_was_not_reported_is_not_shown(
        self, staff: TestClient, office: Office, device: Device
    ) -> None:
        report(staff, office, device, 0, INIT)
        refused = send(staff, INIT + RECORDING[0])
        assert (refused.status_code, refused.json()["code"]) == (
            409,
            "evaluation.media.not_reported",
        )
        with pytest.raises(Refusal):
            kept(office, INIT + RECORDING[0])
        assert send(staff, b"").status_code == 422

    def test_what_was_kept_through_a_long_cut_is_taken_in_later(
        self, staff: TestClient, office: Office, device: Device
    ) -> None:
        """However many reports came since: the digest is on the record, so the bytes may come."""
        report(staff, office, device, 0, INIT + RECORDING[0])
        tell(staff, *(device.report(office.clock.now()) for _ in range(500)))
        tell(staff, *(device.report(office.clock.now()) for _ in range(100)))
        told = staff.get(PATH).json()
        assert (told["next"], told["last"], told["key"]) == (device.n, device.prev, device.public)
        for _ in range(2):  # the answer was lost: once more
            assert send(staff, INIT + RECORDING[0]).status_code == 201

    def test_a_track_without_its_beginning_begins_anew(
        self, staff: TestClient, office: Office, device: Device
    ) -> None:
        """As after a restart of the server."""
        report(staff, office, device, 0, RECORDING[2])
        refused = send(staff, RECORDING[2])
        assert (refused.status_code, refused.json()["code"]) == (409, "api.media.begin_anew")
        report(staff, office, device, 1, INIT + RECORDING[0])
        assert send(staff, INIT + RECORDING[0]).status_code == 201

    def test_strangers_see_nothing(self, client: TestClient, staff: TestClient) -> None:
        with (
            pytest.raises(WebSocketDenialResponse) as caught,
            TestClient(client.app).websocket_connect(SOCKET),
        ):
            pass
        assert caught.value.status_code == 401


class TestPictures:
    """The wall shows still pictures; each is what its station signed the digest of."""

    def test_a_picture_is_shown_under_its_digest(
        self, staff: TestClient, office: Office, device: Device
    ) -> None:
        tell(staff, picture(device, office, JPEG, what="CAMERA"))
        sent = staff.post(f"{PATH}/pictures/cam", content=JPEG)
        assert sent.status_code == 201, sent.text
        digest = sent.json()["sha256"]
        other = JPEG + b"another"
        refused = staff.post(f"{PATH}/pictures/cam", content=other)
        assert refused.json()["code"] == "evaluation.media.not_reported"
        tell(staff, picture(device, office, other), picture(device, office, b"no picture"))
        refused = staff.post(f"{PATH}/pictures/cam", content=b"no picture")
        assert (refused.status_code, refused.json()["code"]) == (422, "api.media.jpeg")
        # A picture's digest opens the way for a picture, not for a segment.
        assert send(staff, other).json()["code"] == "evaluation.media.not_reported"
        with office.read() as db:
            watch = keeping.begin(db, SESSION)
            (track,) = pictures.shown(db, SESSION, watch.stations)
            assert (track.station, track.what, track.snapshot) == (STATION, "CAMERA", digest)
            assert track.segment_at is None
            assert pictures.snapshot(db, office.vault, SESSION, digest) == JPEG
            with pytest.raises(Refusal):
                pictures.snapshot(db, office.vault, SESSION, "0" * 64)

    def test_staff_may_fetch_what_was_the_newest_just_now(
        self, staff: TestClient, office: Office, device: Device
    ) -> None:
        """A page asks for a picture a moment after it was told of it. What came before is not theirs to leaf through."""
        clock = office.clock
        assert isinstance(clock, DrivenClock)
        made = [JPEG + bytes([n]) for n in range(5)]
        for content in made:
            tell(staff, picture(device, office, content, what="CAMERA"))
            assert staff.post(f"{PATH}/pictures/cam", content=content).status_code == 201
            clock.move_to(clock.now() + timedelta(seconds=5))
        place = f"/centre/sessions/{SESSION}/pictures"
        (track,) = staff.get(place).json()["sessions"][SESSION]
        digests = [hashlib.sha256(content).hexdigest() for content in made]
        assert track["snapshot"] == digests[-1]
        statuses = [staff.get(f"{place}/{digest}").status_code for digest in digests]
        assert statuses == [404, 404, 200, 200, 200]

    def test_voices_are_not_for_officials(self, staff: TestClient) -> None:
        """The rule witness.supervisor_hears_voices; staff hear the members under none."""
        with (
            pytest.raises(WebSocketDenialResponse) as caught,
            staff.websocket_connect(SOCKET.replace("/cam", "/voice")),
        ):
            pass
        assert caught.value.status_code == 403


class Outlet:
    """A viewer's socket that takes nothing."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, chunk: Chunk) -> int:
        self.sent.append(chunk.wire)
        return sum(map(len, self.sent))

    async def relieved(self) -> None:
        return None

    def end(self, code: int, reason: str) -> None:
        raise AssertionError


def test_who_is_slow_goes_on_at_the_next_keyframe(monkeypatch: pytest.MonkeyPatch) -> None:
    track, slow = Track(), Outlet()
    track.feed(INIT + RECORDING[0])
    track.viewers[slow] = track.relay.seat()
    monkeypatch.setattr(media, "WAITING_BYTES_MAX", 10)
    track.feed(RECORDING[2])
    assert len(slow.sent) == 1
    monkeypatch.setattr(media, "WAITING_BYTES_MAX", 10_000)
    track.feed(RECORDING[2])  # no keyframe in it
    assert len(slow.sent) == 1
    track.feed(RECORDING[3])
    assert b"frame 6" in slow.sent[1]
    with pytest.raises(MalformedWebm):
        track.feed(b"\x00" * 20)
