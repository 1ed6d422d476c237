"""Acts of the eve: the draw, the trustees' outputs, the calls to those who were drawn, the plan of the
province's seats."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from api.demo import people
from api.demo.play import Play
from api.demo.script import is_withheld
from api.flows import drawing, seating
from api.flows.names import PLAN_TASK
from archive.clock import SHANGHAI
from archive.office import Tx
from archive.tasks.service import Write, enqueue
from experts.draws import service as draws
from experts.draws.request import ENDED_WITHOUT, State

TRUSTEES_AFTER = timedelta(minutes=1)
LISTEN_AFTER = timedelta(minutes=6)


def draw(play: Play, args: Mapping[str, Any]) -> Write:
    """Staff request the draw, where a guest's does not stand; the trustees are asked."""
    project, _ = play.lot(args)
    host = people.staff(project.centre_id)

    def write(tx: Tx) -> None:
        made = next(reversed(draws.draws_of_lot(tx.db, args["lot"])), None)
        if made is None or made.state in ENDED_WITHOUT:
            made = drawing.request(tx, host, args["lot"], replaces=made.id if made else "")
        opens_at = draws.asking_of(tx.db, made.id).opens_at or tx.now
        due = max(tx.now, opens_at) + TRUSTEES_AFTER
        play.later(tx, "trustees", {**args, "draw": made.id}, due)

    return write


def trustees(play: Play, args: Mapping[str, Any]) -> Write:
    """The trustees answer, each for himself. Who withholds his output at first is named when the time
    is over, and the others are asked again; with the last output the committee is drawn. For a draw
    that a guest asked for, which names no lot of the play's, nobody withholds anything."""
    lot = play.lot(args)[1].key if "key" in args else ""
    by_id = {trustee.id: trustee for trustee in play.province.trustees}

    def write(tx: Tx) -> None:
        asked = draws.asking_of(tx.db, args["draw"])
        if not asked.is_open:
            return
        for one in asked.trustees:
            withholds = lot and asked.number == 1 and is_withheld(play.seed, lot, one.id)
            if not (one.has_answered or withholds):
                proof = by_id[one.id].answer(asked.request_hash, asked.number, asked.public_value)
                draws.give_output(tx, asked.draw_id, one.id, proof)
        if draws.draw(tx.db, asked.draw_id).state is State.ASKING:
            assert asked.until is not None
            play.later(tx, "trustees", args, asked.until + TRUSTEES_AFTER)
        else:
            play.later(tx, "listen", args, tx.now + LISTEN_AFTER)

    return write


def listen(play: Play, args: Mapping[str, Any]) -> Write:
    """The telephony desk reports what became of its calls by now; rounds are settled by their own
    tasks. While somebody is still called, it is asked again."""
    play.telephony.advance(play.office.clock.now())

    def write(tx: Tx) -> None:
        if draws.draw(tx.db, args["draw"]).state is State.INVITING:
            play.later(tx, "listen", args, tx.now + LISTEN_AFTER)

    return write


def plan(play: Play, args: Mapping[str, Any]) -> Write:
    """The province's staff ask for the plan of the day; lots whose calls still go on come later."""
    day = play.when(args).opening.astimezone(SHANGHAI).date()

    def write(tx: Tx) -> None:
        enqueue(tx, PLAN_TASK, {"day": day.isoformat()})

    return write


def check_seats(play: Play, args: Mapping[str, Any]) -> Write:
    """In the evening the host looks whether everybody has a seat, while there is time to call."""

    def write(tx: Tx) -> None:
        complete(play, tx, args)

    return write


def reseat(play: Play, args: Mapping[str, Any]) -> Write:
    """Whoever came into a committee late gets a seat; the others stay where they are. While somebody
    is still called it is tried again."""

    def write(tx: Tx) -> None:
        if complete(play, tx, args):
            play.later(tx, "convene", args, max(tx.now, play.when(args).start(0)))
        else:
            play.later(tx, "reseat", args, tx.now + timedelta(minutes=5))

    return write


def complete(play: Play, tx: Tx, args: Mapping[str, Any]) -> bool:
    """Seat everybody; who cannot be seated is substituted. Whether the committee sits."""
    project, _ = play.lot(args)
    host = people.staff(project.centre_id)
    made = drawing.current(tx.db, args["lot"])
    if made.state is State.INVITING:
        return False
    absent = seating.reseat(tx, host, args["lot"])
    if not absent:
        return True
    drawing.substitute_absent(tx, host, args["lot"], absent)
    play.later(tx, "listen", {**args, "draw": made.id}, tx.now + LISTEN_AFTER)
    return False


ACTS = {
    "draw": draw,
    "trustees": trustees,
    "listen": listen,
    "plan": plan,
    "check_seats": check_seats,
    "reseat": reseat,
}
