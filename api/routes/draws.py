"""Draws of experts: requested by staff, seeded by trustees, answered by experts.

A trustee needs no account: the request is asked for in the open, and an output proves itself.

No answer here names an expert: officials see the course of a draw, an expert sees his own
invitations, which name a time and an area and nothing of the lot.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, Field

from api.access import ExpertActor, OfficialActor, Public, StaffActor, SupervisorActor
from api.flows import drawing as flow
from api.routes.fields import Answer, Body, Identifier, IdInPath, Line, Switch
from api.shell import shell_of
from api.transactions import ReadDb, WriteTx
from archive import canonical
from archive.actor import Role
from archive.errors import Refusal
from experts.draws import service as draws
from experts.draws.request import PublicValue
from experts.draws.seed import ASKING_FORMAT
from experts.invitations.unsealing import service as unsealing
from trading.acting import must_serve, must_watch
from trading.projects import service as projects

router = APIRouter(prefix="/api", tags=["draws"])


class ValueSource(Body):
    """Where a value will stand that everybody can look up and nobody can foresee, and from when."""

    source: Line
    at: AwareDatetime


class DrawBody(Body):
    lot: Identifier
    replaces: Annotated[str, Field(max_length=64)] = ""
    equal_chances: Switch = False
    """Weights of home prefectures, fitted before the draw and published in the request."""
    public_value: ValueSource | None = None
    evaluation_at: AwareDatetime | None = None
    """When another committee judges a lot that was opened already."""


class ValueBody(Body):
    value: Line


class OutputBody(Body):
    """What `bigloop trustee answer` sends."""

    trustee: Identifier
    proof: Annotated[str, Field(pattern=r"^[0-9a-f]{160}$")]


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


class AskedAnswer(Answer):
    id: str
    key: str
    has_answered: bool


class AskingAnswer(Answer):
    """What the trustees of a draw are asked (`experts.draws.seed`)."""

    format: str = ASKING_FORMAT
    draw_id: str
    centre_id: str
    register_number: int
    predecessor: str
    request_hash: str
    number: int
    public_value: str
    opens_at: datetime | None
    until: datetime | None
    trustees: list[AskedAnswer]
    withheld: list[str]
    is_open: bool


@router.post("/draws", status_code=201)
def request_draw(actor: StaffActor, tx: WriteTx, body: DrawBody) -> DrawAnswer:
    """Fix the request and put it on the register, before any randomness exists."""
    said = body.public_value
    value = PublicValue(said.source, said.at) if said else None
    wish = flow.Wish(body.equal_chances, value, body.evaluation_at)
    return _answer(flow.request(tx, actor, body.lot, body.replaces, wish))


@router.get("/draws/{draw_id}")
def show(actor: OfficialActor, db: ReadDb, draw_id: IdInPath) -> DrawAnswer:
    found = draws.draw(db, draw_id)
    must_serve(actor, found.centre_id)
    must_watch(actor, projects.lot(db, found.lot_id).supervisor_uscc)
    return _answer(found)


@router.post("/draws/{draw_id}/public-value", status_code=201)
def public_value(
    actor: OfficialActor, tx: WriteTx, draw_id: IdInPath, body: ValueBody
) -> DrawAnswer:
    """Put the public value that the request names on the record."""
    return _answer(draws.give_public_value(tx, actor, draw_id, body.value))


@router.get("/askings")
def askings(_: Public, db: ReadDb) -> list[AskingAnswer]:
    """All draws whose trustees are asked now."""
    return [AskingAnswer.model_validate(found) for found in draws.askings(db)]


@router.get("/draws/{draw_id}/asking")
def asking(_: Public, db: ReadDb, draw_id: IdInPath) -> AskingAnswer:
    """What the trustees of one draw are asked, and who has answered."""
    return AskingAnswer.model_validate(draws.asking_of(db, draw_id))


@router.post("/draws/{draw_id}/outputs", status_code=201)
def output(_: Public, tx: WriteTx, draw_id: IdInPath, body: OutputBody) -> AskingAnswer:
    """Take a trustee's output; with the last one the committee is drawn."""
    draws.give_output(tx, draw_id, body.trustee, bytes.fromhex(body.proof))
    return AskingAnswer.model_validate(draws.asking_of(tx.db, draw_id))


@router.post("/draws/{draw_id}/askings", status_code=201)
def ask_again(actor: OfficialActor, tx: WriteTx, draw_id: IdInPath) -> DrawAnswer:
    """When the time is over: name who withheld an output, and ask the others again."""
    must_serve(actor, draws.draw(tx.db, draw_id).centre_id)
    return _answer(draws.ask_again(tx, actor, draw_id))


@router.get("/draws/{draw_id}/transcript")
def transcript(_: Public, db: ReadDb, draw_id: IdInPath) -> Response:
    """The public transcript, once the draw is closed: for `bigloop verify` and `verify_draw.py`."""
    return _artefact(flow.published_transcript(db, draw_id))


@router.get("/draws/{draw_id}/audit")
def audit(actor: SupervisorActor, db: ReadDb, draw_id: IdInPath) -> Response:
    """The audit transcript: facts of experts, for the supervisor of the lot."""
    must_watch(actor, projects.lot(db, draws.draw(db, draw_id).lot_id).supervisor_uscc)
    return _artefact(draws.audit_transcript(db, draw_id))


def _artefact(value: Mapping[str, Any]) -> Response:
    return Response(canonical.encode(value), media_type="application/json")


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


class NamesAnswer(Answer):
    is_open: bool
    from_at: datetime
    asked_by: str
    opened_by: str


class NamedAnswer(Answer):
    seat_code: str
    specialty: str
    expert_id: str
    name: str


@router.post("/draws/{draw_id}/names", status_code=201)
def open_names(
    actor: OfficialActor, request: Request, tx: WriteTx, draw_id: IdInPath
) -> NamesAnswer:
    """Open the list of the committee: staff of its centre ask, then its supervisor consents."""
    if Role.STAFF in actor.roles:
        found = unsealing.ask(tx, actor, draw_id)
    else:
        found = unsealing.consent(tx, actor, draw_id, shell_of(request).custodian)
    return NamesAnswer.model_validate(found)


@router.post("/draws/{draw_id}/names/views", status_code=201)
def view_names(actor: OfficialActor, tx: WriteTx, draw_id: IdInPath) -> list[NamedAnswer]:
    """The committee by name, once its list is opened; the look is put on the record."""
    return [NamedAnswer.model_validate(one) for one in unsealing.view(tx, actor, draw_id)]
