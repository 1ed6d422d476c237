"""Opening a committee's list by name, for those who do it: staff of the centre and the supervisor."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from api.flows import drawing
from archive.actor import Actor
from archive.custody import Custodian
from archive.errors import Kind, Refusal
from archive.office import Tx
from experts.draws import service as draws
from experts.draws.service import Draw
from experts.invitations.unsealing import service as unsealing
from experts.invitations.unsealing.service import Named, Standing
from trading.acting import must_serve, watches
from trading.projects import service as projects
from trading.projects.project import Lot


@dataclass(frozen=True)
class Sealed:
    """A committee as people may see it: seat codes, and where its list stands."""

    lot: Lot
    draw: Draw
    seats: tuple[str, ...]
    standing: Standing


def of_lot(db: Session, actor: Actor, lot_id: str) -> Sealed:
    """For staff of the lot's centre; FORBIDDEN for others, NOT_FOUND where nothing was drawn."""
    lot = projects.lot(db, lot_id)
    must_serve(actor, lot.centre_id)
    return _sealed(db, lot, drawing.current(db, lot_id))


def of_draw(db: Session, actor: Actor, draw_id: str) -> Sealed:
    """For the supervisor of the lot; NOT_FOUND for others."""
    draw = draws.draw(db, draw_id)
    lot = projects.lot(db, draw.lot_id)
    if not watches(actor, lot.supervisor_uscc):
        raise Refusal("experts.draw.unknown", {"draw": draw_id}, Kind.NOT_FOUND)
    return _sealed(db, lot, draw)


def _sealed(db: Session, lot: Lot, draw: Draw) -> Sealed:
    seats = tuple(member.seat_code for member in draws.committee(db, draw.id))
    return Sealed(lot, draw, seats, unsealing.standing(db, draw.id))


def ask(tx: Tx, actor: Actor, lot_id: str) -> Standing:
    return unsealing.ask(tx, actor, of_lot(tx.db, actor, lot_id).draw.id)


def consent(tx: Tx, actor: Actor, draw_id: str, custodian: Custodian) -> Standing:
    return unsealing.consent(tx, actor, of_draw(tx.db, actor, draw_id).draw.id, custodian)


def view(tx: Tx, actor: Actor, draw_id: str) -> tuple[Named, ...]:
    return unsealing.view(tx, actor, draw_id)


def must_be_open(db: Session, draw_id: str) -> None:
    """Refuse CONFLICT while the names of a committee are sealed."""
    if not unsealing.is_open(db, draw_id):
        raise Refusal("experts.names.sealed", {}, Kind.CONFLICT, rule=unsealing.RULE)
