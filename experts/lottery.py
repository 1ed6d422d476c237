"""The lottery: from a seed to permutations, in a few lines that any language can repeat.

All of it, byte by byte. `‖` joins bytes; `u8`, `u32`, `u64` are big-endian numbers of 1, 4, 8 bytes;
H is the hash of the request's algorithm (`experts.suite`).

1.  key      = H( "bigloop.draw.lottery.v1" ‖ 0x00 ‖ seed[32] ‖ u32(attempt)
                        ‖ u8(length of label) ‖ label in ASCII )
    One key, so one independent stream, per seat group (label: its specialty code) and attempt.
2.  block c  = H( key ‖ u64(c) ), c = 0, 1, 2, …, read as a number below 2^256.
3.  below(n) : take the next block; if it is not below ⌊2^256 / n⌋ · n, drop it and take the next
    one; the answer is block mod n. Every answer uses up whole blocks; none is shared.
4.  The permutation of n candidates, in Fisher and Yates' order from the front: start from
    0, 1, …, n−1; for i = 0, 1, …: exchange the items at i and i + below(n − i). The item that
    comes to stand at i has rank i + 1 and never moves again, so ranks are computed only as far as
    they are asked for. Only items that moved are kept (a sparse array).
5.  The candidates are numbered in ascending order of their leaf hashes, so the order in which a
    database returns them does not matter.

The method is that of RFC 3797's family with rejection in place of its modulo. No floats. What the
seed is made of is said in `experts.draws.seed`; who sits is decided in `experts.committee`.
"""

from __future__ import annotations

from collections.abc import Iterator

from experts.suite import Hash, sha256

TAG = b"bigloop.draw.lottery.v1\x00"
BLOCK_BITS = 256
SEED_BYTES = 32
CANDIDATES_MAX = 2**32


def blocks(seed: bytes, label: str, attempt: int, h: Hash = sha256) -> Iterator[int]:
    """The stream of one seat group in one attempt, without end."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
    name = label.encode("ascii")
    prefix = TAG + seed + attempt.to_bytes(4, "big") + len(name).to_bytes(1, "big") + name
    key = h(prefix)
    counter = 0
    while True:
        yield int.from_bytes(h(key + counter.to_bytes(8, "big")), "big")
        counter += 1


def below(n: int, stream: Iterator[int], block_bits: int = BLOCK_BITS) -> int:
    """A number from 0 to n − 1, each equally likely; ValueError where no block could say it.

    `block_bits` is the size of the stream's blocks. It is 256 outside tests, where small blocks
    make the rejection, otherwise rarer than once in 2^200, happen.
    """
    if not 0 < n <= 1 << block_bits:
        raise ValueError(f"no number below {n} from blocks of {block_bits} bits")
    limit = (1 << block_bits) // n * n
    block = next(stream)
    while block >= limit:
        block = next(stream)
    return block % n


class Permutation:
    """A random order of 0 … size − 1, worked out as far as it is read."""

    def __init__(self, size: int, stream: Iterator[int]) -> None:
        if size > CANDIDATES_MAX:
            raise ValueError(f"no order of {size} candidates")
        self.size = size
        self._stream = stream
        self._moved: dict[int, int] = {}
        self._order: list[int] = []

    def __getitem__(self, index: int) -> int:
        """The item with rank `index + 1`; IndexError beyond the last."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        while len(self._order) <= index:
            here = len(self._order)
            there = here + below(self.size - here, self._stream)
            item = self._moved.get(there, there)
            self._moved[there] = self._moved.pop(here, here)
            self._order.append(item)
        return self._order[index]

    def __len__(self) -> int:
        return self.size

    def first(self, count: int) -> list[int]:
        return [self[index] for index in range(count)]
