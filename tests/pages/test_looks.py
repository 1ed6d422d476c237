"""A running demonstration in a browser: its board as somebody sees it who starts it for the first time,
the kit and its pages on office screens, by keyboard, live, and without a line."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.pages.conftest import SESSIONS
from tests.pages.looks import OFFICE, ON_A_PHONE, PHONE, looks, sign_in
from tests.support.browser import Pages
from tests.support.servers import Server

pytestmark = pytest.mark.slow

FILLED_MS = 90_000
LONG = "大理白族自治州示例公共资源交易中心" * 6

GLYPHS = """
characters => {
  const family = getComputedStyle(document.body).fontFamily;
  return [...characters].map(character => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 40;
    const context = canvas.getContext('2d', {willReadFrequently: true});
    context.font = `32px ${family}`;
    context.fillText(character, 2, 34);
    const pixels = context.getImageData(0, 0, 40, 40).data;
    return Array.from(pixels.filter((_, n) => n % 4 === 3), a => a > 127 ? '#' : ' ').join('');
  });
}
"""
NO_CHARACTER = "\ue000"
"""Of the private area: whatever font is there, it is drawn as a character that is missing."""

OVERFLOWS = """
() => [document.documentElement, ...document.querySelectorAll('.table-responsive, .stages li')]
  .filter(each => each.scrollWidth > each.clientWidth + 1)
  .map(each => `${each.tagName}.${each.className}: ${each.scrollWidth} > ${each.clientWidth}`)
