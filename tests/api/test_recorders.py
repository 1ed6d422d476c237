"""A venue's recorder over HTTP: known by its key alone, refused in words where it must be. Rules witness.signed_at_source and
witness.recorder_ahead_seconds (proposals)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from archive.journal import service as journal
from archive.journal.entry import Entry
from archive.office import Office
from evaluation.session import service as sessions
from evaluation.witness.alarms import Alarm, due
from evaluation.witness.keeping import service as keeping
from evaluation.witness.media.service import vault_of
from evaluation.witness.rules import limits_of
from evaluation.witness.sources import Report
from tests.evaluation.witness.night import Device
from tests.scenarios.streaming import SESSION, STATION, STREAM, prepare

HOME = f"/api/recorders/{SESSION}/{STATION}"
JPEG = b"\xff\xd8\xff\xe0" + b"corridor"


@pytest.fixture
def device(office: Office) -> Device:
    return prepare(office)


def segments(device: Device, office: Office, count: int) -> list[Report]:
    told = {"track": "corridor", "bytes": 9_000_000, "begins_at": "2026-10-21T01:00:00.000Z"}
    return [
        device.report(
            office.clock.now(),
            "media_digest",
            **told,
            n=n,
            sha256=hashlib.sha256(b"%d" % n).hexdigest(),
            duration_ms=60_000,
        )
        for n in range(count)
    ]


def send(client: TestClient, *reports: Report) -> Any:
    body = [
        {"n": one.n, "prev": one.prev, "at": one.at, "up": one.up, "kind": one.kind,
         "data": dict(one.data), "sig": one.signature}
        for one in reports
    ]  # fmt: skip
    # In ASCII, so that text without UTF-8 comes through too.
    content = json.dumps({"reports": body})
    return client.post(
        f"{HOME}/reports", content=content, headers={"Content-Type": "application/json"}
    )


def entries(office: Office) -> list[Entry]:
    with office.read() as db:
        return list(journal.entries(db, STREAM))


class TestRecorders:
    def test_a_list_of_digests_and_a_picture_are_taken_in(
        self, client: TestClient, office: Office, device: Device
    ) -> None:
        assert send(client, *segments(device, office, 40)).json() == {"next": 40, "recorded": 40}
        digest = hashlib.sha256(JPEG).hexdigest()
        told = {"track": "corridor", "sha256": digest, "bytes": len(JPEG), "luma": 3}
        still = device.report(office.clock.now(), "snapshot", **told)
        assert send(client, still).status_code == 201
        sent = client.post(f"{HOME}/pictures/corridor", content=JPEG)
        assert (sent.status_code, sent.json()["sha256"]) == (201, digest)
        assert vault_of(office.vault, SESSION).get(digest) == JPEG
        assert client.get(HOME).json()["next"] == 41
        assert {e.actor for e in entries(office) if "source" in e.data} == {f"station:{STATION}"}
        with office.read() as db:  # a black picture is an alarm, whoever brought it
            watch = keeping.begin(db, SESSION)
            due_now = due(watch, office.clock.now(), limits_of(sessions.session(db, SESSION)))
        assert {key.alarm for key in due_now} == {Alarm.PICTURE_BLACK}

    def test_what_its_key_has_not_signed_is_refused_and_leaves_no_trace(
        self, client: TestClient, office: Office, device: Device
    ) -> None:
        """Whoever is in the network could raise alarms otherwise."""
        before = entries(office)
        (report,) = segments(device, office, 1)
        forged = replace(report, data={**report.data, "bytes": 1})
        refused = send(client, forged)
        assert (refused.status_code, refused.json()["code"]) == (
            409,
            "evaluation.witness.recorder_forged",
        )
        assert "签名" in refused.json()["detail"]
        assert entries(office) == before

    def test_replays_are_refused_and_stand_on_the_record(
        self, client: TestClient, office: Office, device: Device
    ) -> None:
        """Its own signature: that it came again is a fact."""
        reports = segments(device, office, 3)
        send(client, *reports)
        assert send(client, reports[-1]).json() == {"next": 3, "recorded": 0}  # an answer was lost
        refused = send(client, reports[0])
        assert refused.json()["code"] == "evaluation.witness.report_replayed"
        assert entries(office)[-1].action == "evaluation:witness:station_rejected"

    def test_a_clock_that_is_ahead_is_refused_and_one_that_was_cut_is_not(
        self, client: TestClient, office: Office, device: Device
    ) -> None:
        saved = replace(device)
        ahead = device.report(office.clock.now() + timedelta(seconds=61))
        refused = send(client, ahead)
        assert refused.json()["code"] == "evaluation.witness.report_ahead"
        assert "61" in refused.json()["detail"]
        late = saved.report(office.clock.now() - timedelta(hours=12))
        assert send(client, late).status_code == 201

    def test_who_is_not_bound_is_unknown(
        self, client: TestClient, office: Office, device: Device
    ) -> None:
        (report,) = segments(device, office, 1)
        for path in (f"/api/recorders/{SESSION}/other", f"/api/recorders/other/{STATION}"):
            body = {"n": 0, "prev": report.prev, "at": report.at, "up": 1, "kind": "heartbeat",
                    "data": {}, "sig": report.signature}  # fmt: skip
            refused = client.post(f"{path}/reports", json={"reports": [body]})
            assert (refused.status_code, refused.json()["code"]) == (
                404,
                "evaluation.witness.recorder_unknown",
            )
            assert client.get(path).status_code == 404
        refused = client.post(f"{HOME}/pictures/corridor", content=JPEG)
        assert refused.json()["code"] == "evaluation.media.not_reported"

    def test_what_is_malformed_is_refused_with_its_place_in_the_list(
        self, client: TestClient, office: Office, device: Device
    ) -> None:
        """Of up to 500 reports its maker must find the one; nothing of the rest is taken in."""
        before = entries(office)
        fine, *rest = segments(device, office, 4)
        rest[0] = replace(rest[0], data={**rest[0].data, "a/b\ud800": 1})
        rest[1] = replace(rest[1], kind="call", at="yesterday")
        rest[2] = replace(rest[2], data={**rest[2].data, "station": "other", "bytes": 1.5})
        refused = send(client, fine, *rest)
        assert refused.status_code == 422
        assert [
            (fault["pointer"], fault["code"].rpartition(".")[2])
            for fault in refused.json()["faults"]
        ] == [
            ("/reports/1/data/a~1b\\ud800", "field_unknown"),
            ("/reports/2/at", "moment_form"),
            ("/reports/2/kind", "kind"),
            ("/reports/3/data/bytes", "field_form"),
        ]
        assert entries(office) == before
        assert client.get(HOME).json()["next"] == 0

    def test_the_ends_of_the_numbers(
        self, client: TestClient, office: Office, device: Device
    ) -> None:
        """After the last number there would be none that the record can hold; nor can it every step of a clock."""
        far = replace(device, n=2**53 - 1)
        refused = send(client, far.report(office.clock.now()))
        assert [fault["pointer"] for fault in refused.json()["faults"]] == ["/reports/0/n"]
        device.up = 0
        first = device.report(office.clock.now())
        device.up = 2**53 - 1
        back = device.report(office.clock.now() - timedelta(days=9999))
        assert send(client, first, back).json() == {"next": 2, "recorded": 2}
        steps = [e.data["step_ms"] for e in entries(office) if e.action.endswith("clock_step")]
        assert steps == [1 - 2**53]
