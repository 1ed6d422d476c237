"""Topics that pages follow: what each means in the record, and who may know that it moved.

    board               all that the public board tells of: lots, draws, sessions, plans
    lot/<id>, project/<id>, draw/<id>, session/<id>, plan/<id>, stations, pool      one stream

A topic's number says only how many entries there are, never what they say. The stream of sealed
cells is no topic and moves none: when somebody lodged is nobody's business before the opening.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from trading.acting import must_serve, must_watch
from trading.projects import service as projects
from trading.projects.stages import Stage

BOARD = "board"
BOARD_STREAMS = ("project/", "lot/", "draw/", "session/", "plan/")
TOPIC_CHARACTERS_MAX = 80

_TOPIC = re.compile(r"(?:lot|project|draw|session|plan)/[A-Za-z0-9._-]{1,64}|stations|pool|board")
_OFFICIAL = frozenset({Role.STAFF, Role.SUPERVISOR})
_REVIEW = _OFFICIAL | {Role.EXPERT, Role.TENDERER}
ROLES: Mapping[str, frozenset[Role]] = {
    "lot": _REVIEW | {Role.BIDDER, Role.ISSUER},
    "project": _REVIEW,
    "draw": _OFFICIAL | {Role.EXPERT},
    "session": _REVIEW,
    "plan": _OFFICIAL,
    "stations": _OFFICIAL,
    "pool": _OFFICIAL,
}


def may_follow(db: Session, actor: Actor | None, topic: str) -> bool:
    """Whether this person may know that the topic moved. The board is everybody's."""
    if len(topic) > TOPIC_CHARACTERS_MAX or not _TOPIC.fullmatch(topic):
        return False
    if topic == BOARD:
        return True
    subject, _, name = topic.partition("/")
    if actor is None or actor.roles.isdisjoint(ROLES[subject]):
        return False
    return subject != "lot" or _may_follow_lot(db, actor, name)


def _may_follow_lot(db: Session, actor: Actor, lot_id: str) -> bool:
    """Staff follow the lots of their centre, supervisors and tenderers their own; who may bid, those announced."""
    try:
        lot = projects.lot(db, lot_id)
        if Role.STAFF in actor.roles:
            must_serve(actor, lot.centre_id)
        must_watch(actor, lot.supervisor_uscc)
    except Refusal as refusal:
        if refusal.kind not in (Kind.NOT_FOUND, Kind.FORBIDDEN):
            raise
        return False
    if actor.roles & (_OFFICIAL | {Role.EXPERT}):
        return True
    if Role.TENDERER in actor.roles:
        return actor.party_id in (lot.tenderer_uscc, lot.agency_uscc)
    return lot.stage is not Stage.REGISTERED


def numbers(db: Session, topics: Iterable[str]) -> dict[str, int]:
    """Where each topic stands: it has moved when its number is another."""
    wanted = sorted(set(topics))
    found = journal.sizes(db, [topic for topic in wanted if topic != BOARD])
    if BOARD in wanted:
        found[BOARD] = journal.size_of_all(db, BOARD_STREAMS)
    return found
