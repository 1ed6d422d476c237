"""The dossier of a lot (项目档案): which streams and documents belong to it, and its sealing.

One lot, one volume (DA/T 103-2024 §9.2); its sessions' pictures stand beside it (`api.flows.filing`). Complete streams: the project, the lot, its draws, its
session. From the draw register of the centre, which other lots share, the entries of its draws alone,
each with the proof that it stands there. Sealed with a fresh anchor; nothing is derived from live
tables.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from sqlmodel import Session

from api.flows import filing
from api.flows.filing import Filing
from archive import dossier
from archive.actor import SYSTEM
from archive.dossier import Extract, Package
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office, Tx
from archive.package import Required
from archive.tasks.service import Write
from deposits.guarantees import service as guarantees
from deposits.guarantees.states import IN_FORCE, WAITING, GuaranteeState
from evaluation.session import service as sessions
from experts.draws import service as draws
from trading.awards import service as awards
from trading.objections import service as objections
from trading.projects import service as projects
from trading.projects.stages import Stage

REQUIRED_OF_CONTRACTED = (
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
TERMINATION = Required("termination_notice", "trading:lot:terminated")
SEALABLE = frozenset({Stage.CONTRACTED, Stage.FAILED, Stage.TERMINATED})
"""Stages in which nothing more happens but the sealing of the file."""


def required_of(stage: Stage, acts: Collection[str]) -> list[Required]:
    """What a lot's file must hold. A tender that failed or was given up has come to some of the acts
    only, and its file holds what those had to deliver."""
    if stage is Stage.CONTRACTED:
        return list(REQUIRED_OF_CONTRACTED)
    return [one for one in (*REQUIRED_OF_CONTRACTED, TERMINATION) if one.action in acts]


def assemble(office: Office, db: Session, lot_id: str, tick: int) -> Package:
    """The dossier of a lot as the record stood at the anchor of `tick`."""
    lot = projects.lot(db, lot_id)
    streams = [f"project/{lot.project_id}", lot.subject]
    streams += [f"session/{session.id}" for session in sessions.sessions(db, lot_id=lot_id)]
    extracts = []
    acts = {entry.action for stream in streams for entry in journal.entries(db, stream)}
    required = [*required_of(lot.stage, acts), *filing.required(db, lot_id)]
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
    return dossier.assemble(
        db, office.vault, office.log, lot.subject, streams, extracts, required, tick
    )


def folder_of(root: Path, lot_id: str) -> Path:
    """Where the dossier of an archived lot lies. One whose process was killed between the commit and
    the naming gets its name here."""
    folder, draft = _places(root, lot_id)
    if not folder.exists() and draft.exists():
        _name(draft, folder)
    return folder


def _name(draft: Path, folder: Path) -> None:
    draft.rename(folder)


HELD = frozenset({*WAITING, *IN_FORCE, GuaranteeState.DEMANDED})
"""A guarantee in one of these has not come to its end."""


def _places(root: Path, lot_id: str) -> tuple[Path, Path]:
    """The dossier's folder, and where it is written before the act is committed."""
    return root / f"lot-{lot_id}", root / f".lot-{lot_id}"


def seal_task(pictures: Filing) -> Callable[[Office, Mapping[str, Any]], Write]:
    """Task: file the pictures of the lot's sessions, write its dossier beside them and put its digest on the record.

    Refused while an objection is unanswered and while a guarantee is held, when the task begins and
    again when it ends: a file is closed after everything has happened. The folder gets its name only
    with the commit that says so; what a killed process left behind is made anew.
    """

    def handle(office: Office, args: Mapping[str, Any]) -> Write:
        lot_id = args["lot"]
        with office.read() as db:
            if awards.is_sealed(db, lot_id):
                return lambda tx: None
            _must_be_over(db, lot_id)
        pictures.file(office, lot_id)
        with office.write() as tx:
            journal.anchor(tx.db, tx.log, tx.now)
        with office.read() as db:
            tick = journal.last_tick(db)
            package = assemble(office, db, lot_id, tick)
        folder, draft = _places(pictures.root, lot_id)
        for left in (folder, draft):
            if left.exists():
                shutil.rmtree(left)
        dossier.write(package, draft)

        def write(tx: Tx) -> None:
            _must_be_over(tx.db, lot_id)
            awards.mark_archived(tx, SYSTEM, lot_id, package.root)
            tx.after_commit(lambda: _name(draft, folder))

        return write

    return handle


def _must_be_over(db: Session, lot_id: str) -> None:
    objections.must_not_be_suspended(db, lot_id)
    held = [record.id for record in guarantees.guarantees(db, lot_id) if record.state in HELD]
    if held:
        raise Refusal(
            "api.flows.guarantees_held", {"lot": lot_id, "count": len(held)}, Kind.CONFLICT
        )
