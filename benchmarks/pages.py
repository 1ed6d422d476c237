"""Pages: the server's time for each, and what a browser loads for the first of them.

Time is the processor's for the whole application, called as a server calls it but without a socket:
sign-in, rights, policy headers, languages and all; SQLite's share is in it. The peer is bare
Starlette with the same queries in a worker thread and a plain Jinja2 template of the same rows; the
page may take twice as long. The data are those of a played day (`bigloop demo --once`, with
`--quick` a small cohort). Both are called in turn; the figure is the median.

Bytes are those of the page and of every style sheet, script and picture that it names, each
compressed by gzip, without the fonts. Nothing is compressed by the application itself: that is its
front server's work (docs/operations.md).

    python benchmarks/pages.py [--quick]      one line of JSON a case
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import re
import statistics as numbers
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sqlmodel import Session  # noqa: E402 - the path comes first
from starlette.testclient import TestClient  # noqa: E402

from api.access import COOKIE  # noqa: E402
from api.app import STATIC, create_app  # noqa: E402
from api.demo import once as demo  # noqa: E402
from api.demo.command import DEFAULT_DAY  # noqa: E402
from api.flows.board import board  # noqa: E402
from api.flows.lots import lot_sheet, lots_of_centre  # noqa: E402
from api.flows.published import published_lots  # noqa: E402
from api.flows.statistics import statistics  # noqa: E402
from api.identity import service as identity  # noqa: E402
from api.identity.accounts import Account  # noqa: E402
from api.office import open_custodian  # noqa: E402
from api.shell import Shell  # noqa: E402
from archive.actor import SYSTEM, Role  # noqa: E402
from archive.clock import DrivenClock  # noqa: E402
from archive.office import Office  # noqa: E402
from trading.projects import service as projects  # noqa: E402

SEED = 1
RATIO_MAX = 2.0
KILOBYTES_MAX = 600
QUICK = (3, 3_000, 15)
FULL = (30, 12_000, 60)
"""Sessions, experts, calls of each page."""
ROWS_SHOWN = 50
PASSWORD = "benchmark-benchmark"

PLAIN = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{{ path }}</title></head>
<body><table>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table></body></html>"""

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Page:
    name: str
    path: str
    rows: Callable[[Session], Rows]
    """The queries of the page, and the rows that it shows of them."""


def pages(office: Office, actor: Account, lot_id: str) -> list[Page]:
    now = office.clock.now

    def story(db: Session) -> Rows:
        events = lot_sheet(db, office.log, actor.actor, lot_id).story.events
        return [(e.at, e.code, e.actor, *e.params.values(), e.hash) for e in events]

    def lots(db: Session) -> Rows:
        rows = lots_of_centre(db, actor.actor)[:ROWS_SHOWN]
        return [
            (r.name, r.stage, r.tenderer, r.ceiling, r.opening_at, r.evaluation_at) for r in rows
        ]

    def public(db: Session) -> Rows:
        rows = published_lots(db, now())[:ROWS_SHOWN]
        return [(r.name, r.stage, r.region, r.tenderer, r.ceiling, r.opening_at) for r in rows]

    def figures(db: Session) -> Rows:
        found = statistics(db)
        return [
            (r.name, r.hosted, r.given, r.received, r.nights, r.relief_amount, r.archives)
            for r in (*found.months, *found.centres)
        ]

    def start(db: Session) -> Rows:
        found = board(db, now())
        shown = (*found.stages, *found.centres)
        return [*shown, *((s.project_name, s.state, s.seats) for s in found.sessions)]

    return [
        Page("start page", "/", start),
        Page("lots of a centre", "/centre/lots", lots),
        Page("story of a lot", f"/lots/{lot_id}", story),
        Page("notices and results", "/public/lots", public),
        Page("figures", "/figures", figures),
    ]


