"""The opening without meeting (不见面开标): begin, the bidders' halves, finish, read out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from api.access import AnyActor, BidderActor, StaffActor
from api.flows import opening as flow
from api.routes.fields import Answer, Body, Document, Fen, IdInPath
from api.shell import shell_of
from api.transactions import ReadDb, WriteTx
from trading.opening import service as opening

router = APIRouter(prefix="/api/lots/{lot_id}", tags=["opening"])


class HalfBody(Body):
    half: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BegunAnswer(Answer):
    begun_at: datetime
    failed: bool
    bidders: tuple[str, ...]
    rules: tuple[str, ...]


class HalfAnswer(Answer):
    state: str


class BidAnswer(Answer):
    bidder: str
    price: Fen
    period_days: int
    quality: str
    content_sha256: str


class OpeningAnswer(Answer):
    begun_at: datetime
    finished_at: datetime
    bids: tuple[BidAnswer, ...]
    revoked: tuple[str, ...]
    causes: Mapping[str, str]
    withdrawn: tuple[str, ...]
    proven: int
    failed: bool
    record: Document


@router.post("/opening", status_code=201)
def begin(actor: StaffActor, request: Request, tx: WriteTx, lot_id: IdInPath) -> BegunAnswer:
    """Open the outsides of the lot's cells; not before the deadline. The names in them are their
    sealers' word until the halves are in."""
    begun = opening.begin_opening(tx, actor, lot_id, shell_of(request).custodian)
    return BegunAnswer.model_validate(begun)


@router.post("/halves", status_code=201)
def submit_half(actor: BidderActor, tx: WriteTx, lot_id: IdInPath, body: HalfBody) -> HalfAnswer:
    """A bidder hands in the half that opens the content."""
    half = bytes.fromhex(body.half)
    state = opening.submit_half(tx, actor, lot_id, actor.party_id, half)
    return HalfAnswer(state=state)


@router.post("/opening/end", status_code=201)
def finish(actor: StaffActor, tx: WriteTx, lot_id: IdInPath) -> OpeningAnswer:
    """Read the bids out; guarantees are restored and the committee's recusal is judged again. With
    too few bidders left the tender has failed and nothing is opened."""
    return OpeningAnswer.model_validate(flow.finish(tx, actor, lot_id).opening)


@router.get("/opening")
def show(_: AnyActor, db: ReadDb, lot_id: IdInPath) -> OpeningAnswer:
    """What was read out; TOO_EARLY before."""
    return OpeningAnswer.model_validate(opening.opening(db, lot_id))
