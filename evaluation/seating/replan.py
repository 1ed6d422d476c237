"""Planning a confirmed day anew when it changes: the day as values, what may go wrong, and what a new
plan would change.

`anew` turns a day and its plan into the same day again: each seat knows its confirmed centre and pays
the stay tax (`Weights.move`) for another one; seats that are *pinned* (running, or promised) keep
their place and are not asked. A trouble changes that problem. The new plan is the cheapest with the
tax, so it moves the fewest that are worth moving; `difference` says who, before anybody confirms.

Nothing here reads a database: the service builds the same problems from live seats.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from evaluation.seating.plan import Assignment, Plan
from evaluation.seating.problem import (
    Committee,
    Group,
    Pinned,
    Problem,
    Seat,
    SeatKey,
)
from evaluation.stations.slots import holds_night
from evaluation.stations.station import GroupKey


@dataclass(frozen=True)
class Move:
    """A confirmed seat that would be in another centre or on other slots."""

    key: SeatKey
    before: str
    after: str
    slots_before: tuple[int, ...]
    slots_after: tuple[int, ...]

    @property
    def changes_centre(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class Difference:
    """What a new plan changes. `moved`: confirmed seats elsewhere or at another time; `placed`: new
    seats; `lost`: confirmed seats that would not be given any more; `still_unseated`: as before."""

    stays: int
    moved: tuple[Move, ...]
    placed: tuple[Assignment, ...]
    lost: tuple[SeatKey, ...]
    still_unseated: tuple[SeatKey, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.moved or self.placed or self.lost)

    @property
    def sessions(self) -> tuple[str, ...]:
        """The sessions concerned, to be told once each."""
        keys = [move.key for move in self.moved] + [seat.key for seat in self.placed]
        return tuple(sorted({key.session_id for key in [*keys, *self.lost]}))

    @property
    def experts(self) -> tuple[str, ...]:
        """The experts concerned, to be told once each."""
        keys = [move.key for move in self.moved] + [seat.key for seat in self.placed]
        return tuple(sorted({key.expert_id for key in [*keys, *self.lost]}))


@dataclass(frozen=True)
class Concerned:
    """What a change means for one centre: guest seats that come and go or change their time there, and
    how many sessions that it hosts are concerned."""

    centre_id: str
    come: int
    gone: int
    changed: int
    hosted: int


def concerned(problem: Problem, found: Difference) -> tuple[Concerned, ...]:
    """The centres to be told, once each: those that gain or lose a seat, and the hosts."""
    come, gone, changed = Counter[str](), Counter[str](), Counter[str]()
    for move in found.moved:
        if move.changes_centre:
            gone[move.before] += 1
            come[move.after] += 1
        else:
            changed[move.after] += 1
    come.update(seat.centre_id for seat in found.placed)
    gone.update(problem.seat_of[key].current for key in found.lost)
    hosted = Counter(problem.committee_of[one].host_centre_id for one in found.sessions)
    return tuple(
        Concerned(one, come[one], gone[one], changed[one], hosted[one])
        for one in sorted({*come, *gone, *changed, *hosted})
    )


def difference(
    problem: Problem,
    plan: Plan,
    slots_before: Mapping[SeatKey, tuple[int, ...]],
    running: Collection[SeatKey] = (),
) -> Difference:
    """Against the confirmed seats that the problem names (`Seat.current`); `slots_before` are their
    slots, those of the problem where it names none. Of a seat that is `running` only what is left was
    planned anew: in the same centre it is one stay."""
    given = {assignment.key: assignment for assignment in plan.assignments}
    stays, moved, placed = 0, [], []
    lost: list[SeatKey] = []
    unseated: list[SeatKey] = []
    for seat in problem.seats:
        new = given.get(seat.key)
        if new is None:
            (lost if seat.current else unseated).append(seat.key)
            continue
        if not seat.current:
            placed.append(new)
            continue
        after = seat.stays[new.stay]
        before = slots_before.get(seat.key, after)
        if seat.key in running and seat.current == new.centre_id:
            after = tuple(range(min(before[0], after[0]), after[-1] + 1))
        if seat.current == new.centre_id and before == after:
            stays += 1
        else:
            moved.append(Move(seat.key, seat.current, new.centre_id, before, after))
    return Difference(stays, tuple(moved), tuple(placed), tuple(lost), tuple(unseated))


def anew(problem: Problem, plan: Plan, pinned: Collection[SeatKey] = ()) -> Problem:
    """The same day, with its plan confirmed. Seats not given before are asked for again. Sessions
    keep the stay they have."""
    given = {assignment.key: assignment for assignment in plan.assignments}
    held = set(pinned) & given.keys()
    starts = {assignment.session_id: assignment.stay for assignment in plan.assignments}
    taken: Counter[tuple[GroupKey, int]] = Counter()
    busy: dict[str, set[int]] = {}
    for key in held:
        slots = problem.seat_of[key].stays[given[key].stay]
        taken.update((given[key].group, slot) for slot in slots)
        busy.setdefault(key.expert_id, set()).update(slots)
    load = Counter(given[key].centre_id for key in held)
    seats = tuple(
        replace(
            seat,
            stays=(seat.stays[starts.get(seat.session_id, 0)],),
            current=given[seat.key].centre_id if seat.key in given else "",
            busy=tuple(sorted({*seat.busy, *busy.get(seat.expert_id, ())})),
        )
        for seat in problem.seats
        if seat.key not in held
    )
    pins = [Pinned(*key, given[key].centre_id) for key in held]
    return replace(
        problem,
        seats=seats,
        places=tuple(replace(p, load=p.load + load[p.centre_id]) for p in problem.places),
        groups=tuple(
            replace(
                group,
                free=tuple(
                    free - taken[group.key, slot]
                    for slot, free in zip(problem.slots, group.free, strict=True)
                ),
            )
            for group in problem.groups
        ),
        pinned=tuple(
            sorted([*problem.pinned, *pins], key=lambda pin: (pin.session_id, pin.expert_id))
        ),
    )


# --- What may go wrong ------------------------------------------------------------------


def stations_fail(problem: Problem, group: GroupKey, count: int, slots: Iterable[int]) -> Problem:
    """`count` stations of a group are out of use in the slots."""
    closed = set(slots)
    return _with_free(
        problem,
        lambda one, slot, free: free - count if one.key == group and slot in closed else free,
    )


def centre_lost(problem: Problem, centre_id: str, slots: Iterable[int]) -> Problem:
    """All stations of a centre are out of use in the slots."""
    closed = set(slots)
    return _with_free(
        problem,
        lambda one, slot, free: 0 if one.centre_id == centre_id and slot in closed else free,
    )


def expert_replaced(problem: Problem, gone: SeatKey, new: Seat) -> Problem:
    """Another expert sits in the session instead of `gone`."""
    seats = [seat for seat in problem.seats if seat.key != gone]
    return replace(problem, seats=tuple(sorted([*seats, new], key=lambda seat: seat.key)))


def session_overruns(problem: Problem, session_id: str, stay: tuple[int, ...]) -> Problem:
    """The session holds other slots than planned; with a night among them it goes overnight."""
    return replace(
        problem,
        slots=tuple(sorted({*problem.slots, *stay})),
        groups=_for_slots(problem, stay),
        seats=tuple(
            replace(seat, stays=(stay,), overnight=seat.overnight or holds_night(stay))
            if seat.session_id == session_id
            else seat
            for seat in problem.seats
        ),
    )


def session_added(problem: Problem, committee: Committee, seats: Iterable[Seat]) -> Problem:
    """A new urgent session."""
    committees = [*problem.committees, committee]
    return replace(
        problem,
        committees=tuple(sorted(committees, key=lambda one: one.session_id)),
        seats=tuple(sorted([*problem.seats, *seats], key=lambda seat: seat.key)),
    )


def _with_free(problem: Problem, change: Callable[[Group, int, int], int]) -> Problem:
    return replace(
        problem,
        groups=tuple(
            replace(
                group,
                free=tuple(
                    max(0, change(group, slot, free))
                    for slot, free in zip(problem.slots, group.free, strict=True)
                ),
            )
            for group in problem.groups
        ),
    )


def _for_slots(problem: Problem, more: Iterable[int]) -> tuple[Group, ...]:
    """The groups over more slots; of slots that the problem did not know nothing is free."""
    slots = sorted({*problem.slots, *more})
    known = problem.slot_index
    return tuple(
        replace(group, free=tuple(group.free[known[t]] if t in known else 0 for t in slots))
        for group in problem.groups
    )
