"""Stations of a session over HTTP: bound and released by staff, in a sealed night by the supervisor, whom staff ask
and who may decline; and what they report, signed.

A report that is refused is on the record all the same, so the answer comes after the commit; reports of
many stations share one (`api.group_commit`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field, StrictInt
from sqlmodel import Session as Db

from api.access import OfficialActor, StaffActor, SupervisorActor
from api.flows import asking
from api.routes.fields import Answer, Body, Identifier, IdInPath, Whole
from api.routes.sessions import seen
from api.shell import shell_of
from api.transactions import ReadDb, WriteTx
from archive.errors import Kind, Refusal
from archive.office import Tx
from evaluation.witness.media.kinds import Use
from evaluation.witness.sources import Report
from evaluation.witness.stations import service as stations

router = APIRouter(prefix="/api/sessions/{session_id}/stations", tags=["stations"])


class BindBody(Body):
    """`key`: base64 of 32 bytes (ED25519) or of the uncompressed point (P-256); `every`: the
    longest time between two reports, in seconds; `use`: SECURITY where its pictures are security video."""

    venue: Identifier
    station: Identifier
    algorithm: Annotated[str, Field(max_length=16)]
    key: Annotated[str, Field(max_length=100)]
    every: Whole
    use: Literal["EVALUATION", "SECURITY"] = "EVALUATION"


Number = Annotated[StrictInt, Field(ge=0, le=2**53 - 2)]
"""A report's number: after each there is a next one that the record can hold."""


class ReportBody(Body):
    n: Number
    prev: Annotated[str, Field(max_length=64)]
    at: Annotated[str, Field(max_length=40)]
    up: Whole
    kind: Annotated[str, Field(max_length=40)]
    data: Annotated[dict[str, Any], Field(max_length=20)]
    sig: Annotated[str, Field(max_length=100)]


class ReportsBody(Body):
    reports: Annotated[list[ReportBody], Field(min_length=1, max_length=stations.REPORTS_MAX)]


class TakenAnswer(Answer):
    next: int
    """The number that the station should send next."""
    recorded: int
    """How many of these are new on the record."""

    @classmethod
    def of(cls, taken: Sequence[stations.Taken]) -> TakenAnswer:
        """After the commit; refuses where the last one was refused."""
        taken[-1].refuse()
        return cls(next=taken[-1].next, recorded=sum(one.is_recorded for one in taken))


class BoundAnswer(Answer):
    bound: bool
    """False: the supervisor has been asked to."""


class OfficeAnswer(Answer):
    """Somebody without a name; `number` from 1 where several are alike, else 0."""

    role: str
    centre: str
    number: int


class DeclinedAnswer(Answer):
    by: OfficeAnswer
    at: datetime
    reason: str


class AskedAnswer(Answer):
    key: str | None
    """For which it was asked; null where nobody waits for the supervisor: it is bound, or was withdrawn, or the
    night is over and staff bind it themselves."""
    declined: DeclinedAnswer | None


class WithdrawBody(Body):
    key: Annotated[str, Field(max_length=100)]


class DeclineBody(WithdrawBody):
    """`key`: for which it was asked, as it was shown; for another one nothing is declined."""

    reason: Annotated[str, Field(max_length=10_000, pattern=r"\S")]


class LineAnswer(Answer):
    next: int
    last: str
    """Digest of the newest report; 64 zeros at first."""
    key: str


@router.post("", status_code=201)
def bind(actor: OfficialActor, tx: WriteTx, session_id: IdInPath, body: BindBody) -> TakenAnswer:
    """Bind a station's key to the session."""
    seen(tx.db, actor, session_id)
    stations.bind_station(
        tx,
        actor,
        session_id,
        venue=body.venue,
        station=body.station,
        algorithm=body.algorithm,
        key=body.key,
        every=body.every,
        use=Use(body.use),
    )
    return TakenAnswer(next=0, recorded=0)


