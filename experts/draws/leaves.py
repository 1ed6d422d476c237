"""Pseudonyms and leaves: the pool as one draw commits to it, without a name.

Of each draw a key of 32 bytes is kept secret. With it (‖ joins bytes; texts in UTF-8; H is the hash of
the request's algorithm, `experts.suite`):

    person      = H( "bigloop.draw.person.v1" ‖ 0x00 ‖ key ‖ expert id )
    unit        = H( "bigloop.draw.unit.v1"   ‖ 0x00 ‖ key ‖ code of the employer, or the smallest code
                     of its control group where the rule says so )
    area        = H( "bigloop.draw.area.v1"   ‖ 0x00 ‖ key ‖ code of the home prefecture )
    specialties = SHA-256( canonical JSON [codes that hold on the day of the evaluation] )
    record      = H( "bigloop.draw.record.v1" ‖ 0x00 ‖ person ‖ SHA-256( canonical JSON of all that
                     decides about draws, `Expert.facts` ) )
    leaf        = H( 0x00 ‖ unit ‖ area ‖ specialties ‖ record )         an RFC 6962 leaf hash

All leaves of the pool, sorted, are the leaves of one RFC 6962 tree; its root stands in the request.
Sorted, so that a place in the tree says nothing about an id, and so that the order of candidates is
fixed by the tree itself. Keys differ from draw to draw, so pseudonyms cannot be joined across draws.

The public transcript opens the leaves of all candidates of the requested specialties as far as
`unit`, `area`, `specialties` and `record`, with one proof for all of them (`opening`): the hashes of
the largest subtrees without any opened leaf, from left to right. The audit transcript opens `person`
and the facts as well, so that each exclusion can be judged again. `person` is secret until then, so
that nobody can find out by trying which record is whose.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archive import merkle
from experts.pool.columns import Columns
from experts.suite import DIGEST_BYTES, Hash, sha256

KEY_BYTES = 32
PERSON_TAG = b"bigloop.draw.person.v1\x00"
UNIT_TAG = b"bigloop.draw.unit.v1\x00"
AREA_TAG = b"bigloop.draw.area.v1\x00"
RECORD_TAG = b"bigloop.draw.record.v1\x00"
SALT_TAG = b"bigloop.draw.salt.v1\x00"


def record_hash(person: bytes, facts_sha256: bytes, h: Hash) -> bytes:
    return h(RECORD_TAG + person + facts_sha256)


def leaf_hash(unit: bytes, area: bytes, specialties: bytes, record: bytes, h: Hash) -> bytes:
    return h(b"\x00" + unit + area + specialties + record)


def salt_of(key: bytes, h: Hash) -> bytes:
    """What the digests of the exclusions and of their grounds are salted with; the audit opens it."""
    return h(SALT_TAG + key)


@dataclass(frozen=True)
class Leaves:
    """The pool under one key. All but `levels` by row of the columns; `levels` are the sorted tree's,
    from the leaves up; `place` is the index in the tree."""

    persons: tuple[bytes, ...]
    units: tuple[bytes, ...]
    areas: tuple[bytes, ...]
    records: tuple[bytes, ...]
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


def leaves(columns: Columns, key: bytes, labels: Sequence[str], h: Hash = sha256) -> Leaves:
    """The leaves of the pool; `labels` names each row's unit."""
    if len(key) != KEY_BYTES:
        raise ValueError("a draw's key has 32 bytes")
    head = PERSON_TAG + key
    persons = tuple(h(head + expert.id.encode()) for expert in columns.experts)
    unit = {label: h(UNIT_TAG + key + label.encode()) for label in set(labels)}
    prefectures = [expert.prefecture for expert in columns.experts]
    area = {code: h(AREA_TAG + key + code.encode()) for code in set(prefectures)}
    units = tuple(unit[label] for label in labels)
    areas = tuple(area[code] for code in prefectures)
    records = tuple(
        h(RECORD_TAG + person + facts)
        for person, facts in zip(persons, columns.records, strict=True)
    )
    hashes = tuple(
        h(b"\x00" + own + home + codes + record)
        for own, home, codes, record in zip(units, areas, columns.codes, records, strict=True)
    )
    order = sorted(range(len(hashes)), key=hashes.__getitem__)
    place = [0] * len(hashes)
    for index, row in enumerate(order):
        place[row] = index
    levels = tree_levels([hashes[row] for row in order], h)
    return Leaves(persons, units, areas, records, hashes, tuple(place), levels)


def tree_levels(hashes: Sequence[bytes], h: Hash = sha256) -> tuple[tuple[bytes, ...], ...]:
    """The RFC 6962 tree level by level: pairs are joined, a last one without a partner rises
    unchanged, which gives the same root as splitting at powers of two."""
    levels = [tuple(hashes)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        above = [h(b"\x01" + below[i] + below[i + 1]) for i in range(0, len(below) - 1, 2)]
        if len(below) % 2:
            above.append(below[-1])
        levels.append(tuple(above))
    return tuple(levels)


def root_of_opening(
    opened: Mapping[int, bytes], size: int, proof: Sequence[bytes], h: Hash
) -> bytes | None:
    """The root to which these leaves (by place) and a proof of `Leaves.opening` lead; None where the
    proof is not of this shape."""
    places = sorted(opened)
    hashes = iter(proof)

    def node(start: int, stop: int, first: int, last: int) -> bytes:
        """Of the leaves start … stop − 1, of which places[first:last] are opened."""
        if first == last:
            found = next(hashes)
            if len(found) != DIGEST_BYTES:
                raise ValueError(found)
            return found
        if stop - start == 1:
            return opened[start]
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        split = bisect_left(places, middle, first, last)
        left = node(start, middle, first, split)
        return h(b"\x01" + left + node(middle, stop, split, last))

    if not places or places[0] < 0 or places[-1] >= size:
        return None
    try:
        root = node(0, size, 0, len(places))
    except (StopIteration, ValueError):
        return None
    return root if next(hashes, None) is None else None
