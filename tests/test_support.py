"""The tests' own machinery: databases, processes, pages. A fixture that cannot fail is no help."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import settings

from tests.conftest import HEAVY
from tests.support import postgres, process, servers
from tests.support.browser import BrowserThread, Pages
from tests.support.databases import Databases
from tests.support.postgres import PostgresServer
from tests.support.shared import shared_dir

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = ROOT / "Makefile"


# --- PostgreSQL and databases -----------------------------------------------------------


def test_a_real_postgres_answers(postgres_server: PostgresServer, postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.connect() as connection:
        version = connection.scalar(sa.text("SHOW server_version_num"))
        assert int(version or 0) >= 160000
        assert connection.scalar(sa.text("SHOW fsync")) == "off"
    engine.dispose()


@pytest.mark.postgres
def test_a_durable_server_syncs_and_leaves_nothing() -> None:
    with postgres.start_postgres(durable=True) as server:
        with psycopg.connect(server.dsn()) as connection:
            row = connection.execute("SHOW fsync").fetchone()
        assert row == ("on",)
        folder = server.folder
    assert not folder.exists()
    assert server.process.returncode == 0


@pytest.mark.usefixtures("postgres_server")  # skips where there is none
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_the_server_ends_when_the_test_run_is_killed() -> None:
    script = (
        "import time\nfrom tests.support import postgres\n"
        "with postgres.start_postgres() as s:\n"
        "    print(s.process.pid, s.folder, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        pid, folder = run.stdout.readline().split()
        run.kill()
    assert _ends(int(pid))
    postgres.sweep()
    assert not Path(folder).exists()


def test_the_copied_installation_runs(tmp_path: Path) -> None:
    copy = postgres.copy_installation(postgres.installation(), tmp_path)
    for program in ("initdb", "postgres"):
        done = subprocess.run([copy / "bin" / program, "--version"], capture_output=True)
        assert done.returncode == 0, done.stderr


def test_each_test_gets_its_own_migrated_database(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    calls: list[str] = []

    def upgrade(url: str) -> None:
        calls.append(url)
        with sa.create_engine(url).begin() as connection:  # left open, as a careless one would be
            if url.startswith("sqlite"):
                connection.execute(sa.text("PRAGMA journal_mode=WAL"))
            connection.execute(sa.text("CREATE TABLE row (n integer)"))

    # A template of its own: the run's own one stands on the same server.
    databases = Databases(tmp_path, lambda: postgres_server, upgrade, template="of_one_test")
    for fresh in (databases.fresh_sqlite, databases.fresh_postgres):
        first, second = fresh(), fresh()
        assert first != second
        engine = sa.create_engine(first)
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO row VALUES (1)"))
        other = sa.create_engine(second)
        with other.connect() as connection:
            assert connection.scalar(sa.text("SELECT count(*) FROM row")) == 0
        databases.remove(first)
        databases.remove(second)
        with pytest.raises((sa.exc.OperationalError, sqlite3.OperationalError)):
            sa.create_engine(first).connect().execute(sa.text("SELECT * FROM row"))
    assert len(calls) == 2
    postgres_server._execute("ALTER DATABASE {} ALLOW_CONNECTIONS true", "of_one_test")
    postgres_server.drop("of_one_test")


# --- Servers ----------------------------------------------------------------------------

STUB = """#!{python}
import http.server, subprocess, sys
if "fail" in sys.argv:
    sys.exit("the settings are wrong")
subprocess.Popen([sys.executable, "-c", "import time; print('child', flush=True); time.sleep(60)"])
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bigloop"
    program.write_text(STUB.replace("{python}", sys.executable))
    program.chmod(0o755)
    monkeypatch.setattr(servers, "bigloop", lambda: program)


@pytest.mark.usefixtures("stub")
def test_a_server_is_waited_for_and_its_whole_group_ends(run_server: servers.Servers) -> None:
    server = run_server("serve", ready="/missing")
    assert server.process.poll() is None
    assert server.stop() == -signal.SIGTERM
    assert _ends(-server.process.pid)


@pytest.mark.usefixtures("stub")
def test_a_server_that_cannot_start_shows_its_log(run_server: servers.Servers) -> None:
    with pytest.raises(pytest.fail.Exception, match="the settings are wrong"):
        run_server("fail")


@pytest.mark.server
def test_a_stubborn_process_is_killed(tmp_path: Path) -> None:
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)"
    with (tmp_path / "log").open("wb") as log:
        child = process.start([sys.executable, "-u", "-c", script], log=log)
    while not (tmp_path / "log").read_bytes():
        time.sleep(0.01)
    assert process.end(child, patience_s=0.2) == -signal.SIGKILL


# --- Pages ------------------------------------------------------------------------------

PAGE = "data:text/html;charset=utf-8,"


