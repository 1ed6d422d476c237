"""Bad input as its sender meets it: what is wrong, where, by which rule, in both languages.

A small cohort stands in the middle of its evaluation day; people who are signed in send what must be
refused. Every refusal is a problem document (RFC 9457) that says the same in Chinese and in English,
names the place of each fault by a JSON pointer or the rule that forbids the act, and has a page that
explains it. Afterwards every table has as many rows as before and every stream ends where it ended.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from api.app import create_app
from api.demo import people
from api.demo.acts.table import ACTS, first_acts
from api.demo.doors import PASSWORD
from api.demo.guests import guests, open_accounts
from api.demo.once import opened, run_until, settings_of
from api.demo.play import Play
from api.demo.province import REGISTRAR
from api.flows.names import PLAN_TASK
from api.handlers import handlers
from api.identity import service as identity
from api.identity.accounts import Account
from api.office import open_custodian
from archive import canonical, sealing
from archive.actor import SYSTEM
from archive.clock import SHANGHAI, DrivenClock
from archive.entropy import SeededEntropy
from archive.office import Office
from archive.tasks import service as tasks
from archive.tasks.service import Worker
from evaluation.stations import service as stations
from evaluation.stations.slots import slot_at
from evaluation.witness.protocol import Hello, encode_frame
from experts.draws import service as draws
from experts.draws.request import State
from tests.scenarios.conftest import POOL, SEED, Played, command
from tests.scenarios.people import documented, lot_body
from tests.support.databases import Databases, Engine
from trading.projects import service as projects

DAY = date(2026, 10, 21)
DALI = "532901"
LANGUAGES = ("zh", "en")


class Silent:
    def at(self, now: datetime, done: int, waiting: int) -> None:
        pass


@dataclass
class World:
    """The application in the middle of the day, and who is signed in to it."""

    office: Office
    play: Play
    clock: DrivenClock
    worker: Worker
    clients: dict[str, TestClient] = field(default_factory=dict)
    centres: dict[str, str] = field(default_factory=dict)
    """By account."""

    def everything(self) -> tuple[dict[str, int], list[Any]]:
        """How many rows each table has, and where each stream ends."""
        with self.office.connections.engine.connect() as connection:
            names = sa.inspect(connection).get_table_names()
            count = "SELECT count(*) FROM "
            rows = {n: connection.exec_driver_sql(count + n).scalar_one() for n in sorted(names)}
            streams = "SELECT id, size, last_hash FROM journal_stream ORDER BY id"
            return rows, [tuple(row) for row in connection.exec_driver_sql(streams)]

    def refuses(
        self,
        account: str,
        path: str,
        body: Any,
        code: str,
        status: int,
        *,
        faults: dict[str, str] | None = None,
        rule: str = "",
        method: str = "POST",
    ) -> dict[str, Any]:
        """The request is refused so; `faults`: pointer → code. The document in English."""
        before = self.everything()
        client = self.clients[account]
        said: dict[str, dict[str, Any]] = {}
        for language in LANGUAGES:
            headers = {"Accept-Language": language}
            answer = client.request(method, path, json=body, headers=headers)
            assert answer.headers["content-type"] == "application/problem+json", answer.text
            assert answer.headers["content-language"] == language
            said[language] = answer.json()
            assert (answer.status_code, said[language]["code"]) == (status, code), answer.text
        assert self.everything() == before, "something was half done"
        check_words(said)
        problem = said["en"]
        if rule:
            assert problem["rule"] == rule
        found = {fault["pointer"]: fault for fault in problem.get("faults", ())}
        assert {pointer: fault["code"] for pointer, fault in found.items()} == (faults or {})
        page = client.get(problem["type"], headers={"Accept": "text/html"})
        assert page.status_code == 200, problem["type"]
        return problem

    def sent(self, account: str, path: str, body: Any) -> Any:
        answer = self.clients[account].post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()


def check_words(said: dict[str, dict[str, Any]]) -> None:
    """Both languages say it, each in its own words."""
    for language, problem in said.items():
        for told in (problem, *problem.get("faults", ())):
            assert told["detail"] == told[f"detail_{language}"]
            assert told["detail_zh"] != told["detail_en"]
            for text in (told["detail_zh"], told["detail_en"]):
                assert text
                assert not text.startswith("[")
                assert "{" not in text
            assert any("\u4e00" <= letter <= "\u9fff" for letter in told["detail_zh"])
    assert said["zh"]["title"] != said["en"]["title"]


@pytest.fixture
def world(tmp_path: Path, databases: Databases) -> Iterator[World]:
    """On SQLite; the soak does the same on PostgreSQL."""
    with world_on("sqlite", tmp_path, databases) as made:
        yield made


@contextmanager
def world_on(engine: Engine, tmp_path: Path, databases: Databases) -> Iterator[World]:
    """The cohort at twenty past ten on its day: the first reviews have begun."""
    url = databases.fresh(engine)
    folder = tmp_path / "data"
    clock = DrivenClock(datetime.fromisoformat("2000-01-01T00:00:00+00:00"))
    settings = settings_of(folder, url, lodging_tick_seconds=0)
    with opened(settings, clock, SEED) as office:
        custodian = open_custodian(settings, office)
        play = Play(office, custodian, SEED, DAY, 3, POOL)
        known = {**handlers(custodian, settings.dossiers), **play.handlers(ACTS)}
        clock.move_to(play.starts_at)
        play.set_up(first_acts(play))
        worker = Worker(office, known, "test")
        now = play.moments.morning + timedelta(minutes=20)
        run_until(office, clock, worker, Silent(), now)
        clock.move_to(now)
        open_accounts(office, play)
        dali = Account("dali", people.staff(DALI).roles, centre_id=DALI)
        with office.write() as tx:
            identity.create_account(tx, REGISTRAR, dali, PASSWORD)
        made = World(office, play, clock, worker)
        app = create_app(office, settings, custodian)
        for account in (*guests(play), dali):
            client = TestClient(app, raise_server_exceptions=False)
            body = {"account": account.id, "password": PASSWORD}
            assert client.post("/api/sign-in", json=body).status_code == 200
            made.clients[account.id] = client
            made.centres[account.id] = account.centre_id
        yield made
    databases.remove(url)


def project(world: World, account: str, **changes: Any) -> dict[str, Any]:
    """A good application by this account's centre."""
    script, _ = world.play.script[min(world.play.script)]
    today = world.clock.now().astimezone(SHANGHAI).date().isoformat()
    return {
        "name": "示例项目",
        "regime": "ZTB",
        "kind": "WORKS",
        "division_code": world.centres[account],
        "centre_id": world.centres[account],
        "tenderer_uscc": script.tenderer,
        "supervisor_uscc": script.supervisor,
        "government_invested": True,
        "fair_review": {
            "reviewer_uscc": script.supervisor,
            "reviewed_on": today,
            "conclusion": "FITS",
            "document": documented("审查结论(示例)"),
        },
        "order_notice": today,
        "lots": [lot_body("示例标段")],
        **changes,
    }


