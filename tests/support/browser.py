"""Chromium for page tests: the system's, or the one `make setup` unpacked.

Playwright's synchronous interface leaves a running event loop in its thread, which would break
every later test that starts one. So it lives in one thread of its own, and conftest.py runs the
body of each page test there: pages are used in a test's body, not in fixtures.

A page may speak to this machine only and may not complain: requests elsewhere, errors on the
console and uncaught exceptions fail the test.
"""

import concurrent.futures
import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    expect,
)
from playwright.sync_api import sync_playwright as start_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
UNPACKED = ROOT / ".tools" / "chromium"
SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
INNER_SCHEMES = frozenset({"data", "blob", "about", "chrome-error", "file"})
TIMEOUT_MS = 20_000
"""For what must come at all; how quickly it comes is a benchmark's matter, on a machine of its own."""

FLAGS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",
    # Nothing leaves the machine, not even a look-up.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--no-proxy-server",
)
MEDIA_FLAGS = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)

# Without any font nothing is drawn, web fonts included; with the machine's own fonts, pictures
# would differ from one machine to the next.
FONTS = """<?xml version="1.0"?>
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""

T = TypeVar("T")


def find_chromium() -> Path:
    """Return the browser's program, or skip."""
    named = os.environ.get("BIGLOOP_CHROMIUM")
    candidates = [named] if named else [shutil.which(name) for name in SYSTEM_NAMES]
    for candidate in (*candidates, UNPACKED / "chromium"):
        if candidate and Path(candidate).exists():
            return Path(candidate)
    pytest.skip("no Chromium: neither the system's nor .tools/chromium (make setup)")


class BrowserThread:
    """The one thread in which Playwright and its browser live; everything starts at first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="browser")
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def run(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run `function` in the thread and return what it returns, or raise what it raises."""
        return self._pool.submit(function, *args, **kwargs).result()

    def browser(self) -> Browser:
        """Return the browser, starting it first; only in the thread."""
        if self._browser is None:
            program = find_chromium()
            fonts = self._folder / "fonts.conf"
            fonts.write_text(FONTS.format(fonts=UNPACKED / "fonts", cache=self._folder / "fonts"))
            environment: dict[str, str | float | bool] = dict(os.environ)
            environment["FONTCONFIG_FILE"] = os.fspath(fonts)
            if program.parent == UNPACKED:
                environment["LD_LIBRARY_PATH"] = os.fspath(UNPACKED / "lib")
            self._playwright = start_playwright().start()
            expect.set_options(timeout=TIMEOUT_MS)
            self._browser = self._playwright.chromium.launch(
                executable_path=program,
                args=[*FLAGS, *MEDIA_FLAGS],
                env=environment,
            )
        return self._browser

    def end(self) -> None:
        """Close the browser and the thread."""
        self.run(self._close)
        self._pool.shutdown()

    def _close(self) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()


class Pages:
    """Opens pages for one test and keeps an eye on them: the fixture `chromium_page`.

    `page = chromium_page()` or `chromium_page(server.url + "/draws")`; each call has cookies and
    storage of its own. `allow(pattern)` accepts complaints of the console that match.
    """

    def __init__(self, thread: BrowserThread, pictures: Path) -> None:
        self._thread = thread
        self._pictures = pictures
        self._contexts: list[BrowserContext] = []
        self._allowed: list[re.Pattern[str]] = []
        self.faults: list[str] = []

    def __call__(
        self,
        url: str | None = None,
        *,
        locale: str = "zh-CN",
        size: tuple[int, int] = (1280, 800),
        permissions: Sequence[str] = (),
        **options: Any,
    ) -> Page:
        """Open a page in a fresh context; `options` go to Playwright's `new_context`."""
        context = self._thread.browser().new_context(
            locale=locale,
            timezone_id="Asia/Shanghai",
            viewport={"width": size[0], "height": size[1]},
            permissions=list(permissions),
            **options,
        )
        context.set_default_timeout(TIMEOUT_MS)
        context.on("console", self._hear)
        context.on("weberror", lambda fault: self.faults.append(f"uncaught: {fault.error}"))
        context.on("request", lambda request: self._see(request.url))
        context.on("page", self._watch)
        self._contexts.append(context)
        page = context.new_page()
        if url is not None:
            page.goto(url)
        return page

    def allow(self, pattern: str) -> None:
        """Accept faults matching the regular expression, for tests of refusals."""
        self._allowed.append(re.compile(pattern))

    def check(self) -> None:
        """Fail when a page has complained or spoken to the outside."""
        for context in self._contexts:
            for page in context.pages:
                if not page.is_closed():
                    page.wait_for_timeout(0)  # let what has happened be heard
        left = [f for f in self.faults if not any(p.search(f) for p in self._allowed)]
        if left:
            pytest.fail("the pages complained:\n" + "\n".join(left), pytrace=False)

    def picture(self, name: str) -> None:
        """Keep a picture of every open page, for whoever looks into a failure."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"[^\w.-]+", "-", name)
        pages = [page for context in self._contexts for page in context.pages]
        for number, page in enumerate(pages):
            try:
                page.screenshot(path=self._pictures / f"{stem}-{number}.png", full_page=True)
            except Error:  # a picture is a convenience
                continue

    def close(self) -> None:
        """Close every context."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()

    def _watch(self, page: Page) -> None:
        page.on("websocket", lambda channel: self._see(channel.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            self.faults.append(f"console: {message.text} ({where})")

    def _see(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in INNER_SCHEMES and parts.hostname not in LOOPBACK:
            self.faults.append(f"outside request: {url}")
