"""Problem documents (RFC 9457): every no has a form, both languages and a page."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, Query
from pydantic import Field
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError
from starlette.testclient import TestClient

from api import problems
from api.access import Public
from api.problems import MEDIA_TYPE, STATUS, incident
from api.routes.fields import Body, Whole
from archive.actor import Role
from archive.errors import Faults, Kind, Refusal
from archive.office import Office
from archive.words import Language, catalogue
from tests.api.conftest import make_account
from tests.builders import CENTRE
from tests.trading.world import TENDERER, World

router = APIRouter()


class Sent(Body):
    name: Annotated[str, Field(max_length=5)]
    count: Whole


@router.get("/t/refuse/{kind}")
def refuse(_: Public, kind: Kind) -> None:
    raise Refusal("archive.actor.two_persons", {"actor": "a-1"}, kind, rule="duties.two")


@router.get("/t/faults")
def faults(_: Public) -> None:
    found = Faults("api.account.invalid")
    found.add("/id", "api.account.id", value="<b>")
    found.add("/lots/0/centre", "api.account.centre", rule="x.y")
    found.refuse()


@router.get("/t/named/{lot_id}")
def named(_: Public, lot_id: str) -> None:
    found = Faults("evaluation.witness.invalid")
    found.add("/a", "evaluation.witness.venue_unknown", venue=CENTRE, venues=f"{CENTRE}, 532999")
    found.add("/b", "evaluation.witness.acknowledged", by="staff-1")
    found.add("/c", "deposits.terms.noticed", lot=lot_id)
    found.add("/d", "trading.organisation.moved", uscc=TENDERER)
    found.add("/e", "evaluation.witness.session_over", session="S-9", stage="CLOSED")
    found.refuse()


@router.get("/t/defect")
def defect(_: Public) -> None:
    raise RuntimeError("secret of the house")


@router.post("/t/body")
def body(_: Public, sent: Sent, day: Annotated[int, Query(ge=1)] = 1) -> None:
    del sent, day


@router.get("/t/body")
def same_path(_: Public) -> None: ...


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    app.include_router(router)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_has_its_status(client: TestClient, kind: Kind) -> None:
    answer = client.get(f"/t/refuse/{kind}", headers={"accept-language": "en"})
    assert answer.status_code == STATUS[kind]
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = answer.json()
    assert problem["type"] == "/problems/archive.actor.two_persons"
    assert problem["status"] == answer.status_code
    assert problem["kind"] == kind
    assert problem["rule"] == "duties.two"
    assert problem["params"] == {"actor": "a-1"}
    assert (
        problem["detail"]
        == problem["detail_en"]
        == (
            "Separation of duties: account a-1 did the step before; somebody else must do this one."
        )
    )
    assert problem["detail_zh"].startswith("职责分离")
    assert ("retry-after" in answer.headers) is (kind is Kind.UNAVAILABLE)


def test_what_has_a_name_is_called_by_it(
    client: TestClient, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentences name centres, lots, companies and offices, for a page and for a program; parameters stay codes."""
    lot = World(office).setup().register().lots[0]
    make_account(office, Role.STAFF)
    path = f"/t/named/{lot.id}"
    problem = client.get(path, headers={"accept-language": "en"}).json()
    faults = {fault["pointer"]: fault for fault in problem["faults"]}
    assert faults["/a"]["params"] == {"venue": CENTRE, "venues": f"{CENTRE}, 532999"}
    assert faults["/a"]["detail"] == (
        "Venue 示例中心 is none of this session's; it has 示例中心, 532999."
    )
    assert "中心工作人员 · 示例中心 确认" in faults["/b"]["detail_zh"]
    assert "by staff of the centre · 示例中心" in faults["/b"]["detail_en"]
    assert f"标段 {lot.name} " in faults["/c"]["detail_zh"]
    assert "示例建设单位" in faults["/d"]["detail_zh"]
    assert "S-9" in faults["/e"]["detail_zh"], "what there is not has no name"
    page = client.get(path, headers={"accept": "text/html"}).text
    assert "示例中心、532999" in page
    assert CENTRE not in page

    def away(*_: object) -> None:
        raise OperationalError("select", {}, Exception("away"))

    monkeypatch.setattr(problems, "names_for", away)
    assert CENTRE in client.get(path).json()["faults"][0]["detail"]


