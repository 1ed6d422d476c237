"""The register of trustees: everybody may read it, the office of the pool enters a key, the
province's supervisor confirms it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from api.access import KeeperActor, PoolActor, Public, SupervisorActor
from api.routes.fields import Answer, Body, Digest, Identifier, IdInPath, Line
from api.transactions import ReadDb, WriteTx
from experts.trustees import service as trustees

router = APIRouter(prefix="/api", tags=["trustees"])


class TrusteeBody(Body):
    """What `bigloop trustee key` printed, with the holder's name and the key's validity."""

    id: Identifier
    name: Line
    key: Digest
    possession: Annotated[str, Field(pattern=r"^[0-9a-f]{160}$")]
    valid_from: AwareDatetime
    valid_until: AwareDatetime


class RevocationBody(Body):
    reason: Line


class TrusteeAnswer(Answer):
    id: str
    name: str
    key: str
    valid_from: datetime
    valid_until: datetime
    registered_by: str
    confirmed_by: str
    revoked_at: datetime | None


@router.get("/trustees")
def register(_: Public, db: ReadDb) -> list[TrusteeAnswer]:
    """The whole register, past entries too."""
    return [TrusteeAnswer.model_validate(found) for found in trustees.trustees(db)]


@router.post("/trustees", status_code=201)
def enter(actor: PoolActor, tx: WriteTx, body: TrusteeBody) -> TrusteeAnswer:
    """Enter a key; another person has to confirm it."""
    made = trustees.register_trustee(
        tx,
        actor,
        body.id,
        body.name,
        body.key,
        bytes.fromhex(body.possession),
        body.valid_from,
        body.valid_until,
    )
    return TrusteeAnswer.model_validate(made)


@router.post("/trustees/{trustee_id}/confirmation", status_code=201)
def confirm(actor: SupervisorActor, tx: WriteTx, trustee_id: IdInPath) -> TrusteeAnswer:
    """The second person's yes."""
    return TrusteeAnswer.model_validate(trustees.confirm_trustee(tx, actor, trustee_id))


@router.post("/trustees/{trustee_id}/revocation", status_code=201)
def revoke(
    actor: KeeperActor, tx: WriteTx, trustee_id: IdInPath, body: RevocationBody
) -> TrusteeAnswer:
    """End an entry for good."""
    found = trustees.revoke_trustee(tx, actor, trustee_id, body.reason)
    return TrusteeAnswer.model_validate(found)
