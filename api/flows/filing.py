"""The pictures of a lot's sessions go with its file (财政部令第87号 第三十九条、第七十六条; DA/T 103-2024 附录 B 5.3、5.4).

    <dossiers>/lot-<id>          the dossier
    <dossiers>/session-<id>      beside it, for each session that has pictures: its recording, whole

A recording is a container of its own: the dossier names it by the digest of the `record.json` that closes it, which is one of its
documents. Security video is not of the file, and is listed as left out. Why it is so: docs/decisions/0012.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session as Db

from api.flows import recording
from api.flows.recording import Viewer
from archive.actor import SYSTEM
from archive.cosignature import Cosigner
from archive.journal import service as journal
from archive.office import Office
from archive.package import Required
from archive.recording import CONTENTS
from evaluation.session import service as sessions
from evaluation.witness.media import service as media
from evaluation.witness.recording.service import Scope
from trading.projects import service as projects

FILED = "evaluation:recording:filed"
OF_THE_FILE = Scope(security=False)


@dataclass(frozen=True)
class Filing:
    """How recordings are written: below `root`, with this page, for these outside witnesses."""

    root: Path
    viewer: Viewer
    outsiders: tuple[Cosigner, ...] = ()

    def folder_of(self, session_id: str) -> Path:
        return self.root / f"session-{session_id}"

    def file(self, office: Office, lot_id: str) -> None:
        """Write the recordings of the lot's sessions, and put on its record which they are. Done again, they are written
        anew, for bytes may have come since; what has not changed is not recorded twice."""
        with office.read() as db:
            subject = projects.lot(db, lot_id).subject
            pictured = _pictured(db, lot_id)
            known = {
                document.sha256
                for entry in journal.entries_of(db, subject, [FILED])
                for document in entry.documents
            }
        for session_id in pictured:
            folder = self.folder_of(session_id)
            if folder.exists():
                shutil.rmtree(folder)
            files = recording.files(office, session_id, self.viewer, self.outsiders, OF_THE_FILE)
            recording.write_folder(folder, files)
            closing = (folder / CONTENTS).read_bytes()
            with office.write() as tx:
                document = tx.vault.put(_name(session_id), "application/json", closing)
                if document.sha256 not in known:
                    tx.record(subject, FILED, SYSTEM, {"session": session_id}, (document,))


def required(db: Db, lot_id: str) -> list[Required]:
    """What the dossier must hold of them."""
    return [Required(_name(session_id), FILED) for session_id in _pictured(db, lot_id)]


def _name(session_id: str) -> str:
    return f"recording-{session_id}.json"


def _pictured(db: Db, lot_id: str) -> Sequence[str]:
    """The sessions of the lot that have pictures."""
    held = sessions.sessions(db, lot_id=lot_id)
    return [session.id for session in held if media.has_any(db, session.id)]
