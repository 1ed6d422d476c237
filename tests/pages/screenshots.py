"""The pictures of README and guide, taken of a running demonstration: `make screenshots`, never a part
of `make test` (the file's name keeps it out).

    start.png       the province's day, as everybody sees it
    centre.png      a centre's own day: what is due, draws and calls, stations
    expert.png      an expert's sheet, half filled
    supervisor.png  one session in focus, its record verified in the browser
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.pages.looks import OFFICE, sign_in, violations
from tests.pages.reviewing import Reviewing, reviewing
from tests.support.browser import Pages
from tests.support.servers import Server

SCORES = ("13.5", "8.75", "4.2", "6", "4", "12", "9.1")
LOADED_MS = 60_000


@pytest.fixture(scope="module")
def folder() -> Path:
    path = Path(os.environ["BIGLOOP_PICTURES"])
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="module")
def review(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewing]:
    with reviewing(run_folder, tmp_path_factory.mktemp("review")) as made:
        yield made


def take(page: Page, path: Path) -> None:
    """A picture of one screen, of a page that may be shown: no fault that axe knows of, fonts there."""
    assert violations(page) == []
    page.evaluate("document.fonts.ready")
    page.mouse.move(0, 0)
    page.screenshot(path=path)


def test_the_board(chromium_page: Pages, living_day: Server, folder: Path) -> None:
    page = chromium_page(living_day.url + "/", size=OFFICE)
    expect(page.locator("#list-reviews tbody tr").first).to_be_visible(timeout=LOADED_MS)
    take(page, folder / "start.png")


def test_a_centres_day(chromium_page: Pages, living_day: Server, folder: Path) -> None:
    page = sign_in(chromium_page, living_day.url, "staff", "/centre/day")
    expect(page.locator("figure.gantt svg")).to_be_visible(timeout=LOADED_MS)
    take(page, folder / "centre.png")


def test_an_experts_sheet(chromium_page: Pages, review: Reviewing, folder: Path) -> None:
    path = f"/expert/sessions/{review.session_id}/sheet"
    page = sign_in(chromium_page, review.url, "expert", path)
    cells = page.locator("#sheet .cell:enabled")
    for number, score in enumerate(SCORES):
        cells.nth(number).fill(score)
        expect(cells.nth(number)).to_have_attribute("data-state", "saved")
    take(page, folder / "expert.png")


def test_a_session_in_focus(chromium_page: Pages, review: Reviewing, folder: Path) -> None:
    page = sign_in(
        chromium_page, review.url, "supervisor", f"/supervisor/sessions/{review.session_id}"
    )
    expect(page.locator(".verified")).to_have_attribute("data-state", "whole")
    take(page, folder / "supervisor.png")
