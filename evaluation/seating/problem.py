"""The seating problem as plain values: who needs a seat, what there is, and what it costs.

An expert of a committee needs one station, in one centre, for a run of slots. Which centres are
barred, how far an expert may travel, how many of one committee may meet in one place, and what the
planner would rather avoid is all here, in whole numbers: minutes, members, and *milli* (1/1000 of a
minute's price), so that a plan has one value on every machine.

Sources: 发改办法规〔2025〕807号 (remote evaluation), 发改法规〔2022〕1117号 (15) (dispersal against
local circles). The numbers are rules of the pack `evaluation_seating`; most are proposals.

A problem is sorted by ids throughout, and so are the plans made from it. A session may have several
*stays* to choose from (its starts within a window); all its members then hold the stay with the same
number.

The seed works twice. It may add up to `Weights.amplitude` to a price, which buys unpredictability
with minutes; and it breaks ties: among the plans of least cost the one with the least sum of
`Lot.tie` is wanted, numbers of 44 bits, so that in all likelihood there is only one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from archive import canonical
from evaluation.stations.slots import holds_night
from evaluation.stations.station import PERMILLE, Equipment, GroupKey

FORMAT = "bigloop.seating_problem.v1"
MILLI = 1000
SEATS_MAX = 50_000
STAYS_MAX = 16
TIE_BITS = 44
"""50,000 numbers of 44 bits have a sum below 2^60."""


class SeatKey(NamedTuple):
    """A seat is one expert in one session."""

    session_id: str
    expert_id: str

    def __str__(self) -> str:
        return f"{self.session_id}/{self.expert_id}"


@dataclass(frozen=True)
class SeatRequest:
    """What a session asks for one expert.

    `lon`, `lat`: the expert's home in degrees. `slots`: a run of slots, nights included where the
    review stays over night; `overnight` must then be set, and may be set alone where a night is to
    be expected: a venue that can hold one is then taken first (`is_elsewhere`). `or_else`: further runs of slots, other starts of the same session, in the same
    order for all its members. `travel_minutes`: how far this expert is ready to travel, 0 where the
    rule alone decides. `members`: how many experts the committee has, those seated before included.
    `forbidden`: further centres that must not be taken. `guests`: the centres (副场) that the session
    names and that are taken first; none where the whole province is asked at once (大循环).
    """

    session_id: str
    expert_id: str
    lon: float
    lat: float
    employer_uscc: str
    slots: tuple[int, ...]
    members: int
    host_centre_id: str
    tenderer_uscc: str
    tenderer_division: str = ""
    needs: Equipment = Equipment.BASIC
    overnight: bool = False
    forbidden: tuple[str, ...] = ()
    travel_minutes: int = 0
    or_else: tuple[tuple[int, ...], ...] = ()
    guests: tuple[str, ...] = ()

    @property
    def key(self) -> SeatKey:
        return SeatKey(self.session_id, self.expert_id)

    @property
    def stays(self) -> tuple[tuple[int, ...], ...]:
        """All runs of slots to choose from."""
        return (self.slots, *self.or_else)


@dataclass(frozen=True)
class Place:
    """A centre as the planner sees it. `load`: seats it has given out already on these days;
    `fair`: how many would be its share by its stations. `abroad`: in another province, under an
    agreement; for the sessions that name it."""

    centre_id: str
    division: str
    prefecture: str
    operator_uscc: str
    overnight: bool
    load: int
    fair: int
    abroad: bool = False


@dataclass(frozen=True)
class Committee:
    """A session with seats to give. `barred`: centres no member may sit in (the host's, those the
    tenderer operates or has in its county, and what the session forbids). `guests`: those it names;
    a seat elsewhere has a price (`Weights.elsewhere`)."""

    session_id: str
    members: int
    host_centre_id: str
    tenderer_uscc: str
    tenderer_division: str
    forbidden: tuple[str, ...]
    guests: tuple[str, ...] = ()

    def may_sit_in(self, place: Place) -> bool:
        """Whether the session may take seats there: anywhere in the province, and in another one where
        it names the venue."""
        return not place.abroad or place.centre_id in self.guests

    def is_elsewhere(self, place: Place) -> bool:
        """Whether the session names guest centres (一对一, 一对多) and this is none of them. Who was drawn
        must never depend on whom a host names, so an expert who cannot sit there sits elsewhere."""
        return bool(self.guests) and place.centre_id not in self.guests


@dataclass(frozen=True)
class Seat:
    """A seat to give. `near`, `minutes`: indices of places, ascending, and the way from home to each;
    a place that is not among them is out of reach. `reach`: the longest way in minutes. `stays`: the
    runs of slots to choose from, by far most often one. `busy`: slots in which the expert holds a
    confirmed seat elsewhere. `current`: the centre of the confirmed seat that is being planned anew;
    another one costs `Weights.move`."""

    session_id: str
    expert_id: str
    stays: tuple[tuple[int, ...], ...]
    needs: Equipment
    overnight: bool
    employer_uscc: str
    near: tuple[int, ...]
    minutes: tuple[int, ...]
    reach: int
    busy: tuple[int, ...] = ()
    current: str = ""

    @property
    def key(self) -> SeatKey:
        return SeatKey(self.session_id, self.expert_id)

    @property
    def slots(self) -> tuple[int, ...]:
        """The slots, where there is nothing to choose."""
        (only,) = self.stays
        return only

    def minutes_to(self, place: int) -> int | None:
        """The way to a place by its index; None where it is out of reach."""
        try:
            return self.minutes[self.near.index(place)]
        except ValueError:
            return None

    def stays_overnight(self, stay: int = 0) -> bool:
        """Whether the venue must be able to hold a night; one that is only expected has a price."""
        return holds_night(self.stays[stay])


@dataclass(frozen=True)
class Pinned:
    """A confirmed seat of one of the committees, which keeps its place."""

    session_id: str
    expert_id: str
    centre_id: str


@dataclass(frozen=True)
class Group:
    """A station group with what is free in each of the problem's slots."""

    centre_id: str
    equipment: Equipment
    free: tuple[int, ...]

    @property
    def key(self) -> GroupKey:
        return GroupKey(self.centre_id, self.equipment)