"""


def test_the_board_of_a_running_day_fills_by_itself(
    chromium_page: Pages, living_day: Server
) -> None:
    page = chromium_page(living_day.url + "/", size=OFFICE)
    rows = page.locator("#list-reviews tbody tr")
    assert rows.count() == 0  # it is opened before there is anything to see
    expect(rows.nth(2)).to_be_visible(timeout=FILLED_MS)
    expect(page.locator(".stages .count").filter(has_text=str(SESSIONS))).to_have_count(1)
    assert "评审" in page.locator("#list-reviews").inner_text()
    check_glyphs(page)
    assert page.evaluate(OVERFLOWS) == []
    looks(page)
    if folder := os.environ.get("BIGLOOP_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.reload()  # the clock in the page's head has not seen the day jump yet
        check_glyphs(page)
        page.screenshot(path=Path(folder) / "start.png")
    check_long_names(page)


def check_glyphs(page: Page) -> None:
    """Chinese is drawn with our own font: not blank, not boxes, every character its own."""
    page.evaluate("document.fonts.ready")
    shown = "".join(sorted({c for c in page.locator("h1, th").all_inner_texts() for c in c}))
    han = "".join(c for c in shown if "\u4e00" <= c <= "\u9fff")
    assert len(han) > 10
    drawn = page.evaluate(GLYPHS, han + NO_CHARACTER)
    assert len(set(drawn)) == len(han) + 1
    assert all(glyph.count("#") > 40 for glyph in drawn[:-1])
    loaded = "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
    assert "Noto Sans SC" in {name.strip("\"'") for name in page.evaluate(loaded)}


def check_long_names(page: Page) -> None:
    """The longest names of projects and centres stay within the screen."""
    long_words = "a" * 120
    for column, text in ((2, LONG), (3, LONG), (4, LONG), (2, long_words)):
        page.locator(f"#list-reviews tbody td:nth-child({column})").first.evaluate(
            "(cell, text) => { cell.textContent = text }", text
        )
        assert page.evaluate(OVERFLOWS) == [], text[:20]


def test_the_kit(chromium_page: Pages, living_day: Server) -> None:
    page = chromium_page(living_day.url + "/kit", size=OFFICE)
    expect(page.locator("figure[data-drawn]")).to_have_count(3)
    looks(page, "kit")
    _list_without_reload(page)
    _form(page, chromium_page)
    page.emulate_media(media="print")
    expect(page.locator("header").first).to_be_hidden()
    expect(page.locator(".list-tools")).to_be_hidden()


def _list_without_reload(page: Page) -> None:
    page.evaluate("window.kept = true")
    page.get_by_role("link", name="数量").click()
    page.wait_for_url("**/kit?sort=-count")
    expect(page.locator("tbody tr").first).to_contain_text("示例0136")
    page.get_by_label("筛选文字").fill("示例000")
    page.get_by_label("类型").last.select_option("GOODS")
    page.get_by_role("button", name="筛选").click()
    expect(page.locator("#list-rows tbody tr")).to_have_count(2)
    assert page.evaluate("window.kept") is True  # htmx put the list in its place
    page.go_back()
    expect(page.locator("#list-rows tbody tr")).to_have_count(50)
    page.get_by_role("link", name="下一页").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**page=2**")
    with page.expect_download() as download:
        page.get_by_role("link", name="导出 CSV 表格").click()
    assert download.value.suggested_filename == "kit.csv"


def _form(page: Page, chromium_page: Pages) -> None:
    chromium_page.allow("status of 422")
    page.locator("#f-amount").fill("12,345.60")
    expect(page.locator("#f-amount-words")).to_have_text("壹万贰仟叁佰肆拾伍元陆角")
    page.locator("#f-count").fill("999")
    page.locator("#f-name").fill("示例")
    page.get_by_role("button", name="提交").click()
    wrong = page.locator("#refusal")
    expect(wrong).to_be_focused()
    expect(page.locator("#f-name")).to_have_value("示例")
    looks(page, "kit-refused")
    wrong.get_by_role("link", name=re.compile("^日期")).click()
    expect(page.locator("#f-day")).to_be_focused()


def test_without_scripts_lists_and_forms_work_too(chromium_page: Pages, living_day: Server) -> None:
    chromium_page.allow("status of 422")
    page = chromium_page(living_day.url + "/kit", size=OFFICE, java_script_enabled=False)
    page.get_by_role("link", name="数量").click()
    expect(page.locator("tbody tr").first).to_contain_text("示例0136")
    page.get_by_label("筛选文字").fill("示例0001")
    page.get_by_role("button", name="筛选").click()
    expect(page.locator("#list-rows tbody tr")).to_have_count(1)
    page.get_by_role("button", name="提交").click()
    expect(page.locator("#refusal")).to_be_visible()


def test_a_lot_and_its_story(chromium_page: Pages, living_day: Server) -> None:
    page = sign_in(chromium_page, living_day.url, "staff", "/centre/lots")
    looks(page, "centre-lots")
    lot_id = (page.locator("tbody a").first.get_attribute("href") or "").rpartition("/")[2]
    page.goto(f"{living_day.url}/lots/{lot_id}")
    expect(page.get_by_text("记录连续完整")).to_be_visible()
    looks(page, "lot")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_text("The record holds")).to_be_visible()
    looks(page, "lot-en")
    clock = page.locator("header [data-clock]")
    before = clock.inner_text()
    expect(clock).not_to_have_text(before)


def test_the_skip_link_is_the_first_stop(chromium_page: Pages, living_day: Server) -> None:
    page = chromium_page(living_day.url + "/kit", size=OFFICE)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="跳到正文")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


class Line:
    """The socket's line between a page and the server, which can be cut."""

    def __init__(self, page: Page) -> None:
        self._sockets: list[WebSocketRoute] = []
        self._is_cut = False
        page.route_web_socket("**/live/notices", self._route)

    def _route(self, socket: WebSocketRoute) -> None:
        if self._is_cut:
            socket.close(code=1011)
            return
        socket.connect_to_server()
        self._sockets.append(socket)

    def cut(self) -> None:
        self._is_cut = True
        while self._sockets:
            self._sockets.pop().close(code=1011)

    def mend(self) -> None:
        self._is_cut = False


def test_a_cut_line_is_said_calmly_and_made_good(chromium_page: Pages, living_day: Server) -> None:
    chromium_page.allow("ERR_INTERNET_DISCONNECTED|WebSocket|Failed to fetch|/fragments/kit")
    page = chromium_page(size=OFFICE)
    line = Line(page)
    page.goto(living_day.url + "/kit")
    bar, moved = page.locator("#line"), page.locator("#moved .number")
    expect(bar).to_be_hidden()
    line.cut()
    expect(bar).to_be_visible()
    expect(bar).to_contain_text("正在重连")
    looks(page, "kit-cut")
    moved.evaluate("element => element.textContent = 'stale'")
    expect(moved).not_to_have_text("stale", timeout=15_000)  # it reads every few seconds by itself
    page.context.set_offline(True)
    moved.evaluate("element => element.textContent = 'stale'")
    page.wait_for_timeout(6_000)
    expect(moved).to_have_text("stale")
    page.context.set_offline(False)
    line.mend()
    expect(bar).to_be_hidden(timeout=35_000)
    expect(moved).not_to_have_text("stale", timeout=15_000)


