"""Connections: whose turn it is to write, and that a lost connection is noticed in time."""

import threading
import time

import pytest
import sqlalchemy as sa

from archive import database
from archive.office import Office


def one(office: Office) -> object:
    with office.write() as tx:
        return tx.db.connection().exec_driver_sql("SELECT 1").scalar()


class TestTurns:
    def test_one_writer_of_a_process_after_another(self, sqlite_office: Office) -> None:
        order: list[str] = []

        def write() -> None:
            one(sqlite_office)
            order.append("second")

        thread = threading.Thread(target=write)
        with sqlite_office.write():
            thread.start()
            thread.join(0.1)
            order.append("first")
        thread.join(60)
        assert order == ["first", "second"]

    def test_a_failed_writer_gives_its_turn_away(self, sqlite_office: Office) -> None:
        with pytest.raises(ZeroDivisionError), sqlite_office.write():
            raise ZeroDivisionError
        assert one(sqlite_office) == 1

    def test_nobody_waits_for_ever(
        self, sqlite_office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "BUSY_SECONDS_MAX", 0.05)
        with sqlite_office.write(), pytest.raises(TimeoutError):
            one(sqlite_office)
        assert one(sqlite_office) == 1

    def test_writers_on_postgresql_do_not_wait(self, postgres_office: Office) -> None:
        with postgres_office.write():
            assert one(postgres_office) == 1


class TestLostConnections:
    """A server that is started anew closes what it had open; no request may fail for that later."""

    def end_connections(self, office: Office) -> None:
        with office.write() as tx:  # so that at least one rests in the pool
            url = tx.db.connection().engine.url
        other = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with other.connect() as connection:
            ended = connection.exec_driver_sql(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).scalar_one()
        other.dispose()
        assert ended >= 1
        time.sleep(0.1)  # until the goodbye is here

    def test_one_that_was_just_used(self, postgres_office: Office) -> None:
        self.end_connections(postgres_office)
        assert one(postgres_office) == 1

    def test_one_that_rested(
        self, postgres_office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "RESTED_SECONDS", 0.0)
        self.end_connections(postgres_office)
        with postgres_office.read() as db:
            assert db.connection().exec_driver_sql("SELECT 1").scalar() == 1
        assert one(postgres_office) == 1

    def test_one_that_lives_is_kept(
        self, postgres_office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Asking changes nothing: the next transaction is on the same connection, and it is one."""
        monkeypatch.setattr(database, "RESTED_SECONDS", 0.0)
        pids = set()
        for _ in range(3):
            with postgres_office.write() as tx:
                connection = tx.db.connection()
                pids.add(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar())
                first = connection.exec_driver_sql("SELECT now()").scalar()
                assert connection.exec_driver_sql("SELECT now()").scalar() == first
        assert len(pids) == 1


def test_what_was_to_be_stored_is_in_no_error(office: Office) -> None:
    """Errors are logged, and what a row holds may be a secret."""
    with pytest.raises(sa.exc.DBAPIError) as caught, office.write() as tx:
        tx.db.execute(sa.text("INSERT INTO nowhere VALUES (:value)"), {"value": "a secret"})
    assert "a secret" not in str(caught.value)
    assert "hide_parameters" in str(caught.value)
