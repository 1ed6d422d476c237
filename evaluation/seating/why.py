"""Why here, and why not there: the prices of the relaxation, put into words.

A certificate prices every row: what one more station of a full group would be worth, one more member
in a centre or prefecture, one more seat at a loaded centre, the expert's time. What a seat would cost
in a place, less what it costs where it is, is the price of sending it there: its own minutes and what
it would take from others. By linear duality no plan with the seat there costs less than that more
than the bound. So where the plan meets its bound and the price is above zero, the plan would truly
be dearer; where it is zero, going there costs nothing as far as the prices tell.

A vertex of the optimal prices leaves many arcs at zero that no best plan uses. So the planner keeps
the mean of several (`Plan.prices`): an arc that has a price in one of them has one in the mean.

What the rules forbid outright has no price: the rule is the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from archive.errors import Param, Reason
from evaluation.seating.plan import Assignment, Plan
from evaluation.seating.problem import (
    MILLI,
    Group,
    Problem,
    Seat,
    SeatKey,
    allowed_groups,
    arc_cost,
    barred_by,
    is_busy,
    is_elsewhere,
)
from evaluation.stations.station import GroupKey


@dataclass(frozen=True)
class Price:
    """What a seat costs in a group, in milli: for itself, and by what it takes from others."""

    group: GroupKey
    own: int
    capacity: Fraction
    centre: Fraction
    prefecture: Fraction
    load: Fraction
    time: Fraction

    @property
    def total(self) -> Fraction:
        return self.own + self.capacity + self.centre + self.prefecture + self.load + self.time


@dataclass(frozen=True)
class Answer:
    """`dearer`: by how much the whole plan would be dearer at least with the seat there, in milli;
    None where a rule forbids it. `reasons`: the words, the weightiest first."""

    key: SeatKey
    centre_id: str
    is_here: bool
    dearer: int | None
    reasons: tuple[Reason, ...]


class Prices:
    """The certificate of a plan, to be asked about its seats."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem, self.plan = problem, plan
        self._count = max(1, plan.price_count)
        self._duals: Mapping[str, int] = dict(plan.prices if plan.price_count else plan.certificate)
        self._given = {given.key: given for given in plan.assignments}
        self._stays = {given.session_id: given.stay for given in plan.assignments}

    def price(self, seat: Seat, group: Group) -> Price:
        """What the seat costs in a group that it may have."""
        problem = self.problem
        place = problem.places[problem.place_index[group.centre_id]]
        stay = self._stays.get(seat.session_id, 0)
        slots = seat.stays[stay]

        def paid(name: str) -> Fraction:
            return Fraction(-self._duals.get(name, 0), self._count)

        return Price(
            group=group.key,
            own=arc_cost(problem, seat, group),
            capacity=sum((paid(f"capacity:{group.key}:{slot}") for slot in slots), Fraction()),
            centre=paid(f"centre:{seat.session_id}:{place.centre_id}:{stay}"),
            prefecture=paid(f"prefecture:{seat.session_id}:{place.prefecture}:{stay}"),
            load=paid(f"load:{place.centre_id}"),
            time=sum((paid(f"clash:{seat.expert_id}:{slot}") for slot in slots), Fraction()),
        )

    def cheapest(self, seat: Seat, centre_id: str) -> Price | None:
        """The best group of a centre; None where the seat may have none there."""
        stay = self._stays.get(seat.session_id, 0)
        there = self.problem.groups_in.get(centre_id, ())
        allowed = set(allowed_groups(self.problem, seat, stay)).intersection(there)
        prices = [self.price(seat, self.problem.groups[index]) for index in sorted(allowed)]
        return min(prices, key=lambda price: price.total, default=None)

    def worth(self, seat: Seat) -> Fraction:
        """What the plan pays for the seat: the dual of its own row."""
        stay = self._stays.get(seat.session_id, 0)
        return Fraction(self._duals.get(f"seat:{seat.key}:{stay}", 0), self._count)

    def why(self, key: SeatKey, centre_id: str) -> Answer:
        """Why the seat is in this centre, or why it is not. KeyError for a seat that is none."""
        seat = self.problem.seat_of[key]
        given = self._given.get(key)
        is_here = given is not None and given.centre_id == centre_id
        there = self.cheapest(seat, centre_id)
        if there is None:
            return Answer(key, centre_id, False, None, (self._forbidden(seat, centre_id),))
        # Costs are whole numbers of milli: what is at least a fraction dearer is a whole one dearer.
        dearer = max(0, ceil(there.total - self.worth(seat)))
        if is_here:
            return Answer(key, centre_id, True, 0, self._here(seat, given, there))
        return Answer(key, centre_id, False, dearer, self._not_there(seat, given, there, dearer))

    def _here(self, seat: Seat, given: Assignment | None, here: Price) -> tuple[Reason, ...]:
        others = [
            (price.total, price)
            for place in self.problem.places
            if place.centre_id != here.group.centre_id
            and (price := self.cheapest(seat, place.centre_id)) is not None
        ]
        params: dict[str, Param] = {
            **_who(seat, here.group.centre_id),
            "minutes": self._way(seat, here),
        }
        if not others:
            return (Reason("evaluation.seat.why_only", params),)
        total, second = min(others, key=lambda pair: (pair[0], pair[1].group))
        more = max(0, ceil(total - self.worth(seat)))
        params |= {"next": second.group.centre_id, "dearer": _minutes(more)}
        return (Reason("evaluation.seat.why_here", params), *self._parts(seat, here))

    def _not_there(
        self, seat: Seat, given: Assignment | None, there: Price, dearer: int
    ) -> tuple[Reason, ...]:
        params: dict[str, Param] = {
            **_who(seat, there.group.centre_id),
            "minutes": self._way(seat, there),
            "dearer": _minutes(dearer),
        }
        code = "evaluation.seat.why_not_there" if dearer else "evaluation.seat.why_as_good"
        if given is None:
            code = "evaluation.seat.why_not_unseated"
        return (Reason(code, params), *self._parts(seat, there))

    def _way(self, seat: Seat, price: Price) -> int:
        minutes = seat.minutes_to(self.problem.place_index[price.group.centre_id])
        assert minutes is not None, "only where a way is known is there a price"
        return minutes

    def _parts(self, seat: Seat, price: Price) -> tuple[Reason, ...]:
        """What a seat costs beside its way: for itself, and what it takes from others; the weightiest
        first."""
        problem, centre_id = self.problem, price.group.centre_id
        committee = problem.committee_of[seat.session_id]
        is_new = seat.current != centre_id
        place = problem.places[problem.place_index[centre_id]]
        is_unnamed = is_new and committee.is_elsewhere(place)
        is_moved = is_new and bool(seat.current)
        parts: dict[str, int | Fraction] = {
            "evaluation.seat.why_elsewhere": problem.weights.elsewhere if is_unnamed else 0,
            "evaluation.seat.why_night": (
                problem.weights.elsewhere
                if is_new and not is_unnamed and is_elsewhere(problem, seat, place)
                else 0
            ),
            "evaluation.seat.why_moved": problem.weights.move if is_moved else 0,
            "evaluation.seat.why_capacity": price.capacity,
            "evaluation.seat.why_centre": price.centre,
            "evaluation.seat.why_prefecture": price.prefecture,
            "evaluation.seat.why_load": price.load,
            "evaluation.seat.why_time": price.time,
        }
        who = _who(seat, centre_id)
        weighty = sorted(
            ((worth, code) for code, worth in parts.items() if worth > 0), reverse=True
        )
        return tuple(Reason(code, {**who, "worth": _minutes(worth)}) for worth, code in weighty)

    def _forbidden(self, seat: Seat, centre_id: str) -> Reason:
        """The rule that keeps the seat out of a centre."""
        problem = self.problem
        stay = self._stays.get(seat.session_id, 0)
        who = _who(seat, centre_id)
        index = problem.place_index.get(centre_id)
        if index is None:
            return Reason("evaluation.seat.why_no_centre", who)
        place = problem.places[index]
        limit = min(seat.reach, problem.limits.travel_minutes)
        minutes = seat.minutes_to(index)
        barred = barred_by(problem, seat, place)
        suited = [
            problem.groups[group]
            for group in problem.groups_in[centre_id]
            if problem.groups[group].equipment >= seat.needs
        ]
        if is_busy(seat, stay):
            return Reason("evaluation.seat.none_busy", who)
        if barred:
            return Reason(barred, who)
        if minutes is None:
            return Reason("evaluation.seat.out_of_reach", {**who, "minutes_max": limit})
        if minutes > limit:
            params: dict[str, Param] = {"minutes": minutes, "minutes_max": limit}
            return Reason("evaluation.seat.too_far", {**who, **params})
        if not suited:
            return Reason("evaluation.seat.why_class", {**who, "needed": seat.needs.name})
        if seat.stays_overnight(stay) and not place.overnight:
            return Reason("evaluation.seat.overnight", who)
        return Reason("evaluation.seat.why_closed", who)


def _who(seat: Seat, centre_id: str) -> dict[str, Param]:
    return {"session": seat.session_id, "expert": seat.expert_id, "centre": centre_id}


def _minutes(milli: int | Fraction) -> int:
    """Whole minutes, rounded up."""
    return ceil(Fraction(milli) / MILLI)