def test_a_page_draws_text_and_runs_scripts(chromium_page: Pages) -> None:
    page = chromium_page(PAGE + "<p id=p>text</p><script>p.title = 1 + 1</script>")
    assert page.title() == ""
    assert page.locator("#p").get_attribute("title") == "2"
    assert page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone") == "Asia/Shanghai"
    # With no font at all nothing is painted; some pixels must differ from the background.
    dark = page.evaluate("""() => {
        const c = document.createElement('canvas').getContext('2d');
        c.fillText('text', 10, 20);
        return c.getImageData(0, 0, 100, 40).data.some(v => v > 0);
    }""")
    assert dark is True


@pytest.mark.page
def test_an_event_loop_can_run_while_the_browser_is_open(browser_thread: BrowserThread) -> None:
    browser_thread.run(browser_thread.browser)
    # Playwright's own loop goes on, which is why a test in that thread could start none.
    assert browser_thread.run(asyncio.get_running_loop).is_running()
    assert asyncio.run(asyncio.sleep(0, "ran")) == "ran"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<script>console.error('broken')</script>", "console: broken"),
        ("<script>throw new Error('uncaught one')</script>", "uncaught one"),
        ("<img src='http://example.org/a.png'>", "outside request: http://example.org/a.png"),
        ("<script>new WebSocket('ws://example.org/live')</script>", "ws://example.org/live"),
    ],
)
def test_a_complaint_of_the_page_is_a_failure(
    chromium_page: Pages, body: str, expected: str
) -> None:
    chromium_page(PAGE + body).wait_for_timeout(200)
    with pytest.raises(pytest.fail.Exception, match=expected):
        chromium_page.check()
    chromium_page.allow(".")
    chromium_page.check()


@pytest.mark.page
def test_the_hook_judges_pages_after_the_body(
    pytester: pytest.Pytester, browser_thread: BrowserThread
) -> None:
    pytester.makepyfile(
        f"def test_it(chromium_page):\n"
        f"    chromium_page({PAGE!r} + '<script>console.error(7)</script>')\n"
    )
    pytester.makeconftest(
        "import pathlib\nimport tests.conftest\nfrom tests.conftest import *\n"
        "tests.conftest.ROOT = pathlib.Path.cwd()\n"
    )
    pytester.syspathinsert(ROOT)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*console: 7*"])
    assert [p.name for p in pytester.path.glob(".tools/failed-pages/*")] == ["test_it-0.png"]


# --- The rest ---------------------------------------------------------------------------


def test_shared_data_is_found_or_the_test_skips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIGLOOP_SHARED", str(tmp_path))
    (tmp_path / "vectors").mkdir()
    assert shared_dir("vectors") == tmp_path / "vectors"
    with pytest.raises(pytest.skip.Exception, match=r"\$BIGLOOP_SHARED/vectors/none"):
        shared_dir("vectors", "none")


def test_hypothesis_has_no_deadline() -> None:
    assert settings().deadline is None


def test_tests_are_marked_by_what_they_use(request: pytest.FixtureRequest) -> None:
    items = {item.name: item for item in request.session.items}
    marked = items.get("test_a_real_postgres_answers")
    if marked is not None:
        assert marked.get_closest_marker("postgres") is not None
    assert request.node.get_closest_marker("db") is None


@pytest.mark.slow
def test_what_opens_a_database_is_marked_or_fails(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.conftest import *\n")
    pytester.makepyfile(
        """
        import sqlite3, threading, pytest
        def make_office(): return sqlite3.connect(":memory:")
        @pytest.fixture
        def room(): return make_office()
        @pytest.fixture
        def office(): return sqlite3.connect(":memory:")
        @pytest.fixture
        def hidden(): return sqlite3.connect(":memory:")
        def test_by_fixture(office): pass
        def test_by_code_of_fixture(room): pass
        def test_by_code(): make_office()
        @pytest.mark.db
        def test_by_hand(): sqlite3.connect(":memory:")
        def test_overlooked(): sqlite3.connect(":memory:")
        def test_overlooked_fixture(hidden): pass
        def test_overlooked_and_swallowed():
            try: sqlite3.connect(":memory:")
            except Exception: pass
        def test_pure(): pass
        """
    )
    pytester.syspathinsert(ROOT)
    result = pytester.runpytest_subprocess("-pno:cacheprovider")
    result.assert_outcomes(passed=5, failed=2, errors=1)
    result.stdout.fnmatch_lines(["*test_overlooked opens a database and is not marked `db`*"])
    fast = pytester.runpytest_subprocess("-pno:cacheprovider", "-m", "not db")
    fast.assert_outcomes(passed=1, failed=2, errors=1, deselected=4)


def test_the_fast_run_leaves_out_what_may_open_a_database() -> None:
    line = next(line for line in MAKEFILE.read_text().splitlines() if line.startswith("FAST :="))
    assert line == f"FAST := not ({' or '.join(HEAVY)})"


def _ends(pid: int) -> bool:
    """Whether the process, or the group when negative, is gone within ten seconds."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
