"""The committee's draw for staff: what it would find, the trustees' progress, the calls by rank.

No name is shown: until the result is settled the committee is secret (招标投标法 第三十七条).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor
from api.flows import desk as flow
from api.flows.drawing import PLAIN, Wish
from api.flows.topics import numbers
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import show
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.errors import Refusal
from archive.office import Tx
from experts.draws import service as draws
from experts.draws.request import PublicValue

router = APIRouter(include_in_schema=False)


def _known(
    request: Request, actor: Actor, db: Session, lot_id: str, wish: Wish = PLAIN
) -> dict[str, Any]:
    desk = flow.desk(db, actor, lot_id)
    now = shell_of(request).office.clock.now()
    return {
        "desk": desk,
        "course": flow.course(db, desk.draw),
        "outlook": flow.outlook(db, now, desk, wish),
    }


def _wish(form: Form) -> Wish:
    """What staff add to the request; a public value needs its source and its moment."""
    value = None
    if form.value("public_value.source") or form.value("public_value.at"):
        value = PublicValue(form.text("public_value.source"), form.moment("public_value.at"))
    anew = form.moment("evaluation_at") if form.value("is_anew") else None
    return Wish(form.switch("equal_chances"), value, anew)


def _page(request: Request, actor: Actor, db: Session, lot_id: str, form: Form) -> Response:
    known = _known(request, actor, db, lot_id)
    draw = known["desk"].draw
    topic = f"draw/{draw.id}" if draw else f"lot/{lot_id}"
    seq = numbers(db, [topic])[topic]
    return show(request, "centre/draw.html", actor, form=form, topic=topic, seq=seq, **known)


@router.get("/centre/lots/{lot_id}/draw")
def draw(actor: StaffActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    return _page(request, actor, db, lot_id, Form())


@router.get("/fragments/centre/lots/{lot_id}/outlook")
def outlook(actor: StaffActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """What a draw with these wishes would find, while they are being filled in; without them where they
    are not to be read yet."""
    form = Form(dict(request.query_params))
    try:
        wish = _wish(form)
        form.refuse()
    except Refusal:
        wish = PLAIN
    known = _known(request, actor, db, lot_id, wish)
    return show(request, "centre/_outlook.html", actor, **known)


@router.get("/fragments/centre/lots/{lot_id}/draw")
def fragment(actor: StaffActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """How the draw stands, when it has moved."""
    return show(
        request, "centre/_draw.html", actor, form=Form(), **_known(request, actor, db, lot_id)
    )


def _step(path: str, said: str, call: Callable[[Tx, Actor, str, Any], object], read: Any) -> None:
    """A route for one act on the draw, which comes back to its page."""

    @router.post(f"/centre/lots/{{lot_id}}/draw{path}")
    async def act(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
        return await submit(
            request,
            form,
            lambda tx, value: call(tx, actor, lot_id, value),
            read=read,
            again=lambda db: _page(request, actor, db, lot_id, form),
            to=f"/centre/lots/{lot_id}/draw",
            said=said,
        )


def _nothing(_form: Form) -> None:
    return None


_step("", "draw_requested", flow.request_draw, _wish)
_step(
    "/value",
    "value_recorded",
    lambda tx, actor, lot, value: draws.give_public_value(
        tx, actor, flow.own_draw(tx.db, actor, lot).id, value
    ),
    lambda form: form.text("value"),
)
_step(
    "/settlement",
    "round_settled",
    lambda tx, actor, lot, _: draws.settle(tx, actor, flow.own_draw(tx.db, actor, lot).id),
    _nothing,
)
_step(
    "/close",
    "draw_closed",
    lambda tx, actor, lot, _: draws.close_draw(tx, actor, flow.own_draw(tx.db, actor, lot).id),
    _nothing,
)
