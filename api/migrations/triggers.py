"""The triggers that make the journal append-only, as SQL for both databases.

`FORBIDDEN` says what may never happen to which table. `regenerate` writes the statements into the
migration, `check` asserts that they stand on a migrated database: batch mode would drop SQLite's
without a word.
"""

from __future__ import annotations

from collections.abc import Iterator

FORBIDDEN: dict[str, tuple[str, ...]] = {
    "journal_entry": ("UPDATE", "DELETE"),
    "journal_anchor": ("UPDATE", "DELETE"),
    "journal_anchored_head": ("UPDATE", "DELETE"),
    # A head moves on; it never disappears.
    "journal_stream": ("DELETE",),
}
KEYS: dict[str, tuple[str, ...]] = {
    "journal_entry": ("stream", "seq"),
    "journal_anchor": ("tick",),
    "journal_anchored_head": ("stream", "tick"),
    "journal_stream": ("id",),
}
"""SQLite's INSERT OR REPLACE deletes without firing a trigger on DELETE: a second row under the same
key is refused by a trigger of its own. PostgreSQL knows TRUNCATE instead."""
FUNCTION = "bigloop_append_only"


def name(table: str, verb: str) -> str:
    return f"{table}_no_{verb.lower()}"


def pairs() -> Iterator[tuple[str, str]]:
    for table, verbs in FORBIDDEN.items():
        for verb in verbs:
            yield table, verb


def wanted(dialect: str) -> list[tuple[str, str]]:
    """(trigger, table) that must stand on a database of this dialect."""
    special = "REPLACE" if dialect == "sqlite" else "TRUNCATE"
    return [
        *((name(table, verb), table) for table, verb in pairs()),
        *((name(table, special), table) for table in FORBIDDEN),
    ]


def sqlite() -> list[str]:
    """The statements for SQLite."""
    statements = [
        f"CREATE TRIGGER {name(table, verb)} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table, verb in pairs()
    ]
    for table, keys in KEYS.items():
        same = " AND ".join(f"{key} = NEW.{key}" for key in keys)
        held = f"SELECT 1 FROM {table} WHERE {same}"  # noqa: S608 - our own names
        statements.append(
            f"CREATE TRIGGER {name(table, 'REPLACE')} BEFORE INSERT ON {table} "
            f"WHEN EXISTS ({held}) BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    return statements


def postgresql() -> list[str]:
    """The statements for PostgreSQL; TRUNCATE is forbidden too."""
    statements = [
        f"CREATE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
        "USING ERRCODE = 'restrict_violation'; END $$"
    ]
    for table, verb in pairs():
        statements.append(
            f"CREATE TRIGGER {name(table, verb)} BEFORE {verb} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {FUNCTION}()"
        )
    for table in FORBIDDEN:
        statements.append(
            f"CREATE TRIGGER {name(table, 'TRUNCATE')} BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()"
        )
    return statements
