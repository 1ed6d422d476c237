"""Fixtures for all tests, Hypothesis' profiles, and the marks tests get by what they use.

A test is marked by its fixtures, so that `make fast` cannot run what needs a database and nobody
has to remember: see MARKS and MAKERS. What both overlook fails: see `_refuse_unmarked`.
"""

import os
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import CodeType
from typing import Any, cast

import hypothesis
import pytest

from tests.support.browser import BrowserThread, Pages
from tests.support.databases import Databases, Engine
from tests.support.postgres import PostgresServer, start_postgres
from tests.support.servers import Servers

ROOT = Path(__file__).resolve().parent.parent

pytest_plugins = ["pytester"]

# --- Hypothesis: the same examples in CI, ever new ones at a desk ----------------------

hypothesis.settings.register_profile("desk", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.register_profile("soak", deadline=None, print_blob=True, max_examples=5_000)
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "desk")
)

# --- Marks ------------------------------------------------------------------------------

MARKS = {
    "databases": ("db",),
    "postgres_server": ("postgres",),
    "postgres_url": ("postgres",),
    "migrated_sqlite_url": ("db",),
    "migrated_postgres_url": ("db", "postgres"),
    "database_url": ("db",),
    "run_server": ("server",),
    "chromium_page": ("page",),
    # Those of the packages' own folders.
    **dict.fromkeys(
        (
            "desk", "dossier_office", "office", "prepared_sqlite", "sqlite_market",
            "sqlite_office", "world", "world_folder", "world_template",
        ),
        ("db",),
    ),
}  # fmt: skip
MAKERS = frozenset({"make_office", "open_office", "Connections", "create_engine"})
"""A test, or a fixture it uses, that calls one of these by name has a database."""
HEAVY = ("db", "postgres", "server", "page", "shared", "slow", "soak")
"""What `make fast` leaves out; the same list as in the Makefile."""

_unmarked: list[pytest.Item] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the fixtures it uses; the slow ones begin, so that no worker waits for the
    other's at the end."""
    for item in items:
        for name in getattr(item, "fixturenames", ()):
            for mark in MARKS.get(name, ()):
                item.add_marker(mark)
        if any(MAKERS.intersection(code.co_names) for code in _codes(item)):
            item.add_marker("db")
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def _codes(item: pytest.Item) -> Iterator[CodeType]:
    """The code of the test and of each fixture it uses."""
    if not isinstance(item, pytest.Function):
        return
    functions: list[object] = [item.obj]
    for found in item._fixtureinfo.name2fixturedefs.values():
        functions += [definition.func for definition in found]
    for function in functions:
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType):
            yield code


def _refuse_unmarked(event: str, _arguments: tuple[object, ...]) -> None:
    """Let no test open a database that `make fast` would run; psycopg's is always a server's."""
    if event == "sqlite3.connect" and _unmarked:
        pytest.fail(f"{_unmarked[-1].nodeid} opens a database and is not marked `db`")


sys.addaudithook(_refuse_unmarked)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Say to `_refuse_unmarked` which test runs."""
    is_unmarked = not any(item.get_closest_marker(mark) for mark in HEAVY)
    if is_unmarked:
        _unmarked.append(item)
    try:
        return (yield)
    finally:
        if is_unmarked:
            _unmarked.remove(item)


# --- Databases --------------------------------------------------------------------------


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of a run, for what is made once. Whoever writes there locks."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this worker's own: `.create()`, `.drop(name)`, `.url(name)`, `.log()`."""
    with start_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The address of one empty, unmigrated database for the whole run."""
    return postgres_server.url(postgres_server.create("session"))


@pytest.fixture(scope="session")
def databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Databases:
    """Hands out migrated databases by `.fresh("sqlite" | "postgresql")`; `.remove(url)`."""

    def upgrade(url: str) -> None:
        from api.migrations import upgrade as migrate

        migrate(url)

    def server() -> PostgresServer:
        return cast("PostgresServer", request.getfixturevalue("postgres_server"))

    return Databases(tmp_path_factory.mktemp("databases"), server, upgrade)


@pytest.fixture
def migrated_sqlite_url(databases: Databases) -> Iterator[str]:
    """The address of a migrated, empty SQLite database of this test's own."""
    url = databases.fresh("sqlite")
    yield url
    databases.remove(url)


@pytest.fixture
def migrated_postgres_url(databases: Databases, postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a migrated, empty PostgreSQL database of this test's own."""
    url = databases.fresh("postgresql")
    yield url
    databases.remove(url)


@pytest.fixture(
    params=[
        pytest.param("sqlite", id="sqlite"),
        pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgres),
    ]
)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """The address of a migrated, empty database: the test runs once on each engine."""
    url = databases.fresh(cast("Engine", request.param))
    yield url
    databases.remove(url)


# --- Servers and pages ------------------------------------------------------------------


@pytest.fixture
def run_server(tmp_path: Path) -> Iterator[Servers]:
    """Starts `bigloop` processes: `server = run_server("serve", env={...}, ready="/health")`."""
    servers = Servers(tmp_path)
    yield servers
    servers.end()


@pytest.fixture(scope="session")
def browser_thread(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserThread]:
    """The thread in which the bodies of page tests run."""
    thread = BrowserThread(tmp_path_factory.mktemp("browser"))
    yield thread
    thread.end()


@pytest.fixture
def chromium_page(browser_thread: BrowserThread) -> Iterator[Pages]:
    """Opens pages in the body of a test: `page = chromium_page(server.url)`."""
    pages = Pages(browser_thread, ROOT / ".tools" / "failed-pages")
    yield pages
    browser_thread.run(pages.close)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the body of a page test in the browser's thread, and judge its pages afterwards."""
    pages = pyfuncitem.funcargs.get("chromium_page")
    if not isinstance(pages, Pages):
        return None
    thread: BrowserThread = pyfuncitem._request.getfixturevalue("browser_thread")
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    thread.run(_body(pyfuncitem.obj, pages, pyfuncitem.name), **arguments)
    return True


def _body(test: Callable[..., object], pages: Pages, name: str) -> Callable[..., None]:
    def run(**arguments: Any) -> None:
        try:
            test(**arguments)
            pages.check()
        except (Exception, pytest.fail.Exception):
            pages.picture(name)
            raise

    return run
