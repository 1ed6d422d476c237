"""The committee: which of the lottery's permutations are taken, and who follows whom.

Let G be the seat groups (one per requested specialty), k_g the seats of group g and C_g its
eligible candidates. Attempt t = 0, 1, 2, … permutes every C_g anew and takes the first k_g of each.
The first attempt whose takings meet all coupling rules is the committee:

    one person, one seat          no leaf twice                             always
    one per unit (同一单位)        no unit twice                             if the rule says so
    dispersal of persons          at most p of one home prefecture          p ≥ 1

Each attempt is uniform over Π_g (k_g-subsets of C_g), and acceptance depends on the subsets alone,
so the committee is exactly uniform over the feasible (committee, role) tuples (rejection sampling).
Filling one group after the other would not be: early groups would take no notice of late ones.

A request may weight home prefectures: with whole numbers 1 ≤ w ≤ W, an attempt that meets the rules
is taken only if below(Wⁿ), from the stream labelled `#weights`, is less than the product of its n
members' weights. So a committee's chance is proportional to that product, and without weights equal.

When somebody declines, is silent or falls out, the accepted attempt's permutations simply go on
(`experts.invitations.process`). Bounded: after `attempts_max` attempts comes the **fallback**, said to be one
in the transcript, for it is lawful but not uniform: with the permutations of attempt `attempts_max`,
the first committee that meets the rules, seats in the order of the request, candidates by rank (a
depth-first search); its members are moved to the front of their permutations. It, too, is bounded;
`experts.feasibility` refuses hopeless requests before any randomness exists.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from experts.lottery import Permutation, below, blocks
from experts.suite import Hash, sha256

FALLBACK_STEPS_MAX = 100_000
WEIGHTS_LABEL = "#weights"


class Card(NamedTuple):
    """A candidate as the coupling rules see one: pseudonyms and a prefecture, nothing else.

    `leaf` is the salted leaf hash in hex, `unit` the salted hash of the employer (or of the
    employer's control group, where the rule says so), `prefecture` that of the home prefecture.
    """

    leaf: str
    unit: str
    prefecture: str


@dataclass(frozen=True)
class Group:
    """A seat group: a specialty code, its seats, and its eligible candidates by ascending leaf. The
    order is checked where they are listed; a sequence that makes leaves as they are asked for, out of
    arrays, is taken at its word."""

    specialty: str
    count: int
    leaves: Sequence[str]

    def __post_init__(self) -> None:
        assert self.count > 0
        if isinstance(self.leaves, tuple):
            assert all(a < b for a, b in zip(self.leaves, self.leaves[1:], strict=False))

    def seat(self, index: int) -> str:
        """The seat's code, e.g. `A080104-1`."""
        return f"{self.specialty}-{index + 1}"


@dataclass(frozen=True)
class Coupling:
    """What members of one committee may not have in common."""

    one_per_unit: bool
    prefecture_max: int

    def meets(self, cards: Sequence[Card]) -> bool:
        """Whether these may all sit together."""
        if len({card.leaf for card in cards}) < len(cards):
            return False
        if self.one_per_unit and len({card.unit for card in cards}) < len(cards):
            return False
        return max(Counter(c.prefecture for c in cards).values(), default=0) <= self.prefecture_max

    def fits(self, card: Card, seated: Iterable[Card]) -> bool:
        """Whether one more may join those seated, who meet the rules among themselves."""
        neighbours = 0
        for other in seated:
            if other.leaf == card.leaf or (self.one_per_unit and other.unit == card.unit):
                return False
            neighbours += other.prefecture == card.prefecture
        return neighbours < self.prefecture_max


@dataclass(frozen=True)
class Selection:
    """The accepted attempt and its permutations, one per group in the order of the request. `front`
    is empty but for a fallback: per group the indexes, ascending, that were moved to the front."""

    attempt: int
    groups: tuple[Group, ...]
    permutations: tuple[Permutation, ...]
    front: tuple[tuple[int, ...], ...] = ()

    @property
    def is_fallback(self) -> bool:
        return bool(self.front)

    def leaf(self, group: int, index: int) -> str:
        """The leaf with rank `index + 1` of a group; IndexError beyond the last."""
        if self.front:
            front = self.front[group]
            if index < len(front):
                index = front[index]
            else:
                index -= len(front)
                for moved in front:
                    index += moved <= index
        return self.groups[group].leaves[self.permutations[group][index]]

    def drawn(self) -> tuple[tuple[str, ...], ...]:
        """The committee as drawn, before anybody answered: the first k of each group."""
        return tuple(
            tuple(self.leaf(g, index) for index in range(group.count))
            for g, group in enumerate(self.groups)
        )


def permutations(seed: bytes, groups: Sequence[Group], attempt: int, h: Hash = sha256) -> Selection:
    """The permutations of one attempt, whether or not it would be accepted."""
    return Selection(
        attempt,
        tuple(groups),
        tuple(Permutation(len(g.leaves), blocks(seed, g.specialty, attempt, h)) for g in groups),
    )


def select(
    seed: bytes,
    groups: Sequence[Group],
    cards: Mapping[str, Card],
    coupling: Coupling,
    attempts_max: int,
    h: Hash = sha256,
    weights: Mapping[str, int] | None = None,
) -> Selection | None:
    """The first attempt that is taken, else the fallback, or None where that finds nothing either.

    Every group must have at least as many candidates as seats. `weights` by home prefecture; who is
    not in it weighs 1.
    """
    assert all(len(group.leaves) >= group.count for group in groups)
    for attempt in range(attempts_max):
        selection = permutations(seed, groups, attempt, h)
        members = _members(selection, cards, coupling)
        if members and _is_kept(seed, attempt, members, weights or {}, h):
            return selection
    return fallback(permutations(seed, groups, attempts_max, h), cards, coupling)


def restored(
    seed: bytes,
    groups: Sequence[Group],
    cards: Mapping[str, Card],
    coupling: Coupling,
    attempt: int,
    attempts_max: int,
    h: Hash = sha256,
) -> Selection:
    """The selection that `select` made: attempt `attempts_max` is the fallback."""
    selection = permutations(seed, groups, attempt, h)
    if attempt < attempts_max:
        return selection
    found = fallback(selection, cards, coupling)
    assert found is not None
    return found


def _members(selection: Selection, cards: Mapping[str, Card], coupling: Coupling) -> Sequence[Card]:
    """The committee as drawn if it meets the rules, else nobody: once a card does not fit, the
    others of the attempt are not worked out."""
    members: list[Card] = []
    for g, group in enumerate(selection.groups):
        for index in range(group.count):
            card = cards[selection.leaf(g, index)]
            if not coupling.fits(card, members):
                return ()
            members.append(card)
    return members


def _is_kept(
    seed: bytes, attempt: int, members: Sequence[Card], weights: Mapping[str, int], h: Hash
) -> bool:
    if not weights:
        return True
    product = math.prod(weights.get(card.prefecture, 1) for card in members)
    greatest: int = max(weights.values()) ** len(members)
    return below(greatest, blocks(seed, WEIGHTS_LABEL, attempt, h)) < product


def fallback(
    selection: Selection, cards: Mapping[str, Card], coupling: Coupling
) -> Selection | None:
    """The first committee by rank that meets the rules; None where there is none, or where
    `FALLBACK_STEPS_MAX` candidates were looked at without finding it."""
    seats = [g for g, group in enumerate(selection.groups) for _ in range(group.count)]
    chosen: list[int] = []
    start = 0
    for _ in range(FALLBACK_STEPS_MAX):
        g = seats[len(chosen)]
        if start >= len(selection.groups[g].leaves):
            if not chosen:
                return None
            start = chosen.pop() + 1
            continue
        seated = [cards[selection.leaf(seats[i], index)] for i, index in enumerate(chosen)]
        if not coupling.fits(cards[selection.leaf(g, start)], seated):
            start += 1
            continue
        chosen.append(start)
        if len(chosen) == len(seats):
            front: list[list[int]] = [[] for _ in selection.groups]
            for seat, index in zip(seats, chosen, strict=True):
                front[seat].append(index)
            return replace(selection, front=tuple(map(tuple, front)))
        start = start + 1 if seats[len(chosen)] == g else 0
    return None
