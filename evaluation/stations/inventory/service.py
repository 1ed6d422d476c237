"""Rooms and stations by table: what would be changed, told before, and changed, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Tx
from evaluation.stations import service as stations
from evaluation.stations.inventory import rooms
from evaluation.stations.inventory.rooms import Addition, Line, Needed
from evaluation.stations.station import GroupKey
from trading.acting import must_serve
from trading.spreadsheet import Dry

Promises: TypeAlias = Callable[[Session], Mapping[GroupKey, Needed]]
"""Reads what has been promised of each group from now on; the seat plans know."""


def dry_run(
    db: Session, actor: Actor, content: bytes, centres: Collection[str], promises: Promises
) -> tuple[Dry[Line], Addition]:
    """What a table would change, and every fault by its row. `centres`: the ids that may have
    stations. Rows of another centre than the actor's are FORBIDDEN."""
    actor.must_be(Role.STAFF, Role.OPERATOR, Role.SYSTEM)
    known = {v.centre_id: v for v in stations.installed(db)}
    dry, addition = rooms.read(content, known, centres, promises(db))
    for line in dry.rows:
        must_serve(actor, line.centre_id)
    return dry, addition


def import_rooms(
    tx: Tx, actor: Actor, content: bytes, centres: Collection[str], promises: Promises
) -> Addition:
    """Change what a table names, while no planner can promise anything. INVALID with every fault by
    its row; CONFLICT where it changes nothing."""
    stations.lock_all(tx.db)
    dry, addition = dry_run(tx.db, actor, content, centres, promises)
    dry.refuse("evaluation.station.invalid")
    if not addition.venues:
        raise Refusal("evaluation.station.nothing_new", {}, Kind.CONFLICT)
    known = {venue.centre_id: venue for venue in stations.installed(tx.db)}
    new = [venue for venue in addition.venues if venue.centre_id not in known]
    if new:
        stations.install(tx, actor, new)
    for venue in addition.venues:
        if venue.centre_id in known:
            before = known[venue.centre_id]
            stations.rebuild(tx, actor, before, rooms.grown(before, venue))
    return addition


def export_rooms(db: Session, centre_id: str = "") -> bytes:
    """The rooms of one centre, or of all, as a table that can be imported again."""
    return rooms.write(v for v in stations.installed(db) if centre_id in ("", v.centre_id))
