"""The register of the trustees who seed the draws: read by everybody, entered by the office of the pool,
confirmed by the province's supervisor, revoked by either."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import KeeperActor, PoolActor, SupervisorActor, Visitor
from api.flows import trustees as flow
from api.flows.trustees import Line, Standing
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.listing import CODE, MOMENT, NUMBER, Choice, Column, listing
from api.pages.kit.page import words_of
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from experts.trustees import service as trustees
from trading.parties import service as parties

router = APIRouter(include_in_schema=False)
HOME = "/public/trustees"

COLUMNS: tuple[Column[Line], ...] = (
    Column("name", "trustee.name", lambda x: x.trustee.name),
    Column("id", "trustee.id", lambda x: x.trustee.id),
    Column("standing", "trustee.standing", lambda x: x.standing, CODE, words="trustee.standings"),
    Column("from", "trustee.from", lambda x: x.trustee.valid_from, MOMENT),
    Column("until", "trustee.until", lambda x: x.trustee.valid_until, MOMENT),
    Column("withheld", "trustee.withheld", lambda x: x.withheld, NUMBER),
    Column("registered", "trustee.registered_by", lambda x: x.trustee.registered_by),
    Column("confirmed", "trustee.confirmed_by", lambda x: x.trustee.confirmed_by),
    Column("key", "trustee.key", lambda x: x.trustee.key),
)


def _page(request: Request, actor: Actor | None, db: Session, form: Form) -> Response:
    lines, missing = flow.register(db, shell_of(request).office.clock.now())
    standings = Choice[Line](
        "standing",
        "trustee.standing",
        lambda x: x.standing,
        words_of(request, "trustee.standings", Standing),
    )
    centres = {centre.id: centre.name for centre in parties.centres(db)}
    called = {line.trustee.id: line.trustee.name for line in lines}
    table = listing(request, COLUMNS, lines, choices=[standings], sort="name")
    return table.answer(
        request,
        "public/trustees.html",
        actor,
        missing=missing,
        centres=centres,
        called=called,
        form=form,
    )


@router.get(HOME)
def register(actor: Visitor, request: Request, db: ReadDb) -> Response:
    """The whole register, past entries too, and every withheld output."""
    return _page(request, actor, db, Form())


@router.post(HOME)
async def enter(actor: PoolActor, request: Request, form: Sent) -> Response:
    """Enter a key as `bigloop trustee key` printed it."""
    return await submit(
        request,
        form,
        lambda tx, read: trustees.register_trustee(tx, actor, *read),
        read=lambda form: (
            form.text("id"),
            form.text("name"),
            form.text("key"),
            _proof(form),
            form.moment("valid_from"),
            form.moment("valid_until"),
        ),
        again=lambda db: _page(request, actor, db, form),
        to=HOME,
        said="trustee_entered",
    )


def _proof(form: Form) -> bytes:
    typed = form.text("possession")
    try:
        return bytes.fromhex(typed)
    except ValueError:
        form.fault("possession", "experts.trustee.possession")
        return b""


@router.post(HOME + "/{trustee_id}/confirmation")
async def confirm(
    actor: SupervisorActor, request: Request, trustee_id: IdInPath, form: Sent
) -> Response:
    """The second person's yes."""
    return await submit(
        request,
        form,
        lambda tx, _: trustees.confirm_trustee(tx, actor, trustee_id),
        again=lambda db: _page(request, actor, db, form),
        to=HOME,
        said="trustee_confirmed",
    )


@router.post(HOME + "/{trustee_id}/revocation")
async def revoke(
    actor: KeeperActor, request: Request, trustee_id: IdInPath, form: Sent
) -> Response:
    """End an entry for good."""
    return await submit(
        request,
        form,
        lambda tx, reason: trustees.revoke_trustee(tx, actor, trustee_id, reason),
        read=lambda form: form.text("reason"),
        again=lambda db: _page(request, actor, db, form),
        to=HOME,
        said="trustee_revoked",
    )
