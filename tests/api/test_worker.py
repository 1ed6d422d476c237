"""The worker takes tasks, anchors, survives failures and stops at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from api.worker import Hands, anchor_once, in_a_thread
from archive.journal import service as journal
from archive.office import Office, Tx
from archive.tasks.service import enqueue
from tests.builders import STAFF, make_office


@pytest.fixture
def office(tmp_path: Path, migrated_sqlite_url: str) -> Office:
    return make_office(tmp_path, migrated_sqlite_url)


def until(is_so: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def anchors(office: Office) -> int:
    with office.read() as db:
        found = db.connection().exec_driver_sql("SELECT count(*) FROM journal_anchor").scalar()
    assert isinstance(found, int)
    return found


def test_due_tasks_are_done_and_the_journal_is_anchored(office: Office) -> None:
    def greet(_office: Office, args: Mapping[str, Any]) -> Callable[[Tx], None]:
        return lambda tx: tx.record("lot/a", "api:test:done", STAFF, {"n": args["n"]})

    with office.write() as tx:
        for n in range(3):
            enqueue(tx, "greet", {"n": n})
    hands = Hands(office, {"greet": greet}, poll_seconds=60, anchor_seconds=0)
    with in_a_thread(hands):
        until(lambda: anchors(office) > 0)
    with office.read() as db:
        assert sorted(e.data["n"] for e in journal.entries(db, "lot/a")) == [0, 1, 2]


def test_it_stops_at_once_although_it_sleeps(office: Office) -> None:
    hands = Hands(office, {}, poll_seconds=60, anchor_seconds=60)
    with in_a_thread(hands):
        time.sleep(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 1


def test_a_lost_database_does_not_end_it(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []
    original = office.write

    def flaky() -> Any:
        calls.append(1)
        if len(calls) < 3:
            raise OSError("database gone")
        return original()

    monkeypatch.setattr(office, "write", flaky)
    with in_a_thread(Hands(office, {}, poll_seconds=0, anchor_seconds=60)):
        until(lambda: len(calls) > 4)
    assert "database gone" in caplog.text


def test_nothing_new_is_not_anchored_again(office: Office) -> None:
    with office.write() as tx:
        tx.record("lot/a", "api:test:done", STAFF, {})
    assert anchor_once(office)
    assert not anchor_once(office)
    assert anchors(office) == 1
