"""Every seat in every group it may be in, for all seats at once: the planner's list of arcs.

The same rules as `problem.allowed_groups` (a test compares them), as columns of numbers, so that a
nation's day with a million arcs is listed in about a second. Where a seat may choose between stays,
each (seat, stay) is a *variant* with arcs of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from evaluation.seating.problem import MILLI, TIE_BITS, Committee, Problem, is_busy
from evaluation.stations.station import Equipment

Ints: TypeAlias = NDArray[np.int64]
LOTTERY_BATCH = 1 << 16


@dataclass(frozen=True)
class Arcs:
    """Columns of equal length, sorted by variant and group. `first`, `last`: the indices of the
    stay's slots; `cost` in milli, what the seed adds included."""

    problem: Problem
    variant: Ints
    seat: Ints
    stay: Ints
    group: Ints
    place: Ints
    first: Ints
    last: Ints
    cost: Ints
    variant_seat: Ints
    """Of each variant: its seat,"""
    variant_stay: Ints
    """and the number of its stay."""

    @cached_property
    def begin(self) -> Ints:
        """Where the arcs of each variant begin; one entry more than variants."""
        return np.searchsorted(self.variant, np.arange(len(self.variant_seat) + 1)).astype(np.int64)

    @cached_property
    def session(self) -> Ints:
        """The index of each arc's committee."""
        return self.session_of_seat[self.seat]

    @cached_property
    def session_of_seat(self) -> Ints:
        index = {c.session_id: i for i, c in enumerate(self.problem.committees)}
        return _ints([index[seat.session_id] for seat in self.problem.seats])

    def ties(self, which: Ints) -> Ints:
        """What breaks ties, of the arcs `which`."""
        numbers = lottery(self.problem, self.seat[which], self.group[which])
        return (numbers[:, 1] >> np.uint64(64 - TIE_BITS)).astype(np.int64)


def lottery(problem: Problem, seats: Ints, groups: Ints) -> NDArray[np.uint64]:
    """The first two words of SHA-256(seed|seat|group) for pairs of indices; shape (n, 4)."""
    names = [f"|{group.key}".encode() for group in problem.groups]
    digests = []
    now, begun = -1, hashlib.sha256()
    for seat, group in zip(seats.tolist(), groups.tolist(), strict=True):
        if seat != now:
            begun = hashlib.sha256(problem.seed + f"|{problem.seats[seat].key}".encode())
            now = seat
        one = begun.copy()
        one.update(names[group])
        digests.append(one.digest())
    return np.frombuffer(b"".join(digests), dtype=">u8").reshape(-1, 4).astype(np.uint64)


def arcs_of(problem: Problem) -> Arcs:
    """All arcs. The way, the night, the class, barred centres, busy experts and groups without a
    free station in one of the slots leave none."""
    seats = problem.seats
    pair_seat, pair_place, pair_minutes = _pairs(problem)
    kept = _near_enough(problem, pair_seat, pair_minutes) & ~_barred(problem, pair_seat, pair_place)
    pair_seat, pair_place, pair_minutes = pair_seat[kept], pair_place[kept], pair_minutes[kept]
    seat, place, minutes, group = _into_groups(problem, pair_seat, pair_place, pair_minutes)
    cost = minutes * MILLI
    index = problem.place_index
    rests = np.array([p.overnight for p in problem.places], dtype=np.bool_)
    at = _ints([index.get(one.current, -2 if one.current else -1) for one in seats])[seat]
    if problem.weights.move:
        cost = cost + np.where((at != -1) & (at != place), problem.weights.move, 0)
    if problem.weights.elsewhere:
        nights = np.array([one.overnight for one in seats], dtype=np.bool_)[seat]
        is_elsewhere = _elsewhere(problem, seat, place) | (nights & ~rests[place])
        is_elsewhere &= at != place
        cost = cost + np.where(is_elsewhere, problem.weights.elsewhere, 0)
    if problem.weights.amplitude:
        extra = lottery(problem, seat, group)[:, 0] % np.uint64(problem.weights.amplitude + 1)
        cost = cost + extra.astype(np.int64)
    counts = _ints([len(one.stays) for one in seats])
    begin = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    variant_seat = np.repeat(np.arange(len(seats), dtype=np.int64), counts)
    variant_stay = np.arange(len(variant_seat), dtype=np.int64) - begin[variant_seat]
    runs = sorted({stay for one in seats for stay in one.stays})
    run_index = {run: number for number, run in enumerate(runs)}
    run = _ints([run_index[stay] for one in seats for stay in one.stays])
    firsts = _ints([problem.slot_index[stay[0]] for stay in runs])
    lasts = _ints([problem.slot_index[stay[-1]] for stay in runs])
    free = np.array([g.free for g in problem.groups], dtype=np.int64)
    free = free.reshape(len(problem.groups), len(problem.slots))
    least = [
        free[:, first : last + 1].min(axis=1) for first, last in zip(firsts, lasts, strict=True)
    ]
    table = np.stack(least) if least else np.zeros((0, len(problem.groups)), dtype=np.int64)
    shut = np.array(
        [is_busy(one, stay) for one in seats for stay in range(len(one.stays))], dtype=np.bool_
    )
    night = np.array(
        [one.stays_overnight(stay) for one in seats for stay in range(len(one.stays))], np.bool_
    )
    # Every (seat, group) once for each stay of the seat.
    times = counts[seat]
    source = np.repeat(np.arange(len(seat), dtype=np.int64), times)
    offset = np.arange(len(source), dtype=np.int64) - np.repeat(np.cumsum(times) - times, times)
    variant = begin[seat[source]] + offset
    allowed = ~shut[variant] & (table[run[variant], group[source]] > 0)
    allowed &= ~night[variant] | rests[place[source]]
    source, variant = source[allowed], variant[allowed]
    order = np.lexsort((group[source], variant))
    source, variant = source[order], variant[order]
    return Arcs(
        problem=problem,
        variant=variant,
        seat=seat[source],
        stay=variant_stay[variant],
        group=group[source],
        place=place[source],
        first=firsts[run[variant]],
        last=lasts[run[variant]],
        cost=cost[source],
        variant_seat=variant_seat,
        variant_stay=variant_stay,
    )


