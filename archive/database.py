"""The database session: SQLite in a file by default, PostgreSQL by a URL, the same code on both.

Reads see one snapshot and write nothing; writes are one transaction that takes SQLite's write lock
at its beginning (BEGIN IMMEDIATE), so that it never has to be repeated. SQLite runs with WAL and
`synchronous=FULL`: what was committed survives a power cut.
"""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, SQLModel

# Named by rule, so that migrations can name what they change. Before the first table.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

BUSY_SECONDS_MAX = 30
"""How long a writer waits for SQLite's lock before it fails."""
RESTED_SECONDS = 1.0
"""A connection to PostgreSQL that was not used for so long is asked whether it still lives."""


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware moment, stored in UTC. Naive datetimes are refused; SQLite, which knows no time
    zones, gets UTC and gives it back as such."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime refused")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Connections:
    """One database: `read()` and `write()` give sessions; nobody else opens transactions."""

    def __init__(self, url: str, *, pool_size_max: int = 16) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {
            "pool_size": pool_size_max,
            "max_overflow": 0,
            "hide_parameters": True,  # what was to be stored is not for error messages and logs
        }
        if self.is_sqlite:
            options["connect_args"] = {"timeout": BUSY_SECONDS_MAX, "check_same_thread": False}
        self._engine = sa.create_engine(url, **options)
        self._turn: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        if self.is_sqlite:
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
            self._reader: Engine = self._engine
            self._writer: Engine = self._engine.execution_options(bigloop_begin="BEGIN IMMEDIATE")
            self._turn = _Turn()
        else:
            sa.event.listen(self._engine, "checkin", _put_to_rest)
            sa.event.listen(self._engine, "checkout", _ask_the_rested)
            self._reader = self._engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._writer = self._engine

    @property
    def engine(self) -> Engine:
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One snapshot; anything written by mistake is rolled back."""
        with Session(self._reader, expire_on_commit=False) as session:
            try:
                yield session
            finally:
                session.rollback()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction, committed when the block ends without an exception."""
        with (
            self._turn,
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            session.connection()  # take the lock now, not at the first statement
            yield session

    def dispose(self) -> None:
        self._engine.dispose()


class _Turn:
    """One writer of this process after another. Those who wait for SQLite's own lock sleep and try
    again, and most of the time sleep too long; it is left for the writers of other processes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a request may end in another thread than it began in

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=BUSY_SECONDS_MAX):
            raise TimeoutError(f"another writer is at work for {BUSY_SECONDS_MAX} seconds")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _put_to_rest(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["rested_since"] = time.monotonic()


def _ask_the_rested(connection: Any, record: ConnectionPoolEntry, _fairy: object) -> None:
    """What `pool_pre_ping` does, without a way to the server and back for each transaction: asks
    only where the connection was idle for long, or where the server said something meanwhile,
    as it does when it closes it."""
    since = record.info.get("rested_since")
    if since is None:
        return
    if time.monotonic() - since < RESTED_SECONDS and not connection.closed:
        said = select.poll()
        said.register(connection.fileno(), select.POLLIN)
        if not said.poll(0):
            return
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except connection.OperationalError as error:
        raise InvalidatePoolError from error


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite alone
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("bigloop_begin", "BEGIN")
    connection.exec_driver_sql(begin)
