"""The draw explained by one small draw with invented candidates, computed by the drawing code itself.

Two shares are fixed texts here, so that everybody gets the same numbers; in a real draw they are 32
random bytes each. All else is as in a real draw: the commitments, the seed, the attempts, the ranks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from archive import canonical
from experts.committee import Card, Coupling, Group, permutations, select
from experts.draws.seed import Seedholder, commitment, seed_of

SPECIALTY = "A080304"
SEATS = 3
PREFECTURE_MAX = 2
ATTEMPTS_MAX = 1000
EMPLOYERS = "甲甲乙丙丁戊己庚辛"
HOMES = ("532900", "532900", "532900", "530100", "530100", "530300", "530700", "532900", "532300")
SHARES = {party: hashlib.sha256(f"演示份额 {party}".encode()).digest() for party in Seedholder}


@dataclass(frozen=True)
class ExampleCandidate:
    """An invented candidate; `leaf` is what the public sees of him, `rank` counts from 1."""

    name: str
    employer: str
    home: str
    leaf: str
    rank: int


@dataclass(frozen=True)
class Attempt:
    """The first seats of one attempt, and whether they may sit together."""

    number: int
    names: tuple[str, ...]
    is_accepted: bool


@dataclass(frozen=True)
class Example:
    request: str
    request_hash: str
    shares: tuple[tuple[str, str, str], ...]
    """(party, commitment, share), in hex."""
    seed: str
    seats: int
    prefecture_max: int
    candidates: tuple[ExampleCandidate, ...]
    """By leaf, which is the order that the lottery counts in."""
    attempts: tuple[Attempt, ...]


def example() -> Example:
    """The worked example; always the same."""
    people = _people()
    leaves = sorted(people)
    request = canonical.encode(
        {
            "candidates": hashlib.sha256(
                "".join(f"{leaf}\n" for leaf in leaves).encode()
            ).hexdigest(),
            "quotas": {SPECIALTY: SEATS},
            "prefecture_max": PREFECTURE_MAX,
        }
    )
    request_hash = hashlib.sha256(request).hexdigest()
    seed = seed_of(request_hash, SHARES[Seedholder.CENTRE], SHARES[Seedholder.SUPERVISOR])
    cards = {
        leaf: Card(leaf, hashlib.sha256(employer.encode()).hexdigest(), home)
        for leaf, (_, employer, home) in people.items()
    }
    groups = [Group(SPECIALTY, SEATS, tuple(leaves))]
    coupling = Coupling(one_per_unit=True, prefecture_max=PREFECTURE_MAX)
    chosen = select(seed, groups, cards, coupling, ATTEMPTS_MAX)
    assert chosen is not None, "the example has a committee"
    ranks = {chosen.leaf(0, index): index + 1 for index in range(len(leaves))}
    attempts = []
    for number in range(chosen.attempt + 1):
        drawn = permutations(seed, groups, number).drawn()[0]
        attempts.append(
            Attempt(number, tuple(people[leaf][0] for leaf in drawn), number == chosen.attempt)
        )
    return Example(
        request=request.decode(),
        request_hash=request_hash,
        shares=tuple(
            (party.value, commitment(request_hash, party, SHARES[party]), SHARES[party].hex())
            for party in Seedholder
        ),
        seed=seed.hex(),
        seats=SEATS,
        prefecture_max=PREFECTURE_MAX,
        candidates=tuple(ExampleCandidate(*people[leaf], leaf, ranks[leaf]) for leaf in leaves),
        attempts=tuple(attempts),
    )


def _people() -> dict[str, tuple[str, str, str]]:
    """Leaf → (name, employer, home's code)."""
    return {
        hashlib.sha256(f"示例专家{number}".encode()).hexdigest(): (
            f"示例专家{number}",
            f"示例单位{employer}",
            home,
        )
        for number, (employer, home) in enumerate(zip(EMPLOYERS, HOMES, strict=True), start=1)
    }
