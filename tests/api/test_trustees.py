"""Trustees over HTTP: the register, questions that anybody may read, outputs that prove themselves, and
the public transcript once the committee is no longer secret."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.identity import service as identity
from api.identity.accounts import Account
from archive.actor import SYSTEM, Role
from archive.office import Office
from experts.draws import service as draws
from experts.pool import service as pool
from experts.trustees.synthetic import SyntheticTrustee
from tests.api.conftest import PASSWORD
from tests.builders import POOL_OFFICE, STAFF, START
from tests.experts import world
from tests.experts.test_verify import failed
from trading.parties import service as parties

NEW = SyntheticTrustee("new-one", "示例新受托人", bytes(range(32)))


@pytest.fixture
def sworn(app: FastAPI, office: Office) -> dict[str, TestClient]:
    """The office of the pool, the province's supervisor, and a centre's staff, signed in."""
    people = {
        "province": (Role.POOL, ""),
        "watch": (Role.SUPERVISOR, ""),
        "staff": (Role.STAFF, "c"),
    }
    clients = {}
    for name, (role, centre) in people.items():
        with office.write() as tx:
            account = Account(name, frozenset({role}), centre_id=centre)
            identity.create_account(tx, SYSTEM, account, PASSWORD)
        clients[name] = TestClient(app, raise_server_exceptions=False)
        said = {"account": name, "password": PASSWORD}
        assert clients[name].post("/api/sign-in", json=said).status_code == 200
    return clients


def test_two_persons_of_the_province(client: TestClient, sworn: dict[str, TestClient]) -> None:
    body = {
        "id": NEW.id,
        "name": NEW.name,
        "key": NEW.key,
        "possession": NEW.possession.hex(),
        "valid_from": START.isoformat(),
        "valid_until": (START + timedelta(days=365)).isoformat(),
    }
    assert sworn["staff"].post("/api/trustees", json=body).status_code == 403
    wrong = {**body, "possession": "00" * 80}
    faults = sworn["province"].post("/api/trustees", json=wrong).json()["faults"]
    assert [fault["pointer"] for fault in faults] == ["/possession"]
    assert sworn["province"].post("/api/trustees", json=body).status_code == 201
    path = f"/api/trustees/{NEW.id}"
    assert sworn["province"].post(f"{path}/confirmation", json={}).status_code == 403
    assert sworn["watch"].post(f"{path}/confirmation", json={}).status_code == 201
    (entry,) = client.get("/api/trustees").json()
    assert (entry["registered_by"], entry["confirmed_by"]) == ("province", "watch")
    gone = sworn["watch"].post(f"{path}/revocation", json={"reason": "key lost"})
    assert gone.json()["revoked_at"]


def test_from_the_question_to_the_published_transcript(client: TestClient, office: Office) -> None:
    with office.write() as tx:
        parties.register_organisations(tx, STAFF, world.organisations())
        parties.register_links(tx, STAFF, world.LINKS)
        pool.enrol_many(tx, POOL_OFFICE, world.make_pool())
        world.register_trustees(tx)
    draw = world.request(office)
    (asked,) = client.get("/api/askings").json()
    assert asked == client.get(f"/api/draws/{draw.id}/asking").json()
    assert asked["format"] == "bigloop.draw-asking.v1"
    assert "lot" not in asked
    path = f"/api/draws/{draw.id}"
    answer = client.get(f"{path}/asking")
    for holder in world.TRUSTEES:
        proof = holder.answer(asked["request_hash"], asked["number"]).hex()
        wrong = {"trustee": holder.id, "proof": "00" * 80}
        assert client.post(f"{path}/outputs", json=wrong).json()["code"] == "experts.output.invalid"
        answer = client.post(f"{path}/outputs", json={"trustee": holder.id, "proof": proof})
        assert answer.status_code == 201, answer.text
    assert not answer.json()["is_open"]
    assert client.get("/api/askings").json() == []
    secret = client.get(f"{path}/transcript")
    assert secret.json()["code"] == "api.flows.draw_open"
    assert client.get(f"{path}/audit").status_code == 401
    with office.read() as db:
        draw = draws.draw(db, draw.id)
    draw = world.answer_all(office, draw)
    with office.write() as tx:
        draws.close_draw(tx, STAFF, draw.id)
    published = client.get(f"{path}/transcript")
    assert published.headers["content-type"] == "application/json"
    assert failed(published.json()) == ""
