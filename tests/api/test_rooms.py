"""The JSON interface over the rooms: a lot from intake to its opening, as its people send it."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.identity import service as identity
from api.identity.accounts import Account
from archive import sealing
from archive.actor import SYSTEM, Role
from archive.entropy import SeededEntropy
from archive.office import Office
from evaluation.session.synthetic import method_json
from tests.api.conftest import PASSWORD
from tests.builders import CENTRE
from tests.trading.world import (
    AGENCY,
    FIRMS,
    ISSUED,
    OPENING,
    SUPERVISOR_USCC,
    TENDERER,
    World,
)
from trading.lodging.bid import Bid
from trading.money import Money

PROJECT: dict[str, Any] = {
    "name": "示例道路工程0001",
    "regime": "ZTB",
    "kind": "WORKS",
    "division_code": CENTRE,
    "centre_id": CENTRE,
    "tenderer_uscc": TENDERER,
    "agency_uscc": AGENCY,
    "supervisor_uscc": SUPERVISOR_USCC,
    "government_invested": True,
    "fair_review": {
        "reviewer_uscc": SUPERVISOR_USCC,
        "reviewed_on": "2026-10-10",
        "conclusion": "FITS",
        "document": base64.b64encode("示例审查结论".encode()).decode(),
    },
    "order_notice": "2026-10-12",
    "lots": [
        {
            "name": "示例标段",
            "estimate": 500_000_000,
            "price_ceiling": 480_000_000,
            "deposit_charged": 5_000_000,
            "committee": {"quotas": {"A080304": 4}, "representatives": 1},
            "bid_validity_days": 90,
            "method": method_json(b"1"),
        }
    ],
}
NOTICE = {
    "issued_at": "2026-10-21T10:00:00+08:00",
    "opening_at": "2026-11-11T09:00:00+08:00",
    "evaluation_at": "2026-11-11T11:00:00+08:00",
    "document": base64.b64encode("示例招标公告".encode()).decode(),
}


@pytest.fixture
def world(app: FastAPI, office: Office) -> World:
    return World(office, app.state.shell.custodian).setup()


@pytest.fixture
def bidders(app: FastAPI, office: Office, world: World) -> list[TestClient]:
    clients = []
    for number, uscc in enumerate(FIRMS[:3]):
        account = Account(f"firm-{number}", frozenset({Role.BIDDER}), party_id=uscc)
        with office.write() as tx:
            identity.create_account(tx, SYSTEM, account, PASSWORD)
        client = TestClient(app, raise_server_exceptions=False)
        body = {"account": account.id, "password": PASSWORD}
        assert client.post("/api/sign-in", json=body).status_code == 200
        clients.append(client)
    return clients


@pytest.fixture
def signed_in_as(app: FastAPI, office: Office) -> Callable[..., TestClient]:
    """A client for a person in a role, of a centre or a party of one's choice."""

    def sign_in(role: Role, centre_id: str = "", party_id: str = "") -> TestClient:
        account = Account(
            f"{role}-{centre_id}{party_id}",
            frozenset({role}),
            centre_id=centre_id,
            party_id=party_id,
        )
        with office.write() as tx:
            identity.create_account(tx, SYSTEM, account, PASSWORD)
        client = TestClient(app, raise_server_exceptions=False)
        body = {"account": account.id, "password": PASSWORD}
        assert client.post("/api/sign-in", json=body).status_code == 200
        return client

    return sign_in


def created(answer: Any) -> Any:
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def staff(signed_in: Callable[[Role], TestClient], world: World) -> TestClient:
    return signed_in(Role.STAFF)


@pytest.fixture
def lot_id(staff: TestClient, world: World) -> str:
    """A registered and noticed lot, an hour after its notice."""
    lot: str = created(staff.post("/api/projects", json=PROJECT))["lots"][0]["id"]
    created(staff.post(f"/api/lots/{lot}/notice", json=NOTICE))
    world.at(ISSUED + timedelta(hours=1))
    return lot


def sealed(client: TestClient, lot_id: str, uscc: str) -> tuple[dict[str, str], bytes]:
    """What a bidder's own program does: ask for the key, seal, keep the half."""
    key = client.post("/api/lots/key", json={"lot": lot_id}).json()
    bid = Bid(lot_id, uscc, Money.yuan(4_500_000), 120, "合格")
    made = sealing.seal(
        bytes.fromhex(key["public_key"]),
        key["subject"],
        "bid",
        uscc,
        1,
        bid.to_bytes(),
        SeededEntropy(uscc.encode()),
    )
    cell = base64.b64encode(made.cell).decode()
    return {"lot": lot_id, "cell": cell}, made.bidder_half


