"""`bigloop record SESSION FOLDER`: take a session's record out, for `bigloop verify`, for any verifier of
the C2SP formats, and for a browser without a server. Its pictures and recordings go along.

Killed, it is run again with the same words and goes on: the folder has its name only when all of it is there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from api.commands.terminal import complain, read_settings, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", help="the session's id")
    parser.add_argument("folder", type=Path, help="a folder that is not there yet")
    parser.add_argument("--database-url", help="instead of BIGLOOP_DATABASE_URL")
    parser.add_argument(
        "--without-pictures",
        action="store_true",
        help="a small copy: digests of pictures and recordings, not their bytes",
    )


def run(arguments: argparse.Namespace) -> int:
    from api.flows.recording import absences, files, write_folder
    from api.office import open_office
    from api.outsiders import cosigners_of
    from api.pages.record_viewer import viewer_files
    from archive.errors import Refusal
    from archive.words import render
    from evaluation.witness.recording.service import Scope

    settings = read_settings(database_url=arguments.database_url)
    outsiders = cosigners_of(settings.outside_witnesses)
    scope = Scope(pictures=not arguments.without_pictures)
    office = open_office(settings)
    try:
        content = files(office, arguments.session, viewer_files, outsiders, scope)
        count = write_folder(arguments.folder, content)
    except Refusal as refusal:
        complain(render(refusal, settings.language))
        return 1
    except FileExistsError:
        complain(f"{arguments.folder}: 已存在 / is there already")
        return 1
    except BlockingIOError:
        complain(f"{arguments.folder}: 另一进程正在写入 / another process writes it")
        return 1
    finally:
        office.connections.dispose()
    say(f"{arguments.folder}: {count} files")
    for reason in absences(arguments.folder):
        say(render(reason, settings.language))
    return 0
