"""Every candidate's chance to be drawn, by conditional simulation with intervals that hold together.

Counting how often somebody is drawn would need millions of draws: in a large pool a chance is one in
thousands. So each simulated committee lacks one seat, and all candidates for that seat are judged at
once. For a candidate e of group g (k_g seats, n_g candidates; w the weights over the greatest one,
f(S) = 1 where S meets the coupling rules, else 0, w(S) the product over S), with R = all seats but one
of group g, drawn evenly and independently of e:

    P(e sits for g)  =  k_g/n_g · w_e · E[ w(R) f(R ∪ {e}) · 1(e ∉ R) ] / P(e ∉ R) / a
    a                =  E[ w(S) f(S) ]      over evenly drawn S: an attempt's chance to be taken
    P(e ∉ R)         =  1 − (k_g − 1)/n_g   for the k_g − 1 others of his own group

f(R ∪ {e}) depends on e's area and unit only, so one pass over the R gives it for everybody: per area
the mean of w(R) f(R) where that area has room, less the part of it in which e's unit sits already.

Each mean is one of independent values in [0, 1], so Hoeffding's inequality in its sharper form
(J. Amer. Statist. Assoc. 58, 1963, theorem 1: n·kl(p̂, p) ≤ ln(2m/α) fails with a chance of at most
α/m) bounds it without any assumption; with m the number of means, all intervals hold together with
confidence 1 − α. For the smallest and the largest chance that is what matters: they are picked.

The uncertainty of a draw, in bits: without weights all tuples are equally likely, so it is the
logarithm of their number, Σ log2 C(n_g, k_g) + log2 a. With weights it is log2 Z − E[log2 w(S)].

Random numbers are NumPy's here, not the lottery's: what is examined is the law, not one draw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experts.fairness.urn import IntArray, Urn

FloatArray = npt.NDArray[np.float64]
CHUNK = 20_000
ALPHA = 0.01
SAMPLES = 200_000
EMPTY_CHUNKS_MAX = 50


@dataclass(frozen=True)
class Interval:
    """An estimate and what holds with confidence."""

    low: float
    value: float
    high: float


@dataclass(frozen=True)
class Chances:
    """Chances by candidate: `low ≤ value ≤ high`. `taken` is how likely an attempt is taken, `bits`
    the uncertainty of the committee, `samples` how many incomplete committees there were per group."""

    value: FloatArray
    low: FloatArray
    high: FloatArray
    taken: Interval
    bits: Interval
    samples: int

    def smallest(self, among: IntArray | None = None) -> Interval:
        """Of the smallest chance there is (among some candidates)."""
        rows = slice(None) if among is None else among
        low, value, high = self.low[rows], self.value[rows], self.high[rows]
        return Interval(float(low.min()), float(value.min()), float(high.min()))

    def largest(self, among: IntArray | None = None) -> Interval:
        """Of the largest chance there is."""
        rows = slice(None) if among is None else among
        low, value, high = self.low[rows], self.value[rows], self.high[rows]
        return Interval(float(low.max()), float(value.max()), float(high.max()))


class NoCommittee(ValueError):
    """No simulated attempt met the coupling rules."""


def simulate(urn: Urn, seed: int, samples: int = SAMPLES, alpha: float = ALPHA) -> Chances:
    """Chances of all candidates. The same seed gives the same answer. NoCommittee where not one of
    the samples met the rules."""
    rng = np.random.default_rng(seed)
    # Without the rule on units a person stands for himself: nobody takes two seats.
    unit = urn.unit if urn.one_per_unit else np.arange(len(urn.unit))
    units, areas = int(unit.max()) + 1, len(urn.areas)
    weight = urn.weight / urn.weight.max()
    means = 1 + sum(
        len(np.unique(unit[m] * areas + urn.area[m]))
        for m, k in zip(urn.members, urn.counts, strict=True)
        if k
    )
    nats = math.log(2 * means / alpha)
    whole = _Sums(urn, unit, weight, urn.counts)
    whole.add(rng, samples)
    if whole.total == 0:
        raise NoCommittee
    taken = _interval(np.array([whole.total / whole.drawn]), whole.drawn, nats)
    value, low, high = (np.zeros(len(urn.unit)) for _ in range(3))
    for g, (members, count) in enumerate(zip(urn.members, urn.counts, strict=True)):
        rest = _Sums(urn, unit, weight, tuple(k - (h == g) for h, k in enumerate(urn.counts)))
        rest.with_units(units)
        rest.add(rng, samples)
        mean = rest.free(unit[members], urn.area[members]) / rest.drawn
        within = _interval(mean, rest.drawn, nats)
        share = count / len(members) / (1 - (count - 1) / len(members)) * weight[urn.area[members]]
        value[members] += share * mean / taken[1]
        low[members] += share * within[0] / taken[2]
        high[members] += share * within[2] / taken[0]
    np.minimum(high, 1, out=high)
    return Chances(value, low, high, _one(taken), _bits(urn, weight, whole, taken), samples)


class _Sums:
    """Committees with so many seats per group, drawn evenly, and what they add up to."""

    def __init__(
        self, urn: Urn, unit: IntArray, weight: FloatArray, counts: tuple[int, ...]
    ) -> None:
        self.urn, self.unit, self.weight, self.counts = urn, unit, weight, counts
        self.drawn = 0
        self.total = 0.0
        """Σ w(S) f(S)."""
        self.logs = 0.0
        """Σ w(S) f(S) log2 w(S)."""
        self.room = np.zeros(len(urn.areas))
        """Per area Σ w(R) f(R) where the area has room for one more."""
        self.there: FloatArray | None = None
        """The part of `room` in which a unit sits already: areas × units."""

    def with_units(self, units: int) -> None:
        self.there = np.zeros((len(self.urn.areas), units))

    def add(self, rng: np.random.Generator, samples: int) -> None:
        while self.drawn < samples:
            self._add(_seated(self.urn, self.counts, rng, min(CHUNK, samples - self.drawn)))

    def _add(self, seated: IntArray) -> None:
        rows, seats = seated.shape
        self.drawn += rows
        units, areas = self.unit[seated], self.urn.area[seated]
        places = np.zeros((rows, len(self.urn.areas)), dtype=np.int16)
        product = np.ones(rows)
        index = np.arange(rows)
        for seat in range(seats):
            places[index, areas[:, seat]] += 1
            product *= self.weight[areas[:, seat]]
        ordered = np.sort(units, axis=1)
        meets = (ordered[:, 1:] != ordered[:, :-1]).all(axis=1) & (
            places.max(axis=1, initial=0) <= self.urn.area_max
        )
        if not self.urn.one_per_unit:
            people = np.sort(seated, axis=1)
            meets &= (people[:, 1:] != people[:, :-1]).all(axis=1)
        product, units, places = product[meets], units[meets], places[meets]
        self.total += float(product.sum())
        self.logs += float((product * np.log2(product)).sum())
        for area in range(len(self.urn.areas)):
            here = np.where(places[:, area] < self.urn.area_max, product, 0.0)
            self.room[area] += here.sum()
            if self.there is not None and seats:
                self.there[area] += np.bincount(
                    units.ravel(), np.repeat(here, seats), minlength=self.there.shape[1]
                )

    def free(self, unit: IntArray, area: IntArray) -> FloatArray:
        """Σ w(R) f(R ∪ {e}) for candidates of these units and areas."""
        assert self.there is not None
        return np.maximum(self.room[area] - self.there[area, unit], 0)


def _seated(urn: Urn, counts: tuple[int, ...], rng: np.random.Generator, rows: int) -> IntArray:
    """`rows` committees: per group so many different candidates, evenly, in columns. Rows in which
    somebody came twice for a group are drawn anew, which keeps the others even."""
    columns = []
    for members, count in zip(urn.members, counts, strict=True):
        found = rng.integers(len(members), size=(rows, count))
        if 2 * count > len(members):  # too many to hope for
            found = rng.permuted(np.tile(np.arange(len(members)), (rows, 1)), axis=1)[:, :count]
        while count > 1:
            ordered = np.sort(found, axis=1)
            twice = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
            if not len(twice):
                break
            found[twice] = rng.integers(len(members), size=(len(twice), count))
        columns.append(members[found])
    return np.concatenate(columns, axis=1)


def _bits(urn: Urn, weight: FloatArray, whole: _Sums, taken: FloatArray) -> Interval:
    """See the module's text. The mean of log2 w(S) is taken from the same samples; its own error is
    of a smaller order and not in the interval."""
    tuples = sum(
        math.log2(math.comb(len(members), count))
        for members, count in zip(urn.members, urn.counts, strict=True)
    )
    spent = whole.logs / whole.total if weight.min() < 1 else 0.0
    low, value, high = (tuples + np.log2(taken[:, 0]) - spent).tolist()
    return Interval(low, value, high)


def _interval(mean: FloatArray, samples: int, nats: float) -> FloatArray:
    """Rows low, mean, high: all p with samples · kl(mean, p) ≤ nats, by halving."""
    mean = np.clip(mean, 0.0, 1.0)
    ends = []
    for end in (0.0, 1.0):
        inside, outside = mean.copy(), np.full_like(mean, end)
        for _ in range(50):
            middle = (inside + outside) / 2
            fits = samples * _kl(mean, middle) <= nats
            inside, outside = np.where(fits, middle, inside), np.where(fits, outside, middle)
        ends.append(outside)
    return np.stack([ends[0], mean, ends[1]])


def _kl(p: FloatArray, q: FloatArray) -> FloatArray:
    """Kullback and Leibler's divergence of two coins, in nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one = np.where(p > 0, p * np.log(p / q), 0.0)
        other = np.where(p < 1, (1 - p) * np.log((1 - p) / (1 - q)), 0.0)
    found: FloatArray = np.nan_to_num(one + other, nan=np.inf)
    return found


def _one(ends: FloatArray) -> Interval:
    low, value, high = ends[:, 0].tolist()
    return Interval(low, value, high)
