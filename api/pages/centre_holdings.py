"""What a centre holds of its stations: for its own sessions, and for those of partners in other provinces."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor
from api.flows import upkeep as flow
from api.pages.centre_seats import slot_text
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import reader, show, words_of
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from evaluation.stations.station import Equipment, GroupKey

router = APIRouter(include_in_schema=False)
HOME = "/centre/holdings"


def _page(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    now, language = shell_of(request).office.clock.now(), reader(request)
    return show(
        request,
        "centre/holdings.html",
        actor,
        form=form,
        lines=flow.holdings(db, actor, now),
        classes=words_of(request, "equipment", [one.name for one in Equipment]),
        partners=[(venue.id, venue.name) for venue in flow.partners(db, now)],
        slots=[(slot, slot_text(slot, language)) for slot in flow.coming_slots(now)],
        slot_text=lambda slot: slot_text(slot, language),
    )


@router.get(HOME)
def holdings(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """What is held from now on, and the form to hold more."""
    return _page(request, actor, db, Form())


async def _act(
    request: Request, actor: Actor, form: Form, call: Any, said: str, read: Any
) -> Response:
    return await submit(
        request,
        form,
        call,
        read=read,
        again=lambda db: _page(request, actor, db, form),
        to=HOME,
        said=said,
        places={"/until": "/last"},
    )


@router.post(HOME)
async def hold(actor: StaffActor, request: Request, form: Sent) -> Response:
    """Hold stations."""

    def read(form: Form) -> tuple[GroupKey, int, int, int, str, str]:
        names = [one.name for one in Equipment]
        chosen = form.text("equipment")
        if chosen and chosen not in names:
            form.fault("equipment", "api.form.choice")
        equipment = Equipment[chosen] if chosen in names else Equipment.BASIC
        return (
            GroupKey(actor.centre_id, equipment),
            form.whole("first"),
            form.whole("last") + 1,
            form.whole("stations", least=1),
            form.text("partner", is_required=False),
            form.text("reference", is_required=False),
        )

    return await _act(
        request, actor, form, lambda tx, said: flow.hold(tx, actor, *said), "stations_held", read
    )


@router.post(HOME + "/{holding_id}/end")
async def give_back(
    actor: StaffActor,
    request: Request,
    holding_id: IdInPath,
    form: Sent,
) -> Response:
    """Give what is held back to the guests."""
    return await _act(
        request,
        actor,
        form,
        lambda tx, _: flow.give_back(tx, actor, holding_id),
        "stations_given_back",
        lambda form: None,
    )
