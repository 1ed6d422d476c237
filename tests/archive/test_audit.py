"""Re-reading the whole record: what an insider with the database but without the key cannot hide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from archive import merkle
from archive.actor import SYSTEM
from archive.journal import service as journal
from archive.journal.entry import Pending, seal_in
from archive.office import Office
from tests.builders import make_office


@pytest.fixture
def office(tmp_path: Path, migrated_sqlite_url: str) -> Office:
    return make_office(tmp_path, migrated_sqlite_url)


def written(office: Office) -> Office:
    for n in range(3):
        with office.write() as tx:
            document = tx.keep("note.json", {"n": n})
            tx.record("lot/a", "trading:lot:noted", SYSTEM, {"n": n}, (document,))
    with office.write() as tx:
        journal.anchor(tx.db, tx.log, tx.now)
    return office


def wrong(office: Office) -> str:
    with office.read() as db:
        found = journal.first_break_anywhere(db, office.log.verifier, office.vault)
    return found or ""


def rewrite(office: Office, keep: int, change: Callable[[int], int] = lambda n: n) -> None:
    """What an administrator can do: the triggers off, a shorter or other stream, a fitting head."""
    pending = [
        Pending("lot/a", "trading:lot:noted", "system", {"n": change(n)}) for n in range(keep)
    ]
    prev, frontier, bodies = "0" * 64, merkle.Frontier(), []
    with office.read() as db:
        at = [entry.at for entry in journal.entries(db, "lot/a")]
    for seq, item in enumerate(pending):
        entry = seal_in(item, seq, prev, at[seq])
        prev, frontier = entry.hash, frontier.append(entry.leaf)
        bodies.append(entry.body)
    with office.connections.engine.connect() as connection:
        names = connection.execute(
            sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ).scalars()
        for name in names.all():
            connection.execute(sa.text(f"DROP TRIGGER {name}"))
        connection.execute(sa.text("DELETE FROM journal_entry WHERE seq >= :n"), {"n": keep})
        for seq, body in enumerate(bodies):
            connection.execute(
                sa.text("UPDATE journal_entry SET body = :b WHERE seq = :n"), {"b": body, "n": seq}
            )
        connection.execute(
            sa.text("UPDATE journal_stream SET size = :n, last_hash = :h, frontier = :f"),
            {"n": keep, "h": prev, "f": frontier.to_bytes()},
        )
        connection.commit()


class TestAudit:
    """RFC 6962, section 3: a log that was signed can only grow."""

    def test_an_honest_record_holds(self, office: Office) -> None:
        assert wrong(written(office)) == ""

    def test_a_stream_cut_short_with_its_head_is_found(self, office: Office) -> None:
        rewrite(written(office), keep=2)
        assert "3 were signed at tick 0" in wrong(office)

    def test_a_stream_rewritten_with_its_head_is_found(self, office: Office) -> None:
        rewrite(written(office), keep=3, change=lambda n: n + 1)
        assert "not what was signed at tick 0" in wrong(office)

    def test_without_the_key_the_same_rewriting_looks_whole(self, office: Office) -> None:
        rewrite(written(office), keep=2)
        with office.read() as db:
            assert journal.first_break_anywhere(db) is None

    def test_another_key_is_not_ours(self, office: Office, tmp_path: Path) -> None:
        written(office)
        stranger = make_office(tmp_path / "other", office.connections.url, seed=b"2")
        with office.read() as db:
            found = journal.first_break_anywhere(db, stranger.log.verifier)
        assert found is not None
        assert "not signed" in found

    def test_a_document_that_is_gone_is_found(self, office: Office) -> None:
        written(office)
        victim = next(path for path in office.vault.root.rglob("*") if path.is_file())
        victim.unlink()
        assert "archive.vault.missing" in wrong(office)

    def test_nothing_is_replaced_under_the_triggers(self, office: Office) -> None:
        """SQLite fires no trigger on DELETE for INSERT OR REPLACE."""
        written(office)
        for table in ("journal_entry", "journal_stream", "journal_anchor", "journal_anchored_head"):
            with (
                office.connections.engine.connect() as connection,
                pytest.raises(sa.exc.IntegrityError, match="append-only"),
            ):
                connection.execute(sa.text(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"))