def _pairs(problem: Problem) -> tuple[Ints, Ints, Ints]:
    counts = _ints([len(seat.near) for seat in problem.seats])
    seat = np.repeat(np.arange(len(problem.seats), dtype=np.int64), counts)
    place = _ints([index for one in problem.seats for index in one.near])
    minutes = _ints([way for one in problem.seats for way in one.minutes])
    return seat, place, minutes


def _near_enough(problem: Problem, seat: Ints, minutes: Ints) -> NDArray[np.bool_]:
    reach = _ints([min(one.reach, problem.limits.travel_minutes) for one in problem.seats])
    return minutes <= reach[seat]


def _barred(problem: Problem, seat: Ints, place: Ints) -> NDArray[np.bool_]:
    """The centres of `problem.barred_by`, as one mask."""
    committees = [problem.committee_of[one.session_id] for one in problem.seats]
    number: dict[str, int] = {"": -1}

    def codes(names: Sequence[str], absent: int) -> Ints:
        found = _ints([number.setdefault(name, len(number)) for name in names])
        return np.where(found == -1, absent, found)

    operator = codes([p.operator_uscc for p in problem.places], -2)[place]
    county = codes([p.division for p in problem.places], -2)[place]
    tenderer = codes([c.tenderer_uscc for c in committees], -3)[seat]
    tenderer_county = codes([c.tenderer_division for c in committees], -3)[seat]
    employer = codes([one.employer_uscc for one in problem.seats], -3)[seat]
    host = _ints([problem.place_index.get(c.host_centre_id, -1) for c in committees])[seat]
    barred: NDArray[np.bool_] = (host == place) | (operator == tenderer) | (operator == employer)
    barred |= county == tenderer_county
    known, width = problem.place_index, len(problem.places)
    forbidden = [
        index * width + known[centre]
        for index, one in enumerate(committees)
        for centre in one.forbidden
        if centre in known
    ]
    if forbidden:
        barred |= np.isin(seat * width + place, _ints(forbidden))
    abroad = np.array([p.abroad for p in problem.places], dtype=np.bool_)[place]
    return barred | (abroad & ~_named(problem, seat, place)) if abroad.any() else barred


def _named(problem: Problem, seat: Ints, place: Ints) -> NDArray[np.bool_]:
    """Where the place is a guest centre that the seat's session names."""
    known, width = problem.place_index, len(problem.places)
    asked = [
        index * width + known[centre]
        for index, one in enumerate(problem.seats)
        for centre in problem.committee_of[one.session_id].guests
        if centre in known
    ]
    return np.isin(seat * width + place, _ints(asked))


def _elsewhere(problem: Problem, seat: Ints, place: Ints) -> NDArray[np.bool_]:
    """Where the seat's session names guest centres and the place is none of them."""
    names = [bool(problem.committee_of[one.session_id].guests) for one in problem.seats]
    return np.array(names, dtype=np.bool_)[seat] & ~_named(problem, seat, place)


def members_most(
    problem: Problem,
    session: Ints,
    names: Sequence[str],
    area: Ints,
    plain: Ints,
    exact: Callable[[Committee, str], int],
) -> Ints:
    """How many members of a session may sit in an area (`names` by its number), for pairs of indices:
    `plain` of its session, and what `exact` says where the session names guest centres."""
    most = plain[session]
    has_guests = np.array([bool(one.guests) for one in problem.committees], dtype=np.bool_)
    for pair in np.flatnonzero(has_guests[session]).tolist():
        most[pair] = exact(problem.committees[session[pair]], names[area[pair]])
    return most


def _into_groups(
    problem: Problem, seat: Ints, place: Ints, minutes: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    table = np.full((len(problem.places), len(Equipment)), -1, dtype=np.int64)
    for index, group in enumerate(problem.groups):
        table[problem.place_index[group.centre_id], group.equipment - 1] = index
    needs = _ints([int(one.needs) for one in problem.seats])
    found = []
    for equipment in Equipment:
        group_there = table[place, equipment - 1]
        kept = np.flatnonzero((needs[seat] <= equipment) & (group_there >= 0))
        found.append((kept, group_there[kept]))
    which = np.concatenate([kept for kept, _ in found])
    return seat[which], place[which], minutes[which], np.concatenate([group for _, group in found])


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
