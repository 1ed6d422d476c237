"""Draws of experts: two parties commit and reveal, the draw is performed, experts answer.

No answer here names an expert: officials see the course of a draw, an expert sees his own
invitations, which name a time and an area and nothing of the lot.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api.access import ExpertActor, OfficialActor, StaffActor
from api.flows import drawing as flow
from api.routes.fields import Answer, Body, Digest, Identifier, IdInPath, Switch
from api.transactions import ReadDb, WriteTx
from archive.actor import Actor, Role
from archive.errors import Refusal
from experts.draws import service as draws
from trading.acting import must_serve, must_watch
from trading.projects import service as projects

router = APIRouter(prefix="/api", tags=["draws"])


class DrawBody(Body):
    lot: Identifier
    replaces: Annotated[str, Field(max_length=64)] = ""


class CommitmentBody(Body):
    commitment: Digest


class ShareBody(Body):
    share: Annotated[str, Field(pattern=r"^([0-9a-f]{2}){1,64}$")]


class AnswerBody(Body):
    accepted: Switch


class DrawAnswer(Answer):
    id: str
    centre_id: str
    number: int
    lot_id: str
    state: str
    evaluation_at: datetime
    request_hash: str
    round: int
    answers_until: datetime | None
    head: str
    transcript_sha256: str


class InvitationAnswer(Answer):
    draw_id: str
    evaluation_at: datetime
    area: str
    answers_until: datetime | None
    answer: str


def _answer(draw: draws.Draw) -> DrawAnswer:
    return DrawAnswer.model_validate(draw)


def _party(actor: Actor) -> str:
    """Which of the two shares an official gives: staff the centre's, supervisors theirs."""
    return "centre" if Role.STAFF in actor.roles else "supervisor"


@router.post("/draws", status_code=201)
def request_draw(actor: StaffActor, tx: WriteTx, body: DrawBody) -> DrawAnswer:
    """Fix the request and put it on the register, before any randomness exists."""
    return _answer(flow.request(tx, actor, body.lot, body.replaces))


@router.get("/draws/{draw_id}")
def show(actor: OfficialActor, db: ReadDb, draw_id: IdInPath) -> DrawAnswer:
    found = draws.draw(db, draw_id)
    must_serve(actor, found.centre_id)
    must_watch(actor, projects.lot(db, found.lot_id).supervisor_uscc)
    return _answer(found)


@router.post("/draws/{draw_id}/commitments", status_code=201)
def commit(
    actor: OfficialActor, tx: WriteTx, draw_id: IdInPath, body: CommitmentBody
) -> DrawAnswer:
    """Commit to a share of the seed."""
    must_serve(actor, draws.draw(tx.db, draw_id).centre_id)
    return _answer(draws.commit_share(tx, actor, draw_id, _party(actor), body.commitment))


@router.post("/draws/{draw_id}/shares", status_code=201)
def reveal(actor: OfficialActor, tx: WriteTx, draw_id: IdInPath, body: ShareBody) -> DrawAnswer:
    """Reveal the share that was committed to."""
    must_serve(actor, draws.draw(tx.db, draw_id).centre_id)
    share = bytes.fromhex(body.share)
    return _answer(draws.reveal_share(tx, actor, draw_id, _party(actor), share))


@router.post("/draws/{draw_id}/performance", status_code=201)
def perform(actor: StaffActor, tx: WriteTx, draw_id: IdInPath) -> DrawAnswer:
    """Draw: seed, permutations, first invitations."""
    must_serve(actor, draws.draw(tx.db, draw_id).centre_id)
    return _answer(draws.perform_draw(tx, actor, draw_id))


@router.post("/draws/{draw_id}/settlement", status_code=201)
def settle(actor: StaffActor, tx: WriteTx, draw_id: IdInPath) -> DrawAnswer:
    """End the round: the lowest ranks that accepted are seated."""
    must_serve(actor, draws.draw(tx.db, draw_id).centre_id)
    return _answer(draws.settle(tx, actor, draw_id))


@router.get("/invitations")
def invitations(actor: ExpertActor, db: ReadDb) -> list[InvitationAnswer]:
    """The expert's own invitations."""
    found = draws.invitations_of(db, actor.party_id)
    return [InvitationAnswer.model_validate(invited) for invited in found]


@router.post("/invitations/{draw_id}", status_code=201)
def answer(
    actor: ExpertActor, tx: WriteTx, draw_id: IdInPath, body: AnswerBody
) -> InvitationAnswer:
    """Accept or decline; the answer stands."""
    if not actor.party_id:
        raise Refusal("experts.invitation.not_yours", {})
    invited = draws.answer(tx, actor, draw_id, actor.party_id, body.accepted)
    return InvitationAnswer.model_validate(invited)
