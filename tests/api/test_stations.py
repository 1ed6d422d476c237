"""Stations over HTTP, and what a sealing does to open windows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.flows import sealing as flow
from api.identity import service as identity
from api.identity.accounts import Account
from archive.actor import SYSTEM, Role
from archive.office import Office
from evaluation.session import commands as c
from evaluation.session.state import Stage
from evaluation.witness.sources import Report
from tests.api.conftest import PASSWORD
from tests.builders import CENTRE
from tests.evaluation import course
from tests.evaluation.witness.night import Device, Night
from trading.projects import service as projects


@pytest.fixture
def night(office: Office) -> Night:
    """A session whose sheets are locked, at the staff's own centre."""
    served = course.Served(office)
    served.begin(course.plan())
    course.arrive(served)
    served.fill()
    course.pause(served)
    return Night(served)


def body(report: Report) -> dict[str, Any]:
    return {
        "n": report.n,
        "prev": report.prev,
        "at": report.at,
        "up": report.up,
        "kind": report.kind,
        "data": dict(report.data),
        "sig": report.signature,
    }


@pytest.fixture
def staff(client: TestClient, office: Office) -> TestClient:
    account = Account("staff-1", frozenset({Role.STAFF}), centre_id=CENTRE)
    with office.write() as tx:
        identity.create_account(tx, SYSTEM, account, PASSWORD)
    answer = client.post("/api/sign-in", json={"account": "staff-1", "password": PASSWORD})
    assert answer.status_code == 200
    return client


def test_bound_reported_and_a_forgery_refused_yet_recorded(staff: TestClient, night: Night) -> None:
    device = Device("cam-1", night.id)
    stations = f"/api/sessions/{night.id}/stations"
    bound = {
        "venue": CENTRE, "station": "cam-1", "algorithm": "P-256", "key": device.public, "every": 5,
    }  # fmt: skip
    assert staff.post(stations, json=bound).status_code == 201
    reports = [body(device.report(night.now)) for _ in range(3)]
    answer = staff.post(f"{stations}/cam-1/reports", json={"reports": reports})
    assert answer.json() == {"next": 3, "recorded": 3}
    forged = body(device.report(night.now)) | {"up": 99}
    refused = staff.post(f"{stations}/cam-1/reports", json={"reports": [forged]})
    assert refused.status_code == 409
    assert refused.json()["rule"] == "witness.signed_at_source"
    assert [e.data["reason"] for e in night.entries("station_rejected")] == ["FORGED"]
    wrong = body(device.report(night.now)) | {"kind": "order"}
    assert staff.post(f"{stations}/cam-1/reports", json={"reports": [wrong]}).status_code == 422
    assert staff.post(f"{stations}/cam-1/release").status_code == 201
    again = staff.post(f"{stations}/cam-1/reports", json={"reports": reports})
    assert again.status_code == 409


def test_in_a_sealed_night_the_supervisor_alone_binds_another_device(
    staff: TestClient, office: Office, night: Night
) -> None:
    night.seal()
    stations = f"/api/sessions/{night.id}/stations"
    bound = {
        "venue": CENTRE, "station": "cam-2", "algorithm": "P-256",
        "key": Device("cam-2", night.id).public, "every": 5,
    }  # fmt: skip
    refused = staff.post(stations, json=bound)
    assert refused.json()["code"] == "evaluation.witness.bound_at_night"
    with office.write() as tx:
        account = Account("supervisor-1", frozenset({Role.SUPERVISOR}))
        identity.create_account(tx, SYSTEM, account, PASSWORD)
    signed = {"account": "supervisor-1", "password": PASSWORD}
    assert staff.post("/api/sign-in", json=signed).status_code == 200
    assert staff.post(stations, json=bound).status_code == 201
    assert staff.post(f"{stations}/cam-2/release").status_code == 201
    assert [entry.actor for entry in night.entries("station_bound")] == ["supervisor-1"]


def test_a_request_is_declined_with_a_reason_asked_again_and_withdrawn(
    staff: TestClient, office: Office, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = SimpleNamespace(tenderer_uscc="T", agency_uscc=None, supervisor_uscc="S")
    monkeypatch.setattr(projects, "lot", lambda _db, _id: lot)
    night.seal()
    requests = f"/api/sessions/{night.id}/stations/requests"
    key, other = (Device("cam-2", night.id).public for _ in range(2))
    wanted = {"venue": CENTRE, "station": "cam-2", "algorithm": "P-256", "key": key, "every": 5}
    assert staff.get(f"{requests}/cam-2").json() == {"key": None, "declined": None}
    assert staff.post(requests, json=wanted).json() == {"bound": False}
    assert staff.get(f"{requests}/cam-2").json() == {"key": key, "declined": None}
    answer = {"key": key, "reason": "指纹不符"}
    assert staff.post(f"{requests}/cam-2/decline", json=answer).status_code == 403
    with office.write() as tx:
        account = Account("supervisor-1", frozenset({Role.SUPERVISOR}))
        identity.create_account(tx, SYSTEM, account, PASSWORD)

    def sign_in(account: str) -> None:
        signed = {"account": account, "password": PASSWORD}
        assert staff.post("/api/sign-in", json=signed).status_code == 200

    sign_in("supervisor-1")
    blank = staff.post(f"{requests}/cam-2/decline", json=answer | {"reason": " \n"})
    assert blank.status_code == 422
    wrong = staff.post(f"{requests}/cam-2/decline", json=answer | {"key": other})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "evaluation.witness.asked_other")
    assert staff.post(f"{requests}/cam-2/decline", json=answer).status_code == 201
    gone = staff.post(f"{requests}/cam-2/decline", json=answer)
    assert (gone.status_code, gone.json()["code"]) == (404, "evaluation.witness.not_asked")
    sign_in("staff-1")
    declined = staff.get(f"{requests}/cam-2").json()["declined"]
    assert declined["reason"] == "指纹不符"
    assert declined["by"] == {"role": "supervisor", "centre": "", "number": 1}
    assert staff.post(requests, json=wanted).json() == {"bound": False}
    assert staff.get(f"{requests}/cam-2").json() == {"key": key, "declined": None}
    assert staff.post(f"{requests}/cam-2/withdraw", json={"key": key}).status_code == 201
    assert staff.get(f"{requests}/cam-2").json() == {"key": None, "declined": None}


def test_members_are_signed_out_with_the_sealing(
    client: TestClient, office: Office, night: Night
) -> None:
    """The logical seal: no open window of a member reads on; he may sign in again and sees nothing."""
    account = Account("member-1", frozenset({Role.EXPERT}), party_id="expert-1")
    with office.write() as tx:
        identity.create_account(tx, SYSTEM, account, PASSWORD)
    client.post("/api/sign-in", json={"account": "member-1", "password": PASSWORD})
    assert client.get(f"/api/sessions/{night.id}").status_code == 200
    for venue in night.served.state.night.venues:
        with office.write() as tx:
            put = c.Seal(venue, f"YN-{venue}", course.sha("photo"))
            flow.act(tx, course.staff(venue), night.id, put)
        with office.write() as tx:
            seen = c.WitnessSeal(venue, f"YN-{venue}")
            flow.act(tx, course.staff(venue, 2), night.id, seen)
    assert night.served.state.stage is Stage.SEALED_OVERNIGHT
    assert client.get(f"/api/sessions/{night.id}").status_code == 401
