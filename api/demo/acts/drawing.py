"""Acts of the eve: the draw, the invited experts' answers, the plan of the province's seats."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from api.demo import people
from api.demo.play import Play
from api.demo.script import accepts, is_silent
from api.flows import drawing, seating
from api.flows.names import PLAN_TASK
from archive.clock import SHANGHAI
from archive.entropy import SeededEntropy
from archive.errors import Refusal
from archive.office import Tx
from archive.tasks.service import Write, enqueue
from experts.draws import seed as seeds
from experts.draws import service as draws
from experts.draws.request import State

ANSWERS_AFTER = timedelta(minutes=15)


def draw(play: Play, args: Mapping[str, Any]) -> Write:
    """Staff request the draw; centre and supervisor commit, then reveal; the committee is drawn."""
    project, lot = play.lot(args)
    host = people.staff(project.centre_id)
    watch = people.supervisor(project.supervisor)

    def write(tx: Tx) -> None:
        made = drawing.request(tx, host, args["lot"])
        shares = {
            party: SeededEntropy(f"demo {play.seed} share {lot.key} {party}".encode()).bytes(32)
            for party in seeds.Seedholder
        }
        holders = {seeds.Seedholder.CENTRE: host, seeds.Seedholder.SUPERVISOR: watch}
        for party, share in shares.items():
            promise = seeds.commitment(made.request_hash, party, share)
            draws.commit_share(tx, holders[party], made.id, party, promise)
        for party, share in shares.items():
            draws.reveal_share(tx, holders[party], made.id, party, share)
        draws.perform_draw(tx, host, made.id)
        play.later(tx, "answer", {**args, "draw": made.id}, tx.now + ANSWERS_AFTER)

    return write


def answer(play: Play, args: Mapping[str, Any]) -> Write:
    """The invited answer, each for himself; then the round is settled, and the next one begins."""
    _, lot = play.lot(args)

    def write(tx: Tx) -> None:
        made = draws.draw(tx.db, args["draw"])
        if made.state is not State.INVITING:
            return
        silent = False
        for invited in draws.invited(tx.db, made.id):
            if invited.answer:
                continue
            if is_silent(play.seed, lot.key, invited.expert_id):
                silent = True
                continue
            _answer(tx, made.id, invited.expert_id, accepts(play.seed, lot.key, invited.expert_id))
        if silent and made.answers_until is not None and tx.now < made.answers_until:
            play.later(tx, "answer", args, made.answers_until)
            return
        draws.settle(tx, people.staff(made.centre_id), made.id)
        play.later(tx, "answer", args, tx.now + ANSWERS_AFTER)

    return write


def _answer(tx: Tx, draw_id: str, expert_id: str, yes: bool) -> None:
    """The expert's answer; who is engaged elsewhere that day has to decline."""
    own = people.expert(expert_id)
    try:
        draws.answer(tx, own, draw_id, expert_id, accepted=yes)
    except Refusal as refusal:
        if refusal.code != "experts.invitation.engaged":
            raise
        draws.answer(tx, own, draw_id, expert_id, accepted=False)


def plan(play: Play, args: Mapping[str, Any]) -> Write:
    """The province's staff ask for the plan of the day; lots whose calls still go on come later."""
    day = play.when(args).opening.astimezone(SHANGHAI).date()

    def write(tx: Tx) -> None:
        enqueue(tx, PLAN_TASK, {"day": day.isoformat()})

    return write


def check_seats(play: Play, args: Mapping[str, Any]) -> Write:
    """In the evening the host looks whether everybody has a seat, while there is time to call."""

    def write(tx: Tx) -> None:
        _complete(play, tx, args)

    return write


def reseat(play: Play, args: Mapping[str, Any]) -> Write:
    """Whoever came into a committee late gets a seat; the others stay where they are. While somebody
    is still called it is tried again."""

    def write(tx: Tx) -> None:
        if _complete(play, tx, args):
            play.later(tx, "convene", args, max(tx.now, play.when(args).start(0)))
        else:
            play.later(tx, "reseat", args, tx.now + timedelta(minutes=5))

    return write


def _complete(play: Play, tx: Tx, args: Mapping[str, Any]) -> bool:
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
    play.later(tx, "answer", {**args, "draw": made.id}, tx.now + timedelta(minutes=5))
    return False


ACTS = {
    "draw": draw,
    "answer": answer,
    "plan": plan,
    "check_seats": check_seats,
    "reseat": reseat,
}
