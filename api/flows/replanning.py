"""Planning a day anew when something goes wrong: staff say what, a task finds the least change, staff
see the difference, and one act makes it so.

    task, proposal = ask(tx, actor, trouble)        # at once
    proposals.proposal(db, vault, proposal)         # once the task is done: what would change
    accept(tx, actor, proposal)                     # or proposals.withdraw

All seats of the province that are still to come may move, at the price of the stay tax; those whose
expert has checked in or whose stay has begun keep their place, unless they sit in what has failed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session

from api.flows import seating as flow
from api.flows.names import REPLAN_TASK
from archive.actor import SYSTEM, Actor, Role
from archive.errors import Faults, Kind, Refusal
from archive.office import Office, Tx
from archive.tasks.service import Long, Run, Write, enqueue
from evaluation.seating import service as seating
from evaluation.seating.booking import BookedSeat
from evaluation.seating.problem import Problem, SeatKey, SeatRequest
from evaluation.seating.proposals import service as proposals
from evaluation.seating.proposals import trouble as troubles
from evaluation.seating.proposals.trouble import Trouble
from evaluation.seating.service import ConfirmedPlan
from evaluation.stations import service as stations
from evaluation.stations.slots import day_of, days_touched, holds_night, slot_at
from experts.draws import service as draws
from trading.projects import service as projects
from trading.rules.book import book

RULE_AHEAD = "seating.ahead_slots"
"""Seats that begin so much later than the trouble are left alone."""
RULE_STAY = "seating.stay_days_max"


def ask(tx: Tx, actor: Actor, trouble: Trouble) -> tuple[str, str]:
    """Ask for a proposal; the ids of the task that makes it and of the proposal to come. Refuses
    CONFLICT where no seat is concerned."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    trouble.check()
    now_slot = slot_at(tx.now)
    _check_time(tx.db, trouble, now_slot)
    if trouble.closes and not trouble.closures(stations.groups(tx.db)):
        params = {"centre": trouble.centre_id[:40], "label": trouble.label[:40] or "-"}
        raise Refusal("evaluation.station.unknown", params, Kind.NOT_FOUND)
    if not _wanted(tx.db, trouble, now_slot).requests:
        raise Refusal("evaluation.seat.trouble_none", {}, Kind.CONFLICT)
    proposal_id = tx.new_id()
    args = {"proposal": proposal_id, "trouble": trouble.to_json(), "asked_by": actor.id}
    return enqueue(tx, REPLAN_TASK, args), proposal_id


def _check_time(db: Session, trouble: Trouble, now_slot: int) -> None:
    """Refuse what is over, what is further off than anybody plans anew, and an overrun that would make a
    stay longer than the rule lets it be."""
    faults = Faults("evaluation.seat.trouble_invalid")
    if trouble.until <= now_slot:
        faults.add("/until", "evaluation.seat.trouble_over")
    elif trouble.until > now_slot + troubles.SLOTS_MAX:
        faults.add("/until", "evaluation.seat.trouble_far", slots_max=troubles.SLOTS_MAX)
    elif trouble.kind is troubles.Kind.OVERRUN:
        begins = [seat.slots[0] for seat in seating.seats_of(db, trouble.session_id)]
        most = book().rule(RULE_STAY, day_of(now_slot)).number
        if begins and days_touched((min(begins), trouble.until - 1)) > most:
            faults.add("/until", "evaluation.seat.trouble_long", rule=RULE_STAY, days_max=most)
    faults.refuse()


def propose(office: Office, args: Mapping[str, Any], run: Run) -> Write:
    """Task: the least change for a trouble. Bears to be run twice; comes to nothing where meanwhile
    the trouble, or the last seat that was concerned, is over."""
    trouble = troubles.from_json(args["trouble"])
    with office.read() as db:
        problem = problem_of(db, trouble, slot_at(office.clock.now()))
    if problem is None:
        return lambda tx: None
    plan = flow.watched(problem, run)

    def write(tx: Tx) -> None:
        name = args["proposal"]
        proposals.propose(tx, SYSTEM, name, trouble, problem, plan, _whose(tx.db, trouble))

    return write


PROPOSE = Long(propose)


def _whose(db: Session, trouble: Trouble) -> str:
    """The centre whose trouble it is. A session whose seats all keep their place is no part of the
    problem, and has its host all the same."""
    if trouble.closes:
        return trouble.centre_id
    return projects.lot(db, draws.draw(db, trouble.session_id).lot_id).centre_id


