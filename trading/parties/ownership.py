"""The graph of ownership and control on one day (控股、管理关系; 招标投标法实施条例 第三十四条).

A edge *controls* when its relation is CONTROL or MANAGEMENT, or a share above the threshold of the
rule `ownership.control_permille` (公司法 第二百六十五条: more than half). Control is passed on:
who controls a controller controls. SAME_HEAD makes two organisations one group without either
controlling the other. A minority share is an interest and stays visible in `owners_of`, but makes
no group.

Indirect shares are not multiplied out: the law asks who decides, not who gets the dividend. Nor are
several minority shares of one group added up.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from datetime import date

from trading.parties.party import Link, Relation


class Ownership:
    """The links that hold on `on`, by either end. Loops in the data are harmless."""

    def __init__(
        self, links: Iterable[Link], on: date, control_permille: int, depth_max: int = 16
    ) -> None:
        self._control_permille = control_permille
        self._depth_max = depth_max
        self._by_owner: dict[str, list[Link]] = defaultdict(list)
        self._by_owned: dict[str, list[Link]] = defaultdict(list)
        for link in links:
            if link.holds(on):
                self._by_owner[link.owner_uscc].append(link)
                self._by_owned[link.owned_uscc].append(link)

    def is_control(self, link: Link) -> bool:
        if link.relation is Relation.SHARE:
            return link.share_permille > self._control_permille
        return link.relation in (Relation.CONTROL, Relation.MANAGEMENT)

    def owners_of(self, uscc: str) -> list[Link]:
        """The links in which somebody holds or controls this organisation directly."""
        return [x for x in self._by_owned.get(uscc, ()) if x.relation is not Relation.SAME_HEAD]

    def holdings_of(self, uscc: str) -> list[Link]:
        """The links in which this organisation holds or controls another directly."""
        return [x for x in self._by_owner.get(uscc, ()) if x.relation is not Relation.SAME_HEAD]

    def controllers_of(self, uscc: str) -> Mapping[str, int]:
        """All that control it, directly or through others, with the shortest number of steps."""
        return self._walk(uscc, up=True, down=False)

    def controlled_by(self, uscc: str) -> Mapping[str, int]:
        """All that it controls, directly or through others, with the shortest number of steps."""
        return self._walk(uscc, up=False, down=True)

    def group_of(self, uscc: str) -> frozenset[str]:
        """It and all that hang together with it by control or by one head."""
        return frozenset(self._walk(uscc, up=True, down=True, heads=True)) | {uscc}

    def related(self, a: str, b: str) -> bool:
        """Whether both could not bid in one lot (条例 第三十四条): one head, or control or
        management between them, directly or through others. Sisters under one parent are not
        named by the article and are not related by this; see `group_of`."""
        if a == b:
            return True
        heads = self._by_owner.get(a, []) + self._by_owned.get(a, [])
        if any(
            x.relation is Relation.SAME_HEAD and b in (x.owner_uscc, x.owned_uscc) for x in heads
        ):
            return True
        return b in self.controllers_of(a) or b in self.controlled_by(a)

    def _walk(self, start: str, up: bool, down: bool, heads: bool = False) -> dict[str, int]:
        found = {start: 0}
        queue = deque([start])
        while queue:
            here = queue.popleft()
            if found[here] >= self._depth_max:
                continue
            near = []
            if up:
                near += [x.owner_uscc for x in self._by_owned.get(here, ()) if self.is_control(x)]
            if down:
                near += [x.owned_uscc for x in self._by_owner.get(here, ()) if self.is_control(x)]
            if heads:
                both = [*self._by_owned.get(here, ()), *self._by_owner.get(here, ())]
                for x in both:
                    if x.relation is Relation.SAME_HEAD:
                        near += [x.owner_uscc, x.owned_uscc]
            for other in near:
                if other not in found:
                    found[other] = found[here] + 1
                    queue.append(other)
        del found[start]
        return found
