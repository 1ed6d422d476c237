"""Voice between the members of a committee: each binds his own key, signs what he says, and hears the others.

The same path as a station's recordings (`api.routes.stations`, `api.media`), open to the members of the session alone; what is
heard comes over the websocket of `api.media`.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from api.access import MemberActor
from api.flows import voices
from api.media import KeptAnswer, hand_on
from api.routes.fields import Answer, Body, IdInPath
from api.routes.stations import LineAnswer, ReportsBody, TakenAnswer, line_answer, reports_of
from api.shell import shell_of
from api.transactions import ReadDb, WriteTx
from archive.actor import Actor
from archive.office import Tx
from evaluation.witness.media.kinds import VOICE_TRACK
from evaluation.witness.media.service import Name
from evaluation.witness.stations import service as stations

router = APIRouter(prefix="/api/sessions/{session_id}/voices", tags=["stations"])


class JoinBody(Body):
    algorithm: Annotated[str, Field(max_length=16)]
    key: Annotated[str, Field(max_length=100)]


class JoinedAnswer(Answer):
    station: str


class SpeakersAnswer(Answer):
    seats: list[str]
    """Of the others who have joined."""


@router.post("", status_code=201)
def join(actor: MemberActor, tx: WriteTx, session_id: IdInPath, body: JoinBody) -> JoinedAnswer:
    """Bind the key of one's own voice."""
    return JoinedAnswer(station=voices.join(tx, actor, session_id, body.algorithm, body.key))


@router.get("")
def speakers(actor: MemberActor, db: ReadDb, session_id: IdInPath) -> SpeakersAnswer:
    """Who else has joined."""
    return SpeakersAnswer(seats=voices.speakers(db, actor, session_id))


@router.get("/{station}")
def line(actor: MemberActor, db: ReadDb, session_id: IdInPath, station: IdInPath) -> LineAnswer:
    """How far the record has come with one's own voice."""
    voices.own_station(db, actor, session_id, station)
    return line_answer(db, session_id, station)


@router.post("/{station}/reports", status_code=201)
async def report(
    actor: MemberActor, request: Request, session_id: IdInPath, station: IdInPath, body: ReportsBody
) -> TakenAnswer:
    """Take in the digests of what the member said."""
    reports = reports_of(session_id, station, body)

    def write(tx: Tx) -> list[stations.Taken]:
        voices.own_station(tx.db, actor, session_id, station)
        return stations.take_signed(tx, session_id, station, reports, is_recorder=False)

    appends = shell_of(request).appends
    written = await asyncio.wrap_future(appends.write(f"{session_id}/{station}", write))
    return TakenAnswer.of(written.value)


@router.post("/{station}/media/voice", status_code=201)
async def send(
    actor: MemberActor, request: Request, session_id: IdInPath, station: IdInPath
) -> KeptAnswer:
    """What the member said, as it was digested; the others hear it."""
    await run_in_threadpool(_check_own, request, actor, session_id, station)
    return await hand_on(request, Name(session_id, station, VOICE_TRACK), await request.body())


def _check_own(request: Request, actor: Actor, session_id: str, station: str) -> None:
    with shell_of(request).office.read() as db:
        voices.own_station(db, actor, session_id, station)
