"""Group commit: who waits shares a commit, is answered after it, and falls with nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from typing import Any

import pytest

from api import group_commit
from api.group_commit import GroupCommit, Written
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office, Tx
from tests.builders import STAFF

STREAM = "session/s1"


def event(number: int, stream: str = STREAM) -> Any:
    def work(tx: Tx) -> int:
        tx.record(stream, "evaluation:witness:heartbeat", STAFF, {"n": number})
        return number

    return work


@pytest.fixture
def commits(office: Office) -> list[frozenset[str]]:
    """What each commit woke readers for."""
    seen: list[frozenset[str]] = []
    office.on_record.append(seen.append)
    return seen


@pytest.fixture
def appends(office: Office) -> Iterator[GroupCommit]:
    writer = GroupCommit(office)
    yield writer
    writer.close()


@pytest.fixture
def busy(appends: GroupCommit) -> Iterator[threading.Event]:
    """The writer is in the middle of a commit until the event is set."""
    begun, go = threading.Event(), threading.Event()

    def work(tx: Tx) -> None:
        begun.set()
        assert go.wait(10)

    first = appends.write("", work)
    assert begun.wait(10)
    yield go
    go.set()
    first.result(10)


class TestSharing:
    def test_who_comes_meanwhile_shares_the_next_commit(
        self,
        office: Office,
        appends: GroupCommit,
        busy: threading.Event,
        commits: list[frozenset[str]],
    ) -> None:
        answers = [appends.write("a", event(n)) for n in range(50)]
        assert not any(answer.done() for answer in answers)
        busy.set()
        found: list[Written[int]] = [answer.result(10) for answer in answers]
        assert [written.value for written in found] == list(range(50))
        assert [written.entries[0].seq for written in found] == list(range(50))
        assert commits == [frozenset({STREAM})], "one commit, and one wake-up"
        with office.read() as db:
            assert [e.data["n"] for e in journal.entries(db, STREAM)] == list(range(50))

    def test_an_entry_that_cannot_be_written_takes_none_of_the_others_with_it(
        self, office: Office, appends: GroupCommit, busy: threading.Event
    ) -> None:
        """It shows only when all are written: one station could keep the others from the record."""
        answers = [appends.write("a", event(n)) for n in (1, 2**53, 2)]
        busy.set()
        assert [answers[n].result(10).value for n in (0, 2)] == [1, 2]
        with pytest.raises(ValueError, match="out of range"):
            answers[1].result(10)
        with office.read() as db:
            assert [e.data["n"] for e in journal.entries(db, STREAM)] == [1, 2]

    def test_each_is_told_its_own_entries_whatever_streams_they_stand_on(
        self, appends: GroupCommit, busy: threading.Event
    ) -> None:
        def two(tx: Tx) -> None:
            event(1, "session/s2")(tx)
            event(2, "draw/d1")(tx)

        answers: list[Future[Any]] = [
            appends.write("b", two),
            appends.write("a", event(3)),
            appends.write("b", event(4, "session/s2")),
        ]
        busy.set()
        told = [
            [(e.stream, e.seq, e.data["n"]) for e in answer.result(10).entries]
            for answer in answers
        ]
        assert told == [
            [("session/s2", 0, 1), ("draw/d1", 0, 2)],
            [(STREAM, 0, 3)],
            [("session/s2", 1, 4)],
        ]


class TestFailing:
    def test_one_that_is_refused_takes_no_other_with_it(
        self, office: Office, appends: GroupCommit, busy: threading.Event
    ) -> None:
        def refused(tx: Tx) -> None:
            event(9)(tx)
            raise Refusal("evaluation.witness.kind", {"event": "x", "allowed": ""})

        answers = [appends.write("a", w) for w in (event(0), refused, event(1))]
        busy.set()
        with pytest.raises(Refusal, match=r"witness\.kind"):
            answers[1].result(10)
        assert [answers[0].result(10).value, answers[2].result(10).value] == [0, 1]
        with office.read() as db:
            assert [e.data["n"] for e in journal.entries(db, STREAM)] == [0, 1]

    def test_a_commit_that_fails_is_acknowledged_to_nobody(
        self,
        office: Office,
        appends: GroupCommit,
        busy: threading.Event,
        monkeypatch: pytest.MonkeyPatch,
        commits: list[frozenset[str]],
    ) -> None:
        """A full disk, a lost database: the commit raises. The next one goes through again."""
        answers = [appends.write("a", event(n)) for n in range(3)]
        flush = Tx.flush_record

        def full(tx: Tx) -> Any:
            flush(tx)
            raise OSError("database or disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(Tx, "flush_record", lambda tx: full(tx) if tx._pending else [])
            busy.set()
            for answer in answers:
                with pytest.raises(Refusal) as caught:
                    answer.result(10)
                assert (caught.value.code, caught.value.kind) == (
                    "api.record.failed",
                    Kind.UNAVAILABLE,
                )
        assert commits == []
        assert appends.write("a", event(7)).result(10).entries[0].seq == 0
        with office.read() as db:
            assert [e.data["n"] for e in journal.entries(db, STREAM)] == [7]

    def test_too_many_are_not_taken(
        self, appends: GroupCommit, busy: threading.Event, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(group_commit, "WAITING_MAX", 2)
        answers = [appends.write("a", event(n)) for n in range(2)]
        with pytest.raises(Refusal, match=r"api\.record\.full"):
            appends.write("a", event(2))
        busy.set()
        assert len(wait(answers, 10).done) == 2

    def test_who_went_away_writes_nothing(
        self, office: Office, appends: GroupCommit, busy: threading.Event
    ) -> None:
        gone = appends.write("a", event(0))
        assert gone.cancel()
        kept = appends.write("a", event(1))
        busy.set()
        assert kept.result(10).entries[0].seq == 0
