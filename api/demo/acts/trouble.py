"""What goes wrong, so that one sees the day planned anew: a centre without power on the eve, a review
that will take the night, a booth that fails at noon. Each is reported by staff of the centre that it
concerns; a task finds the least change, and ten minutes later they confirm it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from api.demo import people
from api.demo.play import Play
from api.flows import changes
from archive.clock import SHANGHAI
from archive.errors import Refusal
from archive.office import Tx
from archive.tasks.service import Write
from evaluation.seating import service as seating
from evaluation.seating.booking import BookedSeat
from evaluation.seating.proposals.trouble import Kind, Trouble
from evaluation.stations import service as stations
from evaluation.stations.slots import SLOTS_A_DAY, Part, slot_of

CONFIRMED_AFTER = timedelta(minutes=10)


def moments(play: Play) -> list[tuple[str, datetime]]:
    """When what goes wrong."""
    eve = play.moments.plan
    return [
        ("CENTRE", eve + timedelta(minutes=40)),
        ("OVERRUN", eve + timedelta(minutes=70)),
        ("STATION", play.moments.opening + timedelta(hours=3, minutes=30)),
    ]


def go_wrong(play: Play, args: Mapping[str, Any]) -> Write:
    """Report it; where no seat is concerned nothing is wrong."""
    morning = slot_of(play.moments.opening.astimezone(SHANGHAI).date(), Part.AM)

    def write(tx: Tx) -> None:
        seats = seating.seats_in(tx.db, morning, morning + Part.PM)
        found = _TROUBLES[args["kind"]](tx.db, seats, morning)
        if found is None:
            return
        centre, trouble = found
        try:
            _, proposal = changes.ask(tx, people.staff(centre), trouble)
        except Refusal as refusal:
            over = {"evaluation.seat.trouble_none", "evaluation.seat.trouble_over"}
            if over.isdisjoint((refusal.code, *(fault.code for fault in refusal.faults))):
                raise
            return  # the seats, or the hours, were over before anybody came to report it
        more = {"proposal": proposal, "centre": centre}
        play.later(tx, "confirm_change", more, tx.now + CONFIRMED_AFTER)

    return write


def _power_cut(
    db: Session, seats: Sequence[BookedSeat], morning: int
) -> tuple[str, Trouble] | None:
    """The centre that gives most seats in the morning has no power then."""
    given = Counter(seat.centre_id for seat in seats if seat.slots[0] == morning)
    if not given:
        return None
    centre = min(given, key=lambda centre: (-given[centre], centre))
    reason = "停电通知(演示)"
    return centre, Trouble(Kind.CENTRE, reason, morning, morning + 1, centre_id=centre)


def _overrun(db: Session, seats: Sequence[BookedSeat], morning: int) -> tuple[str, Trouble] | None:
    """A review of the afternoon will take the night."""
    afternoon = morning + Part.PM
    sessions = sorted({seat.session_id for seat in seats if seat.slots == (afternoon,)})
    if not sessions:
        return None
    trouble = Trouble(
        Kind.OVERRUN,
        "评审工作量大,预计隔夜(演示)",
        afternoon,
        morning + SLOTS_A_DAY + 1,
        session_id=sessions[0],
    )
    return changes.lot_of(db, sessions[0]).centre_id, trouble


def _booth_fails(
    db: Session, seats: Sequence[BookedSeat], morning: int
) -> tuple[str, Trouble] | None:
    """A booth of a centre that is awaited in the afternoon."""
    afternoon = morning + Part.PM
    awaited = sorted({seat.group for seat in seats if seat.slots[0] == afternoon})
    if not awaited:
        return None
    group = awaited[0]
    label = stations.labels(db, group)[-1]
    trouble = Trouble(
        Kind.STATION, "终端故障(演示)", afternoon, afternoon + 1, group.centre_id, label
    )
    return group.centre_id, trouble


_TROUBLES: Mapping[
    str, Callable[[Session, Sequence[BookedSeat], int], tuple[str, Trouble] | None]
] = {"CENTRE": _power_cut, "OVERRUN": _overrun, "STATION": _booth_fails}


def confirm_change(play: Play, args: Mapping[str, Any]) -> Write:
    """Confirm what was proposed, unless the day has changed since: then it stays as it is. In a
    transaction of its own, for a refusal must leave nothing half done."""
    with suppress(Refusal), play.office.write() as tx:
        changes.accept(tx, people.staff(args["centre"]), args["proposal"])
    return lambda tx: None


ACTS = {"go_wrong": go_wrong, "confirm_change": confirm_change}