def accept(tx: Tx, actor: Actor, proposal_id: str) -> ConfirmedPlan:
    """Make a proposal the plan, and tell everybody concerned once: the centres on their day's page,
    the experts by message, those who have lost their seat too."""
    found = proposals.proposal(tx.db, tx.vault, proposal_id).difference
    confirmed = proposals.confirm(tx, actor, proposal_id)
    lost: dict[str, list[str]] = defaultdict(list)
    for key in found.lost:
        lost[key.session_id].append(key.expert_id)
    flow.tell_places(tx, found.sessions, lost)
    return confirmed


def problem_of(db: Session, trouble: Trouble, now_slot: int) -> Problem | None:
    """The day with its trouble; None where it is over, or no seat is concerned."""
    found = _wanted(db, trouble, now_slot)
    if trouble.until <= now_slot or not found.requests:
        return None
    sessions = sorted({request.session_id for request in found.requests})
    return seating.replan(
        db,
        found.requests,
        on_days=flow.days_of(found.requests),
        seed=flow.seed_of(draws.draw(db, key) for key in sessions),
        given_up=found.gone,
        and_closed=trouble.closures(stations.groups(db)),
        keeps_reserve=False,
    )


@dataclass(frozen=True)
class _Wanted:
    """What is planned anew: seats that may move or are new, and the seats that nobody wants any more.
    Running seats that the trouble does not strike keep their place and are not among them."""

    requests: list[SeatRequest]
    gone: set[SeatKey]


def _wanted(db: Session, trouble: Trouble, now_slot: int) -> _Wanted:
    live = _live(db, trouble, now_slot)
    asked, gone = _requests(db, trouble, live, now_slot)
    pinned = proposals.running(db, live, now_slot) - _struck(trouble, live)
    return _Wanted([request for request in asked if request.key not in pinned], gone)


def _live(db: Session, trouble: Trouble, now_slot: int) -> list[BookedSeat]:
    """The seats that are held now or will be."""
    ahead = book().rule(RULE_AHEAD, day_of(now_slot)).number
    last = max(trouble.until, now_slot) + ahead
    return [s for s in seating.seats_in(db, now_slot, last) if s.slots[-1] >= now_slot]


def _requests(
    db: Session, trouble: Trouble, live: Sequence[BookedSeat], now_slot: int
) -> tuple[list[SeatRequest], set[SeatKey]]:
    """A request for every seat to come as it is held, changed as the trouble wants; and the seats
    that nobody wants any more. Of a stay that has begun what is left is asked for: the slots behind
    it need no station anywhere."""
    held = {seat.key: seat for seat in live}
    sessions = {seat.session_id for seat in live}
    if not trouble.closes:
        sessions.add(trouble.session_id)
    asked: list[SeatRequest] = []
    gone: set[SeatKey] = set()
    for session in sorted(sessions):
        draw = draws.draw(db, session)
        made = {r.key: r for r in flow.requests_of(db, projects.lot(db, draw.lot_id), draw)}
        mine = {key for key in held if key.session_id == session}
        is_meant = session == trouble.session_id
        if is_meant and trouble.kind in (troubles.Kind.EXPERT, troubles.Kind.URGENT):
            gone |= mine - made.keys()
            asked += [made[key] for key in sorted(made.keys() - mine)]
        for key in sorted(mine & made.keys()):
            slots = held[key].slots
            if is_meant and trouble.kind is troubles.Kind.OVERRUN:
                slots = tuple(range(slots[0], max(slots[-1] + 1, trouble.until)))
            slots = tuple(slot for slot in slots if slot >= now_slot)
            night = made[key].overnight or holds_night(slots)
            asked.append(replace(made[key], slots=slots, overnight=night))
    return asked, gone


def _struck(trouble: Trouble, live: Iterable[BookedSeat]) -> set[SeatKey]:
    """Running seats that cannot just keep their place: in what fails while they run, or
    overrunning."""
    closed = set(range(trouble.first, trouble.until))
    return {
        seat.key
        for seat in live
        if (
            trouble.closes
            and seat.centre_id == trouble.centre_id
            and not closed.isdisjoint(seat.slots)
        )
        or (trouble.kind is troubles.Kind.OVERRUN and seat.session_id == trouble.session_id)
    }
