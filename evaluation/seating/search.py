"""The instant answer: a greedy plan, then local search, with numpy alone.

All arcs are priced at once for the plan as it stands: the way, stay tax and seed, what the rules of
dispersal and the centre's load would add, and nothing where a rule forbids it. Every seat looks at
its cheapest arc; those that gain most move first, each judged again at the moment it moves. A seat
without any arc left tries to push out one other seat that has somewhere else to go. The first sweep,
from the empty plan, is the greedy one. Every rule is kept, always; the price is not the best: a few
per cent above on a province's day. Where a session may choose its start, it takes `stays`.

Its certificate is the weakest honest one: no seat costs less than its own cheapest group, or than
not being given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.seating import check
from evaluation.seating.arcs import Arcs, Ints, arcs_of, members_most
from evaluation.seating.plan import Assignment, Method, Plan, Unseated
from evaluation.seating.problem import Problem, Seat
from evaluation.seating.reasons import why_unseated

SWEEPS_MAX = 40
NOWHERE = -1
FORBIDDEN = np.int64(2**60)


@dataclass
class Board:
    """What is taken so far, as tables; `at` is the arc of each seat, or `NOWHERE`. `most_here`,
    `most_around`: of each arc, how many members may sit in its centre and prefecture."""

    problem: Problem
    arcs: Arcs
    at: Ints
    used: Ints
    free: Ints
    in_centre: Ints
    in_prefecture: Ints
    load: Ints
    held: Ints
    prefecture: Ints
    expert: Ints
    most_here: Ints
    most_around: Ints
    free_around: Ints
    fair: Ints

    @classmethod
    def empty(cls, problem: Problem, arcs: Arcs) -> Board:
        names = sorted({place.prefecture for place in problem.places})
        prefecture = np.array([names.index(p.prefecture) for p in problem.places], np.int64)
        sessions = {c.session_id: index for index, c in enumerate(problem.committees)}
        sizes, limits = [c.members for c in problem.committees], problem.limits
        experts = {name: n for n, name in enumerate(sorted({s.expert_id for s in problem.seats}))}
        board = cls(
            problem=problem,
            arcs=arcs,
            at=np.full(len(problem.seats), NOWHERE, dtype=np.int64),
            used=np.zeros((len(problem.groups), len(problem.slots)), dtype=np.int64),
            free=np.array([group.free for group in problem.groups], dtype=np.int64).reshape(
                len(problem.groups), len(problem.slots)
            ),
            in_centre=np.zeros((len(sessions), len(problem.places)), dtype=np.int64),
            in_prefecture=np.zeros((len(sessions), len(names)), dtype=np.int64),
            load=np.array([place.load for place in problem.places], dtype=np.int64),
            held=np.zeros((len(experts), len(problem.slots)), dtype=np.int64),
            prefecture=prefecture,
            expert=np.array([experts[seat.expert_id] for seat in problem.seats], dtype=np.int64),
            most_here=members_most(
                problem,
                arcs.session,
                [place.centre_id for place in problem.places],
                arcs.place,
                np.full(len(sizes), limits.centre_max, np.int64),
                problem.centre_most,
            ),
            most_around=members_most(
                problem,
                arcs.session,
                names,
                prefecture[arcs.place],
                np.array([limits.prefecture_max_of(size) for size in sizes], np.int64),
                problem.prefecture_most,
            ),
            free_around=np.array([limits.prefecture_free_of(size) for size in sizes], np.int64),
            fair=np.array([place.fair for place in problem.places], dtype=np.int64),
        )
        for pin in problem.pinned:
            session, place = sessions[pin.session_id], problem.place_index[pin.centre_id]
            board.in_centre[session, place] += 1
            board.in_prefecture[session, prefecture[place]] += 1
        return board

    def put(self, seat: int, arc: int, sign: int = 1) -> None:
        """Seat `seat` takes `arc` (or, with −1, gives it up)."""
        arcs = self.arcs
        slots = slice(int(arcs.first[arc]), int(arcs.last[arc]) + 1)
        place, session = int(arcs.place[arc]), int(arcs.session[arc])
        self.used[int(arcs.group[arc]), slots] += sign
        self.held[int(self.expert[seat]), slots] += sign
        self.in_centre[session, place] += sign
        self.in_prefecture[session, self.prefecture[place]] += sign
        self.load[place] += sign
        self.at[seat] = arc if sign > 0 else NOWHERE

    def price(self, which: Ints) -> Ints:
        """The price of the arcs `which`, each for a seat that gave up its own first."""
        problem, arcs = self.problem, self.arcs
        limits, weights = problem.limits, problem.weights
        seat, place, session = arcs.seat[which], arcs.place[which], arcs.session[which]
        now = self.at[seat]
        sits = now != NOWHERE
        here = sits & (arcs.place[now] == place)
        near = sits & (self.prefecture[arcs.place[now]] == self.prefecture[place])
        members = self.in_centre[session, place] - here
        around = self.in_prefecture[session, self.prefecture[place]] - near
        load = self.load[place] - here
        fair = self.fair[place]
        prices = np.array((0, *weights.load), dtype=np.int64)
        share = np.where(fair > 0, load // np.maximum(1, fair), len(prices))
        cost = arcs.cost[which] + prices[np.minimum(share, len(prices) - 1)]
        cost = cost + np.where(members >= limits.centre_free, weights.second_member, 0)
        cost = cost + np.where(around >= self.free_around[session], weights.same_prefecture, 0)
        barred = (members >= self.most_here[which]) | (around >= self.most_around[which])
        barred |= ~self._has_room(which, now, sits)
        return np.where(barred, FORBIDDEN, cost)

    def _has_room(self, which: Ints, now: Ints, sits: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether the group has a station, and the expert time, in every slot of the arc."""
        arcs = self.arcs
        group, first, last = arcs.group[which], arcs.first[which], arcs.last[which]
        own_group = sits & (arcs.group[now] == group)
        expert = self.expert[arcs.seat[which]]
        room = np.ones(len(which), dtype=np.bool_)
        for step in range(int((last - first).max(initial=-1)) + 1):
            slot = np.minimum(first + step, last)
            own = sits & (arcs.first[now] <= slot) & (slot <= arcs.last[now])
            room &= self.used[group, slot] - (own & own_group) < self.free[group, slot]
            room &= self.held[expert, slot] - own < 1
        return room


