"""`bigloop migrate`: bring the database to the newest version."""

from __future__ import annotations

import argparse

from api.commands.terminal import read_settings, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database-url", help="instead of BIGLOOP_DATABASE_URL")


def run(arguments: argparse.Namespace) -> int:
    from api.migrations import upgrade, version

    settings = read_settings(database_url=arguments.database_url)
    settings.data.mkdir(parents=True, exist_ok=True)
    before = version(settings.url)
    upgrade(settings.url)
    after = version(settings.url)
    say(f"database: {after}" if before == after else f"database: {before or 'empty'} -> {after}")
    return 0
