"""From the result to the contract: candidates made public, award, contract."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from api.access import AnyActor, PartyActor, TendererActor
from api.flows import completion, review
from api.routes.fields import Answer, Body, Content, Document, Fen, IdInPath, Period, Whole
from api.transactions import ReadDb, WriteTx
from trading.awards import service as awards
from trading.money import Money

router = APIRouter(prefix="/api/lots/{lot_id}", tags=["awards"])


class AwardBody(Body):
    rank: Whole = 1


class ContractBody(Body):
    amount_fen: Fen
    document: Content


class CandidateAnswer(Answer):
    rank: int
    bidder_uscc: str
    price: Fen
    score: int | None
    """Hundredths of a point."""


class PublicationAnswer(Answer):
    candidates: tuple[CandidateAnswer, ...]
    published_at: datetime
    publicity: Period


class AwardAnswer(Answer):
    winner: CandidateAnswer
    awarded_at: datetime
    contract_due: Period


class ContractAnswer(Answer):
    winner_uscc: str
    amount: Fen
    signed_at: datetime
    due: Period
    document: Document
    published_at: datetime | None


@router.post("/candidates", status_code=201)
def publish(actor: PartyActor, tx: WriteTx, lot_id: IdInPath) -> PublicationAnswer:
    """Make the candidates of the session's result public (中标候选人公示)."""
    return PublicationAnswer.model_validate(review.publish_candidates(tx, actor, lot_id))


@router.get("/candidates")
def candidates(_: AnyActor, db: ReadDb, lot_id: IdInPath) -> PublicationAnswer:
    return PublicationAnswer.model_validate(awards.publication(db, lot_id))


@router.post("/award", status_code=201)
def award(actor: TendererActor, tx: WriteTx, lot_id: IdInPath, body: AwardBody) -> AwardAnswer:
    """Award to a candidate (定标); another than the first needs a cause."""
    return AwardAnswer.model_validate(completion.award(tx, actor, lot_id, body.rank))


@router.get("/award")
def awarded(_: AnyActor, db: ReadDb, lot_id: IdInPath) -> AwardAnswer:
    return AwardAnswer.model_validate(awards.award_of(db, lot_id))


@router.post("/contract", status_code=201)
def sign(actor: TendererActor, tx: WriteTx, lot_id: IdInPath, body: ContractBody) -> ContractAnswer:
    """Sign the contract; deposits are released by it."""
    amount = Money(body.amount_fen)
    return ContractAnswer.model_validate(
        completion.sign_contract(tx, actor, lot_id, amount, body.document)
    )


@router.get("/contract")
def contract(_: AnyActor, db: ReadDb, lot_id: IdInPath) -> ContractAnswer:
    return ContractAnswer.model_validate(awards.contract(db, lot_id))