def notice(issued: datetime, days: int) -> dict[str, Any]:
    opens = issued + timedelta(days=days)
    return {
        "issued_at": issued.isoformat(),
        "opening_at": opens.isoformat(),
        "evaluation_at": (opens + timedelta(minutes=30)).isoformat(),
        "document": documented("招标公告(示例)"),
    }


def noticed(world: World, **lot: Any) -> str:
    """A lot of the staff's centre whose evaluation is half a day away."""
    body = project(world, "staff", lots=[lot_body("示例标段", **lot)])
    made: str = world.sent("staff", "/api/projects", body)["lots"][0]["id"]
    issued = world.clock.now()
    world.sent("staff", f"/api/lots/{made}/notice", notice(issued, 21))
    world.clock.move_to(issued + timedelta(days=20, hours=12))
    return made


def in_dali_without_the_review_document(world: World) -> None:
    body = project(world, "dali", fair_review=None)
    problem = world.refuses(
        "dali",
        "/api/projects",
        body,
        "trading.registration.invalid",
        422,
        faults={"/fair_review": "trading.review.missing"},
    )
    assert problem["faults"][0]["rule"] == "registration.fair_review_required"
    world.sent("dali", "/api/projects", project(world, "dali"))


def an_empty_review_document(world: World) -> None:
    body = project(world, "dali")
    body["fair_review"]["document"] = ""
    world.refuses(
        "dali",
        "/api/projects",
        body,
        "trading.registration.invalid",
        422,
        faults={"/fair_review/document": "trading.review.document"},
    )


def a_wrong_credit_code(world: World) -> None:
    right = project(world, "staff")["tenderer_uscc"]
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    problem = world.refuses(
        "staff",
        "/api/projects",
        project(world, "staff", tenderer_uscc=wrong),
        "trading.registration.invalid",
        422,
        faults={"/tenderer_uscc": "trading.uscc.check"},
    )
    assert "GB 32100" in problem["faults"][0]["detail_en"]


