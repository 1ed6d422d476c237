"""Migrated, empty databases in a moment: the migrations run once, then copies are made."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from sqlalchemy import make_url

from tests.support.postgres import PostgresServer

Engine = Literal["sqlite", "postgresql"]
TEMPLATE = "migrated"


class Databases:
    """Hands out databases; one instance for each worker of a test run."""

    def __init__(
        self,
        folder: Path,
        server: Callable[[], PostgresServer],
        upgrade: Callable[[str], object],
        template: str = TEMPLATE,
    ) -> None:
        self._folder = folder
        self._server = server
        self._upgrade = upgrade
        self._template = template
        self._count = 0
        self._postgres_is_migrated = False

    def fresh(self, engine: Engine) -> str:
        """Return the address of a new migrated database without rows."""
        return self.fresh_sqlite() if engine == "sqlite" else self.fresh_postgres()

    def fresh_sqlite(self) -> str:
        """Copy the migrated file."""
        template = self._folder / "migrated.sqlite"
        if not template.exists():
            draft = self._folder / "draft.sqlite"
            self._upgrade(f"sqlite:///{draft}")
            # Whatever still stands in the write-ahead log must be in the file that is copied.
            with contextlib.closing(sqlite3.connect(draft)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            draft.rename(template)
        self._count += 1
        path = self._folder / f"{self._count}.sqlite"
        shutil.copyfile(template, path)
        return f"sqlite:///{path}"

    def fresh_postgres(self) -> str:
        """Let the server copy the migrated database."""
        server = self._server()
        if not self._postgres_is_migrated:
            server.drop(self._template)
            self._upgrade(server.url(server.create(self._template)))
            server.freeze(self._template)
            self._postgres_is_migrated = True
        return server.url(server.create(template=self._template))

    def remove(self, url: str) -> None:
        """Remove a database made here, whoever is still connected."""
        if url.startswith("sqlite:///"):
            path = Path(url.removeprefix("sqlite:///"))
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        else:
            self._server().drop(make_url(url).database or "")
