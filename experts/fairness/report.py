"""The fairness report of a draw (公平性报告): how likely was each candidate, how unpredictable the whole?

From a verified transcript alone. Per specialty the smallest and the largest chance with intervals that
hold together (`experts.fairness.chances`), the greatest smallest chance that any lottery under the
same quotas could give (`experts.fairness.leximin`), and both lotteries' uncertainty in bits. The bound
counts candidates by (groups, area) and leaves units aside: with them it could only be lower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from archive.errors import Reason
from experts.fairness.chances import ALPHA, SAMPLES, Interval, simulate
from experts.fairness.leximin import Infeasible, Quota, Types, leximin
from experts.fairness.urn import Urn

FORMAT = "bigloop.fairness.v1"
TYPES_MAX = 400
"""More types than these take minutes; the bound is then left out."""

Step = Callable[[str], None]
"""Told what comes next: for whoever waits."""


@dataclass(frozen=True)
class GroupChances:
    """One specialty: seats, candidates, an equal share for each, and the extremes that there are."""

    specialty: str
    seats: int
    candidates: int
    share: float
    smallest: Interval
    largest: Interval


@dataclass(frozen=True)
class Bound:
    """What LEXIMIN reaches: the smallest chance, its gap, its committee's uncertainty in bits."""

    smallest: float
    gap: float
    bits: float


@dataclass(frozen=True)
class FairnessReport:
    """Chances per draw, as parts of one; `confidence` that all intervals hold."""

    draw: str
    groups: tuple[GroupChances, ...]
    smallest: Interval
    largest: Interval
    taken: Interval
    bits: Interval
    bound: Bound | None
    samples: int
    confidence: float
    weighted: bool

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}

    def reasons(self) -> list[Reason]:
        """The report as sentences."""
        said = [Reason("experts.fairness.draw", {"draw": self.draw})]
        for group in self.groups:
            params: dict[str, str | int] = {
                "specialty": group.specialty,
                "seats": group.seats,
                "candidates": group.candidates,
                "share": _percent(group.share),
                **_ends("smallest", group.smallest),
                **_ends("largest", group.largest),
            }
            said.append(Reason("experts.fairness.group", params))
        if self.bound is None:
            said.append(Reason("experts.fairness.no_bound", {"count_max": TYPES_MAX}))
        else:
            params = {
                "smallest": _percent(self.smallest.value),
                "bound": _percent(self.bound.smallest),
                "bits": f"{self.bound.bits:.1f}",
            }
            said.append(Reason("experts.fairness.bound", params))
        params = {
            "bits": f"{self.bits.value:.2f}",
            "low": f"{self.bits.low:.2f}",
            "high": f"{self.bits.high:.2f}",
            "tries": f"{1 / self.taken.value:.1f}",
        }
        said.append(Reason("experts.fairness.bits", params))
        if self.weighted:
            said.append(Reason("experts.fairness.weighted"))
        params = {"samples": self.samples, "confidence": f"{100 * self.confidence:g}"}
        said.append(Reason("experts.fairness.method", params))
        return said


def _percent(part: float) -> str:
    return f"{100 * part:.4g}"


def _ends(name: str, found: Interval) -> Mapping[str, str]:
    return {
        name: _percent(found.value),
        f"{name}_low": _percent(found.low),
        f"{name}_high": _percent(found.high),
    }


def fairness(
    draw: str,
    urn: Urn,
    seed: int,
    samples: int = SAMPLES,
    step: Step = lambda _: None,
) -> FairnessReport:
    """The report of an urn. The same seed gives the same report; NoCommittee where no simulated
    attempt met the rules."""
    step("experts.fairness.step.chances")
    chances = simulate(urn, seed, samples)
    step("experts.fairness.step.bound")
    return FairnessReport(
        draw=draw,
        groups=tuple(
            GroupChances(
                specialty,
                count,
                len(members),
                count / len(members),
                chances.smallest(members),
                chances.largest(members),
            )
            for specialty, count, members in zip(
                urn.specialties, urn.counts, urn.members, strict=True
            )
        ),
        smallest=chances.smallest(),
        largest=chances.largest(),
        taken=chances.taken,
        bits=chances.bits,
        bound=bound_of(urn),
        samples=chances.samples,
        confidence=1 - ALPHA,
        weighted=urn.has_weights,
    )


def bound_of(urn: Urn) -> Bound | None:
    """LEXIMIN's smallest chance for this urn; None where there are too many types."""
    types = types_of(urn)
    if len(types.sizes) > TYPES_MAX:
        return None
    try:
        found = leximin(types)
    except Infeasible:
        return None
    return Bound(found.smallest, found.gap, found.bits(types))


def types_of(urn: Urn) -> Types:
    """Candidates by (groups that they stand in, area); a slot for each group of a type; as many heads
    as seats in each group, at most so many as the cap in each area."""
    stands: list[list[int]] = [[] for _ in urn.unit]
    for g, members in enumerate(urn.members):
        for candidate in members.tolist():
            stands[candidate].append(g)
    sizes = Counter(
        (tuple(groups), area) for groups, area in zip(stands, urn.area.tolist(), strict=True)
    )
    kinds = sorted(sizes)
    slots = [(t, g, area) for t, (groups, area) in enumerate(kinds) for g in groups]
    quotas = [
        Quota(tuple(s for s, slot in enumerate(slots) if slot[1] == g), count, count)
        for g, count in enumerate(urn.counts)
    ]
    for number in range(len(urn.areas)):
        within = tuple(s for s, slot in enumerate(slots) if slot[2] == number)
        quotas.append(Quota(within, 0, urn.area_max))
    return Types(
        tuple(sizes[kind] for kind in kinds), tuple(slot[0] for slot in slots), tuple(quotas)
    )
