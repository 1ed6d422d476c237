"""The dossier of a lot (项目档案): which streams and documents belong to it, and its sealing.

One lot, one volume (DA/T 103-2024 §9.2). Complete streams: the project, the lot, its draws, its
session. From the draw register of the centre, which other lots share, the entries of its draws alone,
each with the proof that it stands there. Sealed with a fresh anchor; nothing is derived from live
tables.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlmodel import Session

from archive import dossier
from archive.actor import SYSTEM
from archive.dossier import Extract, Package
from archive.journal import service as journal
from archive.office import Office, Tx
from archive.package import Required
from archive.tasks.service import Write
from evaluation.session import service as sessions
from experts.draws import service as draws
from trading.awards import service as awards
from trading.objections import service as objections
from trading.projects import service as projects
from trading.projects.stages import Stage

REQUIRED = (
    Required("registration.json", "trading:project:registered"),
    Required("tender_notice", "trading:lot:noticed"),
    Required("bidders.json", "trading:opening:begun"),
    Required("opening_record.json", "trading:opening:finished"),
    Required("evaluation-method.json", "evaluation:session:scheduled"),
    Required("evaluation-report.json", "evaluation:session:reported"),
    Required("candidates.json", "trading:candidates:published"),
    Required("contract", "trading:contract:signed"),
)
"""Which act must have delivered which document before the file of a contracted lot may be sealed:
those of DA/T 103-2024, appendix B, that arise on this platform."""


def assemble(office: Office, db: Session, lot_id: str, tick: int) -> Package:
    """The dossier of a lot as the record stood at the anchor of `tick`."""
    lot = projects.lot(db, lot_id)
    streams = [f"project/{lot.project_id}", lot.subject]
    extracts = []
    required = list(REQUIRED)
    drawn = draws.draws_of_lot(db, lot_id)
    register = f"draws/{lot.centre_id}"
    ours = {draw.id for draw in drawn}
    for draw in drawn:
        streams.append(f"draw/{draw.id}")
        if draw.transcript_sha256:
            name = f"draw-{draw.centre_id}-{draw.number:06d}.json"
            required.append(Required(name, "experts:draw:closed"))
    if drawn:
        entries = journal.entries(db, register)
        seqs = tuple(entry.seq for entry in entries if entry.data.get("draw") in ours)
        extracts.append(Extract(register, seqs))
    streams += [f"session/{session.id}" for session in sessions.sessions(db, lot_id=lot_id)]
    return dossier.assemble(
        db, office.vault, office.log, lot.subject, streams, extracts, required, tick
    )


def folder_of(root: Path, lot_id: str) -> Path:
    return root / f"lot-{lot_id}"


def seal_task(root: Path) -> Callable[[Office, Mapping[str, Any]], Write]:
    """Task: write the lot's dossier below `root` and put its digest on the record.

    Refused while an objection is unanswered. A folder that a killed process left behind was never
    acknowledged: it is made anew.
    """

    def handle(office: Office, args: Mapping[str, Any]) -> Write:
        lot_id = args["lot"]
        with office.read() as db:
            objections.must_not_be_suspended(db, lot_id)
            if projects.lot(db, lot_id).stage is Stage.ARCHIVED:
                return lambda tx: None
        with office.write() as tx:
            journal.anchor(tx.db, tx.log, tx.now)
        with office.read() as db:
            tick = journal.last_tick(db)
            package = assemble(office, db, lot_id, tick)
        folder = folder_of(root, lot_id)
        if folder.exists():
            shutil.rmtree(folder)
        dossier.write(package, folder)

        def write(tx: Tx) -> None:
            awards.mark_archived(tx, SYSTEM, lot_id, package.root)

        return write

    return handle
