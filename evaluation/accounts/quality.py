"""How good a plan is for those whom it concerns: the way, the dispersal, the load. Shown beside the
gap, for a plan may be the cheapest and still be hard on one centre."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from evaluation.seating.plan import Plan
from evaluation.seating.problem import MILLI, Problem

PERMILLE = 1000


@dataclass(frozen=True)
class Quality:
    """`mean_minutes`, `longest_minutes`: ways to the seats given, the mean rounded up. `together`:
    seats beyond the first of a committee in one centre. `elsewhere`: seats in none of the guest centres
    that their session names, `elsewhere_minutes` the price of each. `centres`: how many give a seat.
    `fullest`, `fullest_permille`: the centre with the most seats by its fair share, and how many
    thousandths of that share it gives, what it gave before included."""

    seats: int
    mean_minutes: int
    longest_minutes: int
    together: int
    elsewhere: int
    elsewhere_minutes: int
    centres: int
    fullest: str
    fullest_permille: int


def quality(problem: Problem, plan: Plan) -> Quality:
    """The figures of a plan that is a plan of this problem."""
    ways = [
        problem.seat_of[given.key].minutes_to(problem.place_index[given.centre_id]) or 0
        for given in plan.assignments
    ]
    in_centre = Counter((given.session_id, given.centre_id) for given in plan.assignments)
    load = Counter(given.centre_id for given in plan.assignments)
    fullest, most = "", 0
    for place in problem.places:
        share = (place.load + load[place.centre_id]) * PERMILLE // max(1, place.fair)
        if load[place.centre_id] and share > most:
            fullest, most = place.centre_id, share
    elsewhere = sum(
        problem.committee_of[given.session_id].is_elsewhere(
            problem.places[problem.place_index[given.centre_id]]
        )
        for given in plan.assignments
    )
    return Quality(
        seats=len(ways),
        mean_minutes=-(-sum(ways) // max(1, len(ways))),
        longest_minutes=max(ways, default=0),
        together=sum(count - 1 for count in in_centre.values()),
        elsewhere=elsewhere,
        elsewhere_minutes=problem.weights.elsewhere // MILLI,
        centres=len(load),
        fullest=fullest,
        fullest_permille=most,
    )
