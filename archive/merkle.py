"""The Merkle tree of RFC 6962, section 2.1: hashes, incremental append, proofs and their checks.

Leaf hash = SHA-256(0x00 ‖ entry), node hash = SHA-256(0x01 ‖ left ‖ right); the tree over n leaves
splits at the largest power of two below n. Proofs are lists of 32-byte hashes. The verifiers follow
RFC 9162, sections 2.1.3.2 and 2.1.4.2, and refuse in addition what those leave open: hashes of a
wrong length (an empty leaf hash would equal an empty root) and consistency from an empty tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """The roots of the perfect subtrees of a tree of `size` leaves, largest first: all that is
    needed to append and to tell the root, in O(log size)."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        hashes = [*self.hashes, leaf]
        size = self.size
        while size & 1:
            right = hashes.pop()
            hashes[-1] = node_hash(hashes[-1], right)
            size >>= 1
        return Frontier(self.size + 1, tuple(hashes))

    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        node = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            node = node_hash(left, node)
        return node

    def to_bytes(self) -> bytes:
        return b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Frontier:
        """ValueError where the number of hashes does not fit the size."""
        if len(data) != HASH_BYTES * size.bit_count():
            raise ValueError(f"frontier of {size} leaves has {len(data)} bytes")
        hashes = (data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES))
        return cls(size, tuple(hashes))


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    level = list(leaves) or [EMPTY_ROOT]
    while len(level) > 1:
        # Pairs from the left, and an odd last one as it is: the split of RFC 6962, from below.
        above = [node_hash(*pair) for pair in zip(level[::2], level[1::2], strict=False)]
        level = above if len(level) % 2 == 0 else [*above, level[-1]]
    return level[0]


class Tree:
    """A whole tree, kept level by level: any proof in O(log size) once it is built.

    Node (h, i) is the root over leaves i·2^h up to (i + 1)·2^h or the end: what RFC 6962 calls
    MTH(D[i·2^h : min((i + 1)·2^h, n)]). Those are all the hashes that proofs are made of.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.size = len(leaves)
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            level = self._levels[-1]
            above = [node_hash(*pair) for pair in zip(level[::2], level[1::2], strict=False)]
            self._levels.append(above if len(level) % 2 == 0 else [*above, level[-1]])

    def root(self) -> bytes:
        return self._levels[-1][0] if self.size else EMPTY_ROOT

    def nodes(self, height: int) -> Sequence[bytes]:
        """The roots of the full subtrees of 2^height leaves, from the left."""
        full = self.size >> height
        return self._levels[height][:full] if height < len(self._levels) else ()

    def inclusion_proof(self, index: int) -> list[bytes]:
        """The audit path of leaf `index` (RFC 6962, 2.1.1), lowest sibling first."""
        if not 0 <= index < self.size:
            raise IndexError(f"no leaf {index} in a tree of {self.size}")
        path = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                path.append(level[index ^ 1])
            index >>= 1
        return path

    def consistency_proof(self, old_size: int) -> list[bytes]:
        """The proof that the tree over the first `old_size` leaves is a prefix (RFC 6962, 2.1.2)."""
        if not 0 < old_size <= self.size:
            raise IndexError(f"no earlier tree of {old_size} in one of {self.size}")
        path: list[bytes] = []
        start, stop, complete = 0, self.size, True
        while stop != old_size:
            middle = start + _split(stop - start)
            if old_size <= middle:
                path.append(self._over(middle, stop))
                stop = middle
            else:
                path.append(self._over(start, middle))
                start, complete = middle, False
        if not complete:
            path.append(self._over(start, stop))
        return path[::-1]

    def _over(self, start: int, stop: int) -> bytes:
        height = (stop - start - 1).bit_length()
        return self._levels[height][start >> height]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """One audit path; who needs several makes a `Tree`."""
    return Tree(leaves).inclusion_proof(index)


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """One consistency proof; who needs several makes a `Tree`."""
    return Tree(leaves).consistency_proof(old_size)


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


def _well_formed(*hashes: bytes) -> bool:
    return all(len(h) == HASH_BYTES for h in hashes)


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `leaf` stands at `index` in the tree of `size` leaves with `root`."""
    if not 0 <= index < size or not _well_formed(leaf, root, *proof):
        return False
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and node == root


def verify_consistency(
    old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """Whether the tree of `old_size` leaves is a prefix of the tree of `new_size` leaves."""
    if not 0 < old_size <= new_size or not _well_formed(old_root, new_root, *proof):
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            new_node = node_hash(new_node, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and old_node == old_root and new_node == new_root
