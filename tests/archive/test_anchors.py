"""Anchors on both engines: what they cover, what they leave alone, and two that tick at once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from archive import merkle
from archive.journal import service as journal
from archive.journal.entry import head_leaf
from archive.note import Checkpoint, Note
from archive.office import Office
from tests.archive.test_journal import LOT, anchor, entries, record


class TestAnchors:
    def test_an_anchor_covers_every_stream(self, office: Office) -> None:
        for n in range(5):
            record(office, *(f"lot/{k}" for k in range(n + 1)))
        row = anchor(office)
        assert (row.tick, row.streams) == (0, 5)
        names = [f"lot/{k}" for k in range(5)]
        with office.read() as db:
            found = journal.anchored(db, names, 0)
        top = self.opened(office, row.note, "bigloop.example/anchor")
        for stream in found:
            head = self.opened(office, stream.checkpoint, f"bigloop.example/{stream.stream}")
            assert (head.size, head.root.hex()) == (stream.size, stream.root)
            leaves = [e.leaf for e in entries(office, stream.stream)]
            assert merkle.root_of(leaves) == head.root
            proof = [bytes.fromhex(h) for h in stream.proof]
            leaf = head_leaf(stream.stream, stream.size, stream.root)
            assert merkle.verify_inclusion(leaf, stream.index, top.size, proof, top.root)

    def opened(self, office: Office, note: str, origin: str) -> Checkpoint:
        parsed = Note.parse(note.encode())
        assert parsed.verified_by([office.log.verifier]) == [office.log.verifier]
        checkpoint = Checkpoint.parse(parsed.text)
        assert checkpoint.origin == origin
        return checkpoint

    def test_nothing_moved_nothing_anchored(self, office: Office) -> None:
        assert anchor(office) is None
        record(office, LOT)
        assert anchor(office).tick == 0
        assert anchor(office) is None

    def test_of_two_that_anchor_at_once_one_does(
        self, office: Office, later_office: Callable[..., Office]
    ) -> None:
        """The second waits for the first and finds nothing left to anchor; neither fails."""
        offices, ticks = (office, later_office(seed=b"2")), 12
        start = threading.Barrier(2)
        made: list[Any] = []

        def tick(own: Office) -> None:
            try:
                start.wait(10)
                made.append(anchor(own))
            except BaseException as failure:
                made.append(failure)

        for n in range(ticks):
            record(office, "lot/2", LOT, n=n)
            threads = [threading.Thread(target=tick, args=(own,)) for own in offices]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
                assert not thread.is_alive()
            won = [row for row in made if row is not None]
            assert [row.tick for row in won] == list(range(n + 1))
            assert len(made) == 2 * (n + 1)
            with office.read() as db:
                assert {s.size for s in journal.anchored(db, [LOT, "lot/2"], n)} == {n + 1}

    def test_who_anchors_second_waits_until_the_first_is_done(
        self, office: Office, later_office: Callable[..., Office]
    ) -> None:
        """Its None means that everything is anchored, so it may not say so any sooner."""
        second = later_office(seed=b"2")
        record(office, LOT)
        made: list[Any] = []
        thread = threading.Thread(target=lambda: made.append(anchor(second)))
        with office.write() as tx:
            assert journal.anchor(tx.db, tx.log, tx.now) is not None
            thread.start()
            thread.join(0.3)
            assert thread.is_alive()
        thread.join(60)
        assert made == [None]

    def test_only_what_moved_is_signed_anew(self, office: Office) -> None:
        record(office, LOT, "lot/2")
        anchor(office)
        record(office, "lot/2")
        anchor(office)
        with office.read() as db:
            rows = db.connection().exec_driver_sql(
                "SELECT stream, tick, size FROM journal_anchored_head ORDER BY stream, tick"
            )
            assert [tuple(row) for row in rows] == [(LOT, 0, 1), ("lot/2", 0, 1), ("lot/2", 1, 2)]

    def test_an_old_tick_keeps_saying_what_it_said(self, office: Office) -> None:
        record(office, LOT)
        anchor(office)
        with office.read() as db:
            before = journal.anchored(db, [LOT], 0)
        record(office, LOT, "lot/2")
        assert anchor(office).streams == 2
        with office.read() as db:
            assert journal.anchored(db, [LOT], 0) == before
            assert [s.size for s in journal.anchored(db, [LOT, "lot/2"], 1)] == [2, 1]
            with pytest.raises(KeyError):
                journal.anchored(db, ["lot/2"], 0)
            with pytest.raises(KeyError):
                journal.anchored(db, [LOT], 2)

    def test_a_later_head_is_consistent_with_an_anchored_one(self, office: Office) -> None:
        record(office, *[LOT] * 3)
        anchor(office)
        record(office, *[LOT] * 4)
        leaves = [e.leaf for e in entries(office)]
        with office.read() as db:
            old = journal.anchored(db, [LOT], 0)[0]
            note = journal.checkpoint(db, LOT, office.log)
            assert journal.checkpoint(db, "lot/none", office.log) is None
        assert note is not None
        parsed = Note.parse(note.encode())
        assert parsed.verified_by([office.log.verifier.named("bigloop.example/lot/1")])
        new = Checkpoint.parse(parsed.text)
        proof = merkle.consistency_proof(leaves, 3)
        assert merkle.verify_consistency(3, 7, proof, bytes.fromhex(old.root), new.root)