@router.post("/requests")
def ask(actor: StaffActor, tx: WriteTx, session_id: IdInPath, body: BindBody) -> BoundAnswer:
    """Bind a station's key, or in a sealed night ask the supervisor to; asked again, whether he has. What he declined
    is asked for anew."""
    seen(tx.db, actor, session_id)
    wanted = stations.Wanted(
        body.venue, body.station, body.algorithm, body.key, body.every, Use(body.use)
    )
    return BoundAnswer(bound=stations.ask_station(tx, actor, session_id, wanted))


@router.get("/requests/{station}")
def asked(
    actor: OfficialActor, request: Request, db: ReadDb, session_id: IdInPath, station: IdInPath
) -> AskedAnswer:
    """The request for a station that waits for the supervisor, or that he declined."""
    shell = shell_of(request)
    session, is_demo = seen(db, actor, session_id), shell.settings.is_demo
    found = asking.asked(db, shell.office.vault, actor, session, station, is_demo=is_demo)
    return AskedAnswer.model_validate(found)


@router.post("/requests/{station}/decline", status_code=201)
def decline(
    actor: SupervisorActor, tx: WriteTx, session_id: IdInPath, station: IdInPath, body: DeclineBody
) -> BoundAnswer:
    """Do not bind the station that staff ask for, and say why."""
    seen(tx.db, actor, session_id)
    stations.decline_station(tx, actor, session_id, station, body.key, body.reason)
    return BoundAnswer(bound=False)


@router.post("/requests/{station}/withdraw", status_code=201)
def withdraw(
    actor: StaffActor, tx: WriteTx, session_id: IdInPath, station: IdInPath, body: WithdrawBody
) -> BoundAnswer:
    """Ask no more for a station of the own venue."""
    seen(tx.db, actor, session_id)
    stations.withdraw_station(tx, actor, session_id, station, body.key)
    return BoundAnswer(bound=False)


@router.get("/{station}")
def line(actor: StaffActor, db: ReadDb, session_id: IdInPath, station: IdInPath) -> LineAnswer:
    """How far the record has come with a station: what it asks when an answer was lost."""
    seen(db, actor, session_id)
    return line_answer(db, session_id, station)


@router.post("/{station}/release", status_code=201)
def release(
    actor: OfficialActor, tx: WriteTx, session_id: IdInPath, station: IdInPath
) -> TakenAnswer:
    """The station's watch ends."""
    seen(tx.db, actor, session_id)
    stations.release_station(tx, actor, session_id, station)
    return TakenAnswer(next=0, recorded=0)


@router.post("/{station}/reports", status_code=201)
async def report(
    actor: StaffActor, request: Request, session_id: IdInPath, station: IdInPath, body: ReportsBody
) -> TakenAnswer:
    """Take in reports in order, up to the first that is wrong."""
    shell = shell_of(request)
    reports = reports_of(session_id, station, body)

    def write(tx: Tx) -> list[stations.Taken]:
        seen(tx.db, actor, session_id)
        return stations.take_reports(tx, actor, session_id, station, reports)

    written = await asyncio.wrap_future(shell.appends.write(f"{session_id}/{station}", write))
    return TakenAnswer.of(written.value)


def reports_of(session_id: str, station: str, body: ReportsBody) -> list[Report]:
    return [
        Report(
            session=session_id,
            station=station,
            n=one.n,
            prev=one.prev,
            at=one.at,
            up=one.up,
            kind=one.kind,
            data=one.data,
            signature=one.sig,
        )
        for one in body.reports
    ]


def line_answer(db: Db, session_id: str, station: str) -> LineAnswer:
    """NOT_FOUND where no key is bound for the station."""
    found = stations.lines(db, session_id).get(station)
    if found is None:
        raise Refusal("evaluation.witness.station_unknown", {"station": station}, Kind.NOT_FOUND)
    return LineAnswer(next=found.next, last=found.last, key=found.key.text)
