"""The migrations build what the code declares, and the journal cannot be changed by SQL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from api.migrations import is_newest, triggers, upgrade, version
from api.migrations.check import check_database, main, missing_triggers
from api.migrations.tables import ROOT, table_modules
from api.worker import anchor_once
from archive.database import Connections
from archive.journal import service as journal
from tests.builders import STAFF, make_office


@pytest.mark.db
def test_a_fresh_sqlite_database_is_what_the_code_declares(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    assert version(url) is None
    assert check_database(url) == []
    assert is_newest(url)
    upgrade(url)
    assert is_newest(url)


def test_a_fresh_postgresql_database_is_what_the_code_declares(postgres_server: object) -> None:
    from tests.support.postgres import PostgresServer

    assert isinstance(postgres_server, PostgresServer)
    name = postgres_server.create()
    try:
        assert check_database(postgres_server.url(name)) == []
    finally:
        postgres_server.drop(name)


def test_no_module_of_tables_is_forgotten() -> None:
    folders = [ROOT / name for name in ("archive", "trading", "experts", "deposits", "evaluation")]
    declared = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in folders
        for path in folder.rglob("*.py")
        if "table=True" in path.read_text("utf-8")
    }
    assert declared - set(table_modules()) == set()


def test_migrations_name_no_module_of_ours() -> None:
    for path in (ROOT / "api" / "migrations" / "versions").glob("*.py"):
        text = path.read_text("utf-8")
        for package in (
            "archive",
            "trading",
            "experts",
            "deposits",
            "evaluation",
            "api",
            "sqlmodel",
        ):
            assert f"import {package}" not in text
            assert f"from {package}" not in text


def test_the_journal_cannot_be_changed_by_sql(tmp_path: Path, database_url: str) -> None:
    office = make_office(tmp_path, database_url)
    with office.write() as tx:
        tx.record("lot/a", "api:test:done", STAFF, {})
    anchor_once(office)
    for table, verb in triggers.pairs():
        column = "action" if table == "journal_entry" else "root"
        change = {
            "UPDATE": f"UPDATE {table} SET {column} = 'x'",
            "DELETE": f"DELETE FROM {table}",
        }[verb]
        with (
            pytest.raises(DatabaseError, match="append-only"),
            office.connections.engine.begin() as connection,
        ):
            connection.execute(sa.text(change))
    with office.read() as db:
        assert journal.first_break_anywhere(db) is None
    office.connections.dispose()


def test_the_journal_cannot_be_emptied_at_once(tmp_path: Path, migrated_postgres_url: str) -> None:
    """TRUNCATE fires no trigger of rows; SQLite has no such statement."""
    office = make_office(tmp_path, migrated_postgres_url)
    with office.write() as tx:
        tx.record("lot/a", "api:test:done", STAFF, {})
    anchor_once(office)
    for table in triggers.FORBIDDEN:
        with (
            pytest.raises(DatabaseError, match="append-only"),
            office.connections.engine.begin() as connection,
        ):
            connection.execute(sa.text(f"TRUNCATE {table} CASCADE"))
    with office.read() as db:
        assert len(list(journal.entries(db, "lot/a"))) == 1
        assert journal.last_tick(db) == 0
    office.connections.dispose()


def test_a_trigger_that_is_gone_is_noticed(migrated_sqlite_url: str) -> None:
    connections = Connections(migrated_sqlite_url)
    with connections.engine.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER journal_entry_no_update"))
    with connections.engine.connect() as connection:
        assert missing_triggers(connection) == [
            "no trigger journal_entry_no_update on journal_entry"
        ]
    connections.dispose()


def test_a_table_without_a_migration_is_noticed(migrated_sqlite_url: str) -> None:
    connections = Connections(migrated_sqlite_url)
    with connections.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE task"))
    connections.dispose()
    faults = check_database(migrated_sqlite_url)
    assert len(faults) == 1
    assert "task" in faults[0]


@pytest.mark.db
def test_an_interrupted_upgrade_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.operations import Operations

    def stop(*_words: object, **_more: object) -> None:
        raise KeyboardInterrupt

    url = f"sqlite:///{tmp_path}/x.db"
    monkeypatch.setattr(Operations, "execute", stop)
    with pytest.raises(KeyboardInterrupt):
        upgrade(url)
    monkeypatch.undo()
    engine = sa.create_engine(url)
    assert set(sa.inspect(engine).get_table_names()) == set()
    engine.dispose()
    upgrade(url)
    assert is_newest(url)


def test_the_check_says_so_by_its_exit_code(
    tmp_path: Path, migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([]) == 0
    connections = Connections(migrated_sqlite_url)
    with connections.engine.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER journal_stream_no_delete"))
    connections.dispose()
    assert main([migrated_sqlite_url]) == 1


def test_regenerating_refuses_once_there_is_a_history(tmp_path: Path) -> None:
    from api.migrations import regenerate

    folder = tmp_path / "versions"
    folder.mkdir()
    (folder / "0002_more.py").write_text("")
    code = (
        "from pathlib import Path\nfrom api.migrations import regenerate\n"
        f"regenerate.VERSIONS = Path({str(folder)!r})\nregenerate.regenerate()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert "0002_more.py" in done.stderr
    assert regenerate.VERSIONS.exists()
