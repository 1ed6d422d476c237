"""The seating model: a linear programme over station groups, one function for each named rule.

Sets: seats s (an expert e(s) in a session k(s)); stays a of a session (its possible starts, by far
most often one), in which seat s holds the slots T(s,a); station groups g of a centre c(g) in a
prefecture p(c); A(s,a) the groups that seat s may be in at all in stay a (`arcs`).

    x[s,a,g] ∈ {0,1}  seat s is in group g in stay a          cost: minutes + stay tax + seed
    u[s,a]   ∈ {0,1}  seat s is not given                     cost: the price of a seat not given
    z[k,a]   ∈ {0,1}  session k takes stay a                  (only where it has several; else 1)
    m[k,a,c] ≥ 0      priced members of session k in centre c
    q[k,a,p] ≥ 0      priced members of session k in prefecture p
    l[c,i]   ≥ 0      seats of centre c in its i-th priced piece of load

    minimise   Σ cost·x + U Σ u + M Σ m + Q Σ q + Σ L_i l[c,i]              subject to

    seat          Σ_g x[s,a,g] + u[s,a] = z[k,a]                                every s, a
    start         Σ_a z[k,a] = 1                                                every k with several
    capacity      Σ_{s,a: t ∈ T(s,a)} x[s,a,g] ≤ free[g,t]                      every g, t
    centre        Σ_{s ∈ k, g ∈ c} x[s,a,g] − m[k,a,c] ≤ free members left · z  every k, a, c
    prefecture    Σ_{s ∈ k, g ∈ p} x[s,a,g] − q[k,a,p] ≤ free members left · z  every k, a, p
    load          Σ_{g ∈ c} x[s,a,g] − Σ_i l[c,i] ≤ seats left in the fair share    every c
    clash         Σ_{s,a: e(s) = e, t ∈ T(s,a)} Σ_g x[s,a,g] ≤ 1                every e, t

The hard limits are the upper bounds of m, q and l. Rows that can never bind are left out. Stations
of a group are interchangeable, so "how many in each slot" is exact (`evaluation.stations.station`
says why). A seat not given has a price, so there is always a plan. Common start is the index a.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse

from evaluation.seating.arcs import Arcs, Ints, arcs_of, members_most
from evaluation.seating.certificate import Rows
from evaluation.seating.problem import Committee, Problem, load_pieces


@dataclass
class Model:
    """The programme while its rows are being built. Columns: the arcs, u of each variant, z of each
    (session, stay), then those of the priced rules in the order of their rows."""

    problem: Problem
    arcs: Arcs
    cost: list[Ints] = field(default_factory=list)
    most: list[Ints] = field(default_factory=list)
    columns: int = 0
    namers: list[tuple[int, Callable[[int], str]]] = field(default_factory=list)
    """Where each kind of rows begins, and how its n-th row is called."""
    rhs: list[Ints] = field(default_factory=list)
    equal: list[bool] = field(default_factory=list)
    entry_rows: list[Ints] = field(default_factory=list)
    entry_columns: list[Ints] = field(default_factory=list)
    entry_values: list[Ints] = field(default_factory=list)
    row_count: int = 0

    @cached_property
    def stays(self) -> int:
        """The largest number of stays of a session."""
        return max((len(seat.stays) for seat in self.problem.seats), default=1)

    @cached_property
    def starts(self) -> dict[tuple[int, int], int]:
        """The number of z among the z columns, for (session, stay) where there is a choice."""
        count: dict[int, int] = {}
        for session, seat in zip(
            self.arcs.session_of_seat.tolist(), self.problem.seats, strict=True
        ):
            count[session] = len(seat.stays)
        pairs = [(k, a) for k, n in sorted(count.items()) if n > 1 for a in range(n)]
        return {pair: number for number, pair in enumerate(pairs)}

    @property
    def first_unseated(self) -> int:
        return len(self.arcs.cost)

    @property
    def first_start(self) -> int:
        return self.first_unseated + len(self.arcs.variant_seat)

    @property
    def first_extra(self) -> int:
        """Where the columns of the priced rules begin."""
        return self.first_start + len(self.starts)

    def add_columns(self, cost: Ints, most: Ints) -> Ints:
        first = self.columns
        self.cost.append(np.asarray(cost, dtype=np.int64))
        self.most.append(np.asarray(most, dtype=np.int64))
        self.columns += len(cost)
        return np.arange(first, self.columns, dtype=np.int64)

    def add_rows(self, rhs: Ints, name: Callable[[int], str], *, is_equal: bool = False) -> Ints:
        first = self.row_count
        self.namers.append((first, name))
        self.rhs.append(np.asarray(rhs, dtype=np.int64))
        self.equal.extend([is_equal] * len(rhs))
        self.row_count += len(rhs)
        return np.arange(first, self.row_count, dtype=np.int64)

    def add_entries(self, rows: Ints, columns: Ints, value: int | Ints) -> None:
        self.entry_rows.append(np.asarray(rows, dtype=np.int64))
        self.entry_columns.append(np.asarray(columns, dtype=np.int64))
        self.entry_values.append(np.broadcast_to(np.asarray(value, np.int64), np.shape(rows)))

    def row_name(self, row: int) -> str:
        first, name = next(pair for pair in reversed(self.namers) if pair[0] <= row)
        return name(row - first)

    def rows(self) -> Rows:
        """The finished programme."""
        places = (np.concatenate(self.entry_rows), np.concatenate(self.entry_columns))
        shape = (self.row_count, self.columns)
        matrix = sparse.csr_matrix((np.concatenate(self.entry_values), places), shape=shape)
        return Rows(
            name=self.row_name,
            matrix=matrix,
            rhs=np.concatenate(self.rhs),
            equal=np.array(self.equal, dtype=np.bool_),
            cost=np.concatenate(self.cost),
            most=np.concatenate(self.most),
        )


def model_of(problem: Problem) -> Model:
    """All columns and rows; the same problem always gives the same programme."""
    model = begun(problem)
    for rule in RULES:
        rule(model)
    return model


def begun(problem: Problem) -> Model:
    """The columns x, u and z, and no rows yet."""
    arcs = arcs_of(problem)
    model = Model(problem, arcs)
    model.add_columns(arcs.cost, np.ones_like(arcs.cost))
    variants = np.ones_like(arcs.variant_seat)
    model.add_columns(variants * problem.weights.unseated, variants)
    starts = np.ones(len(model.starts), dtype=np.int64)
    model.add_columns(starts * 0, starts)
    return model


def every_seat_is_given_or_not(model: Model) -> None:
    """Rows *seat*: x and u of a variant make up 1, or z where there are starts to choose."""
    arcs, seats = model.arcs, model.problem.seats
    session = arcs.session_of_seat[arcs.variant_seat]
    starts = _start_of(model, session, arcs.variant_stay)
    chosen = starts >= 0

    def name(index: int) -> str:
        return f"seat:{seats[arcs.variant_seat[index]].key}:{arcs.variant_stay[index]}"

    rows = model.add_rows(np.where(chosen, 0, 1).astype(np.int64), name, is_equal=True)
    model.add_entries(rows[arcs.variant], np.arange(len(arcs.cost)), 1)
    model.add_entries(rows, model.first_unseated + np.arange(len(rows)), 1)
    model.add_entries(rows[chosen], model.first_start + starts[chosen], -1)


def a_session_starts_once(model: Model) -> None:
    """Rows *start*, for sessions with several stays."""
    sessions = sorted({session for session, _ in model.starts})
    if not sessions:
        return
    names = [model.problem.committees[session].session_id for session in sessions]
    ones = np.ones(len(sessions), dtype=np.int64)
    rows = model.add_rows(ones, lambda index: f"start:{names[index]}", is_equal=True)
    place = {session: rows[number] for number, session in enumerate(sessions)}
    for (session, _), number in model.starts.items():
        model.add_entries(
            rows[:1] * 0 + place[session], rows[:1] * 0 + model.first_start + number, 1
        )


def stations_suffice(model: Model) -> None:
    """Rows *capacity*, where more seats could come than there are stations."""
    problem, arcs = model.problem, model.arcs
    width = len(problem.slots)
    length = arcs.last - arcs.first
    keys, columns = [], []
    for step in range(int(length.max(initial=-1)) + 1):
        held = np.flatnonzero(length >= step)
        keys.append(arcs.group[held] * width + arcs.first[held] + step)
        columns.append(held)
    if not keys:
        return
    key, column = np.concatenate(keys), np.concatenate(columns)
    free = np.array([group.free for group in problem.groups], dtype=np.int64).ravel()
    binding = np.flatnonzero(np.bincount(key, minlength=len(free)) > free)

    def name(index: int) -> str:
        group, slot = divmod(int(binding[index]), width)
        return f"capacity:{problem.groups[group].key}:{problem.slots[slot]}"

    _fill(model, binding, free[binding], key, column, len(free), name)


def committees_are_dispersed_over_centres(model: Model) -> None:
    """Rows *centre*: members in one centre above the free number are priced, up to the limit."""
    problem, limits = model.problem, model.problem.limits
    free = np.full(len(problem.committees), limits.centre_free)
    plain = np.full(len(problem.committees), limits.centre_max)
    names = [place.centre_id for place in problem.places]
    where = np.arange(len(names))
    area = _Area("centre", names, where, plain, problem.centre_most)
    _disperse(model, area, free, problem.weights.second_member)


def committees_are_dispersed_over_prefectures(model: Model) -> None:
    """Rows *prefecture*: the same for a prefecture, with numbers by the committee's size."""
    problem, limits = model.problem, model.problem.limits
    free = np.array([limits.prefecture_free_of(one.members) for one in problem.committees])
    plain = np.array([limits.prefecture_max_of(one.members) for one in problem.committees])
    names = sorted({place.prefecture for place in problem.places})
    where = np.array([names.index(place.prefecture) for place in problem.places], dtype=np.int64)
    area = _Area("prefecture", names, where, plain, problem.prefecture_most)
    _disperse(model, area, free, problem.weights.same_prefecture)


