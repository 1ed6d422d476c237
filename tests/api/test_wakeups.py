"""Wake-ups between processes: few, to the others alone, and only a hint."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st

from api import wakeups
from api.wakeups import PAYLOAD_BYTES_MAX, payloads, waking
from tests.builders import STAFF, make_office

STREAMS = st.sets(st.from_regex(r"[a-z]{1,10}/[a-z0-9]{1,60}", fullmatch=True), max_size=300)


@settings(max_examples=30)
@given(STREAMS)
def test_every_stream_is_named_once_and_payloads_fit(streams: set[str]) -> None:
    made = list(payloads(streams))
    assert sorted("\n".join(made).split("\n")) == (sorted(streams) or [""])
    assert all(0 < len(payload.encode()) <= PAYLOAD_BYTES_MAX for payload in made)
    assert len(made) <= 1 + sum(map(len, streams)) // (PAYLOAD_BYTES_MAX // 2)


def test_a_burst_here_is_few_notices_there_and_none_here(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    here = make_office(tmp_path / "a", migrated_postgres_url)
    there = make_office(tmp_path / "b", migrated_postgres_url)
    own: list[frozenset[str]] = []
    heard: list[frozenset[str]] = []
    woken = threading.Event()

    def hear(streams: frozenset[str]) -> None:
        heard.append(streams)
        woken.set()

    with ExitStack() as stack:
        stack.enter_context(waking(here, own.append))
        stack.enter_context(waking(there, hear))
        _until_listening(migrated_postgres_url, 4)
        for n in range(20):
            with here.write() as tx:
                tx.record("session/s1", "evaluation:witness:heartbeat", STAFF, {"n": n})
        assert woken.wait(5)
        time.sleep(0.2)
    assert set(heard) == {frozenset({"session/s1"})}
    assert len(heard) <= 20
    assert own == []
    here.connections.dispose()
    there.connections.dispose()


def test_a_cut_connection_is_made_again(migrated_postgres_url: str, tmp_path: Path) -> None:
    office = make_office(tmp_path / "a", migrated_postgres_url)
    heard = threading.Event()
    saved, wakeups.AGAIN_SECONDS = wakeups.AGAIN_SECONDS, 0.05
    try:
        with waking(office, lambda _: heard.set()):
            _until_listening(migrated_postgres_url, 2)
            _end_listeners(migrated_postgres_url)
            deadline = time.monotonic() + 10
            while not heard.wait(0.1) and time.monotonic() < deadline:
                with psycopg.connect(_dsn(migrated_postgres_url), autocommit=True) as other:
                    other.execute("SELECT pg_notify(%s, 'session/s1')", (wakeups.CHANNEL,))
        assert heard.is_set()
    finally:
        wakeups.AGAIN_SECONDS = saved
        office.connections.dispose()


def _dsn(url: str) -> str:
    return url.replace("postgresql+psycopg:", "postgresql:")


_OURS = "datname = current_database() AND pid <> pg_backend_pid() AND (query ILIKE 'LISTEN %' OR query ILIKE 'SET sync%')"


def _until_listening(url: str, count: int) -> None:
    with psycopg.connect(_dsn(url), autocommit=True) as connection:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            row = connection.execute(
                f"SELECT count(*) FROM pg_stat_activity WHERE {_OURS}"
            ).fetchone()
            if row == (count,):
                return
            time.sleep(0.02)
    raise AssertionError("nobody listens")


def _end_listeners(url: str) -> None:
    with psycopg.connect(_dsn(url), autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_OURS}")
