"""A venue's own recorder (NVR, or the gateway before one: GB/T 28181): what it reports of itself, signed.

No account is needed: a recorder is known by the key that staff have bound to the session for its station. It sends digests
of its segments (the recordings stay with it) and still pictures; where an answer was lost it asks first how far
the record has come. What is not signed by its key is refused and leaves no trace, for anybody may send that.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request

from api.access import Public
from api.media import KeptAnswer, keep
from api.routes.fields import IdInPath
from api.routes.stations import LineAnswer, ReportsBody, TakenAnswer, line_answer, reports_of
from api.shell import shell_of
from api.transactions import ReadDb
from archive.office import Tx
from evaluation.witness.media.kinds import Form
from evaluation.witness.media.service import Name
from evaluation.witness.stations import service as stations

router = APIRouter(prefix="/api/recorders/{session_id}/{station}", tags=["stations"])


@router.get("")
def line(_: Public, db: ReadDb, session_id: IdInPath, station: IdInPath) -> LineAnswer:
    """How far the record has come with a recorder."""
    return line_answer(db, session_id, station)


@router.post("/reports", status_code=201)
async def report(
    _: Public, request: Request, session_id: IdInPath, station: IdInPath, body: ReportsBody
) -> TakenAnswer:
    """Take in a recorder's reports in order, up to the first that is wrong."""
    reports = reports_of(session_id, station, body)

    def write(tx: Tx) -> list[stations.Taken]:
        return stations.take_signed(tx, session_id, station, reports, is_recorder=True)

    appends = shell_of(request).appends
    written = await asyncio.wrap_future(appends.write(f"{session_id}/{station}", write))
    return TakenAnswer.of(written.value)


@router.post("/pictures/{track}", status_code=201)
async def picture(
    _: Public, request: Request, session_id: IdInPath, station: IdInPath, track: IdInPath
) -> KeptAnswer:
    """A still picture whose digest the recorder has reported."""
    name = Name(session_id, station, track)
    content = await request.body()
    return KeptAnswer(sha256=await keep(shell_of(request), name, Form.SNAPSHOT, content))
