"""Whole weights of home prefectures that give everybody's chance back where dispersal took it.

A cap on members of one prefecture costs those who live where many experts live: with a third of the
candidates in the capital and one seat for it, they sit half as often as others. Weights fitted before
the draw undo that. The draw then takes a committee S that meets the rules with

    P(S) = Π_{i ∈ S} w(c_i) / Z                      c_i the prefecture of i, w ≥ 1 whole

Of all laws that give each prefecture its expected number of seats this form is the one of greatest
entropy (Jaynes, Phys. Rev. 106, 1957), so equality costs as little secrecy as it can.

What is fitted. With k_g seats and n_gc candidates of group g in prefecture c, a fair share is

    t_c = Σ_g k_g n_gc / n_g                                    expected seats of c without any cap
    E_c(w) = Σ_j |j| P(j seats of c in the groups)              expected seats of c under the weights

and w is wanted with E_c(w) = t_c for all c. The counts follow from one polynomial for each prefecture
in unknowns x_g, cut off at p seats in all (the cap) and at k_g in each,

    F_c(x) = Σ_{j: |j| ≤ p} Π_g C(n_gc, j_g) (w_c x_g)^{j_g}

Z is the coefficient of Π x_g^{k_g} in Π_c F_c, and leaving one factor out gives E_c: exact but for
units and for people in several groups, whom the polynomials do not know; both matter little, and the
fairness report, which knows them, shows how much. w_c ← w_c t_c / E_c is repeated (iterative
proportional fitting, Deming and Stephan 1940), then w is rounded to the smallest whole numbers within
`ROUNDING` of it.

Refused, with a reason: a prefecture whose fair share is the cap or more (no weights could do it), and
weights that degenerate: too unequal, too far from equal chances, or such that hardly any attempt of
the draw would be taken.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from archive.errors import Reason
from experts.committee import Card, Coupling, Group

FloatArray = npt.NDArray[np.float64]
ROUNDING = 0.01
PASSES_MAX = 300
CLOSE = 1e-4
TINY = 1e-12
STATES_MAX = 4_000
"""Bound of Π_g (k_g + 1), the size of the polynomials."""
LOTTERY_BITS = 256
"""What one number of the lottery can hold: the greatest weight to the power of the seats."""
TRIES_MIN = 40
"""So many attempts should be taken on average within the bound of attempts: then a draw without any
has a chance below e⁻⁴⁰."""


@dataclass(frozen=True)
class WeightLimits:
    """`ratio_max` of the greatest to the smallest weight; `spread_permille_max` of a prefecture's
    mean chance from its fair share; the ids of the rules that say so."""

    ratio_max: int
    spread_permille_max: int
    ratio_rule: str
    spread_rule: str
    cap_rule: str


@dataclass(frozen=True)
class CityWeights:
    """Weights by prefecture; the farthest that a prefecture's mean chance is from its fair share
    (as a part of it) before and after; the bits of uncertainty that they cost; how likely an attempt
    is taken."""

    weights: Mapping[str, int]
    spread_before: float
    spread: float
    bits: float
    taken: float


def fit(
    groups: Sequence[Group],
    cards: Mapping[str, Card],
    coupling: Coupling,
    attempts_max: int,
    limits: WeightLimits,
) -> CityWeights | Reason:
    """Weights for these groups, or why there are none."""
    places = sorted({cards[leaf].prefecture for group in groups for leaf in group.leaves})
    held = [Counter(cards[leaf].prefecture for leaf in group.leaves) for group in groups]
    counts = [[found[place] for place in places] for found in held]
    return fit_counts(
        places, [g.count for g in groups], counts, coupling.prefecture_max, attempts_max, limits
    )


def fit_counts(
    places: Sequence[str],
    seats: Sequence[int],
    counts: Sequence[Sequence[int]],
    area_max: int,
    attempts_max: int,
    limits: WeightLimits,
) -> CityWeights | Reason:
    """The same from numbers alone: `counts[g][c]` candidates of group g in place c, `seats[g]`."""
    shares = [
        sum(k * row[c] / sum(row) for k, row in zip(seats, counts, strict=True))
        for c in range(len(places))
    ]
    for place, share in zip(places, shares, strict=True):
        if share > area_max * (1 - CLOSE):
            return _reason(
                "experts.weights.cap", place, f"{share:.2f}", str(area_max), limits.cap_rule
            )
    if math.prod(k + 1 for k in seats) > STATES_MAX:
        return _reason(
            "experts.weights.states", "", str(sum(seats)), str(STATES_MAX), limits.ratio_rule
        )
    law = Law(seats, counts, area_max)
    fair = np.array(shares)
    before = law.at(np.ones(len(places)))
    weights = np.ones(len(places))
    for _ in range(PASSES_MAX):
        found = law.at(weights)
        step = np.clip(fair / np.maximum(found.expected, TINY), 0.1, 10)
        if abs(step - 1).max() < CLOSE:
            break
        weights *= step
        weights /= weights.min()
        if weights.max() > 2 * limits.ratio_max:
            break
    if weights.max() > limits.ratio_max:
        worst = places[int(weights.argmax())]
        ratio = f"{weights.max():.1f}"
        return _reason(
            "experts.weights.ratio", worst, ratio, str(limits.ratio_max), limits.ratio_rule
        )
    whole = _whole(weights)
    after = law.at(whole)
    if sum(seats) * math.log2(whole.max()) > LOTTERY_BITS:
        bits = f"{sum(seats) * math.log2(whole.max()):.0f}"
        return _reason("experts.weights.states", "", bits, str(LOTTERY_BITS), limits.ratio_rule)
    spread = abs(after.expected / fair - 1)
    if spread.max() * 1000 > limits.spread_permille_max:
        worst = places[int(spread.argmax())]
        permille = str(math.ceil(spread.max() * 1000))
        most = str(limits.spread_permille_max)
        return _reason("experts.weights.spread", worst, permille, most, limits.spread_rule)
    taken = 2 ** (after.log2_sum - sum(seats) * math.log2(whole.max()) - law.log2_tuples)
    if taken * attempts_max < TRIES_MIN:
        tries = str(math.ceil(1 / taken))
        return _reason(
            "experts.weights.tries", "", tries, str(attempts_max // TRIES_MIN), "draw.attempts_max"
        )
    return CityWeights(
        {place: int(w) for place, w in zip(places, whole, strict=True)},
        float(abs(before.expected / fair - 1).max()),
        float(spread.max()),
        before.bits(np.ones(len(places))) - after.bits(whole),
        taken,
    )


def _reason(code: str, place: str, found: str, most: str, rule: str) -> Reason:
    params = {"place": place, "found": found, "most": most, "rule": rule}
    return Reason(code, params)


@dataclass(frozen=True)
class LawAt:
    """The law at certain weights: the logarithm of Z, and E_c by place."""

    log2_sum: float
    expected: FloatArray

    def bits(self, weights: FloatArray) -> float:
        return self.log2_sum - float(self.expected @ np.log2(weights))


class Law:
    """The polynomials F_c without the weights: per place a list of (j, Π C(n, j_g))."""

    def __init__(
        self, seats: Sequence[int], counts: Sequence[Sequence[int]], area_max: int
    ) -> None:
        self.shape = tuple(k + 1 for k in seats)
        self.seats = tuple(seats)
        fitting = [
            j for j in product(*(range(min(k, area_max) + 1) for k in seats)) if sum(j) <= area_max
        ]
        # Binomials of many candidates are large; what is common to all committees is divided out.
        self.log2_tuples = sum(
            math.log2(math.comb(sum(row), k)) for k, row in zip(seats, counts, strict=True)
        )
        scale = [sum(row) / k for k, row in zip(seats, counts, strict=True)]
        self.log2_scale = sum(k * math.log2(s) for k, s in zip(seats, scale, strict=True))
        self.terms = [
            [
                (j, coefficient)
                for j in fitting
                if (
                    coefficient := math.prod(
                        math.comb(row[c], n) / s**n
                        for n, row, s in zip(j, counts, scale, strict=True)
                    )
                )
                > 0
            ]
            for c in range(len(counts[0]))
        ]

    def at(self, weights: FloatArray) -> LawAt:
        """Products from the left and from the right, so that leaving out one factor is one product."""
        one = np.zeros(self.shape)
        one[(0,) * len(self.shape)] = 1.0
        left, right = [one], [one]
        pairs = list(zip(self.terms, weights.tolist(), strict=True))
        for terms, weight in pairs[:-1]:
            left.append(self._times(left[-1], terms, weight))
        for terms, weight in reversed(pairs[1:]):
            right.append(self._times(right[-1], terms, weight))
        total, expected = 0.0, []
        for (terms, weight), before, after in zip(pairs, left, reversed(right), strict=True):
            sums = [0.0, 0.0]
            for j, coefficient in terms:
                rest = tuple(k - n for k, n in zip(self.seats, j, strict=True))
                part = coefficient * weight ** sum(j) * _coefficient(before, after, rest)
                sums[0] += part
                sums[1] += sum(j) * part
            total = sums[0]
            expected.append(sums[1] / sums[0] if sums[0] else 0.0)
        return LawAt(math.log2(total) + self.log2_scale, np.array(expected))

    def _times(
        self, factor: FloatArray, terms: Sequence[tuple[tuple[int, ...], float]], weight: float
    ) -> FloatArray:
        found = np.zeros(self.shape)
        for j, coefficient in terms:
            into = tuple(slice(n, None) for n in j)
            source = tuple(slice(0, size - n) for n, size in zip(j, self.shape, strict=True))
            found[into] += coefficient * weight ** sum(j) * factor[source]
        return found


def _coefficient(one: FloatArray, other: FloatArray, power: tuple[int, ...]) -> float:
    """Of x^power in the product of two polynomials."""
    low = tuple(slice(0, n + 1) for n in power)
    return float((one[low] * np.flip(other[low])).sum())


def _whole(weights: FloatArray) -> FloatArray:
    """The smallest whole numbers in nearly the same proportion."""
    least = weights / weights.min()
    scale = 1
    while abs(np.rint(least * scale) / (least * scale) - 1).max() > ROUNDING:
        scale += 1  # at 1 / (2 · ROUNDING) at the latest it fits
    found: FloatArray = np.rint(least * scale)
    return found
