"""Can the request be met at all? Asked before any randomness exists, answered with a reason.

Four questions, each a necessary condition, then a search for one witness. A reason names the seats that
collide and how many persons, units and prefectures they have between them; no expert is named.

1.  Enough candidates: |C_g| ≥ multiple · k_g. A pool barely larger than its quota is no lottery, and
    whoever knows the pool would know the committee: it could not be kept secret (rule
    `draw.pool_multiple`).
2.  Enough persons, units: for every set S of groups, the distinct persons (units) among their
    candidates are at least Σ_{g ∈ S} k_g (Hall's condition; the sets are tried by size, so the
    smallest violated one is named).
3.  Enough prefectures: for every S, Σ_prefecture min(p, persons of S there) ≥ Σ_{g ∈ S} k_g.
4.  All at once: a depth-first search for one committee, at most `SEARCH_STEPS_MAX` steps. If it
    proves that there is none the request is refused, with the smallest set of groups for which that
    can be proved; if it runs out of steps nothing is claimed.

With at most `GROUPS_MAX` groups there are at most 255 sets.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from archive.errors import Reason
from experts.committee import Card, Coupling, Group

GROUPS_MAX = 8
SEARCH_STEPS_MAX = 20_000


@dataclass(frozen=True)
class Limits:
    """The published multiple and the ids of the rules that the reasons name."""

    pool_multiple: int
    pool_rule: str
    unit_rule: str
    prefecture_rule: str


def shortage(
    groups: Sequence[Group], cards: Mapping[str, Card], coupling: Coupling, limits: Limits
) -> Reason | None:
    """Why the groups cannot be filled, or None where nothing speaks against it."""
    for group in groups:
        needed = group.count * limits.pool_multiple
        if len(group.leaves) < needed:
            return _reason("pool_too_small", [group], len(group.leaves), needed, limits.pool_rule)
    masks = _masks(groups)
    sets = [
        chosen
        for size in range(1, len(groups) + 1)
        for chosen in combinations(range(len(groups)), size)
    ]
    for chosen in sets:
        within = [groups[g] for g in chosen]
        found = _violated(within, sum(1 << g for g in chosen), masks, cards, coupling, limits)
        if found is not None:
            return found
    if _witness(groups, cards, coupling) is False:
        return _collision([[groups[g] for g in chosen] for chosen in sets], cards, coupling, limits)
    return None


def _collision(
    sets: Sequence[Sequence[Group]], cards: Mapping[str, Card], coupling: Coupling, limits: Limits
) -> Reason:
    """The reason for the smallest set of groups that provably has no committee; the last is whole."""
    for within in sets:
        if _witness(within, cards, coupling) is False:
            members = {leaf: cards[leaf] for group in within for leaf in group.leaves}
            seats = sum(group.count for group in within)
            found = _reason("no_committee", within, len(members), seats, limits.prefecture_rule)
            counts: dict[str, str | int] = {
                "units": len({card.unit for card in members.values()}),
                "prefectures": len({card.prefecture for card in members.values()}),
                "unit_rule": limits.unit_rule,
            }
            return Reason(found.code, {**found.params, **counts})
    raise AssertionError("the whole has no committee")


def _reason(what: str, groups: Sequence[Group], eligible: int, needed: int, rule: str) -> Reason:
    return Reason(
        f"experts.draw.{what}",
        {
            "specialty": "+".join(group.specialty for group in groups),
            "seats": ", ".join(_seats(group) for group in groups),
            "eligible": eligible,
            "needed": needed,
            "rule": rule,
        },
    )


def _seats(group: Group) -> str:
    """The seats of a group, e.g. `A080104-1…3`."""
    return group.seat(0) if group.count == 1 else f"{group.seat(0)}…{group.count}"


def _masks(groups: Sequence[Group]) -> dict[str, int]:
    """In which groups a leaf stands, as a bit mask."""
    masks: dict[str, int] = defaultdict(int)
    for g, group in enumerate(groups):
        for leaf in group.leaves:
            masks[leaf] |= 1 << g
    return masks


def _violated(
    within: Sequence[Group],
    chosen: int,
    masks: Mapping[str, int],
    cards: Mapping[str, Card],
    coupling: Coupling,
    limits: Limits,
) -> Reason | None:
    seats = sum(group.count for group in within)
    members = [cards[leaf] for leaf, mask in masks.items() if mask & chosen]
    if len(members) < seats:
        return _reason("persons_too_few", within, len(members), seats, limits.pool_rule)
    if coupling.one_per_unit:
        units = len({card.unit for card in members})
        if units < seats:
            return _reason("units_too_few", within, units, seats, limits.unit_rule)
    places = Counter(card.prefecture for card in members)
    room = sum(min(coupling.prefecture_max, count) for count in places.values())
    if room < seats:
        return _reason("prefectures_too_few", within, room, seats, limits.prefecture_rule)
    return None


def _witness(groups: Sequence[Group], cards: Mapping[str, Card], coupling: Coupling) -> bool | None:
    """True: a committee exists; False: none does; None: the search gave up."""
    kinds = [_kinds(group.leaves, cards, coupling) for group in groups]
    seats = [
        g
        for g in sorted(range(len(groups)), key=lambda g: (len(kinds[g]), g))
        for _ in range(groups[g].count)
    ]
    steps = 0

    def search(depth: int, seated: tuple[Card, ...], start: int) -> bool | None:
        nonlocal steps
        if depth == len(seats):
            return True
        options = kinds[seats[depth]]
        for index in range(start, len(options)):
            steps += 1
            if steps > SEARCH_STEPS_MAX:
                return None
            if not coupling.fits(options[index], seated):
                continue
            same = depth + 1 < len(seats) and seats[depth + 1] == seats[depth]
            found = search(depth + 1, (*seated, options[index]), index + 1 if same else 0)
            if found is not False:
                return found
        return False

    return search(0, (), 0)


def _kinds(leaves: Iterable[str], cards: Mapping[str, Card], coupling: Coupling) -> list[Card]:
    """One card for each kind of candidate that the coupling rules can tell apart, spread so that
    neighbours in the list come from different prefectures."""
    seen: set[tuple[str, str]] = set()
    by_place: dict[str, list[Card]] = defaultdict(list)
    for leaf in leaves:
        card = cards[leaf]
        kind = (card.unit if coupling.one_per_unit else leaf, card.prefecture)
        if kind not in seen:
            seen.add(kind)
            by_place[card.prefecture].append(card)
    turns = ((turn, place) for place in sorted(by_place) for turn in range(len(by_place[place])))
    return [by_place[place][turn] for turn, place in sorted(turns)]
