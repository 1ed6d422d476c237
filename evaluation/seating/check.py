"""The independent checker: does a plan keep every rule, and what does it cost?

Nothing here is shared with the model: own loops over the plain values, no matrix, no list of allowed
groups. One function a rule; each yields a reason for every breach. `violations` runs them all.

What is not judged here: whether a better plan exists (`evaluation.seating.certificate`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from archive.errors import Reason
from evaluation.seating.plan import Assignment, Plan
from evaluation.seating.problem import (
    MILLI,
    Committee,
    Place,
    Problem,
    Seat,
    lot,
)
from evaluation.stations.slots import Part, day_of, part_of

Rule = Callable[[Problem, Plan], Iterator[Reason]]


def each_seat_once(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """Every seat of the problem is given once or listed as unseated, and no other seat is."""
    wanted = {(seat.session_id, seat.expert_id) for seat in problem.seats}
    named: Counter[tuple[str, str]] = Counter()
    named.update((a.session_id, a.expert_id) for a in plan.assignments)
    named.update((u.session_id, u.expert_id) for u in plan.unseated)
    for (session, expert), times in sorted(named.items()):
        if (session, expert) not in wanted:
            yield Reason("evaluation.seat.not_asked", {"session": session, "expert": expert})
        elif times > 1:
            yield Reason(
                "evaluation.seat.twice", {"session": session, "expert": expert, "times": times}
            )
    for session, expert in sorted(wanted - set(named)):
        yield Reason("evaluation.seat.not_listed", {"session": session, "expert": expert})


def station_is_equipped(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """The group exists and its class does what the seat needs."""
    existing = {(group.centre_id, group.equipment) for group in problem.groups}
    for seat, given in _given(problem, plan):
        if (given.centre_id, given.equipment) not in existing:
            yield _reason("evaluation.seat.no_group", given, equipment=given.equipment.name)
        elif given.equipment < seat.needs:
            yield _reason(
                "evaluation.seat.equipment",
                given,
                equipment=given.equipment.name,
                needed=seat.needs.name,
            )


def night_only_where_it_can_be_held(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """A stay over night is in a venue that can hold one (隔夜评标)."""
    overnight = {place.centre_id for place in problem.places if place.overnight}
    for seat, given in _given(problem, plan):
        night = any(part_of(slot) is Part.NIGHT for slot in _slots(seat, given))
        if night and given.centre_id not in overnight:
            yield _reason("evaluation.seat.overnight", given)


def never_the_host_centre(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """Experts sit away (客场), never at the main venue (主场) of their session."""
    for seat, given in _given(problem, plan):
        if given.centre_id == _committee(problem, seat).host_centre_id:
            yield _reason("evaluation.seat.host_centre", given)


def never_with_the_tenderer(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """Never in a centre that the tenderer operates."""
    for seat, given in _given(problem, plan):
        place = _place(problem, given)
        tenderer = _committee(problem, seat).tenderer_uscc
        if place is not None and tenderer and place.operator_uscc == tenderer:
            yield _reason("evaluation.seat.tenderer_centre", given)


def never_in_the_tenderers_county(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """Never in the county of the tenderer, where the rule is in force."""
    for seat, given in _given(problem, plan):
        place = _place(problem, given)
        county = _committee(problem, seat).tenderer_division
        if place is not None and county and place.division == county:
            yield _reason("evaluation.seat.tenderer_county", given)


def never_with_the_employer(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """Never in a centre that the expert's employer operates."""
    for seat, given in _given(problem, plan):
        place = _place(problem, given)
        if place is not None and seat.employer_uscc and place.operator_uscc == seat.employer_uscc:
            yield _reason("evaluation.seat.employer_centre", given)