@dataclass(frozen=True)
class Weights:
    """Prices in milli. `load[k]`: for each seat above k+1 times the fair share of a centre (below:
    free). `amplitude`: the seed may make a seat dearer by at most this. `move`: a confirmed seat is
    taken to another centre (the stay tax). `elsewhere`: see `is_elsewhere`."""

    second_member: int
    same_prefecture: int
    load: tuple[int, ...]
    unseated: int
    amplitude: int
    move: int = 0
    elsewhere: int = 0


@dataclass(frozen=True)
class Limits:
    """What holds without a price.

    `centre_free` members of a committee may sit in one centre without a price, `centre_max` at all.
    One member in `prefecture_share` may sit in one prefecture without a price, and
    `prefecture_permille` of the members (rounded up) at all; always at least one.
    """

    travel_minutes: int
    centre_free: int
    centre_max: int
    prefecture_share: int
    prefecture_permille: int
    solve_seconds: int
    gap_ppm: int

    def prefecture_free_of(self, members: int) -> int:
        return max(1, members // self.prefecture_share)

    def prefecture_max_of(self, members: int) -> int:
        return max(1, -(-members * self.prefecture_permille // PERMILLE))


@dataclass(frozen=True, order=True)
class Moved:
    """A confirmed seat that is given up when the plan is confirmed, and the id it had when the
    problem was made: if it has another by then, somebody else has planned it anew."""

    session_id: str
    expert_id: str
    seat_id: str

    @property
    def key(self) -> SeatKey:
        return SeatKey(self.session_id, self.expert_id)


@dataclass(frozen=True)
class Problem:
    """All of it. `moved`: confirmed seats that are given up when the plan is confirmed; their
    stations count as free. `keeps_reserve`: the stations kept for faults are not counted; a day that
    is planned anew may use them. `rules`: the ids and versions of the rules behind the numbers."""

    slots: tuple[int, ...]
    places: tuple[Place, ...]
    groups: tuple[Group, ...]
    committees: tuple[Committee, ...]
    seats: tuple[Seat, ...]
    pinned: tuple[Pinned, ...]
    moved: tuple[Moved, ...]
    weights: Weights
    limits: Limits
    seed: bytes
    rules: tuple[str, ...] = ()
    keeps_reserve: bool = True

    @cached_property
    def place_index(self) -> Mapping[str, int]:
        return {place.centre_id: index for index, place in enumerate(self.places)}

    @cached_property
    def slot_index(self) -> Mapping[int, int]:
        return {slot: index for index, slot in enumerate(self.slots)}

    @cached_property
    def committee_of(self) -> Mapping[str, Committee]:
        return {committee.session_id: committee for committee in self.committees}

    @cached_property
    def seat_of(self) -> Mapping[SeatKey, Seat]:
        return {seat.key: seat for seat in self.seats}

    @cached_property
    def groups_in(self) -> Mapping[str, tuple[int, ...]]:
        """Indices of the groups of each centre."""
        found: dict[str, list[int]] = {place.centre_id: [] for place in self.places}
        for index, group in enumerate(self.groups):
            found[group.centre_id].append(index)
        return {centre_id: tuple(indices) for centre_id, indices in found.items()}

    @cached_property
    def digest(self) -> str:
        return canonical.digest(to_json(self))

    def centre_most(self, committee: Committee, area: str) -> int:
        """How many members may sit in a centre; a guest centre that the session names has at least
        the room that it needs."""
        most = self.limits.centre_max
        if area in committee.guests:
            return max(most, -(-committee.members // len(committee.guests)))
        return most

    def prefecture_most(self, committee: Committee, area: str) -> int:
        """The same for prefectures: whoever names the centres has chosen theirs too."""
        if area in self._named_prefectures[committee.session_id]:
            return committee.members
        return self.limits.prefecture_max_of(committee.members)

    @cached_property
    def _named_prefectures(self) -> Mapping[str, frozenset[str]]:
        """Where the guest centres lie that each session names."""
        where = {place.centre_id: place.prefecture for place in self.places}
        return {
            one.session_id: frozenset(where[guest] for guest in one.guests if guest in where)
            for one in self.committees
        }


def barred_by(problem: Problem, seat: Seat, place: Place) -> str:
    """The code of the rule that keeps this seat out of this centre altogether, or nothing."""
    committee = problem.committee_of[seat.session_id]
    if place.centre_id == committee.host_centre_id:
        return "evaluation.seat.host_centre"
    if place.operator_uscc and place.operator_uscc == committee.tenderer_uscc:
        return "evaluation.seat.tenderer_centre"
    if place.operator_uscc and place.operator_uscc == seat.employer_uscc:
        return "evaluation.seat.employer_centre"
    if committee.tenderer_division and place.division == committee.tenderer_division:
        return "evaluation.seat.tenderer_county"
    if place.centre_id in committee.forbidden:
        return "evaluation.seat.forbidden_centre"
    if not committee.may_sit_in(place):
        return "evaluation.seat.other_province"
    return ""


def is_busy(seat: Seat, stay: int = 0) -> bool:
    """Whether the expert sits elsewhere, by a confirmed plan, in one of the slots."""
    return not set(seat.busy).isdisjoint(seat.stays[stay])


def allowed_groups(problem: Problem, seat: Seat, stay: int = 0) -> list[int]:
    """The groups that this seat may be in as far as the seat alone decides: class, night, way,
    barred centres, and a free station in each slot. The planner's own list is made for all seats at
    once (`evaluation.seating.arcs`)."""
    if is_busy(seat, stay):
        return []
    found = []
    slots = [problem.slot_index[slot] for slot in seat.stays[stay]]
    limit = min(seat.reach, problem.limits.travel_minutes)
    for where, minutes in zip(seat.near, seat.minutes, strict=True):
        place = problem.places[where]
        if minutes > limit or (seat.stays_overnight(stay) and not place.overnight):
            continue
        if barred_by(problem, seat, place):
            continue
        for index in problem.groups_in[place.centre_id]:
            group = problem.groups[index]
            if group.equipment >= seat.needs and all(group.free[slot] > 0 for slot in slots):
                found.append(index)
    return found


class Lot(NamedTuple):
    """What the seed says of one seat in one group."""

    extra: int
    """Added to the price, in milli."""
    tie: int
    """Breaks ties between plans of the same cost."""


def lot(problem: Problem, seat: Seat, group: Group) -> Lot:
    """SHA-256(seed|session/expert|centre/class): the first eight bytes modulo amplitude + 1, and the
    top 44 bits of the next eight."""
    text = problem.seed + f"|{seat.key}|{group.key}".encode()
    digest = hashlib.sha256(text).digest()
    extra = int.from_bytes(digest[:8], "big") % (problem.weights.amplitude + 1)
    return Lot(extra, int.from_bytes(digest[8:16], "big") >> (64 - TIE_BITS))


def arc_cost(problem: Problem, seat: Seat, group: Group) -> int:
    """The price of this seat in this group for itself, in milli."""
    minutes = seat.minutes_to(problem.place_index[group.centre_id])
    assert minutes is not None, "a way that is known"
    return minutes * MILLI + taxes(problem, seat, group) + lot(problem, seat, group).extra


def taxes(problem: Problem, seat: Seat, group: Group) -> int:
    """What the centre costs this seat beside the way: it was confirmed in another, or its session is
    better held in others. A confirmed seat stays where it is without either: no later trouble drags it to a guest."""
    if seat.current == group.centre_id:
        return 0
    weights, place = problem.weights, problem.places[problem.place_index[group.centre_id]]
    price = weights.elsewhere if is_elsewhere(problem, seat, place) else 0
    return (weights.move if seat.current else 0) + price


def is_elsewhere(problem: Problem, seat: Seat, place: Place) -> bool:
    """Whether a seat there has the price of a seat elsewhere: the session names guest centres and this is
    none of them, or a night is expected and cannot be held there. Both are said by the host, so neither
    may leave anybody without a seat."""
    committee = problem.committee_of[seat.session_id]
    return committee.is_elsewhere(place) or (seat.overnight and not place.overnight)


def load_pieces(problem: Problem, place: Place, seats: int) -> list[tuple[int, int]]:
    """How the next `seats` seats of a centre are priced, as (how many, price each): free up to the
    fair share, then one fair share at each price, the last price without end."""
    taken, pieces, left = place.load, [], seats
    prices = (0, *problem.weights.load)
    for number, price in enumerate(prices, start=1):
        is_last = number == len(prices)
        room = left if is_last else max(0, min(left, number * place.fair - taken))
        if room:
            pieces.append((room, price))
        taken, left = taken + room, left - room
    return pieces


def with_amplitude(problem: Problem, minutes: int) -> Problem:
    """The same problem with another price of unpredictability."""
    return replace(problem, weights=replace(problem.weights, amplitude=minutes * MILLI))


def to_json(problem: Problem) -> dict[str, Any]:
    """The problem as canonical JSON can hold it; whole numbers and text only."""
    return {
        "format": FORMAT,
        "slots": list(problem.slots),
        "places": [[*_row(place, _PLACE)] for place in problem.places],
        "groups": [[g.centre_id, int(g.equipment), list(g.free)] for g in problem.groups],
        "committees": [
            [*_row(committee, _COMMITTEE), list(committee.forbidden), list(committee.guests)]
            for committee in problem.committees
        ],
        "seats": [
            {
                "session": seat.session_id,
                "expert": seat.expert_id,
                "stays": [list(stay) for stay in seat.stays],
                "needs": int(seat.needs),
                "overnight": seat.overnight,
                "employer": seat.employer_uscc,
                "near": list(seat.near),
                "minutes": list(seat.minutes),
                "reach": seat.reach,
                "busy": list(seat.busy),
                "current": seat.current,
            }
            for seat in problem.seats
        ],
        "pinned": [[pin.session_id, pin.expert_id, pin.centre_id] for pin in problem.pinned],
        "moved": [[one.session_id, one.expert_id, one.seat_id] for one in problem.moved],
        "weights": {
            "second_member": problem.weights.second_member,
            "same_prefecture": problem.weights.same_prefecture,
            "load": list(problem.weights.load),
            "unseated": problem.weights.unseated,
            "amplitude": problem.weights.amplitude,
            "move": problem.weights.move,
            "elsewhere": problem.weights.elsewhere,
        },
        "limits": {name: getattr(problem.limits, name) for name in _LIMITS},
        "seed": problem.seed.hex(),
        "keeps_reserve": problem.keeps_reserve,
        "rules": list(problem.rules),
    }


_PLACE = (
    "centre_id",
    "division",
    "prefecture",
    "operator_uscc",
    "overnight",
    "load",
    "fair",
    "abroad",
)
_COMMITTEE = ("session_id", "members", "host_centre_id", "tenderer_uscc", "tenderer_division")
_LIMITS = (
    "travel_minutes",
    "centre_free",
    "centre_max",
    "prefecture_share",
    "prefecture_permille",
    "solve_seconds",
    "gap_ppm",
)


def _row(thing: object, names: Iterable[str]) -> list[Any]:
    return [getattr(thing, name) for name in names]


def from_json(value: Mapping[str, Any]) -> Problem:
    """The problem of `to_json`; ValueError, KeyError or TypeError where it is not one."""
    if value["format"] != FORMAT:
        raise ValueError(f"not a {FORMAT}")
    weights = value["weights"]
    return Problem(
        slots=tuple(value["slots"]),
        places=tuple(Place(*row) for row in value["places"]),
        groups=tuple(Group(row[0], Equipment(row[1]), tuple(row[2])) for row in value["groups"]),
        committees=tuple(_committee(*row) for row in value["committees"]),
        seats=tuple(
            Seat(
                seat["session"],
                seat["expert"],
                tuple(tuple(stay) for stay in seat["stays"]),
                Equipment(seat["needs"]),
                seat["overnight"],
                seat["employer"],
                tuple(seat["near"]),
                tuple(seat["minutes"]),
                seat["reach"],
                tuple(seat["busy"]),
                seat["current"],
            )
            for seat in value["seats"]
        ),
        pinned=tuple(Pinned(*row) for row in value["pinned"]),
        moved=tuple(Moved(*row) for row in value["moved"]),
        weights=Weights(
            weights["second_member"],
            weights["same_prefecture"],
            tuple(weights["load"]),
            weights["unseated"],
            weights["amplitude"],
            weights["move"],
            weights["elsewhere"],
        ),
        limits=Limits(**value["limits"]),
        seed=bytes.fromhex(value["seed"]),
        rules=tuple(value["rules"]),
        keeps_reserve=value["keeps_reserve"],
    )


def _committee(
    session: str,
    members: int,
    host: str,
    tenderer: str,
    division: str,
    forbidden: Iterable[str],
    guests: Iterable[str],
) -> Committee:
    return Committee(session, members, host, tenderer, division, tuple(forbidden), tuple(guests))