def test_the_type_is_a_page_that_exists(client: TestClient) -> None:
    words = catalogue("api", Language.EN)
    hidden = [code for code in words if code.startswith(("api.page.", "api.status."))]
    for code in words.keys() - set(hidden):
        assert client.get(f"/problems/{code}").status_code == 200, code
    for code in hidden[::100]:
        assert client.get(f"/problems/{code}").status_code == 404, code
    page = client.get("/problems/archive.actor.two_persons").text
    assert "职责分离" in page
    assert "Separation of duties" in page
    assert "{venue}" in client.get("/problems/evaluation.witness.bound_at_night").text
    assert client.get("/problems/api.no.such").status_code == 404
    assert client.get("/problems/os.path").status_code == 404


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "zh"),
        ("en", "en"),
        ("en-GB,zh;q=0.5", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr,en;q=0.1", "en"),
        ("en;q=0,zh;q=0.1", "zh"),
        ("en;q=nan", "zh"),
        (";;,=", "zh"),
    ],
)
def test_the_language_is_the_readers(client: TestClient, header: str, expected: str) -> None:
    answer = client.get("/nowhere", headers={"accept-language": header})
    assert answer.headers["content-language"] == expected
    assert answer.json()["detail"] == answer.json()[f"detail_{expected}"]


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("*/*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("application/json", False),
        ("application/json,text/html;q=0.9", False),
        ("text/html;q=0.9,application/json;q=0.1", True),
    ],
)
def test_a_page_where_a_page_is_preferred(client: TestClient, accept: str, html: bool) -> None:
    answer = client.get("/t/faults", headers={"accept": accept})
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html" if html else MEDIA_TYPE)
    assert "Accept" in answer.headers["vary"]
    if html:
        assert "&lt;b&gt;" in answer.text
        assert "<b>" not in answer.text


def test_all_faults_with_pointers_and_rules(client: TestClient) -> None:
    problem = client.get("/t/faults").json()
    assert [(f["pointer"], f["code"], f.get("rule")) for f in problem["faults"]] == [
        ("/id", "api.account.id", None),
        ("/lots/0/centre", "api.account.centre", "x.y"),
    ]
    assert all(f["detail_zh"] and f["detail_en"] and f["in"] == "body" for f in problem["faults"])


class TestValidation:
    def test_every_place_is_named_and_nothing_sent_is_repeated(self, client: TestClient) -> None:
        answer = client.post("/t/body?day=0", json={"name": "geheimnis", "count": True, "a/b~c": 1})
        assert answer.status_code == 422
        found = {(f["in"], f["pointer"]): f["code"] for f in answer.json()["faults"]}
        assert found == {
            ("query", "/day"): "api.input.greater_than_equal",
            ("body", "/name"): "api.input.string_too_long",
            ("body", "/count"): "api.input.form",
            ("body", "/a~1b~0c"): "api.input.extra_forbidden",
        }
        assert "geheimnis" not in answer.text

    @pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"[1,", b'{"name": NaN'])
    def test_an_unparsable_body(self, client: TestClient, content: bytes) -> None:
        answer = client.post(
            "/t/body", content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code in ((400, 422) if not content else (400,))
        assert answer.headers["content-type"] == MEDIA_TYPE

    def test_another_media_type(self, client: TestClient) -> None:
        answer = client.post("/t/body", content=b"x", headers={"content-type": "text/plain"})
        assert answer.status_code in (415, 422)
        assert answer.headers["content-type"] == MEDIA_TYPE

    def test_too_large(self, client: TestClient, app: FastAPI) -> None:
        size = app.state.shell.settings.request_bytes_max + 1
        answer = client.post(
            "/t/body", content=b" " * size, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413
        assert answer.json()["params"] == {"bytes_max": size - 1}

    def test_too_large_in_chunks_without_a_length(self, client: TestClient, app: FastAPI) -> None:
        def chunks() -> Iterator[bytes]:
            for _ in range(app.state.shell.settings.request_bytes_max // 2**20 + 1):
                yield b" " * 2**20

        answer = client.post(
            "/t/body", content=chunks(), headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413


def test_405_names_all_methods_of_the_path(client: TestClient) -> None:
    answer = client.delete("/t/body")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


class TestIncidents:
    def test_the_reader_gets_a_number_and_the_log_the_rest(
        self, client: TestClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.ERROR, "bigloop.incident"):
            answer = client.get("/t/defect")
        assert answer.status_code == 500
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.headers["content-security-policy"]
        assert "secret of the house" not in answer.text
        number = answer.json()["params"]["incident"]
        assert f"incident {number}" in caplog.text
        assert "secret of the house" in caplog.text

    def test_parameters_of_sql_stay_out_of_the_log(
        self, app: FastAPI, caplog: pytest.LogCaptureFixture
    ) -> None:
        incident(IntegrityError("INSERT …", {"cell": "who-and-which-lot"}, ValueError("twice")))
        assert "who-and-which-lot" not in caplog.text
        assert "INSERT" in caplog.text

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (OperationalError("INSERT", {}, Exception("database or disk is full")), 503),
            (InternalError("INSERT", {}, Exception("could not extend file")), 503),
            (OSError(errno.ENOSPC, "No space left on device"), 503),
            (IntegrityError("INSERT", {}, Exception("twice")), 500),
            (OSError(errno.EACCES, "no"), 500),
        ],
    )
    def test_a_full_disk_is_no_defect_and_one_may_come_again(
        self, error: Exception, status: int
    ) -> None:
        problem = incident(error)
        assert (problem.status, bool(problem.headers)) == (status, status == 503)


def test_every_answer_wears_the_headers(client: TestClient) -> None:
    for path in ("/", "/health", "/nowhere", "/t/defect", "/static/app.css"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'"), path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"]


def test_the_description_speaks_of_problems(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert "HTTPValidationError" not in json.dumps(document["paths"])
    operation = document["paths"]["/t/body"]["post"]
    assert set(operation["responses"]) >= {"400", "401", "403", "404", "405", "422", "500"}
    assert MEDIA_TYPE in operation["responses"]["422"]["content"]
