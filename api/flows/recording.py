"""Taking a session's record out: for whom, with which files, as a folder or one archive."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from sqlmodel import Session as Db

from api.flows.places import names as names_of_places
from archive.cosignature import Cosigner
from archive.journal.entry import origin_of
from archive.note import Signer
from archive.recording import Content
from archive.vault import Vault
from evaluation.session import service as sessions
from evaluation.witness.recording import service as recording
from trading.projects import service as projects

Viewer = Callable[[str, str, Mapping[str, str]], Mapping[str, bytes]]
"""Makes the page's files from the lot's name, the log's vkey and the centres' names."""
_MOMENT = (1980, 1, 1, 0, 0, 0)
"""Of every file of an archive: the same record gives the same bytes."""


def files(
    db: Db,
    vault: Vault,
    log: Signer,
    session_id: str,
    viewer: Viewer,
    outsiders: tuple[Cosigner, ...] = (),
) -> Iterator[tuple[str, Content]]:
    """Path and content of every file of a session's recording, to be taken while `db` is open; NOT_FOUND."""
    session = sessions.session(db, session_id)
    lot = projects.lot(db, session.lot_id).name
    centres = names_of_places(db)
    vkey = log.verifier.named(origin_of(log.name, f"session/{session_id}")).vkey
    page = viewer(lot, vkey, centres)
    return recording.files_of(db, vault, log, session_id, page, outsiders)


def write_folder(folder: Path, files: Iterable[tuple[str, Content]]) -> int:
    """Write the files into a new folder; how many. FileExistsError where it is there."""
    folder.mkdir(parents=True)
    count = 0
    for path, content in files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.writelines(content)
        count += 1
    return count


def archive_of(name: str, files: Iterable[tuple[str, Content]]) -> IO[bytes]:
    """The files as a ZIP archive with one folder `name`: in a file that is gone when it is closed, for a night's
    record does not fit into memory."""
    held = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    try:
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in files:
                info = zipfile.ZipInfo(f"{name}/{path}", _MOMENT)
                info.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(info, "w", force_zip64=True) as member:
                    for piece in content:
                        member.write(piece)
    except BaseException:
        held.close()
        raise
    return held
