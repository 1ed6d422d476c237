"""Waking readers in other processes: one NOTIFY for all that was recorded in a moment (PostgreSQL).

Within one process, readers are called after each commit (`Office.on_record`); with SQLite that is all there
is to do but the poll. On PostgreSQL other processes are told by NOTIFY. A NOTIFY inside the transactions
would make their commits wait for each other (PostgreSQL orders notifications by one lock of the whole
server), so none stands there: a thread gathers what this process recorded for `GATHER_SECONDS` and tells it
in one transaction of its own, which waits for no disk. Another thread listens. Either may lose what it had
when its connection is cut: a wake-up is a hint, and every reader looks once a second anyway.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa

from archive.office import Office

CHANNEL = "bigloop_recorded"
GATHER_SECONDS = 0.01
PAYLOAD_BYTES_MAX = 7900
"""PostgreSQL takes less than 8000."""
LISTEN_SECONDS = 0.5
"""How long the listener may not notice that it should stop."""
AGAIN_SECONDS = 2.0
STOP_SECONDS_MAX = 5
_log = logging.getLogger("bigloop.live")


def payloads(streams: Iterable[str]) -> Iterator[str]:
    """The streams' names, one a line, in as few payloads as they fit."""
    text = ""
    for stream in sorted(streams):
        if text and len(text) + len(stream) + 1 > PAYLOAD_BYTES_MAX:
            yield text
            text = ""
        text = f"{text}\n{stream}" if text else stream
    if text:
        yield text


class Wakeups:
    """Tells other processes what this one recorded, and `heard` what they did."""

    def __init__(self, office: Office, heard: Callable[[frozenset[str]], None]) -> None:
        url = sa.make_url(office.connections.url).set(drivername="postgresql")
        self._dsn = url.render_as_string(hide_password=False)
        self._heard = heard
        self._grown: set[str] = set()
        self._lock = threading.Lock()
        self._told = threading.Event()
        self._stop = threading.Event()
        self._own: set[int] = set()
        """Server processes that speak for us: what they say is known here."""
        office.on_record.append(self.tell)

    def tell(self, streams: frozenset[str]) -> None:
        """These streams grew here."""
        with self._lock:
            self._grown |= streams
        self._told.set()

    def speak(self) -> None:
        """Tell the others, until stopped."""
        self._keep_on(self._speak)

    def listen(self) -> None:
        """Hear the others, until stopped."""
        self._keep_on(self._listen)

    def stop(self) -> None:
        self._stop.set()
        self._told.set()

    def _keep_on(self, part: Callable[[psycopg.Connection], None]) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._dsn, autocommit=True) as connection:
                    part(connection)
            except psycopg.Error as error:
                _log.warning("wake-ups by the database pause: %s", type(error).__name__)
                self._stop.wait(AGAIN_SECONDS)

    def _speak(self, connection: psycopg.Connection) -> None:
        self._own.add(connection.info.backend_pid)
        connection.execute("SET synchronous_commit = off")  # nothing is lost that matters
        while not self._stop.is_set():
            self._told.wait()
            self._stop.wait(GATHER_SECONDS)
            self._told.clear()
            with self._lock:
                grown, self._grown = self._grown, set()
            for payload in payloads(grown):
                connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))

    def _listen(self, connection: psycopg.Connection) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        while not self._stop.is_set():
            for notice in connection.notifies(timeout=LISTEN_SECONDS):
                if notice.pid not in self._own:
                    self._heard(frozenset(notice.payload.split("\n")))
                if self._stop.is_set():
                    return


@contextmanager
def waking(office: Office, heard: Callable[[frozenset[str]], None]) -> Iterator[None]:
    """Exchange wake-ups with other processes while the block runs; nothing to do on SQLite."""
    if office.connections.is_sqlite:
        yield
        return
    wakeups = Wakeups(office, heard)
    threads = [
        threading.Thread(target=part, name=f"bigloop-{part.__name__}", daemon=True)
        for part in (wakeups.speak, wakeups.listen)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        wakeups.stop()
        for thread in threads:
            thread.join(STOP_SECONDS_MAX)