class TestIntake:
    def test_a_project_is_registered_and_read(self, staff: TestClient) -> None:
        project = created(staff.post("/api/projects", json=PROJECT))
        assert staff.get(f"/api/projects/{project['id']}").json() == project
        (lot,) = project["lots"]
        assert lot["price_ceiling"] == 480_000_000
        assert staff.get(f"/api/lots/{lot['id']}").json() == lot
        assert [found["id"] for found in staff.get("/api/lots").json()] == [lot["id"]]
        assert staff.get(f"/api/lots?after={lot['id']}").json() == []

    def test_the_faults_of_all_rooms_come_at_once(self, staff: TestClient) -> None:
        bad = json.loads(json.dumps(PROJECT))
        bad["tenderer_uscc"] = "911100000000000000"
        bad["lots"][0]["committee"]["quotas"] = {"A080304": 1}
        bad["lots"][0]["method"] = {}
        answer = staff.post("/api/projects", json=bad)
        assert answer.status_code == 422
        pointers = {fault["pointer"] for fault in answer.json()["faults"]}
        assert any(p.startswith("/lots/0/committee") for p in pointers)
        assert any(p.startswith("/lots/0/method") for p in pointers)
        assert "/tenderer_uscc" in pointers
        assert staff.get("/api/lots").json() == []

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("order_notice", 20261012),
            ("order_notice", "12.10.2026"),
            ("government_invested", "true"),
            ("name", "a\x00b"),
            ("name", ""),
            ("centre_id", "../x"),
            ("regime", "XYZ"),
            ("lots", []),
        ],
    )
    def test_nothing_is_guessed(self, staff: TestClient, field: str, value: object) -> None:
        answer = staff.post("/api/projects", json={**PROJECT, field: value})
        assert answer.status_code == 422
        assert answer.json()["faults"][0]["pointer"] == f"/{field}"

    def test_the_notice_shows_the_days_it_counted(self, staff: TestClient, lot_id: str) -> None:
        notice = staff.get(f"/api/lots/{lot_id}").json()["notice"]
        assert len(notice["preparation"]["counted"]) >= 20
        actions = [e["action"] for e in staff.get(f"/api/lots/{lot_id}/entries").json()]
        assert "trading:lot:key_published" in actions
        assert staff.get(f"/api/lots/{lot_id}/entries?start=1&limit=1").json()[0]["seq"] == 1