def everything_that_is_wrong_is_said_at_once(world: World) -> None:
    body = project(world, "dali", fair_review=None, order_notice=None)
    body["lots"][0]["bid_validity_days"] = 0
    body["lots"][0]["committee"]["quotas"] = {"A0802": 2}
    answer = world.clients["dali"].post("/api/projects", json=body)
    pointers = {fault["pointer"] for fault in answer.json()["faults"]}
    assert {"/fair_review", "/order_notice", "/lots/0/bid_validity_days"} <= pointers
    assert any(pointer.startswith("/lots/0/committee") for pointer in pointers)


def a_notice_with_nineteen_days(world: World) -> None:
    made = world.sent("staff", "/api/projects", project(world, "staff"))["lots"][0]["id"]
    problem = world.refuses(
        "staff",
        f"/api/lots/{made}/notice",
        notice(world.clock.now(), 19),
        "trading.notice.invalid",
        422,
        faults={"/opening_at": "trading.notice.preparation"},
    )
    (fault,) = problem["faults"]
    assert fault["rule"] == "bid.preparation_days"
    assert fault["params"]["days"] == 20
    world.sent("staff", f"/api/lots/{made}/notice", notice(world.clock.now(), 20))


def a_bid_after_the_deadline(world: World) -> None:
    with world.office.read() as db:
        made = next(lot.id for lot in projects.lots(db) if lot.name in world.play.key_of_name)
    subject = f"lot/{made}"
    sealed = sealing.seal(
        world.play.custodian.public_key(subject),
        subject,
        "bid",
        world.play.script[min(world.play.script)][1].bids[0].bidder,
        1,
        canonical.encode({"format": "bigloop.bid.v1"}),
        SeededEntropy(b"late"),
    )
    body = {"lot": made, "cell": base64.b64encode(sealed.cell).decode()}
    world.refuses(
        "bidder",
        "/api/lodgings",
        body,
        "trading.lodging.too_late",
        409,
        rule="opening.at_deadline",
    )


def what_is_no_cell(world: World) -> None:
    made = noticed(world)
    answer = world.refuses(
        "bidder",
        "/api/lodgings",
        {"lot": made, "cell": documented("不是密文")},
        "trading.lodging.invalid",
        422,
        faults={"/cell": "archive.sealing.cell_size"},
    )
    assert answer["kind"] == "INVALID"


def a_quota_that_the_pool_cannot_fill(world: World) -> None:
    made = noticed(world, committee={"quotas": {"A0802": 3, "A040804": 1}, "representatives": 1})
    problem = world.refuses(
        "staff",
        "/api/draws",
        {"lot": made},
        "experts.draw.pool_too_small",
        409,
    )
    assert problem["rule"]
    assert problem["params"]["specialty"] == "A040804"
    assert problem["params"]["eligible"] < problem["params"]["needed"]
    assert "A040804" in problem["detail_zh"]


def a_lot_with_no_seat_left(world: World) -> None:
    made = noticed(world)
    draw = drawn(world, made)
    keep_every_station(world)
    with world.office.write() as tx:
        evaluated = draws.draw(tx.db, draw).evaluation_at.astimezone(SHANGHAI).date()
        tasks.enqueue(tx, PLAN_TASK, {"day": evaluated.isoformat()})
    world.worker.run_all_due()
    with world.office.read() as db:
        assert not tasks.failed(db)
        missing = {member.seat_code for member in draws.committee(db, draw)}
    problem = world.refuses("staff", "/api/sessions", {"lot": made}, "api.flows.unseated", 409)
    assert set(problem["params"]["seats"].split(", ")) == missing
    assert all(seat in problem["detail_zh"] for seat in missing)
    keep_every_station(world, False)


def drawn(world: World, lot: str) -> str:
    """Draw the lot's committee over the interface; everybody who is asked accepts."""
    draw = world.sent("staff", "/api/draws", {"lot": lot})
    path = f"/api/draws/{draw['id']}"
    for trustee in world.play.province.trustees:
        proof = trustee.answer(draw["request_hash"], 1).hex()
        world.sent("staff", f"{path}/outputs", {"trustee": trustee.id, "proof": proof})
    state = world.clients["staff"].get(path).json()["state"]
    while state == State.INVITING:
        with world.office.write() as tx:
            for invited in draws.invited(tx.db, draw["id"]):
                if not invited.answer:
                    expert = people.expert(invited.expert_id)
                    draws.answer(tx, expert, draw["id"], invited.expert_id, accepted=True)
        state = world.sent("staff", f"{path}/settlement", {})["state"]
    assert state == State.SEATED
    return str(draw["id"])