def never_where_the_session_forbids(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """Never in a centre that the session's own list forbids."""
    for seat, given in _given(problem, plan):
        if given.centre_id in _committee(problem, seat).forbidden:
            yield _reason("evaluation.seat.forbidden_centre", given)


def another_province_only_by_name(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """In another province only where the session names the venue among its guest centres (副场)."""
    for seat, given in _given(problem, plan):
        place = _place(problem, given)
        named = _committee(problem, seat).guests
        if place is not None and place.abroad and given.centre_id not in named:
            yield _reason("evaluation.seat.other_province", given)


def way_is_not_too_far(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """Nobody travels longer than the limit, or than the expert is ready to."""
    for seat, given in _given(problem, plan):
        most = min(problem.limits.travel_minutes, seat.reach)
        index = problem.place_index.get(given.centre_id)
        minutes = None if index is None else seat.minutes_to(index)
        if index is not None and minutes is None:
            yield _reason("evaluation.seat.out_of_reach", given, minutes_max=most)
        elif minutes is not None and minutes > most:
            yield _reason("evaluation.seat.too_far", given, minutes=minutes, minutes_max=most)


def a_session_starts_once(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """All members of a session take the same of its stays, one that it has (common start)."""
    starts: dict[str, set[int]] = defaultdict(set)
    for seat, given in _given(problem, plan):
        if 0 <= given.stay < len(seat.stays):
            starts[given.session_id].add(given.stay)
        else:
            yield _reason("evaluation.seat.no_stay", given, stay=given.stay)
    for session, stays in sorted(starts.items()):
        if len(stays) > 1:
            yield Reason(
                "evaluation.seat.starts_differ", {"session": session, "starts": len(stays)}
            )


def stations_suffice(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """In no slot are more stations of a group given out than are free."""
    taken: Counter[tuple[str, int, int]] = Counter()
    for seat, given in _given(problem, plan):
        for slot in _slots(seat, given):
            taken[given.centre_id, int(given.equipment), slot] += 1
    for group in problem.groups:
        for slot, free in zip(problem.slots, group.free, strict=True):
            seats = taken[group.centre_id, int(group.equipment), slot]
            if seats > max(0, free):
                yield Reason(
                    "evaluation.seat.full",
                    {
                        "centre": group.centre_id,
                        "equipment": group.equipment.name,
                        **_when(slot),
                        "seats": seats,
                        "free": max(0, free),
                    },
                )


def committee_is_dispersed_over_centres(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """At most so many members of one committee sit in one centre; those seated before count. What
    was confirmed before is not reopened: only new members are judged. A session that names its
    guest centres may fill those evenly."""
    named = {c.session_id: c.guests for c in problem.committees}
    size = {c.session_id: c.members for c in problem.committees}
    before = Counter((pin.session_id, pin.centre_id) for pin in problem.pinned)
    new = Counter((given.session_id, given.centre_id) for _, given in _given(problem, plan))
    for (session, centre), count in sorted(new.items()):
        members = count + before[session, centre]
        most = problem.limits.centre_max
        if centre in named[session]:
            guests = len(named[session])
            most = max(most, (size[session] + guests - 1) // guests)
        if members > most:
            yield Reason(
                "evaluation.seat.centre_members",
                {"session": session, "centre": centre, "members": members, "members_max": most},
            )


def committee_is_dispersed_over_prefectures(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """At most so many members of one committee sit in one prefecture; those before count. Who names
    the guest centres has chosen their prefectures."""
    prefecture = {place.centre_id: place.prefecture for place in problem.places}
    before = Counter((pin.session_id, prefecture.get(pin.centre_id, "")) for pin in problem.pinned)
    new = Counter(
        (given.session_id, prefecture.get(given.centre_id, ""))
        for _, given in _given(problem, plan)
    )
    members_of = {c.session_id: c.members for c in problem.committees}
    chosen = {
        (c.session_id, prefecture.get(guest)) for c in problem.committees for guest in c.guests
    }
    for (session, where), count in sorted(new.items()):
        if (session, where) in chosen:
            continue
        most = problem.limits.prefecture_max_of(members_of[session])
        members = count + before[session, where]
        if members > most:
            yield Reason(
                "evaluation.seat.prefecture_members",
                {
                    "session": session,
                    "prefecture": where,
                    "members": members,
                    "members_max": most,
                },
            )


def nobody_sits_in_two_places(problem: Problem, plan: Plan) -> Iterator[Reason]:
    """No expert holds two seats in one slot, here or by an earlier plan."""
    held: dict[tuple[str, int], list[str]] = defaultdict(list)
    for seat, given in _given(problem, plan):
        for slot in _slots(seat, given):
            held[seat.expert_id, slot].append(seat.session_id)
        for slot in sorted(set(_slots(seat, given)) & set(seat.busy)):
            yield _reason("evaluation.seat.busy", given, **_when(slot))
    for (expert, slot), sessions in sorted(held.items()):
        if len(sessions) > 1:
            yield Reason(
                "evaluation.seat.clash",
                {"expert": expert, **_when(slot), "sessions": ", ".join(sorted(sessions))},
            )


RULES: tuple[Rule, ...] = (
    each_seat_once,
    station_is_equipped,
    night_only_where_it_can_be_held,
    never_the_host_centre,
    never_with_the_tenderer,
    never_in_the_tenderers_county,
    never_with_the_employer,
    never_where_the_session_forbids,
    another_province_only_by_name,
    way_is_not_too_far,
    a_session_starts_once,
    stations_suffice,
    committee_is_dispersed_over_centres,
    committee_is_dispersed_over_prefectures,
    nobody_sits_in_two_places,
)


def violations(problem: Problem, plan: Plan) -> list[Reason]:
    """Every breach of every rule; an empty list where the plan may be confirmed."""
    return [reason for rule in RULES for reason in rule(problem, plan)]


def objective(problem: Problem, plan: Plan) -> int:
    """What the plan costs, in milli: ways and seed, confirmed seats moved, seats outside the
    guest centres named, members together, load, seats not given."""
    return (
        way_cost(problem, plan)
        + move_cost(problem, plan)
        + elsewhere_cost(problem, plan)
        + centre_cost(problem, plan)
        + prefecture_cost(problem, plan)
        + load_cost(problem, plan)
        + problem.weights.unseated * len(plan.unseated)
    )


def way_cost(problem: Problem, plan: Plan) -> int:
    """The minutes of all ways, with what the seed adds."""
    groups = {(group.centre_id, group.equipment): group for group in problem.groups}
    total = 0
    for seat, given in _given(problem, plan):
        minutes = seat.minutes_to(problem.place_index[given.centre_id])
        total += (minutes or 0) * MILLI
        if problem.weights.amplitude:
            total += lot(problem, seat, groups[given.centre_id, given.equipment]).extra
    return total


def move_cost(problem: Problem, plan: Plan) -> int:
    """The stay tax: the price of each confirmed seat that is taken to another centre."""
    moved = sum(seat.current not in ("", given.centre_id) for seat, given in _given(problem, plan))
    return moved * problem.weights.move


def elsewhere_cost(problem: Problem, plan: Plan) -> int:
    """The price of each seat in none of the guest centres that its session names, or where no night can
    be held and one is expected, but for confirmed ones that stay."""
    named = {c.session_id: c.guests for c in problem.committees}
    no_night = {place.centre_id for place in problem.places if not place.overnight}
    outside = sum(
        given.centre_id != seat.current
        and (
            (bool(named[given.session_id]) and given.centre_id not in named[given.session_id])
            or (seat.overnight and given.centre_id in no_night)
        )
        for seat, given in _given(problem, plan)
    )
    return outside * problem.weights.elsewhere


def centre_cost(problem: Problem, plan: Plan) -> int:
    """The price of each new member above the free number in one centre."""
    before = Counter((pin.session_id, pin.centre_id) for pin in problem.pinned)
    new = Counter((given.session_id, given.centre_id) for _, given in _given(problem, plan))
    extra = 0
    for where, count in new.items():
        free = max(problem.limits.centre_free, before[where])
        extra += max(0, count + before[where] - free)
    return extra * problem.weights.second_member


def prefecture_cost(problem: Problem, plan: Plan) -> int:
    """The price of each new member above the free number in one prefecture."""
    prefecture = {place.centre_id: place.prefecture for place in problem.places}
    members_of = {c.session_id: c.members for c in problem.committees}
    before = Counter((pin.session_id, prefecture[pin.centre_id]) for pin in problem.pinned)
    new = Counter(
        (given.session_id, prefecture[given.centre_id]) for _, given in _given(problem, plan)
    )
    extra = 0
    for (session, where), count in new.items():
        share = max(1, members_of[session] // problem.limits.prefecture_share)
        free = max(share, before[session, where])
        extra += max(0, count + before[session, where] - free)
    return extra * problem.weights.same_prefecture


def load_cost(problem: Problem, plan: Plan) -> int:
    """The price of seats above a centre's fair share: the n-th seat of a centre costs nothing up to
    the share, then the first price up to twice the share, and so on; the last goes on for ever."""
    new = Counter(given.centre_id for _, given in _given(problem, plan))
    prices = (0, *problem.weights.load)
    total = 0
    for place in problem.places:
        for nth in range(place.load + 1, place.load + new[place.centre_id] + 1):
            shares = (nth - 1) // place.fair if place.fair else len(prices)
            total += prices[min(shares, len(prices) - 1)]
    return total


def _given(problem: Problem, plan: Plan) -> Iterator[tuple[Seat, Assignment]]:
    """The assignments with the seats they are for; unknown ones are `each_seat_once`'s matter."""
    seats = problem.seat_of
    for given in plan.assignments:
        seat = seats.get(given.key)
        if seat is not None:
            yield seat, given


def _slots(seat: Seat, given: Assignment) -> tuple[int, ...]:
    """The slots of the stay taken; of one that there is not, none."""
    return seat.stays[given.stay] if 0 <= given.stay < len(seat.stays) else ()


def _place(problem: Problem, given: Assignment) -> Place | None:
    index = problem.place_index.get(given.centre_id)
    return None if index is None else problem.places[index]


def _committee(problem: Problem, seat: Seat) -> Committee:
    return problem.committee_of[seat.session_id]


def _when(slot: int) -> dict[str, str | int]:
    """A slot as it is read."""
    return {"day": day_of(slot).isoformat(), "part": part_of(slot).name}


def _reason(code: str, given: Assignment, **params: str | int) -> Reason:
    return Reason(
        code,
        {
            "session": given.session_id,
            "expert": given.expert_id,
            "centre": given.centre_id,
            **params,
        },
    )
