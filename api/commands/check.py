"""`bigloop check`: re-read every stream of the journal and the triggers that guard it.

Exit code 0 where numbering, chains and tree roots hold, else 1.
"""

from __future__ import annotations

import argparse

from api.commands.terminal import complain, is_migrated, read_settings, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database-url", help="instead of BIGLOOP_DATABASE_URL")


def run(arguments: argparse.Namespace) -> int:
    from api.migrations.check import missing_triggers
    from archive.database import Connections
    from archive.journal.service import first_break_anywhere
    from archive.note import Verifier
    from archive.vault import Vault

    settings = read_settings(database_url=arguments.database_url)
    if not is_migrated(settings):
        return 1
    connections = Connections(settings.url)
    try:
        with connections.engine.connect() as connection:
            faults = missing_triggers(connection)
        key, folder = settings.public_key, settings.data / "vault"
        log = Verifier.parse(key.read_text("utf-8").strip()) if key.is_file() else None
        vault = Vault(folder) if folder.is_dir() else None
        with connections.read() as db:
            broken = first_break_anywhere(db, log, vault)
    finally:
        connections.dispose()
    faults += [broken] if broken else []
    for fault in faults:
        complain(fault)
    if log is None:
        complain(f"{key}: not there; signed checkpoints were not compared")
    if vault is None:
        complain(f"{folder}: not there; documents were not read")
    if not faults:
        say("every stream holds")
    return 1 if faults else 0
