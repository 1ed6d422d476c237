"""Finished dossiers (项目档案): which there are, and their files, for officials of the centre."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import FileResponse, Response

from api.access import OfficialActor
from api.flows.dossier import folder_of
from api.routes.fields import Answer, IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.errors import Kind, Refusal
from trading.acting import must_serve, must_watch
from trading.awards import service as awards
from trading.projects import service as projects
from trading.projects.project import Lot

router = APIRouter(prefix="/api/dossiers", tags=["dossiers"])


class DossierAnswer(Answer):
    lot_id: str
    name: str
    root: str
    """What the record says of the dossier (digest)."""


class FileAnswer(Answer):
    path: str
    bytes: int


@router.get("")
def dossiers(actor: OfficialActor, db: ReadDb) -> list[DossierAnswer]:
    """The dossiers of the actor's centre; of all centres for whom no centre binds."""
    roots = awards.dossiers(db, actor.centre_id or None)
    return [
        DossierAnswer(lot_id=lot.id, name=lot.name, root=roots[lot.id])
        for lot in projects.lots(db, centre_id=actor.centre_id or None)
        if lot.id in roots
    ]


@router.get("/{lot_id}")
def files(actor: OfficialActor, request: Request, db: ReadDb, lot_id: IdInPath) -> list[FileAnswer]:
    """The dossier's files, sorted by path."""
    folder = _folder(actor, request, db, projects.lot(db, lot_id))
    return [
        FileAnswer(path=path.relative_to(folder).as_posix(), bytes=path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


@router.get("/{lot_id}/file", response_class=FileResponse)
def file(
    actor: OfficialActor,
    request: Request,
    db: ReadDb,
    lot_id: IdInPath,
    path: Annotated[str, Query(min_length=1, max_length=500, pattern=r"^[^\x00]*$")],
) -> Response:
    """One file of a dossier, as a download."""
    folder = _folder(actor, request, db, projects.lot(db, lot_id))
    # Only a name that the listing shows: nothing is built from what the caller wrote.
    for found in folder.rglob("*"):
        if found.is_file() and found.relative_to(folder).as_posix() == path:
            return FileResponse(found, filename=found.name, media_type="application/octet-stream")
    raise Refusal("api.dossier.file", {"path": path[:80]}, Kind.NOT_FOUND)


def _folder(actor: Actor, request: Request, db: Session, lot: Lot) -> Path:
    must_serve(actor, lot.centre_id)
    must_watch(actor, lot.supervisor_uscc)
    folder = folder_of(shell_of(request).settings.dossiers, lot.id)
    if not awards.is_sealed(db, lot.id) or not folder.is_dir():
        raise Refusal("api.dossier.none", {"lot": lot.id}, Kind.NOT_FOUND)
    return folder
