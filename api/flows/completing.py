"""After the review, for staff: what of the result stands, and asking for the dossier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from api.flows import ending
from api.flows.desk import Desk, desk, own_lot
from api.flows.dossier import SEALABLE, folder_of
from api.flows.names import DOSSIER_TASK
from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Tx
from archive.tasks.service import enqueue
from trading.awards import service as awards
from trading.awards.award import Publication
from trading.parties import service as parties
from trading.parties.party import Organisation
from trading.projects.stages import Stage

PUBLISHED = frozenset({Stage.CANDIDATES, Stage.AWARDED, Stage.CONTRACTED, Stage.ARCHIVED})


@dataclass(frozen=True)
class Result:
    """`may_fail`: the report rejects every bid. `may_seal`: nothing but the sealing of the file is left. `files` of the sealed dossier by path with their sizes; `root` its digest in the record."""

    desk: Desk
    publication: Publication | None
    names: Mapping[str, Organisation]
    may_fail: bool
    may_seal: bool
    root: str
    files: tuple[tuple[str, int], ...]


def result(db: Session, actor: Actor, lot_id: str, dossiers: Path) -> Result:
    """The result of a lot of the actor's centre."""
    held = desk(db, actor, lot_id)
    stage = held.lot.stage
    publication = awards.publication(db, lot_id) if stage in PUBLISHED else None
    listed = {candidate.bidder_uscc for candidate in publication.candidates} if publication else ()
    root = awards.dossier_root(db, lot_id) if awards.is_sealed(db, lot_id) else ""
    folder = folder_of(dossiers, lot_id)
    return Result(
        desk=held,
        publication=publication,
        names=parties.organisations(db, listed) if listed else {},
        may_fail=stage in (Stage.OPENED, Stage.EVALUATED)
        and held.review is not None
        and ending.has_no_candidate(db, held.review),
        may_seal=stage in SEALABLE and not root,
        root=root,
        files=tuple(
            (path.relative_to(folder).as_posix(), path.stat().st_size)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        )
        if root and folder.is_dir()
        else (),
    )


def ask_dossier(tx: Tx, actor: Actor, lot_id: str) -> str:
    """Ask for the dossier of a lot that is contracted, has failed or was given up; the id of the task
    that seals it."""
    actor.must_be(Role.STAFF)
    if own_lot(tx.db, actor, lot_id).stage not in SEALABLE:
        raise Refusal("api.desk.not_contracted", {}, Kind.CONFLICT)
    if awards.is_sealed(tx.db, lot_id):
        raise Refusal("trading.archival.done", {}, Kind.CONFLICT)
    return enqueue(tx, DOSSIER_TASK, {"lot": lot_id})
