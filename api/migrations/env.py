"""What Alembic runs: one transaction, on the connection options the program itself uses.

On SQLite the whole upgrade is one explicit transaction, so an interrupted one leaves nothing behind.
Types are written as plain SQLAlchemy types (`_render`), so that a migration depends on no code of
ours.
"""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel.sql.sqltypes import AutoString

from api.migrations.tables import metadata
from archive.database import Connections, UtcDateTime


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False


def run(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata(),
        render_item=_render,
        compare_type=True,
        transactional_ddl=True,
        # Batch mode copies a table and drops its triggers on SQLite: never for the journal, so
        # the initial migration is written without.
        render_as_batch=context.config.attributes.get("batch", True),
    )
    with context.begin_transaction():
        context.run_migrations()


connections = Connections(context.config.attributes["url"])
try:
    engine = connections.engine.execution_options(bigloop_begin="BEGIN IMMEDIATE")
    with engine.connect() as opened:
        run(opened)
        opened.commit()
finally:
    connections.dispose()