def keep_every_station(world: World, kept: bool = True) -> None:
    """Every centre holds all its stations for its own sessions, tomorrow and the day after."""
    first = slot_at(world.clock.now() + timedelta(hours=12)) - 2
    with world.office.write() as tx:
        for group in stations.groups(tx.db):
            centre = group.centre_id
            if kept:
                stations.hold(tx, SYSTEM, group.key, first, first + 6, group.stations)
                continue
            for one in stations.holdings(tx.db, first, first + 6, centre):
                if one.group == group.key:
                    stations.give_back(tx, SYSTEM, centre, one.id, first)


def an_unknown_kind_of_event(world: World) -> None:
    sessions = world.clients["supervisor"].get("/api/sessions").json()
    session = next(s["id"] for s in sessions if s["stage"] == "REVIEWING")
    before = world.everything()
    said = {}
    for language in LANGUAGES:
        with world.clients["supervisor"].websocket_connect(
            f"/live/sessions/{session}",
            headers={"Accept-Language": language},
            subprotocols=["witness.v1"],
        ) as socket:
            socket.send_text(encode_frame(Hello(session)))
            bad = {"type": "event", "id": "e1", "kind": "explosion", "data": {}}
            socket.send_text(json.dumps(bad))
            frame: dict[str, Any] = {}
            while frame.get("id") != "e1":
                frame = json.loads(socket.receive_text())
            assert frame["type"] == "refusal"
            said[language] = frame["problem"]
    assert world.everything() == before
    check_words(said)
    problem = said["en"]
    assert problem["code"] == "evaluation.witness.kind"
    assert "explosion" in problem["detail_zh"]
    assert "door" in problem["detail_en"], "the kinds that there are"


def fields_that_an_event_does_not_have(world: World) -> None:
    sessions = world.clients["supervisor"].get("/api/sessions").json()
    session = next(s["id"] for s in sessions if s["stage"] == "REVIEWING")
    before = world.everything()
    with world.clients["supervisor"].websocket_connect(f"/live/sessions/{session}") as socket:
        socket.send_text(encode_frame(Hello(session)))
        bad = {"type": "event", "id": "e1", "kind": "door", "data": {"door": "x", "name": "y"}}
        socket.send_text(json.dumps(bad))
        frame: dict[str, Any] = {}
        while frame.get("id") != "e1":
            frame = json.loads(socket.receive_text())
    pointers = {fault["pointer"] for fault in frame["problem"]["faults"]}
    assert pointers == {"/name", "/venue", "/state"}
    assert world.everything() == before


def one_dossier_that_is_not_there(world: World) -> None:
    made = noticed(world)
    world.refuses("staff", f"/api/dossiers/{made}", None, "api.dossier.none", 404, method="GET")


STEPS = (
    in_dali_without_the_review_document,
    an_empty_review_document,
    a_wrong_credit_code,
    everything_that_is_wrong_is_said_at_once,
    a_notice_with_nineteen_days,
    a_bid_after_the_deadline,
    what_is_no_cell,
    a_quota_that_the_pool_cannot_fill,
    a_lot_with_no_seat_left,
    an_unknown_kind_of_event,
    fields_that_an_event_does_not_have,
    one_dossier_that_is_not_there,
)


@pytest.mark.slow
@pytest.mark.db
def test_bad_input_is_refused_and_nothing_is_half_done(world: World) -> None:
    for step in STEPS:
        step(world)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dossier_that_cannot_be_read(played: Played, tmp_path: Path, language: str) -> None:
    dossier = shutil.copytree(played.dossiers[0], tmp_path / "dossier")
    contents = dossier / "data" / "dossier.json"
    contents.write_bytes(b"\x00")
    words = ("verify", dossier, "--trust", played.trust, "--lang", language)
    done = command(*words, folder=tmp_path)
    assert done.returncode == 1
    assert "data/dossier.json" in done.stdout
    for path in dossier.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = command(*words, folder=tmp_path)
    assert done.returncode == 2
    assert "dossier" in done.stdout
    assert any("\u4e00" <= letter <= "\u9fff" for letter in done.stdout) == (language == "zh")
