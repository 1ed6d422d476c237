"""The migrations build the tables that the code declares: `python -m api.migrations.check [URL…]`.

Upgrades a fresh SQLite database, and each empty database named, and asks of each: is the schema what
the code declares, do the journal's triggers stand, and do they hold? `check_database(url)` is what
the tests call for PostgreSQL.
"""

from __future__ import annotations

import io
import sys
import tempfile

import sqlalchemy as sa
from alembic import command
from alembic.util import CommandError

from api.migrations import config, triggers, upgrade
from archive.database import Connections


def check_database(url: str) -> list[str]:
    """Upgrade the database and return what is wrong with it, one line each."""
    upgrade(url)
    found = []
    try:
        quiet = config(url)
        quiet.stdout = io.StringIO()
        command.check(quiet)
    except CommandError as error:
        found.append(f"tables and migrations differ: {error}")
    connections = Connections(url)
    try:
        with connections.engine.connect() as connection:
            found += missing_triggers(connection)
    finally:
        connections.dispose()
    return found


def missing_triggers(connection: sa.Connection) -> list[str]:
    """One line for each trigger of the journal that does not stand."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = (
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled = 'O'"
        )
    standing = {(row[0], row[1]) for row in connection.execute(sa.text(query))}
    wanted = triggers.wanted(connection.dialect.name)
    return [
        f"no trigger {name} on {table}" for name, table in wanted if (name, table) not in standing
    ]


def main(urls: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        failed = False
        for url in [f"sqlite:///{folder}/fresh.db", *urls]:
            for line in check_database(url):
                sys.stderr.write(f"{url}: {line}\n")
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