def plan(problem: Problem, stays: Mapping[str, int] | None = None) -> Plan:
    """A plan that keeps every rule, at once. `stays`: the stay of sessions that have a choice, the
    first by default."""
    arcs = arcs_of(problem)
    chosen = stays or {}
    stay = np.array([chosen.get(seat.session_id, 0) for seat in problem.seats], dtype=np.int64)
    usable = np.flatnonzero(arcs.stay == stay[arcs.seat])
    board = Board.empty(problem, arcs)
    if len(usable):
        _improve(board, usable)
    assignments = tuple(_assignment(problem, arcs, int(arc)) for arc in board.at if arc != NOWHERE)
    missing = [problem.seats[index] for index in np.flatnonzero(board.at == NOWHERE)]
    unseated = tuple(
        Unseated(
            seat.session_id,
            seat.expert_id,
            why_unseated(problem, assignments, seat, chosen.get(seat.session_id, 0)),
        )
        for seat in missing
    )
    floors = _floors(problem, arcs)
    draft = Plan(
        problem_digest=problem.digest,
        assignments=assignments,
        unseated=unseated,
        objective=0,
        bound=sum(value for _, value in floors),
        certificate=floors,
        method=Method.SEARCH,
    )
    return replace(draft, objective=check.objective(problem, draft))


def _improve(board: Board, usable: Ints) -> None:
    """Sweeps until nobody gains."""
    seats, begin = np.unique(board.arcs.seat[usable], return_index=True)
    end = np.append(begin[1:], len(usable))
    choices = end - begin
    unseated = board.problem.weights.unseated
    for sweep in range(SWEEPS_MAX):
        price = board.price(usable)
        best = np.minimum.reduceat(price, begin)
        now = board.at[seats]
        cost = np.full(len(seats), unseated, dtype=np.int64)
        sits = now != NOWHERE
        cost[sits] = board.price(now[sits])
        gain = cost - best
        movers = np.flatnonzero(gain > 0)
        if not len(movers):
            if not _make_room(board, seats, begin, end, usable):
                return
            continue
        # At first those with the fewest choices, later those who gain most.
        key = choices[movers] if sweep == 0 else -gain[movers]
        for index in movers[np.argsort(key, kind="stable")].tolist():
            _move(board, int(seats[index]), usable[begin[index] : end[index]])


def _move(board: Board, seat: int, arcs: Ints) -> bool:
    """Take the cheapest arc as things stand now, if that is a gain."""
    price = board.price(arcs)
    best = int(price.argmin())
    now = int(board.at[seat])
    cost = board.problem.weights.unseated
    if now != NOWHERE:
        cost = int(board.price(np.array([now]))[0])
    if price[best] >= cost:
        return False
    if now != NOWHERE:
        board.put(seat, now, -1)
    board.put(seat, int(arcs[best]))
    return True


def _make_room(board: Board, seats: Ints, begin: Ints, end: Ints, usable: Ints) -> bool:
    """For seats not given: one other seat leaves its group for another, if both are then seated."""
    where = {int(seat): usable[b:e] for seat, b, e in zip(seats, begin, end, strict=True)}
    done = False
    for seat in seats[board.at[seats] == NOWHERE].tolist():
        done |= _push_out(board, seat, where)
    return done


def _push_out(board: Board, seat: int, where: dict[int, Ints]) -> bool:
    arcs = board.arcs
    sitting = arcs.group[board.at]
    for arc in where[seat][np.argsort(arcs.cost[where[seat]], kind="stable")].tolist():
        there = np.flatnonzero((board.at != NOWHERE) & (sitting == arcs.group[arc]))
        for other in there.tolist():
            if other not in where:
                continue
            before = int(board.at[other])
            board.put(other, before, -1)
            mine = int(board.price(np.array([arc]))[0])
            if mine < FORBIDDEN:
                board.put(seat, arc)
                price = board.price(where[other])
                best = int(price.argmin())
                if price[best] < board.problem.weights.unseated:
                    board.put(other, int(where[other][best]))
                    return True
                board.put(seat, arc, -1)
            board.put(other, before)
    return False


def _assignment(problem: Problem, arcs: Arcs, arc: int) -> Assignment:
    seat, group = problem.seats[arcs.seat[arc]], problem.groups[arcs.group[arc]]
    stay = int(arcs.stay[arc])
    return Assignment(seat.session_id, seat.expert_id, group.centre_id, group.equipment, stay)


def _floors(problem: Problem, arcs: Arcs) -> tuple[tuple[str, int], ...]:
    """What each seat costs at least, as duals of its rows: no certificate is simpler. For a session
    with several starts it is 0."""
    least = np.full(len(problem.seats), problem.weights.unseated, dtype=np.int64)
    np.minimum.at(least, arcs.seat, arcs.cost)
    return tuple(
        sorted(
            _floor(seat, int(cost))
            for seat, cost in zip(problem.seats, least, strict=True)
            if cost and len(seat.stays) == 1
        )
    )


def _floor(seat: Seat, cost: int) -> tuple[str, int]:
    return f"seat:{seat.key}:0", cost
