"""`bigloop record SESSION FOLDER`: take a session's record out, for `bigloop verify`, for any verifier of
the C2SP formats, and for a browser without a server."""

from __future__ import annotations

import argparse
from pathlib import Path

from api.commands.terminal import complain, read_settings, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", help="the session's id")
    parser.add_argument("folder", type=Path, help="a folder that is not there yet")
    parser.add_argument("--database-url", help="instead of BIGLOOP_DATABASE_URL")


def run(arguments: argparse.Namespace) -> int:
    from api.flows.recording import files, write_folder
    from api.office import open_office
    from api.outsiders import outsiders_of
    from api.pages.record_viewer import viewer_files
    from archive.errors import Refusal
    from archive.words import render

    settings = read_settings(database_url=arguments.database_url)
    outsiders = tuple(one.witness for one in outsiders_of(settings.outside_witnesses))
    office = open_office(settings)
    try:
        with office.read() as db:
            content = files(
                db, office.vault, office.log, arguments.session, viewer_files, outsiders
            )
            count = write_folder(arguments.folder, content)
    except Refusal as refusal:
        complain(render(refusal, settings.language))
        return 1
    except FileExistsError:
        complain(f"{arguments.folder}: is there already")
        return 1
    finally:
        office.connections.dispose()
    say(f"{arguments.folder}: {count} files")
    return 0
