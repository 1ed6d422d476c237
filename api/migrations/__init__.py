"""The database's history: one Alembic history for SQLite and PostgreSQL.

    upgrade(url)                           bring a database to the newest version
    python -m api.migrations.check         the migrations build what the code declares
    python -m api.migrations.regenerate    make the one initial migration anew (before the first
                                           release: nobody has data yet)

A migration names no module of ours: tables change, history does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent


def config(url: str) -> Config:
    """Alembic's configuration for one database, without an ini file."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("path_separator", "os")
    made.attributes["url"] = url
    return made


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest version; nothing where it is there already."""
    from alembic import command

    command.upgrade(config(url), "head")


def version(url: str) -> str | None:
    """The version of the database at `url`; None where it has none yet."""
    import sqlalchemy as sa
    from alembic.runtime.migration import MigrationContext

    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        return None  # connecting would make an empty file
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def is_newest(url: str) -> bool:
    from alembic.script import ScriptDirectory

    return version(url) == ScriptDirectory.from_config(config(url)).get_current_head()
