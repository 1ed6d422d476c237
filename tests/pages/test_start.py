"""The start page of a running demonstration, as somebody sees it who starts it for the first time:
the board fills by itself, in Chinese, within the screen, and nobody else is asked for anything."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.pages.looks import looks
from tests.support.browser import Pages
from tests.support.servers import Servers

SCREEN = (1366, 768)
SESSIONS = 6
POOL = 12_000
RATE = 600
"""From a quarter of an hour before the opening to the reviews in some eight seconds."""
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
    chromium_page: Pages, run_server: Servers, tmp_path: Path
) -> None:
    words = ["demo", "--serve", "--data", str(tmp_path / "day"), "--rate", str(RATE)]
    words += ["--sessions", str(SESSIONS), "--pool", str(POOL)]
    server = run_server(*words, ready="/health", timeout_s=60)
    page = chromium_page(server.url + "/", size=SCREEN)
    rows = page.locator("#list-reviews tbody tr")
    assert rows.count() == 0  # it is opened before there is anything to see
    expect(rows.nth(2)).to_be_visible(timeout=FILLED_MS)
    expect(page.locator(".stages .count").filter(has_text="6")).to_have_count(1)
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
