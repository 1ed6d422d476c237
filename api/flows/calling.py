"""Calls across the rooms: the words of an invitation, and of the second notice that names the place
once the seats are confirmed; replies of the calling service.

An invitation says when and in which area, and nothing of the lot, the tenderer or the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session

from api.flows.names import PLACES_TASK
from api.flows.places import place
from api.flows.seating import seat_of
from archive.actor import SYSTEM
from archive.clock import SHANGHAI
from archive.errors import Kind, Refusal
from archive.office import Office, Tx
from archive.tasks.service import Handler, Write, enqueue
from archive.words import Language, say
from evaluation.seating import service as seating
from evaluation.venues import service as venues
from experts.draws import service as draws
from experts.invitations.calls import service as calls
from experts.invitations.calls.service import Taken
from experts.invitations.course.service import Invited
from experts.invitations.gateway import (
    BODY_BYTES_MAX,
    Gateway,
    is_signed,
    read_replies,
)
from trading.divisions import yunnan

MOMENT = "%Y-%m-%d %H:%M"


def invitation_text(invited: Invited) -> str:
    """What is said on the telephone: time, area, and until when to answer."""
    assert invited.answers_until is not None, "an open round has an end"
    area = yunnan().get(invited.area)
    params = {
        "at": f"{invited.evaluation_at.astimezone(SHANGHAI):{MOMENT}}",
        "area": area.name if area else invited.area,
        "until": f"{invited.answers_until.astimezone(SHANGHAI):{MOMENT}}",
    }
    return say("experts.call.text", params, Language.ZH)


def take_replies(
    tx: Tx, secret: bytes, message_id: str, timestamp: str, given: str, body: bytes
) -> tuple[Taken, ...]:
    """Take a message of the calling service. FORBIDDEN unless it is signed by it."""
    if len(body) > BODY_BYTES_MAX or not is_signed(secret, message_id, timestamp, body, given):
        raise Refusal("experts.reply.signature", {}, Kind.FORBIDDEN)
    return calls.take_replies(tx, read_replies(body), body)


# --- The second notice --------------------------------------------------------------------------


def places_task(gateway: Gateway | None) -> Handler:
    """Task: tell each member who has a seat where it is, once for each seat given; and those who lost
    theirs that another is sought."""

    def handle(office: Office, args: Mapping[str, Any]) -> Write:
        if gateway is None:
            return lambda tx: None
        with office.read() as db:
            told = _places(db, args["draw"]) | _lost(db, args["draw"], args.get("lost", ()))
            orders = calls.messages(db, args["draw"], told, office.clock.now())
        if not orders:
            return lambda tx: None
        try:
            gateway.place(orders)
        except Refusal as refusal:
            if refusal.kind is not Kind.UNAVAILABLE:
                raise
            return lambda tx: _later(tx, args)
        return lambda tx: tx.record(
            f"draw/{args['draw']}", "experts:places:told", SYSTEM, {"messages": len(orders)}
        )

    return handle


def _later(tx: Tx, args: Mapping[str, Any]) -> None:
    enqueue(tx, PLACES_TASK, args, tx.now + calls.RETRY)


def _places(db: Session, draw_id: str) -> dict[str, tuple[str, str]]:
    """(the seat, the words) for each member who has one, by expert."""
    draw = draws.draw(db, draw_id)
    centres = {seat.centre_id: place(db, seat.centre_id) for seat in seating.seats_of(db, draw_id)}
    seats = seat_of(draws.committee(db, draw_id), seating.seats_of(db, draw_id))
    found = {}
    for expert_id, seat in seats.items():
        centre, entry = centres[seat.centre_id], venues.entry(db, seat.centre_id)
        division = yunnan().get(centre.division_code)
        params = {
            "at": f"{draw.evaluation_at.astimezone(SHANGHAI):{MOMENT}}",
            "centre": f"{centre.name}({division.name})" if division else centre.name,
            "way": entry.way if entry else "",
        }
        code = "experts.call.place_way" if params["way"] else "experts.call.place"
        found[expert_id] = (seat.id, say(code, params, Language.ZH))
    return found


def _lost(db: Session, draw_id: str, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The words for each member whose seat was taken away, named by seat or by expert, and who has no
    other by now."""
    members = draws.committee(db, draw_id)
    seated = seat_of(members, seating.seats_of(db, draw_id))
    at = draws.draw(db, draw_id).evaluation_at.astimezone(SHANGHAI)
    text = say("experts.call.place_lost", {"at": f"{at:{MOMENT}}"}, Language.ZH)
    return {
        member.expert_id: ("lost", text)
        for member in members
        if member.expert_id not in seated and {member.seat, member.expert_id} & set(names)
    }
