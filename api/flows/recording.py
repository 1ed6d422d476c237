"""Taking a session's record out: for whom, with which files, as a folder or one archive."""

from __future__ import annotations

import fcntl
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

from api.flows.places import names as names_of_places
from archive.cosignature import Cosigner
from archive.errors import Reason
from archive.journal.entry import origin_of
from archive.office import Office
from archive.recording import ABSENCES, MEDIA, Content, absences_of
from archive.verification.media import COUNTED
from evaluation.session import service as sessions
from evaluation.witness.recording import service as recording
from evaluation.witness.recording.service import EVERYTHING, Scope
from evaluation.witness.rules import supervisor_hears
from trading.projects import service as projects

Viewer = Callable[[str, str, Mapping[str, str]], Mapping[str, bytes]]
"""Makes the page's files from the lot's name, the log's vkey and the centres' names."""
Files = Iterable[tuple[str, Content]]
_MOMENT = (1980, 1, 1, 0, 0, 0)
"""Of every file of an archive: the same record gives the same bytes."""


def files(
    office: Office,
    session_id: str,
    viewer: Viewer,
    outsiders: tuple[Cosigner, ...] = (),
    scope: Scope = EVERYTHING,
) -> Files:
    """Path and content of every file of a session's recording; NOT_FOUND."""
    with office.read() as db:
        session = sessions.session(db, session_id)
        lot = projects.lot(db, session.lot_id).name
        centres = names_of_places(db)
    vkey = office.log.verifier.named(origin_of(office.log.name, f"session/{session_id}")).vkey
    return recording.files_of(office, session_id, viewer(lot, vkey, centres), outsiders, scope)


def supervisors_scope(office: Office, session_id: str, *, with_pictures: bool) -> Scope:
    """What a supervisor takes along: the members' voices only where he may hear them."""
    with office.read() as db:
        voices = supervisor_hears(sessions.session(db, session_id))
    return Scope(pictures=with_pictures, voices=voices)


def write_folder(folder: Path, files: Files) -> int:
    """Write the files into a new folder; how many. FileExistsError where it is there, BlockingIOError while another
    process writes it.

    They are written beside it, each under a name of its own until it is whole, and the folder gets its name when all
    are on the disk. What a killed process left is gone on with: media that are there are not written again.
    """
    folder = folder.absolute()
    if os.path.lexists(folder):
        raise FileExistsError(folder)
    draft = draft_of(folder)
    draft.mkdir(parents=True, exist_ok=True)
    lock = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        written = _write(draft, files)
        os.sync()  # all of it at once: one flush for each of 200,000 files would take an hour
        draft.rename(folder)
        os.sync()
    finally:
        os.close(lock)
    return written


def absences(folder: Path) -> list[Reason]:
    """What of the pictures is not in a folder that was written, by why."""
    told = absences_of((folder / ABSENCES).read_bytes()).absent
    return [Reason(COUNTED[why], {"count": len(digests)}) for why, digests in sorted(told.items())]


def draft_of(folder: Path) -> Path:
    """Where a folder is written until it is whole."""
    return folder.with_name(f".{folder.name}.part")


def _write(draft: Path, files: Files) -> int:
    for left in draft.iterdir():
        if left.name != MEDIA:
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    before = {path.relative_to(draft).as_posix() for path in draft.glob(f"{MEDIA}/*/*")}
    count = 0
    for path, content in files:
        target = draft / path
        if not (path in before and _is_there(target, content)):
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            with part.open("wb") as file:
                file.writelines(content)
            part.replace(target)
        before.discard(path)
        count += 1
    for stale in before:  # deleted since, or the part of one
        (draft / stale).unlink()
    return count


def _is_there(target: Path, content: Content) -> bool:
    """Whether a file has this content, which is in pieces that may be taken twice."""
    with target.open("rb") as file:
        return all(file.read(len(piece)) == piece for piece in content) and not file.read(1)


class _Sink:
    """What an archive writes to: its bytes are taken away as they come."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken = b"".join(self.pieces)
        self.pieces.clear()
        return taken


def archive_of(name: str, files: Files) -> Iterator[bytes]:
    """The files as a ZIP archive with one folder `name`, in pieces as they are made: neither memory nor a disk holds a
    night of film. What names the files comes last, so that half an archive opens nowhere."""
    sink = _Sink()
    with zipfile.ZipFile(cast("zipfile._WriteableFile", sink), "w") as archive:  # type: ignore[name-defined]
        for path, content in files:
            info = zipfile.ZipInfo(f"{name}/{path}", _MOMENT)
            if not path.startswith(f"{MEDIA}/"):  # film does not become smaller
                info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                for piece in content:
                    member.write(piece)
                    yield sink.take()
    yield sink.take()
