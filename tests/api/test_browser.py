"""The pages in a browser: nothing forbidden by our own policy, in Chinese with a Chinese font."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from playwright.sync_api import expect

from tests.api.conftest import PASSWORD
from tests.support.browser import Pages
from tests.support.servers import Servers, bigloop


def test_the_start_page_and_signing_in(
    chromium_page: Pages, run_server: Servers, tmp_path: Path
) -> None:
    env = {"BIGLOOP_ENVIRONMENT": "demo", "BIGLOOP_DATA": str(tmp_path / "data")}
    server = run_server("serve", env=env, ready="/health")
    subprocess.run(
        [bigloop(), "account", "create", "watcher", "--role", "supervisor"],
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
        env={**os.environ, **env},
    )
    page = chromium_page(server.url + "/")
    assert page.locator("h1").inner_text().startswith("今日看板")
    assert page.evaluate("document.fonts.check('16px \"Noto Sans SC\"', '评标')")
    # The server's legal time stands in the head of the page and goes on by itself.
    before = page.locator(".legal-clock time").inner_text()
    expect(page.locator(".legal-clock time")).not_to_have_text(before)

    page.get_by_role("link", name="登录").click()
    page.get_by_label("账号").fill("watcher")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.get_by_role("button", name="watcher").wait_for()
    page.get_by_role("link", name="English").click()
    assert page.locator("h1").inner_text().startswith("Today")
    page.get_by_role("button", name="watcher").click()
    page.get_by_role("link", name="Sign in").wait_for()  # the language chosen stays