def test_nothing_is_swapped_under_the_hands_of_somebody_who_types(
    chromium_page: Pages, living_day: Server
) -> None:
    page = chromium_page(living_day.url + "/kit", size=OFFICE)
    expect(page.locator("#moved .number")).to_be_visible()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/fragments/kit*", hold)
    page.locator("#moved").dispatch_event("notice")  # the part is being read again …
    page.wait_for_timeout(500)
    assert held
    page.evaluate(
        "document.querySelector('#moved').insertAdjacentHTML('beforeend', '<input id=typed>');"
        "document.querySelector('#typed').focus()"
    )
    for route in held:
        route.continue_()  # … and the answer comes when somebody has begun to type
    page.unroute("**/fragments/kit*")
    page.keyboard.type("abc")
    page.wait_for_timeout(3_000)
    expect(page.locator("#typed")).to_have_value("abc")
    expect(page.locator("#typed")).to_be_focused()


def test_a_number_older_than_the_page_moves_nothing(
    chromium_page: Pages, living_day: Server
) -> None:
    """After somebody's own act the server's last look may be older than the page that answers him."""
    page = chromium_page(size=OFFICE)
    sockets: list[WebSocketRoute] = []

    def take(socket: WebSocketRoute) -> None:
        sockets.append(socket)

    page.route_web_socket("**/live/notices", take)
    reads: list[str] = []
    page.on("request", lambda request: reads.append(request.url))
    page.goto(living_day.url + "/kit")
    moved = page.locator("#moved")
    seq = int(moved.get_attribute("data-seq") or "")
    while not sockets:
        page.wait_for_timeout(20)

    def tell(number: int) -> None:
        sockets[0].send(json.dumps({"topic": "board", "seq": number}))

    for number in (seq - 1, seq):
        tell(number)
    page.wait_for_timeout(300)
    assert not [url for url in reads if "/fragments/kit" in url]
    with page.expect_request("**/fragments/kit*"):
        tell(seq + 1)


SPOILT = {
    '<p style="width: 500px">宽</p>': "wider than the window",
    '<p style="margin-left: -20px">示例</p>': "begins left",
    '<p style="width: 60px; overflow: hidden; white-space: nowrap">示例标段的名称很长</p>': "cut",
    '<a href="#a" style="display: block; height: 15px">一</a>'
    '<a href="#b" style="display: block; height: 15px">二</a>': "too small to tap",
    '<p style="font-size: 11px">示例</p>': "text too small",
    '<svg width="100" viewBox="0 0 200 40"><text y="20">示例</text></svg>': "text too small",
    '<p style="width: 1.2em">示例标段的名称</p>': "stand upright",
}
SOUND = """
  <p>句子里的<a href="#a">链接</a>与<a href="#b">链接</a></p>
  <div style="overflow-x: auto"><table style="width: 900px"><tr><td>示例</td></tr></table></div>
  <a href="#c" style="display: block; height: 24px">一</a><button style="min-height: 24px">二</button>
"""


def test_what_does_not_hold_on_a_phone_is_told(chromium_page: Pages) -> None:
    """WCAG 2.2, 1.4.10 and 2.5.8: one fault each, and none of a sound page."""
    page = chromium_page(size=PHONE)
    for body, told in {SOUND: "", **SPOILT}.items():
        page.set_content(f'<meta name="viewport" content="width=device-width"><main>{body}</main>')
        found = page.evaluate(ON_A_PHONE)
        assert len(found) == bool(told), (body, found)
        assert told in "".join(found), (body, found)


def test_a_character_before_its_font_is_told(chromium_page: Pages, living_day: Server) -> None:
    page = chromium_page(living_day.url + "/sign-in", size=PHONE)
    assert page.evaluate(ON_A_PHONE) == []
    page.route("**/noto-sans-sc/**", lambda route: route.abort())
    chromium_page.allow("ERR_FAILED")
    page.evaluate("document.querySelector('main').append('龘')")
    assert page.evaluate(ON_A_PHONE) == ["Chinese characters without their font"]
