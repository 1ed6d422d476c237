"""A picture that moves: how far it has been played."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.support.browser import TIMEOUT_MS

PLAYS = "place => document.querySelector(place).currentTime"
PLAYER = "[data-player] video"


def comes_to(page: Page, seconds: float, place: str = PLAYER) -> None:
    """Wait until so much of the picture was played. (A page's policy forbids waiting in the page.)"""
    for _ in range(TIMEOUT_MS // 100):
        if page.evaluate(PLAYS, place) > seconds:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the picture stands at {page.evaluate(PLAYS, place)} s")