@dataclass(frozen=True)
class _Area:
    """What a committee is dispersed over: its `names`, `where` each place lies, and how many members
    of a session may sit in one (`arcs.members_most`)."""

    kind: str
    names: list[str]
    where: Ints
    plain: Ints
    exact: Callable[[Committee, str], int]


def _disperse(model: Model, over: _Area, free: Ints, price: int) -> None:
    """Rows for every (session, stay, area) that could have more members than are free of price."""
    problem, arcs, names = model.problem, model.arcs, over.names
    areas, stays = len(names), model.stays
    area = over.where[arcs.place]
    key = (arcs.session * stays + arcs.stay) * areas + area
    size = len(problem.committees) * stays * areas
    # A seat counts once, however many of its groups lie in the area.
    once = np.unique(arcs.variant * areas + area) if len(key) else key
    counted = once // areas
    session = arcs.session_of_seat[arcs.variant_seat[counted]]
    seats = np.bincount(
        (session * stays + arcs.variant_stay[counted]) * areas + once % areas, minlength=size
    )
    before = _pinned_in(problem, areas, over.where)
    index = np.flatnonzero(seats)
    of_session = index // areas // stays
    sitting = before[of_session, index % areas]
    most = members_most(problem, of_session, names, index % areas, over.plain, over.exact)
    left = np.maximum(0, most - sitting)
    left_free = np.minimum(np.maximum(0, free[of_session] - sitting), left)
    kept = seats[index] > left_free
    index, left, left_free = index[kept], left[kept], left_free[kept]

    def name(row: int) -> str:
        pair, there = divmod(int(index[row]), areas)
        who, stay = divmod(pair, stays)
        return f"{over.kind}:{problem.committees[who].session_id}:{names[there]}:{stay}"

    starts = _start_of(model, index // areas // stays, index // areas % stays)
    chosen = starts >= 0
    rhs = np.where(chosen, 0, left_free)
    rows = _fill(model, index, rhs, key, np.arange(len(key), dtype=np.int64), size, name)
    model.add_entries(rows[chosen], model.first_start + starts[chosen], -left_free[chosen])
    dear = left > left_free
    extra = model.add_columns(np.full(int(dear.sum()), price), (left - left_free)[dear])
    model.add_entries(rows[dear], extra, -1)


def _pinned_in(problem: Problem, areas: int, where: Ints) -> Ints:
    before = np.zeros((len(problem.committees), areas), dtype=np.int64)
    session = {one.session_id: number for number, one in enumerate(problem.committees)}
    counted = Counter((pin.session_id, pin.centre_id) for pin in problem.pinned)
    for (session_id, centre_id), count in counted.items():
        before[session[session_id], where[problem.place_index[centre_id]]] += count
    return before


def load_is_shared(model: Model) -> None:
    """Rows *load*: seats of a centre above its fair share cost more and more."""
    problem, arcs = model.problem, model.arcs
    once = np.unique(arcs.seat * len(problem.places) + arcs.place)
    seats = np.bincount(once % len(problem.places), minlength=len(problem.places))
    shares: list[tuple[int, int, list[tuple[int, int]]]] = []
    for index in np.flatnonzero(seats).tolist():
        pieces = load_pieces(problem, problem.places[index], len(problem.seats))
        free = sum(count for count, price in pieces if not price)
        priced = [(count, price) for count, price in pieces if price]
        if seats[index] > free:
            shares.append((index, free, priced))
    if not shares:
        return
    places = np.array([index for index, _, _ in shares], dtype=np.int64)
    rows = _fill(
        model,
        places,
        np.array([free for _, free, _ in shares]),
        arcs.place,
        np.arange(len(arcs.place), dtype=np.int64),
        len(problem.places),
        lambda index: f"load:{problem.places[places[index]].centre_id}",
    )
    flat = [
        (row, price, count)
        for row, (_, _, priced) in zip(rows.tolist(), shares, strict=True)
        for count, price in priced
    ]
    of_row, price, count = np.array(flat, dtype=np.int64).T
    model.add_entries(of_row, model.add_columns(price, count), -1)


def nobody_sits_in_two_places(model: Model) -> None:
    """Rows *clash*, for experts who were drawn for several sessions in one slot."""
    problem, arcs = model.problem, model.arcs
    of_expert: dict[str, list[int]] = defaultdict(list)
    for variant, seat in enumerate(arcs.variant_seat.tolist()):
        of_expert[problem.seats[seat].expert_id].append(variant)
    names: list[str] = []
    variants: list[list[int]] = []
    for expert, held in sorted(of_expert.items()):
        if len({int(arcs.variant_seat[variant]) for variant in held}) < 2:
            continue
        holders: dict[int, list[int]] = defaultdict(list)
        for variant in held:
            seat = problem.seats[arcs.variant_seat[variant]]
            for slot in seat.stays[arcs.variant_stay[variant]]:
                holders[slot].append(variant)
        done: set[tuple[int, ...]] = set()
        for slot, there in sorted(holders.items()):
            if len({int(arcs.variant_seat[v]) for v in there}) > 1 and tuple(there) not in done:
                done.add(tuple(there))
                names.append(f"clash:{expert}:{slot}")
                variants.append(there)
    if not names:
        return
    rows = model.add_rows(np.ones(len(names), dtype=np.int64), lambda index: names[index])
    begin = arcs.begin
    for row, there in zip(rows.tolist(), variants, strict=True):
        columns = np.concatenate([np.arange(begin[v], begin[v + 1]) for v in there])
        model.add_entries(np.full(len(columns), row), columns, 1)


RULES = (
    every_seat_is_given_or_not,
    a_session_starts_once,
    stations_suffice,
    committees_are_dispersed_over_centres,
    committees_are_dispersed_over_prefectures,
    load_is_shared,
    nobody_sits_in_two_places,
)


def _start_of(model: Model, session: Ints, stay: Ints) -> Ints:
    """The number of z of each (session, stay); −1 where there is nothing to choose."""
    if not model.starts:
        return np.full(len(session), -1, dtype=np.int64)
    table = np.full((len(model.problem.committees), model.stays), -1, dtype=np.int64)
    for (who, which), number in model.starts.items():
        table[who, which] = number
    return table[session, stay]


def _fill(
    model: Model,
    index: Ints,
    rhs: Ints,
    key: Ints,
    column: Ints,
    size: int,
    name: Callable[[int], str],
) -> Ints:
    """Rows for the keys `index` with an entry 1 for every (key, column); other keys have no row."""
    rows = model.add_rows(rhs, name)
    row_of = np.full(size, -1, dtype=np.int64)
    row_of[index] = rows
    row = row_of[key]
    kept = row >= 0
    model.add_entries(row[kept], column[kept], 1)
    return rows
