"""A bidder's day in the browser: sealed here, opened there; what no request may tell; and the
tenderer who answers beside him in a browser of his own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, Request, expect
from starlette.testclient import TestClient

from api.identity import service as identity
from api.identity.accounts import Account
from archive import sealing
from archive.actor import SYSTEM, Role
from archive.errors import Refusal
from archive.note import Note
from archive.office import Office
from evaluation.session.synthetic import method_json
from tests.api.conftest import PASSWORD
from tests.builders import bidder
from tests.pages.looks import OFFICE, looks
from tests.support.browser import Pages
from tests.support.serving import serving
from tests.trading.world import FIRMS, OPENING, TENDERER, TENDERER_ACTOR, World, lot_spec
from trading.lodging import bid as bids
from trading.lodging import queries as cells
from trading.money import FEN_MAX, Money
from trading.objections import service as objections
from trading.objections.objection import ObjectionStage, Outcome
from trading.projects.project import subject_of

OURS = FIRMS[0]
PRICE = "4,512,345.67"
QUALITY = "合格 “优” 😀"


@pytest.fixture
def world(app: FastAPI, office: Office) -> World:
    return World(office, app.state.shell.custodian).setup()


@pytest.fixture
def lot_id(world: World) -> str:
    """A lot an hour after its notice."""
    return world.noticed(lots=(lot_spec(method=method_json(b"1")),))


@pytest.fixture
def url(app: FastAPI, office: Office, world: World) -> Iterator[str]:
    """The application on a port of this machine; the test drives its clock."""
    people = {
        "bidder": (Role.BIDDER, OURS),
        "other": (Role.BIDDER, FIRMS[1]),
        "tenderer": (Role.TENDERER, TENDERER),
        "stranger": (Role.TENDERER, FIRMS[5]),
    }
    for name, (role, party) in people.items():
        with office.write() as tx:
            account = Account(name, frozenset({role}), party_id=party)
            identity.create_account(tx, SYSTEM, account, PASSWORD)
    yield from serving(app)


def enter(pages: Pages, url: str, name: str, path: str) -> Page:
    """A page of somebody who has signed in already."""
    page = pages(size=OFFICE)
    body = {"account": name, "password": PASSWORD}
    assert page.request.post(f"{url}/api/sign-in", data=body).ok
    page.goto(url + path)
    return page


def lodge(page: Page, price: str = PRICE) -> None:
    page.locator("#f-price").fill(price)
    page.locator("#f-period").fill("180")
    page.locator("#f-quality").fill(QUALITY)
    page.locator("#bid-form button").click()


def lodged(page: Page, count: int) -> None:
    """Wait until so many lodgings stand in the list with their receipts."""
    expect(page.locator("#lodgings .badge.is-good")).to_have_count(count)


def remembered(page: Page, lot_id: str) -> Any:
    return page.evaluate(
        "([party, lot]) => JSON.parse(localStorage.getItem(`bigloop.lodgings.${party}`))[lot]",
        [OURS, lot_id],
    )


def opened(world: World, lot_id: str, half: str) -> dict[tuple[str, int], bytes]:
    """What the custodian's key and the browser's half open of all cells: (kind, version) → content."""
    subject = subject_of(lot_id)
    key = world.custodian.private_key(subject, not_before=OPENING, now=OPENING)
    with world.office.read() as db:
        start = OPENING - timedelta(days=60)
        found = [
            sealing.open_outer(key, subject, row.cell) for row in cells.cells(db, start, OPENING)
        ]
    return {
        (outer.kind, outer.version): sealing.open_inner(outer, bytes.fromhex(half))
        for outer in found
        if outer is not None and outer.sender == OURS
    }


def test_what_chromium_seals_python_opens(
    chromium_page: Pages, url: str, lot_id: str, world: World, tmp_path: Path
) -> None:
    """Bid, replacement, withdrawal and guarantee; one half opens them all, and no other does."""
    page = enter(chromium_page, url, "bidder", f"/bidder/tenders/{lot_id}")
    sent: list[Request] = []

    def see(request: Request) -> None:
        sent.append(request)

    page.on("request", see)
    lodge(page)
    lodged(page, 1)
    lodge(page, "4500000")
    lodged(page, 2)
    page.locator("#withdrawal-form button").click()
    lodged(page, 3)
    promise = bytes(range(256)) * 60
    (tmp_path / "g.json").write_bytes(promise)
    page.locator("#f-guarantee").set_input_files(tmp_path / "g.json")
    page.locator("#guarantee-form button").click()
    lodged(page, 4)
    paths = {request.url.removeprefix(url) for request in sent if "/static/" not in request.url}
    assert paths == {"/api/lots/key", "/api/lodgings"}
    bodies = [json.loads(r.post_data or "") for r in sent if r.url.endswith("/api/lodgings")]
    assert [set(body) for body in bodies] == [{"lot", "cell"}] * 4

    kept = remembered(page, lot_id)
    contents = opened(world, lot_id, kept["half"])
    assert set(contents) == {("bid", 1), ("bid", 2), ("withdrawal", 3), ("guarantee", 4)}
    assert contents["guarantee", 4] == promise
    assert contents["withdrawal", 3] == b""
    assert (
        contents["bid", 1]
        == bids.Bid(lot_id, OURS, Money.yuan("4512345.67"), 180, QUALITY).to_bytes()
    )
    with pytest.raises(Refusal, match="wrong_half"):
        opened(world, lot_id, "00" * 32)

    with page.expect_download() as download:
        page.get_by_role("button", name="下载回执").last.click()
    receipt = Note.parse(download.value.path().read_bytes())
    assert receipt.verified_by([world.office.log.verifier])
    assert kept["sent"][0]["cell_sha256"] in receipt.text
    looks(page, "bidder-tender")
    page.goto(f"{url}/bidder/lodgings")
    lodged(page, 4)
    looks(page, "bidder-lodgings")


def test_nothing_tells_who_bids_and_refusals_are_said(
    chromium_page: Pages, url: str, lot_id: str, world: World
) -> None:
    chromium_page.allow("status of 4")
    page = enter(chromium_page, url, "bidder", "/bidder/tenders")
    looks(page, "bidder-tenders")
    page.get_by_role("link", name="示例标段").first.click()
    other = enter(chromium_page, url, "other", page.url.removeprefix(url))
    page.locator("#ask-terms").click()
    expect(page.locator("#terms")).to_contain_text("条例")
    expect(page.locator("#terms .facts")).to_contain_text("元整")
    lodge(page, "nothing")
    expect(page.locator("#failed")).to_contain_text("投标报价")
    lodge(page)
    lodged(page, 1)
    page.reload()
    other.reload()
    seen, unseen = page.request.get(page.url), other.request.get(other.url)
    assert seen.text().replace(OURS, "").replace("bidder · ", "") == unseen.text().replace(
        FIRMS[1], ""
    ).replace("other · ", "")
    expect(other.locator("#lodgings .empty-state")).to_be_visible()
    check_words(page, url, lot_id)
    world.at(OPENING)
    lodge(page)
    expect(page.locator("#failed")).to_contain_text("截止")


def check_words(page: Page, url: str, lot_id: str) -> None:
    """No page of the bidder shows a code for want of its words."""
    tender = f"/bidder/tenders/{lot_id}"
    paths = (
        "/bidder/tenders",
        "/bidder/lodgings",
        tender,
        f"{tender}/opening",
        f"{tender}/objections",
    )
    for path in paths:
        for language in ("en", "zh"):
            assert "[api." not in page.request.get(f"{url}{path}?lang={language}").text(), path


AMOUNTS = (1, 10, 100, 105, 1_409_50, 10_000_00, 100_500_00, 1_000_000_001_00, 123_456_789_01)


def test_the_browser_says_amounts_as_we_do(chromium_page: Pages, url: str, lot_id: str) -> None:
    """大写 is made in the page, so that the price goes nowhere."""
    page = enter(chromium_page, url, "bidder", f"/bidder/tenders/{lot_id}")
    page.evaluate("document.fonts.ready")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for fen in (*AMOUNTS, 10_000_0000_0000_00, FEN_MAX - 1, FEN_MAX):
        page.locator("#f-price").fill(Money(fen).in_yuan())
        expect(page.locator("#price-words")).to_have_text(Money(fen).in_words())
    assert asked == []  # not even for a font's part with this numeral


def test_the_opening_room(
    chromium_page: Pages, url: str, lot_id: str, world: World, tmp_path: Path
) -> None:
    chromium_page.allow("status of 4")
    page = enter(chromium_page, url, "bidder", f"/bidder/tenders/{lot_id}")
    lodge(page)
    lodged(page, 1)
    with page.expect_download() as download:
        page.get_by_role("button", name="另存解密份额").click()
    saved = json.loads(download.value.path().read_text("utf-8"))
    world.lodge(*(world.bid_cell(lot_id, firm) for firm in FIRMS[1:3]))
    page.goto(f"{url}/bidder/tenders/{lot_id}/opening")
    expect(page.locator("#give")).to_be_hidden()
    world.begin(lot_id)
    expect(page.locator("#give")).to_be_visible()  # the page heard of it by itself
    expect(page.locator("#own-state")).to_have_text("等待提交解密份额")
    wrong, right = tmp_path / "wrong.json", tmp_path / "right.json"
    wrong.write_text(json.dumps(saved | {"half": "00" * 32}), "utf-8")
    right.write_text(json.dumps(saved), "utf-8")
    page.locator("#f-half").set_input_files(wrong)
    page.locator("#half-file-form button").click()
    expect(page.locator("#failed")).to_contain_text("密钥")
    looks(page, "bidder-opening-wrong")
    elsewhere = enter(chromium_page, url, "bidder", f"/bidder/tenders/{lot_id}/opening")
    elsewhere.locator("#half-form button").click()
    expect(elsewhere.locator("#failed")).to_contain_text("本浏览器中没有")
    elsewhere.locator("#f-half").set_input_files(right)
    elsewhere.locator("#half-file-form button").click()
    expect(elsewhere.locator("#own-state")).to_have_text("已提交解密份额")
    page.locator("#half-form button").click()
    expect(page.locator("#failed")).to_contain_text("已经收到")
    for firm in FIRMS[1:3]:
        world.give_half(lot_id, firm)
    world.finish(lot_id)
    row = page.locator("#bids tr.is-own")
    expect(row).to_contain_text("¥4,512,345.67")
    expect(row).to_contain_text("180 天")
    expect(page.locator("#failed")).to_be_hidden()
    expect(page.locator("#give")).to_be_hidden()
    looks(page, "bidder-opening-done")


def firm(app: FastAPI, office: Office, uscc: str) -> TestClient:
    """A bidder without a browser."""
    account = Account(f"firm-{uscc[-4:]}", frozenset({Role.BIDDER}), party_id=uscc)
    with office.write() as tx:
        identity.create_account(tx, SYSTEM, account, PASSWORD)
    client = TestClient(app, raise_server_exceptions=False, headers={"Accept": "text/html"})
    body = {"account": account.id, "password": PASSWORD}
    assert client.post("/api/sign-in", json=body).status_code == 200
    return client


def test_a_tender_that_failed_and_one_that_is_not_announced(
    app: FastAPI, office: Office, world: World
) -> None:
    client = firm(app, office, OURS)
    silent = world.register(name="示例道路工程0002").lots[0].id
    for path in ("", "/opening", "/objections", "/notice"):
        assert client.get(f"/bidder/tenders/{silent}{path}").status_code == 404, path
    failed = world.noticed()
    notice = client.get(f"/bidder/tenders/{failed}/notice")
    assert notice.content == "示例招标公告".encode()
    world.lodge(world.bid_cell(failed, OURS))
    world.begin(failed)
    text = client.get(f"/bidder/tenders/{failed}/opening").text
    assert "流标" in text
    assert client.get(f"/bidder/tenders/{failed}").status_code == 200


def test_an_objection_with_a_name_is_shown_to_its_author_alone(
    app: FastAPI, office: Office, world: World
) -> None:
    author, rival = firm(app, office, OURS), firm(app, office, FIRMS[1])
    lot = world.opened()
    with office.write() as tx:
        raised = objections.raise_objection(
            tx, bidder(OURS), lot, ObjectionStage.OPENING, "示例异议".encode()
        )
    path = f"/bidder/tenders/{lot}/objections"
    assert raised.id in author.get(path).text
    assert raised.id not in rival.get(path).text
    assert rival.get(f"{path}/{raised.id}/answer").status_code == 404
    with office.write() as tx:
        objections.answer_objection(
            tx, TENDERER_ACTOR, raised.id, Outcome.UPHELD, "示例答复".encode()
        )
    assert author.get(f"{path}/{raised.id}/answer").content == "示例答复".encode()
    assert rival.get(f"{path}/{raised.id}/answer").status_code == 404
