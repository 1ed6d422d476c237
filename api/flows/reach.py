"""Whether those who may be drawn could sit in the guest centres (副场) that a lot names: numbers for staff
before the draw is asked for.

The draw does not look at guests, so that nobody steers it by naming some; who cannot sit there is seated
elsewhere in the province (docs/decisions/0010). What would come of it is better known beforehand.

The planner is asked with its own rules: one imagined expert for each county in which somebody lives who
may be drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from api.flows import seating as flow
from api.flows.places import names
from evaluation.seating import service as seating
from evaluation.seating.problem import Problem, Seat, allowed_groups
from evaluation.stations.slots import slot_at, stay
from experts.draws.basis.service import Supply
from trading.parties import service as parties
from trading.projects.project import Lot


@dataclass(frozen=True)
class Reach:
    """`guests`: the names of the centres; `stations` free there for the whole review, as things stand;
    `near`: by specialty, how many of those who may be drawn could sit there."""

    guests: tuple[str, ...]
    stations: int
    near: Mapping[str, int]


def reach(db: Session, lot: Lot, at: datetime, supplies: Sequence[Supply]) -> Reach | None:
    """The numbers of a lot that names guests; None for another. Refuses like the planner, where the
    centres are closed at that time."""
    counties = sorted({county for supply in supplies for county in supply.homes})
    if not lot.guests or not counties:
        return None
    slots = stay(slot_at(at), lot.slots)
    tenderer = parties.organisation(db, lot.tenderer_uscc)
    requests = [
        flow.request_for(lot, tenderer, slots, len(counties), lot.id, county, county)
        for county in counties
    ]
    problem = seating.problem_for(db, requests, on_days=flow.days_of(requests), seed=b"reach")
    groups = {seat.expert_id: _with_guests(problem, seat) for seat in problem.seats}
    indices = [problem.slot_index[slot] for slot in slots]
    called = names(db)
    return Reach(
        guests=tuple(called.get(guest, guest) for guest in lot.guests),
        stations=sum(
            min(problem.groups[index].free[slot] for slot in indices)
            for index in set().union(*groups.values())
        ),
        near={
            supply.specialty: sum(n for county, n in supply.homes.items() if groups[county])
            for supply in supplies
        },
    )


def _with_guests(problem: Problem, seat: Seat) -> set[int]:
    guests = problem.committee_of[seat.session_id].guests
    return {
        index
        for index in allowed_groups(problem, seat)
        if problem.groups[index].centre_id in guests
    }
