"""Control groups (控制关系): who decides for whom, as a graph that a draw can walk in no time.

Which edges there are is said by the rule that asks (`Edges`): relations, and the share from which on
one counts. Edges that control: CONTROL, MANAGEMENT, SAME_HEAD, and a SHARE above the threshold of
the rule `ownership.control_permille`. Edges of interest: a SHARE of `recusal.interest_permille` or
more, looked at one step far. They are read both ways, because recusal asks whether two bodies are
of one will, whichever is on top (政府采购法实施条例 第九条). A minority stake is no edge; neither is
a seat on a board: in a real graph of directors nearly everything hangs together with everything.

Two limits keep a group meaningful: a number of steps (`ownership.depth_max`), and *stops*, bodies
such as state-asset administrations, which are reached but never passed through.

Nodes are numbered in ascending order of their codes and neighbours visited in that order, so the
chain that is given as evidence is always the same one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from experts.identities.companies import Same
from trading.parties.party import Link, Relation

IntArray = npt.NDArray[np.int64]
ALWAYS_CONTROL = frozenset({Relation.CONTROL, Relation.MANAGEMENT, Relation.SAME_HEAD})


@dataclass(frozen=True)
class Edges:
    """Which links a rule follows: these relations, and shares of `share_permille_min` or more."""

    relations: frozenset[Relation]
    share_permille_min: int

    def has(self, link: Link) -> bool:
        if link.relation is Relation.SHARE:
            return link.share_permille >= self.share_permille_min
        return link.relation in self.relations


def control_edges(control_permille: int) -> Edges:
    """What makes two bodies one group: a share must be more than the threshold."""
    return Edges(ALWAYS_CONTROL, control_permille + 1)


def interest_edges(interest_permille: int) -> Edges:
    """What makes an economic interest: a share of the threshold or more, nothing else."""
    return Edges(frozenset(), interest_permille)


@dataclass(frozen=True)
class ControlGraph:
    """The control edges of one day, undirected, in compressed rows."""

    codes: tuple[str, ...]
    _number_of: Mapping[str, int]
    _starts: IntArray
    _neighbours: IntArray
    _stops: npt.NDArray[np.bool_]
    same: Same = field(default_factory=Same)

    @classmethod
    def of(
        cls,
        links: Iterable[Link],
        on: date,
        edges: Edges | int,
        stops: Collection[str] = frozenset(),
        same: Same | None = None,
    ) -> ControlGraph:
        """The graph of the links that hold on a day and that `edges` follows; a number is the
        threshold of control. Codes of one company (`same`) are one node, the canonical one."""
        followed = control_edges(edges) if isinstance(edges, int) else edges
        known = same or Same()
        pairs = [
            (known.of_code(link.owner_uscc), known.of_code(link.owned_uscc))
            for link in links
            if link.holds(on) and followed.has(link)
        ]
        pairs = [(owner, owned) for owner, owned in pairs if owner != owned]
        codes = tuple(sorted({code for pair in pairs for code in pair}))
        number_of = {code: number for number, code in enumerate(codes)}
        stopped = {known.of_code(stop) for stop in stops}
        return cls.of_numbers(
            codes,
            np.fromiter((number_of[owner] for owner, _ in pairs), dtype=np.int64),
            np.fromiter((number_of[owned] for _, owned in pairs), dtype=np.int64),
            np.fromiter((code in stopped for code in codes), dtype=np.bool_),
            known,
        )

    @classmethod
    def of_numbers(
        cls,
        codes: tuple[str, ...],
        owners: IntArray,
        owned: IntArray,
        stops: npt.NDArray[np.bool_],
        same: Same | None = None,
    ) -> ControlGraph:
        """The graph of edges between the places of `codes`, which ascend; `stops` by place."""
        source, target = np.concatenate([owners, owned]), np.concatenate([owned, owners])
        order = np.lexsort((target, source))
        source, target = source[order], target[order]
        starts = np.searchsorted(source, np.arange(len(codes) + 1))
        number_of = {code: number for number, code in enumerate(codes)}
        return cls(codes, number_of, starts, target, stops, same or Same())

    def reach(self, start: str, depth_max: int) -> Mapping[str, tuple[str, ...]]:
        """The group of one body: code → the shortest chain from `start` to it, both included.

        `start` itself is there with a chain of one, also where the graph does not know it.
        """
        chains: dict[str, tuple[str, ...]] = {start: (start,)}
        edge = [start] if start in self._number_of else []
        for _ in range(depth_max):
            following = []
            for code in edge:
                number = self._number_of[code]
                if self._stops[number] and code != start:
                    continue
                near_by = self._neighbours[self._starts[number] : self._starts[number + 1]]
                for other in near_by.tolist():
                    near = self.codes[other]
                    if near not in chains:
                        chains[near] = (*chains[code], near)
                        following.append(near)
            edge = following
        return chains

    def groups(self) -> IntArray:
        """For each node the smallest node of its group, by labels that spread in bulk.

        Every edge hangs the greater of two roots on the smaller; which of several edges wins does
        not matter, since only ever the smaller is pointed to and so no circle can arise. Then
        shortcuts until all point to roots, and again with the edges whose ends still differ: a few
        rounds (Shiloach and Vishkin, J. Algorithms 3, 1982).

        No limit of depth here: it says which employers count as one, and that must not depend on
        where one starts. Edges at a stop join nobody.
        """
        label = np.arange(len(self.codes), dtype=np.int32)
        high = np.repeat(label, np.diff(self._starts))
        low = self._neighbours.astype(np.int32)
        kept = low < high  # each edge stands there both ways; one is enough
        if self._stops.any():
            kept &= ~(self._stops[high] | self._stops[low])
        high, low = high[kept], low[kept]
        while len(high):
            label[high] = low
            label = _shortcut(label)
            one, other = label[high], label[low]
            apart = one != other
            one, other = one[apart], other[apart]
            high, low = np.maximum(one, other), np.minimum(one, other)
        return label.astype(np.int64)

    def labels(self) -> Mapping[str, str]:
        """For each code the smallest code of its group."""
        return dict(
            zip(self.codes, map(self.codes.__getitem__, self.groups().tolist()), strict=True)
        )


def _shortcut(label: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Let every node point to its root."""
    while True:
        further = label[label]
        if np.array_equal(further, label):
            return label
        label = further


def steps_of(chain: Sequence[str], links: Iterable[Link], on: date, edges: Edges) -> list[Link]:
    """The links that a chain walked along, for whoever wants to see shares and relations. Where two
    bodies are one company under two codes there is no link."""
    between = {frozenset(pair) for pair in pairwise(chain)}
    found: dict[frozenset[str], Link] = {}
    for link in links:
        ends = frozenset((link.owner_uscc, link.owned_uscc))
        if ends in between and link.holds(on) and edges.has(link):
            best = found.get(ends)
            if best is None or link.share_permille > best.share_permille:
                found[ends] = link
    return [found[ends] for pair in pairwise(chain) if (ends := frozenset(pair)) in found]
