"""The draw explained by one small draw with invented candidates, computed by the drawing code itself.

The keys of the three trustees follow from fixed texts here, so that everybody gets the same numbers;
a real key is in its trustee's hands alone. All else is as in a real draw: the question, the proofs, the
seed, the attempts, the ranks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from archive import canonical
from experts.committee import Card, Coupling, Group, permutations, select
from experts.draws.seed import NO_VALUE, alpha_of, seed_of
from experts.suite import sha256
from experts.trustees.synthetic import trustees
from experts.vrf.verify import verified_output

SPECIALTY = "A080304"
SEATS = 3
PREFECTURE_MAX = 2
ATTEMPTS_MAX = 1000
EMPLOYERS = "甲甲乙丙丁戊己庚辛"
HOMES = ("532900", "532900", "532900", "530100", "530100", "530300", "530700", "532900", "532300")
TRUSTEES = 3


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
    alpha: str
    trustees: tuple[tuple[str, str, str], ...]
    """(id, key, proof), key and proof in hex."""
    seed: str
    seats: int
    prefecture_max: int
    candidates: tuple[ExampleCandidate, ...]
    """By leaf, which is the order that the lottery counts in."""
    attempts: tuple[Attempt, ...]


@cache
def example() -> Example:
    """The worked example; always the same."""
    people = _people()
    leaves = sorted(people)
    holders = trustees("示例".encode(), TRUSTEES)
    request = canonical.encode(
        {
            "candidates": hashlib.sha256(
                "".join(f"{leaf}\n" for leaf in leaves).encode()
            ).hexdigest(),
            "quotas": {SPECIALTY: SEATS},
            "prefecture_max": PREFECTURE_MAX,
            "trustees": {holder.id: holder.key for holder in holders},
        }
    )
    request_hash = hashlib.sha256(request).hexdigest()
    alpha = alpha_of(request_hash, 1, NO_VALUE)
    proofs = [holder.answer(request_hash, 1) for holder in holders]
    outputs = [
        verified_output(bytes.fromhex(holder.key), alpha, proof)
        for holder, proof in zip(holders, proofs, strict=True)
    ]
    seed = seed_of(alpha, outputs, sha256)
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
        alpha=alpha.hex(),
        trustees=tuple(
            (holder.id, holder.key, proof.hex())
            for holder, proof in zip(holders, proofs, strict=True)
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
