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

When somebody declines, is silent or falls out, the accepted attempt's permutations simply go on
(`experts.draws.process`). Bounded: after `attempts_max` there is no committee, and the draw says so;
`experts.feasibility` refuses most hopeless requests before any randomness exists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from experts.lottery import Permutation, blocks
from experts.suite import Hash, sha256


class Card(NamedTuple):
    """A candidate as the coupling rules see one: pseudonyms and a prefecture, nothing else.

    `leaf` is the salted leaf hash in hex, `unit` the salted hash of the employer (or of the
    employer's control group, where the rule says so), `prefecture` a six-digit division code.
    """

    leaf: str
    unit: str
    prefecture: str


@dataclass(frozen=True)
class Group:
    """A seat group: a specialty code, its seats, and its eligible candidates by ascending leaf."""

    specialty: str
    count: int
    leaves: tuple[str, ...]

    def __post_init__(self) -> None:
        assert self.count > 0
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
    """The accepted attempt and its permutations, one per group in the order of the request."""

    attempt: int
    groups: tuple[Group, ...]
    permutations: tuple[Permutation, ...]

    def leaf(self, group: int, index: int) -> str:
        """The leaf with rank `index + 1` of a group; IndexError beyond the last."""
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
) -> Selection | None:
    """The first attempt that meets the coupling rules, or None after `attempts_max` of them.

    Every group must have at least as many candidates as seats.
    """
    assert all(len(group.leaves) >= group.count for group in groups)
    for attempt in range(attempts_max):
        selection = permutations(seed, groups, attempt, h)
        if coupling.meets([cards[leaf] for group in selection.drawn() for leaf in group]):
            return selection
    return None
