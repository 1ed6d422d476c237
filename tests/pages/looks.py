"""How a page looks, judged by a machine: axe-core and no scrolling sideways at the sizes of offices, and
whether it holds on a phone.

    page = sign_in(chromium_page, server.url, "staff", "/centre/lots")
    looks(page)

What the console says and who is asked from elsewhere is judged by `chromium_page` itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.browser import ROOT, Pages

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
OFFICE = (1366, 768)
ENLARGED = (1093, 614)
"""The same screen at 125 %: so many CSS pixels are left."""
PHONE = (390, 844)
ON_A_PHONE = (Path(__file__).parent / "phone.js").read_text("utf-8")
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Charts take the window's new size when they hear of it, before the next frame."""
GRAVE = frozenset({"serious", "critical"})


def sign_in(
    pages: Pages, url: str, account: str, path: str = "/", *, password: str = "demo-demo-demo"
) -> Page:
    """A page of its own on which `account` has signed in, at `path`; `url` has no slash at its end.
    The form of signing in has its own test, tests/api/test_browser.py: here only its cookie is wanted."""
    page = pages(size=OFFICE)
    answer = page.context.request.post(
        f"{url}/api/sign-in",
        data={"account": account, "password": password},
        headers={"Origin": url},
    )
    assert answer.ok, answer.text()
    page.goto(url + path)
    return page


def looks(page: Page, name: str = "") -> None:
    """Fail where axe finds something serious or worse, or the page is wider than the window, at
    1366×768 and at 125 %, or where it does not hold at 390 px (`phone.js`). With `name` a picture is kept in the folder BIGLOOP_PICTURES."""
    found: list[str] = []
    for width, height in (OFFICE, ENLARGED, PHONE):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(DRAWN)
        if width == PHONE[0]:
            found += [f"{width} px: {fault}" for fault in page.evaluate(ON_A_PHONE)]
        else:
            found += [f"{width} px: {fault}" for fault in violations(page)]
            beyond = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if beyond > 0:
                found.append(f"{width} px: {beyond} px wider than the window")
        if name and (folder := os.environ.get("BIGLOOP_PICTURES")):
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": OFFICE[0], "height": OFFICE[1]})
    if found:
        pytest.fail(f"{page.url}:\n" + "\n".join(dict.fromkeys(found)), pytrace=False)


def violations(page: Page) -> list[str]:
    """One line for each grave violation with the first elements that have it."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text("utf-8"))
    # Preloading fetches style sheets by script, which a page on disk cannot allow itself.
    options = "{resultTypes: ['violations'], preload: location.protocol !== 'file:'}"
    result: dict[str, Any] = page.evaluate(f"axe.run(document, {options})")
    return [
        f"{v['impact']} {v['id']}: {v['help']} at {[n['target'] for n in v['nodes'][:3]]}"
        for v in result["violations"]
        if v["impact"] in GRAVE
    ]