class TestLodging:
    def test_a_cell_is_acknowledged_after_its_commit(
        self, bidders: list[TestClient], lot_id: str, office: Office
    ) -> None:
        body, _half = sealed(bidders[0], lot_id, FIRMS[0])
        answer = created(bidders[0].post("/api/lodgings", json=body))
        assert "bigloop.example" in answer["receipt"]
        with office.read() as db:
            cells = db.connection().exec_driver_sql("SELECT count(*) FROM lodged_cell").scalar()
        assert (cells or 0) >= 1

    def test_after_the_deadline_nothing_is_taken(
        self, bidders: list[TestClient], lot_id: str, world: World, office: Office
    ) -> None:
        body, _half = sealed(bidders[0], lot_id, FIRMS[0])
        world.at(OPENING)
        answer = bidders[0].post("/api/lodgings", json=body)
        assert (answer.status_code, answer.json()["kind"]) == (409, "TOO_LATE")
        with office.read() as db:
            assert db.connection().exec_driver_sql("SELECT count(*) FROM lodged_cell").scalar() == 0

    def test_what_is_no_cell_is_refused(self, bidders: list[TestClient], lot_id: str) -> None:
        for cell in ("", "AAAA", "not base64", 7):
            answer = bidders[0].post("/api/lodgings", json={"lot": lot_id, "cell": cell})
            assert answer.status_code == 422, cell

    def test_neither_log_tells_who_looked_at_which_lot(
        self, bidders: list[TestClient], lot_id: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            body, _half = sealed(bidders[0], lot_id, FIRMS[0])
            created(bidders[0].post("/api/lodgings", json=body))
            bidders[0].post("/api/deposit-terms", json={"lot": lot_id})
            bidders[0].get(f"/api/lots/{lot_id}")
            bidders[0].post("/api/lodgings", json={"lot": lot_id, "cell": "AAAA"})
        ours = [r for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]
        text = "\n".join(record.getMessage() for record in ours)
        assert "POST /api/lodgings 201" in text
        assert "GET /api/lots/{lot_id} 200" in text
        assert lot_id not in text
        assert FIRMS[0] not in text

    def test_deposit_terms_explain_every_step_and_leave_no_trace(
        self, bidders: list[TestClient], lot_id: str, office: Office
    ) -> None:
        def rows() -> int:
            with office.read() as db:
                found = db.connection().exec_driver_sql("SELECT count(*) FROM journal_entry")
                return int(found.scalar() or 0)

        before = rows()
        terms = bidders[0].post("/api/deposit-terms", json={"lot": lot_id})
        assert terms.status_code == 200, terms.text
        steps = terms.json()["steps"]
        assert steps
        assert all(step["article"] and step["text_zh"] and step["text_en"] for step in steps)
        assert terms.json()["due_fen"] <= terms.json()["ceiling_fen"]
        assert rows() == before


class TestOpening:
    def test_halves_open_what_was_lodged(
        self, staff: TestClient, bidders: list[TestClient], lot_id: str, world: World
    ) -> None:
        halves = []
        for client, uscc in zip(bidders, FIRMS, strict=False):
            body, half = sealed(client, lot_id, uscc)
            created(client.post("/api/lodgings", json=body))
            halves.append(half)
        early = staff.post(f"/api/lots/{lot_id}/opening")
        assert (early.status_code, early.json()["kind"]) == (409, "TOO_EARLY")
        world.at(OPENING)
        begun = created(staff.post(f"/api/lots/{lot_id}/opening"))
        assert begun["bidders"] == sorted(FIRMS[:3])
        wrong = bidders[0].post(f"/api/lots/{lot_id}/halves", json={"half": "00" * 32})
        assert wrong.status_code in (409, 422)
        for client, half in zip(bidders, halves, strict=True):
            state = created(client.post(f"/api/lots/{lot_id}/halves", json={"half": half.hex()}))
            assert state == {"state": "READY"}
        assert staff.get(f"/api/lots/{lot_id}/opening").json()["kind"] == "TOO_EARLY"


class TestObjections:
    def test_against_the_file_without_a_name(
        self, bidders: list[TestClient], staff: TestClient, lot_id: str, app: FastAPI
    ) -> None:
        document = base64.b64encode("示例异议".encode()).decode()
        raised = created(
            bidders[0].post(
                "/api/objections", json={"lot": lot_id, "stage": "FILE", "document": document}
            )
        )
        assert raised["raised_by"] == ""
        (listed,) = staff.get(f"/api/lots/{lot_id}/objections").json()
        assert listed["withdrawal_secret"] == ""
        path = f"/api/objections/{raised['id']}/withdrawal"
        assert bidders[1].post(path, json={}).status_code == 403
        secret = {"secret": raised["withdrawal_secret"]}
        assert created(bidders[0].post(path, json=secret))["state"] == "WITHDRAWN"

    def test_who_may_read_them(
        self,
        signed_in_as: Callable[..., TestClient],
        bidders: list[TestClient],
        staff: TestClient,
        lot_id: str,
    ) -> None:
        path = f"/api/lots/{lot_id}/objections"
        readers = {
            "staff of the lot's centre": (staff, 200),
            "staff of another centre": (signed_in_as(Role.STAFF, centre_id="530102"), 403),
            "the tenderer": (signed_in_as(Role.TENDERER, party_id=TENDERER), 200),
            "his agency": (signed_in_as(Role.TENDERER, party_id=AGENCY), 200),
            "another tenderer": (signed_in_as(Role.TENDERER, party_id=FIRMS[5]), 403),
            "the province's supervisor": (signed_in_as(Role.SUPERVISOR), 200),
            "its supervisor": (signed_in_as(Role.SUPERVISOR, party_id=SUPERVISOR_USCC), 200),
            "another department": (signed_in_as(Role.SUPERVISOR, party_id=FIRMS[5]), 403),
            "a bidder": (bidders[0], 403),
        }
        found = {who: client.get(path).status_code for who, (client, _) in readers.items()}
        assert found == {who: status for who, (_, status) in readers.items()}
        assert staff.get("/api/lots/no-such-lot/objections").status_code == 404


class TestWhatASupervisorSees:
    """A department what it supervises; an account without a party, the province's, everything."""

    def test_the_record_of_a_lot(
        self, signed_in_as: Callable[..., TestClient], staff: TestClient, lot_id: str
    ) -> None:
        path = f"/api/lots/{lot_id}/entries"
        for party, status in (("", 200), (SUPERVISOR_USCC, 200), (FIRMS[5], 403)):
            reader = signed_in_as(Role.SUPERVISOR, party_id=party)
            answer = reader.get(path)
            assert answer.status_code == status
            if status == 403:
                assert answer.json()["code"] == "trading.actor.supervisor"
            # Not archived yet: who may know that gets 404, others are refused before.
            dossier = reader.get(f"/api/dossiers/{lot_id}").status_code
            assert dossier == (403 if status == 403 else 404)


class TestSessions:
    def test_wrong_commands_name_their_faults(self) -> None:
        from api.routes.sessions import ActBody, command_of
        from archive.errors import Refusal

        for body, pointer, code in [
            ({"command": "Nothing"}, "/command", "enum"),
            ({"command": "EnterBids"}, "/command", "enum"),
            ({"command": "RemoveMember"}, "/command", "enum"),  # whom the draw sends, nobody names
            ({"command": "ReplaceMember"}, "/command", "enum"),
            ({"command": "CheckIn"}, "/fields/expert_id", "missing"),
            (
                {"command": "CheckIn", "fields": {"expert_id": 7, "identity": "x"}},
                "/fields/expert_id",
                "form",
            ),
            (
                {"command": "VoidSession", "fields": {"reason": "x", "cause/": "x"}},
                "/fields/cause~1",
                "extra_forbidden",
            ),
        ]:
            with pytest.raises(Refusal) as caught:
                command_of(ActBody.model_validate(body))
            (fault, *_) = caught.value.faults
            assert (fault.pointer, fault.code) == (pointer, f"api.input.{code}")

    def test_a_session_one_does_not_sit_in_does_not_exist(
        self, signed_in: Callable[[Role], TestClient]
    ) -> None:
        expert = signed_in(Role.EXPERT)
        assert expert.get("/api/sessions").json() == []
        assert expert.get("/api/sessions/s1").status_code == 404
