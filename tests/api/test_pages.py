"""The start page with the board, in both languages, and the list of the interface."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.flows.board import Board, BoardSession
from api.pages import board as board_page
from archive.words import Language, catalogue
from evaluation.session.state import Stage as SessionStage
from trading.projects.stages import Stage

SESSIONS = tuple(
    BoardSession(
        session_id=f"s{number}",
        project_name=f"示例<项目>{number}",
        lot_id=f"l{number}",
        host_centre_name="大理州中心",
        state=stage,
        seats=4,
        guest_centres=("昆明市中心", "丽江市中心", "保山市中心", "德宏州中心")[: 1 + number % 4],
        overnight=number == 6,
        starts_at_text="10-21 09:00",
    )
    for number, stage in enumerate(SessionStage)
)
BOARD = Board(
    now_text="2026-10-21 09:00:00",
    day="2026-10-21",
    stages=tuple((stage.value, number) for number, stage in enumerate(Stage)),
    sessions=SESSIONS,
    centres=(("昆明市中心", 93, 12),),
    nights=1,
    dossiers=8,
    tasks_waiting=3,
)

FRAGMENT = r'hx-get="(/fragments/[^"]+)"'


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_page, "read_board", lambda *_: BOARD)


def test_an_empty_province(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert '<html lang="zh-CN">' in page.text
    assert "今日没有评标安排" in page.text
    assert "2026-10-21 09:00:00" in page.text  # the legal clock, not the host's
    assert client.get("/api/board").json()["day"] == "2026-10-21"
    assert client.get("/api/board?day=2026-10-22").json()["day"] == "2026-10-22"


@pytest.mark.parametrize("language", list(Language))
def test_a_full_board_speaks_one_language(
    client: TestClient, full: None, language: Language
) -> None:
    text = client.get(f"/?lang={language}").text
    words = {**catalogue("trading", language), **catalogue("evaluation", language)}
    for stage in Stage:
        assert words[f"trading.stage.{stage}"] in text
    for state in SessionStage:
        assert words[f"evaluation.stage.{state}"] in text
    assert "示例&lt;项目&gt;0" in text
    assert "[api." not in text  # a code without words


@pytest.mark.parametrize("language", list(Language))
def test_every_stage_of_a_session_has_its_word_and_no_other_has(language: Language) -> None:
    prefix = "evaluation.stage."
    words = {
        c.removeprefix(prefix): w
        for c, w in catalogue("evaluation", language).items()
        if prefix in c
    }
    assert set(words) == {stage.value for stage in SessionStage}
    assert len(set(words.values())) == len(words)


def test_three_guest_centres_are_named_and_all_are_counted(client: TestClient, full: None) -> None:
    text = re.sub(r"<[^>]+>|\s+", "", client.get("/fragments/board?lang=zh").text)
    assert "昆明市中心、丽江市中心、保山市中心等4个" in text
    assert "德宏州中心" not in text
    assert text.count("等4个") == sum(len(s.guest_centres) == 4 for s in SESSIONS)
    assert "等3个" not in text
    everyone = client.get("/api/board").json()["sessions"][3]["guest_centres"]
    assert everyone[3] == "德宏州中心"


def test_the_fragment_is_the_board_and_nothing_else(client: TestClient, full: None) -> None:
    whole = {"hx-current-url": "http://testserver/?lang=en"}
    fragment = client.get("/fragments/board?lang=en", headers=whole).text
    assert "<html" not in fragment
    assert "Evaluation sessions of the day" in fragment
    assert fragment.strip() in client.get("/?lang=en").text


def test_a_list_of_the_fragment_stays_as_the_page_around_it_asks(
    client: TestClient, full: None
) -> None:
    asked = "/?reviews.q=项目>1&reviews.sort=-seats"
    fragment = client.get(
        "/fragments/board", headers={"hx-current-url": f"http://testserver{quote(asked, '/?=&')}"}
    ).text
    assert "示例&lt;项目&gt;1" in fragment
    assert "示例&lt;项目&gt;2" not in fragment
    hrefs = re.findall(r'href="(/[^"]*)"', fragment)
    assert hrefs
    assert not [href for href in hrefs if href.startswith("/fragments")]
    elsewhere = client.get("/fragments/board", headers={"hx-current-url": "http://h//evil.example"})
    assert "evil" not in elsewhere.text


def test_the_page_keeps_asking_for_the_day_it_shows(client: TestClient) -> None:
    (asked,) = re.findall(FRAGMENT, client.get("/?day=2026-10-22&lang=en").text)
    assert asked == "/fragments/board?lang=en&amp;day=2026-10-22"
    (asked,) = re.findall(FRAGMENT, client.get("/").text)
    assert "day" not in asked  # today goes on at midnight


def test_a_day_that_is_none_is_refused(client: TestClient) -> None:
    answer = client.get("/api/board?day=yesterday")
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["pointer"] == "/day"


def test_every_file_a_page_names_is_there(client: TestClient) -> None:
    text = client.get("/").text
    named = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    assert len(named) >= 5
    for path in named:
        assert client.get(path).status_code == 200, path


def test_the_interface_lists_every_operation(client: TestClient, app: FastAPI) -> None:
    text = client.get("/api/docs?lang=en").text
    paths = client.get("/openapi.json").json()["paths"]
    assert len(paths) > 20
    for path, operations in paths.items():
        for method in operations:
            assert f"<code>{method.upper()} {path}</code>" in text


@pytest.mark.parametrize(
    ("referer", "leads_to"),
    [
        ("http://testserver/sign-in?next=%2Fkit&lang=zh", "/sign-in?next=%2Fkit&amp;lang="),
        ("http://testserver//evil.example", "/sign-in?lang="),
        ("", "/sign-in?lang="),
    ],
)
def test_a_refused_form_turns_its_language_where_it_was_sent_from(
    client: TestClient, referer: str, leads_to: str
) -> None:
    answer = client.post(
        "/sign-in", data={"account": "x", "password": "y"}, headers={"referer": referer}
    )
    assert answer.status_code >= 400
    assert f'href="{leads_to}' in answer.text