def bare(office: Office, shell: Shell, all_pages: list[Page], token: str) -> Starlette:
    """The peer: one route a page, the queries (who asks is one of them), a plain template."""
    template = jinja2.Environment(autoescape=True).from_string(PLAIN)

    def route(page: Page) -> Route:
        def read(path: str) -> str:
            with office.read() as db:
                identity.bearer(db, shell.limits, identity.period_of(token), shell.real_now())
            with office.read() as db:
                return template.render(rows=page.rows(db), path=path)

        async def answer(request: Request) -> HTMLResponse:
            return HTMLResponse(await run_in_threadpool(read, request.url.path))

        return Route(page.path, answer)

    return Starlette(routes=[route(page) for page in all_pages])


async def call(app: Any, path: str, cookie: str) -> tuple[float, bytes]:
    """(seconds of the processor, body) of one GET."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"bench"), (b"accept", b"text/html"), (b"cookie", cookie.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    body, status = bytearray(), 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)
        body.extend(message.get("body", b""))

    began = time.process_time()
    await app(scope, receive, send)
    seconds = time.process_time() - began
    assert status == 200, (path, status)
    return seconds, bytes(body)


async def measured(
    ours: Any, peer: Any, path: str, cookie: str, calls: int
) -> tuple[float, float, bytes]:
    """Median milliseconds of both, called in turn, and our page."""
    times: tuple[list[float], list[float]] = ([], [])
    _, body = await call(ours, path, cookie)
    await call(peer, path, cookie)
    for _ in range(calls):
        for app, found in zip((ours, peer), times, strict=True):
            found.append((await call(app, path, cookie))[0])
    return numbers.median(times[0]) * 1000, numbers.median(times[1]) * 1000, body


def first_load(body: bytes) -> float:
    """Kilobytes of a page with what it names below /static, compressed, without fonts."""
    named = {
        urlsplit(path).path for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', body.decode())
    }
    files = [STATIC / path.removeprefix("/static/") for path in sorted(named)]
    return sum(len(gzip.compress(data)) for data in (body, *(f.read_bytes() for f in files))) / 1000


def line(
    case: str, ours: float, unit: str, goal: float, peer: float | None = None
) -> dict[str, object]:
    ratio = None if peer is None else round(ours / peer, 3)
    return {
        "bench": "pages",
        "case": case,
        "ours": round(ours, 2),
        "peer": None if peer is None else round(peer, 2),
        "unit": unit,
        "peer_name": None if peer is None else "bare Starlette, same queries, plain template",
        "ratio": ratio,
        "goal": f"<= {goal:g}",
        "holds": (ours if ratio is None else ratio) <= goal,
    }


def lines(*, quick: bool) -> Iterator[dict[str, object]]:
    sessions, pool, calls = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="bigloop-bench-") as name:
        folder = Path(name)
        demo.once(SEED, DEFAULT_DAY, folder, sessions=sessions, pool_size=pool)
        settings = demo.settings_of(folder / "data", "")
        ends_at = datetime.fromisoformat(f"{DEFAULT_DAY}T18:00:00+08:00") + timedelta(days=60)
        with demo.opened(settings, DrivenClock(ends_at), SEED) as office:
            with office.read() as db:
                lots = projects.lots(db)
            hosts = Counter(lot.centre_id for lot in lots)
            lot = max(lots, key=lambda lot: (hosts[lot.centre_id], lot.id))
            account = Account("benchmark", frozenset({Role.STAFF}), centre_id=lot.centre_id)
            with office.write() as tx:
                identity.create_account(tx, SYSTEM, account, PASSWORD)
            app = create_app(office, settings, open_custodian(settings, office))
            found = pages(office, account, lot.id)
            with TestClient(app) as client:
                sent = {"account": account.id, "password": PASSWORD}
                token = client.post("/api/sign-in", json=sent).cookies[COOKIE]
            peer = bare(office, app.state.shell, found, token)
            for page in found:
                cookie = f"{COOKIE}={token}"
                ours, plain, body = asyncio.run(measured(app, peer, page.path, cookie, calls))
                yield line(f"{page.name}, server time", ours, "ms", RATIO_MAX, plain)
                yield line(f"{page.name}, first load", first_load(body), "kB", KILOBYTES_MAX)


def main() -> None:
    parser = argparse.ArgumentParser(description="pages: server time and first load")
    parser.add_argument("--quick", action="store_true", help="within 45 seconds, less exact")
    for found in lines(quick=parser.parse_args().quick):
        print(json.dumps(found, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
