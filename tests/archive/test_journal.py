"""The journal on both engines: order, time, anchors, and what an adversary cannot hide.

The adversary of these tests writes to the tables directly, as somebody with the database's own
password and without its triggers would.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from archive import canonical, merkle
from archive.journal import queries
from archive.journal import service as journal
from archive.journal.entry import (
    NO_ENTRY,
    DocumentRef,
    Pending,
)
from archive.office import Office, Tx
from archive.tasks import service as tasks
from tests.builders import STAFF, START

LOT = "lot/1"


def record(office: Office, *streams: str, **data: Any) -> None:
    with office.write() as tx:
        for stream in streams:
            tx.record(stream, "trading:lot:opened", STAFF, data)


def break_off(office: Office, work: Callable[[Tx], None]) -> None:
    with office.write() as tx:
        work(tx)
        raise ZeroDivisionError


def anchor(office: Office) -> Any:
    with office.write() as tx:
        return journal.anchor(tx.db, tx.log, tx.now)


def entries(office: Office, stream: str = LOT) -> list[Any]:
    with office.read() as db:
        return list(journal.entries(db, stream))


def tamper(office: Office, statement: str, **params: Any) -> None:
    with office.connections.engine.connect() as connection:
        done = connection.execute(sa.text(statement), params)
        assert done.rowcount >= 1
        connection.commit()


def broken(office: Office) -> str | None:
    with office.read() as db:
        return journal.first_break_anywhere(db)


class TestAppending:
    def test_entries_are_numbered_and_chained(self, office: Office) -> None:
        for n in range(3):
            record(office, LOT, "lot/2", LOT, n=n)
        found = entries(office)
        assert [e.seq for e in found] == list(range(6))
        assert [e.data["n"] for e in found] == [0, 0, 1, 1, 2, 2]
        assert [e.prev for e in found] == [NO_ENTRY, *(e.hash for e in found[:-1])]
        assert broken(office) is None

    def test_nothing_is_recorded_when_the_transaction_fails(self, office: Office) -> None:
        record(office, LOT)

        def work(tx: Tx) -> None:
            tx.record(LOT, "trading:lot:opened", STAFF, {})
            tx.flush_record()

        with pytest.raises(ZeroDivisionError):
            break_off(office, work)
        assert len(entries(office)) == 1
        assert broken(office) is None

    def test_readers_are_told_after_the_commit_and_only_then(self, office: Office) -> None:
        told: list[frozenset[str]] = []
        called: list[int] = []
        office.on_record.append(told.append)

        def work(tx: Tx) -> None:
            tx.record(LOT, "trading:lot:opened", STAFF, {})
            tx.after_commit(lambda: called.append(1))

        with pytest.raises(ZeroDivisionError):
            break_off(office, work)
        assert (told, called) == ([], [])
        with office.write() as tx:
            tx.record(LOT, "trading:lot:opened", STAFF, {})
            tx.after_commit(lambda: called.append(len(entries(office))))
        assert (told, called) == ([frozenset({LOT})], [1])

    def test_readers_are_told_of_entries_that_were_written_early(self, office: Office) -> None:
        told: list[frozenset[str]] = []
        office.on_record.append(told.append)
        with office.write() as tx:
            tx.record(LOT, "trading:lot:opened", STAFF, {})
            assert [entry.seq for entry in tx.flush_record()] == [0]
        assert told == [frozenset({LOT})]

    def test_two_writers_make_the_same_stream_at_once(
        self, office: Office, later_office: Callable[..., Office]
    ) -> None:
        """Neither finds a head; one makes it, the other waits for it and goes on from there."""
        second = later_office(seed=b"2")
        thread = threading.Thread(target=record, args=(second, LOT), kwargs={"n": 1})
        with office.write() as tx:
            tx.record(LOT, "trading:lot:opened", STAFF, {"n": 0})
            tx.flush_record()
            thread.start()
            thread.join(0.3)
            assert thread.is_alive()
        thread.join(60)
        assert [entry.data["n"] for entry in entries(office)] == [0, 1]
        assert broken(office) is None

    def test_rows_are_written_before_heads_are_locked(self, office: Office) -> None:
        """Else a row that is locked by a transaction that waits for a head would close a circle."""
        seen: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            seen.append(statement.split(maxsplit=1)[0] + (" task" if "task" in statement else ""))

        sa.event.listen(office.connections.engine, "before_cursor_execute", note)
        with office.write() as tx:
            tasks.enqueue(tx, "trading.close", {})
            tx.record(LOT, "trading:lot:opened", STAFF, {})
        written = [statement for statement in seen if statement != "BEGIN"]
        assert written[0] == "INSERT task"
        assert written[1] == "SELECT"

    def test_time_never_goes_back(
        self, office: Office, later_office: Callable[..., Office]
    ) -> None:
        """A second process whose clock is an hour behind does not set the record back."""
        behind = later_office(start=START - timedelta(hours=1))
        record(office, LOT)
        record(behind, LOT, "lot/2")
        office.clock.move_to(START + timedelta(seconds=1))  # type: ignore[attr-defined]
        record(office, LOT)
        assert [e.at - START for e in entries(office)] == [
            timedelta(0),
            timedelta(0),
            timedelta(seconds=1),
        ]
        assert entries(office, "lot/2")[0].at == START - timedelta(hours=1)
        assert broken(office) is None

    def test_two_writers_at_once(self, office: Office, later_office: Callable[..., Office]) -> None:
        """In opposite order over the same streams: nobody waits in a circle, no number is lost."""
        offices, rounds = (office, later_office(seed=b"2")), 15
        streams = ("lot/1", "lot/2", "lot/3")
        start = threading.Barrier(2)
        failures: list[BaseException] = []

        def write(own: Office, order: tuple[str, ...], who: int) -> None:
            try:
                start.wait(10)
                for n in range(rounds):
                    record(own, *order, who=who, n=n)
            except BaseException as failure:
                failures.append(failure)

        threads = [
            threading.Thread(target=write, args=(offices[0], streams, 0)),
            threading.Thread(target=write, args=(offices[1], streams[::-1], 1)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert failures == []
        for stream in streams:
            found = entries(office, stream)
            assert [e.seq for e in found] == list(range(2 * rounds))
            for who in (0, 1):
                assert [e.data["n"] for e in found if e.data["who"] == who] == list(range(rounds))
        assert broken(office) is None

    def test_long_streams_are_read_page_by_page(self, sqlite_office: Office) -> None:
        count = queries.PAGE_ENTRIES_MAX + 7
        record(sqlite_office, *[LOT] * count)
        with sqlite_office.read() as db:
            assert [e.seq for e in journal.entries(db, LOT)] == list(range(count))
            part = list(journal.entries(db, LOT, count - 3, count - 1))
            assert [e.seq for e in part] == [count - 3, count - 2]
            assert queries.size_of(db, LOT) == count
            assert queries.size_of(db, "lot/none") == 0
            assert queries.streams_with_prefix(db, "lot/") == [LOT]
            assert queries.streams_with_prefix(db, "l%") == []

    def test_no_float_is_recorded(self, sqlite_office: Office) -> None:
        with pytest.raises(TypeError):
            record(sqlite_office, LOT, price=1.5)
        assert entries(sqlite_office) == []

    def test_documents_go_with_their_entry(self, office: Office) -> None:
        with office.write() as tx:
            reference = tx.keep("表.json", {"n": 1})
            tx.record(LOT, "trading:lot:opened", STAFF, {}, (reference,))
        assert entries(office)[0].documents == (reference,)
        assert reference == DocumentRef(
            "表.json", canonical.digest({"n": 1}), 7, "application/json"
        )
        assert office.vault.get(reference.sha256) == b'{"n":1}'


class TestTheAdversary:
    @pytest.fixture
    def full(self, office: Office) -> Office:
        for n in range(6):
            record(office, LOT, n=n)
        record(office, "lot/2")
        anchor(office)
        assert broken(office) is None
        return office

    def test_a_withheld_last_entry_is_found(self, full: Office) -> None:
        tamper(full, "DELETE FROM journal_entry WHERE stream = 'lot/1' AND seq = 5")
        assert broken(full) == "lot/1: 5 entries, head says 6"

    def test_a_withheld_entry_in_the_middle_is_found(self, full: Office) -> None:
        tamper(full, "DELETE FROM journal_entry WHERE stream = 'lot/1' AND seq = 2")
        assert "5 entries" in (broken(full) or "")

    @pytest.mark.parametrize(
        ("size", "expected"), [(5, "tree root differs"), (4, "frontier of 4 leaves has 64 bytes")]
    )
    def test_a_shortened_stream_is_found(self, full: Office, size: int, expected: str) -> None:
        tamper(full, f"DELETE FROM journal_entry WHERE stream = 'lot/1' AND seq >= {size}")
        tamper(full, f"UPDATE journal_stream SET size = {size} WHERE id = 'lot/1'")
        assert broken(full) == f"lot/1: {expected}"

    @pytest.mark.parametrize("seq", [0, 3, 5])
    def test_one_changed_byte_is_found(self, full: Office, seq: int) -> None:
        body = entries(full)[seq].body
        changed = body.replace(b'"n":%d' % seq, b'"n":%d' % (seq + 1))
        assert changed != body
        tamper(
            full,
            "UPDATE journal_entry SET body = :body WHERE stream = 'lot/1' AND seq = :seq",
            body=changed,
            seq=seq,
        )
        found = broken(full) or ""
        # The last entry has no successor to contradict it: there the tree root does.
        assert found.startswith(f"lot/1[{seq + 1}]" if seq < 5 else "lot/1: tree root differs")

    def test_exchanged_entries_are_found(self, full: Office) -> None:
        first, second = (entries(full)[seq].body for seq in (2, 3))
        for seq, body in ((2, second), (3, first)):
            tamper(
                full,
                "UPDATE journal_entry SET body = :body WHERE stream = 'lot/1' AND seq = :seq",
                body=body,
                seq=seq,
            )
        assert broken(full) == "lot/1[2]: Entry number 3 stands where 2 was due."

    def test_a_rewritten_stream_contradicts_its_anchor(self, full: Office) -> None:
        """Consistent within itself, with a head of its own: only what was signed gives it away."""
        pending = [Pending(LOT, "trading:lot:opened", "x", {"n": n}) for n in range(6)]
        tamper(full, "DELETE FROM journal_entry WHERE stream = 'lot/1'")
        with full.connections.engine.connect() as connection:
            connection.execute(
                sa.text(
                    "UPDATE journal_stream SET size = 0, last_hash = :none, frontier = :empty "
                    "WHERE id = 'lot/1'"
                ),
                {"none": NO_ENTRY, "empty": b""},
            )
            connection.commit()
        with full.write() as tx:
            journal.append(tx.db, pending, tx.now)
        assert broken(full) is None
        with full.read() as db:
            signed = journal.anchored(db, [LOT], 0)[0]
        leaves = [e.leaf for e in entries(full)]
        assert merkle.root_of(leaves).hex() != signed.root
