"""What somebody finds who reads the database and the vault and has no key."""

from pathlib import Path

import sqlalchemy as sa

from archive.office import Office

OF_THE_POOL = ("expert", "organisation", "ownership", "account", "centre")
"""Tables that name all experts and companies alike: what they say is the same after any draw."""


def readable(office: Office, vault: Path) -> dict[str, bytes]:
    """Everything that a reader finds, by where he finds it; the pool itself and its stream left out."""
    found = {}
    tables = sa.MetaData()
    tables.reflect(office.connections.engine)
    with office.connections.engine.connect() as connection:
        for table in tables.sorted_tables:
            if table.name.startswith(OF_THE_POOL):
                continue
            wanted = sa.select(table)
            if table.name == "journal_entry":
                wanted = wanted.where(table.c.stream != "pool")
            for number, row in enumerate(connection.execute(wanted)):
                text = b"|".join(
                    v
                    if isinstance(v, bytes)
                    else bytes(v)
                    if isinstance(v, memoryview)
                    else str(v).encode()
                    for v in row
                )
                found[f"{table.name}/{number}"] = text
    for path in vault.rglob("*"):
        if path.is_file():
            found[f"vault/{path.name}"] = path.read_bytes()
    return found
