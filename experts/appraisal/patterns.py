"""Odd patterns: what was seen of an expert beside what chance would give, with an interval. Pure.

Each measure is a count X of n independent trials with known chances p₁ … pₙ, so X is Poisson-binomial;
its distribution is exact, by convolution. What counts as a trial, and with what chance:

    called      each draw in which he was a candidate; invitations ÷ candidates of his specialties
    accepted    each call that asked him; the share of yes among all calls of the pool
    late        each session in which he sat; the share of late arrivals among all
    deviating   each of his scores; the share of scores that are far from the others' mean

An interval holds 1 − α of chance's mass. A count is *odd* when its two-sided tail is below α divided by
the number of experts looked at (Bonferroni), so that in a pool of honest experts one is named by
mistake with a chance of α at most. A pattern is a lead, never a proof: specialties are rare or common,
and people fall ill. Rigging one draw in 200 stays invisible here; the proof of a draw is its transcript.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Measure(StrEnum):
    CALLED = "CALLED"
    ACCEPTED = "ACCEPTED"
    LATE = "LATE"
    DEVIATING = "DEVIATING"


@dataclass(frozen=True)
class Tally:
    """What is counted of one expert. `chances`: for each draw in which he was a candidate, the
    chance of being called."""

    chances: tuple[float, ...] = ()
    called: int = 0
    accepted: int = 0
    declined: int = 0
    silent: int = 0
    sessions: int = 0
    late: int = 0
    scores: int = 0
    deviating: int = 0


@dataclass(frozen=True)
class Compared:
    """A count beside chance. `expected` and the tail are for reading, not for computing on."""

    measure: Measure
    trials: int
    observed: int
    expected: float
    low: int
    high: int
    tail: float
    is_odd: bool


@dataclass(frozen=True)
class Pattern:
    expert_id: str
    tally: Tally
    compared: tuple[Compared, ...] = field(default_factory=tuple)

    @property
    def is_odd(self) -> bool:
        return any(each.is_odd for each in self.compared)


def distribution(chances: Iterable[float]) -> FloatArray:
    """The Poisson-binomial distribution of the number of successes, by convolution."""
    mass = np.ones(1)
    for chance in chances:
        assert 0 <= chance <= 1
        mass = np.convolve(mass, (1 - chance, chance))
    return mass


def binomial(trials: int, chance: float) -> FloatArray:
    """The same where all chances are equal, in closed form."""
    if chance in (0, 1):
        mass = np.zeros(trials + 1)
        mass[trials if chance else 0] = 1
        return mass
    count = np.arange(trials + 1)
    choose = np.array(
        [
            math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
            for k in range(trials + 1)
        ]
    )
    log: FloatArray = choose + count * math.log(chance) + (trials - count) * math.log1p(-chance)
    return np.exp(log)


def interval(mass: FloatArray, alpha: float) -> tuple[int, int]:
    """The smallest and largest count that leave at most α/2 of the mass on either side."""
    below = np.cumsum(mass)
    above = np.cumsum(mass[::-1])[::-1]
    low = int(np.argmax(below > alpha / 2))
    high = int(len(mass) - 1 - np.argmax(above[::-1] > alpha / 2))
    return low, high


def two_sided(mass: FloatArray, observed: int) -> float:
    """Twice the smaller tail, at most 1."""
    below, above = float(mass[: observed + 1].sum()), float(mass[observed:].sum())
    return min(1.0, 2 * min(below, above))


def compare(
    measure: Measure, mass: FloatArray, observed: int, alpha: float, looked_at: int
) -> Compared:
    """A count beside its distribution, where `looked_at` experts are compared in the same way."""
    low, high = interval(mass, alpha)
    tail = two_sided(mass, observed)
    expected = float(np.arange(len(mass)) @ mass)
    is_odd = tail < alpha / max(1, looked_at)
    return Compared(measure, len(mass) - 1, observed, expected, low, high, tail, is_odd)


def patterns(tallies: Mapping[str, Tally], alpha: float) -> list[Pattern]:
    """Every expert who was called or could have been, the oddest first, then by id."""
    rates = {
        Measure.ACCEPTED: _rate(tallies.values(), "accepted", "called"),
        Measure.LATE: _rate(tallies.values(), "late", "sessions"),
        Measure.DEVIATING: _rate(tallies.values(), "deviating", "scores"),
    }
    looked_at = len(tallies)
    found = []
    for expert_id in sorted(tallies):
        tally = tallies[expert_id]
        compared = []
        if tally.chances:
            mass = distribution(tally.chances)
            called = min(tally.called, len(tally.chances))
            compared.append(compare(Measure.CALLED, mass, called, alpha, looked_at))
        for measure, trials, observed in (
            (Measure.ACCEPTED, tally.called, tally.accepted),
            (Measure.LATE, tally.sessions, tally.late),
            (Measure.DEVIATING, tally.scores, tally.deviating),
        ):
            if trials:
                mass = binomial(trials, rates[measure])
                compared.append(compare(measure, mass, observed, alpha, looked_at))
        found.append(Pattern(expert_id, tally, tuple(compared)))
    return sorted(found, key=lambda each: (_least(each), each.expert_id))


def _least(pattern: Pattern) -> float:
    return min((each.tail for each in pattern.compared), default=1.0)


def _rate(tallies: Iterable[Tally], hits: str, trials: str) -> float:
    listed = list(tallies)
    total = sum(getattr(tally, trials) for tally in listed)
    return sum(getattr(tally, hits) for tally in listed) / total if total else 0.0


def far_scores(scores: Sequence[int], most: int, permille: int) -> list[bool]:
    """For the members' scores of one item of one bid (hundredths, `most` the highest possible):
    whether each is further from the mean of the others than so many thousandths of `most`."""
    if len(scores) < 2 or most <= 0:
        return [False] * len(scores)
    total, others = sum(scores), len(scores) - 1
    return [
        abs(score * others - (total - score)) * 1000 > permille * most * others for score in scores
    ]
