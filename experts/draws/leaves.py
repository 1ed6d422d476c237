"""Pseudonyms and leaves: the pool as one draw commits to it, without a name.

Of each draw a key of 32 bytes is kept secret. With it (‖ joins bytes; texts in UTF-8):

    person = SHA-256( "bigloop.draw.person.v1" ‖ 0x00 ‖ key ‖ expert id )
    unit   = SHA-256( "bigloop.draw.unit.v1"   ‖ 0x00 ‖ key ‖ code of the employer, or the smallest
                      code of its control group where the rule says so )
    facts  = SHA-256( canonical JSON {"home": county code, "specialties": [codes in order]} )
    leaf   = SHA-256( 0x00 ‖ person ‖ unit ‖ facts )          an RFC 6962 leaf hash

All leaves of the pool, sorted, are the leaves of one RFC 6962 tree; its root stands in the request.
Sorted, so that a place in the tree says nothing about an id, and so that the order of candidates is
fixed by the tree itself. Keys differ from draw to draw, so pseudonyms cannot be joined across draws.

A transcript opens the leaves of all candidates of the requested specialties, with one proof for all
of them (`opening`): the hashes of the largest subtrees without any opened leaf, from left to right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from archive import merkle
from experts.pool.columns import Columns

KEY_BYTES = 32
PERSON_TAG = b"bigloop.draw.person.v1\x00"
UNIT_TAG = b"bigloop.draw.unit.v1\x00"


def person_of(key: bytes, expert_id: str) -> bytes:
    return hashlib.sha256(PERSON_TAG + key + expert_id.encode()).digest()


def unit_of(key: bytes, label: str) -> bytes:
    return hashlib.sha256(UNIT_TAG + key + label.encode()).digest()


def leaf_of(person: bytes, unit: bytes, facts: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + person + unit + facts).digest()


@dataclass(frozen=True)
class Leaves:
    """The pool under one key. `persons`, `units`, `leaves` by row of the columns; `levels` are the
    sorted tree's, from the leaves up; `place` is the index in the tree by row."""

    persons: tuple[bytes, ...]
    units: tuple[bytes, ...]
    leaves: tuple[bytes, ...]
    place: tuple[int, ...]
    levels: tuple[tuple[bytes, ...], ...]

    @property
    def root(self) -> bytes:
        return self.levels[-1][0] if self.levels[0] else merkle.EMPTY_ROOT

    def opening(self, places: Sequence[int]) -> tuple[bytes, ...]:
        """One proof for all these places (ascending): see the module's text."""
        wanted = [set(places)]
        for _ in self.levels[1:]:
            wanted.append({place >> 1 for place in wanted[-1]})
        proof: list[bytes] = []
        pending = [(len(self.levels) - 1, 0)]
        while pending:
            level, index = pending.pop()
            if index not in wanted[level]:
                proof.append(self.levels[level][index])
            elif level:
                left = 2 * index
                if left + 1 < len(self.levels[level - 1]):
                    pending.append((level - 1, left + 1))
                pending.append((level - 1, left))
        return tuple(proof)


def leaves(columns: Columns, key: bytes, labels: Sequence[str]) -> Leaves:
    """The leaves of the pool; `labels` names each row's unit."""
    if len(key) != KEY_BYTES:
        raise ValueError("a draw's key has 32 bytes")
    sha256 = hashlib.sha256
    head = PERSON_TAG + key
    persons = tuple(sha256(head + expert.id.encode()).digest() for expert in columns.experts)
    unit = {label: unit_of(key, label) for label in set(labels)}
    units = tuple(unit[label] for label in labels)
    hashes = tuple(
        sha256(b"\x00" + person + own + facts).digest()
        for person, own, facts in zip(persons, units, columns.facts, strict=True)
    )
    order = sorted(range(len(hashes)), key=hashes.__getitem__)
    place = [0] * len(hashes)
    for index, row in enumerate(order):
        place[row] = index
    levels = tree_levels([hashes[row] for row in order])
    return Leaves(persons, units, hashes, tuple(place), levels)


def tree_levels(hashes: Sequence[bytes]) -> tuple[tuple[bytes, ...], ...]:
    """The RFC 6962 tree level by level: pairs are joined, a last one without a partner rises
    unchanged, which gives the same root as splitting at powers of two."""
    sha256 = hashlib.sha256
    levels = [tuple(hashes)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        above = [
            sha256(b"\x01" + below[i] + below[i + 1]).digest() for i in range(0, len(below) - 1, 2)
        ]
        if len(below) % 2:
            above.append(below[-1])
        levels.append(tuple(above))
    return tuple(levels)
