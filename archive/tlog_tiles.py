"""A log as static files (C2SP tlog-tiles): hash tiles, entry bundles, and how they are named.

    tile/<L>/<N>[.p/<W>]         256 hashes (or W) of 32 bytes; a hash at level L is the root over a
                                 full tile of level L - 1, at level 0 a leaf hash
    tile/entries/<N>[.p/<W>]     256 entries (or W), each with its length as two bytes, big-endian
    checkpoint                   the signed tree head (not made here)

N is written in groups of three digits, all but the last with an x before: 1234067 is x001/x234/067.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archive.merkle import HASH_BYTES, Tree

TILE_WIDTH = 256
TILE_HEIGHT = 8
ENTRY_BYTES_MAX = 2**16 - 1
CHECKPOINT = "checkpoint"


class MalformedBundle(ValueError):
    """The bytes are not an entry bundle."""


def _numbered(n: int, width: int) -> str:
    groups = [f"{n % 1000:03}"]
    while n := n // 1000:
        groups.append(f"x{n % 1000:03}")
    path = "/".join(reversed(groups))
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def tile_path(level: int, n: int, width: int = TILE_WIDTH) -> str:
    """Where the n-th tile of a level stands; partial where `width` is below 256."""
    return f"tile/{level}/{_numbered(n, width)}"


def bundle_path(n: int, width: int = TILE_WIDTH) -> str:
    """Where the n-th entry bundle stands."""
    return f"tile/entries/{_numbered(n, width)}"


def _widths(count: int) -> Iterator[tuple[int, int]]:
    """(n, width) of the tiles over `count` hashes; there are no empty tiles."""
    for start in range(0, count, TILE_WIDTH):
        yield start // TILE_WIDTH, min(TILE_WIDTH, count - start)


def places(tree: Tree) -> Iterator[tuple[str, int, int, int]]:
    """(path, level, index of the first hash, number of hashes) of every hash tile of a tree."""
    level = 0
    while count := len(tree.nodes(level * TILE_HEIGHT)):
        for n, width in _widths(count):
            yield tile_path(level, n, width), level, n * TILE_WIDTH, width
        level += 1


def tile(tree: Tree, level: int, start: int, width: int) -> bytes:
    """One hash tile."""
    return b"".join(tree.nodes(level * TILE_HEIGHT)[start : start + width])


def tiles(tree: Tree) -> Iterator[tuple[str, bytes]]:
    """Path and content of every hash tile of a tree."""
    for path, level, start, width in places(tree):
        yield path, tile(tree, level, start, width)


def bundles(entries: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Path and content of every entry bundle; ValueError for an entry that is too long."""
    for n, width in _widths(len(entries)):
        start = n * TILE_WIDTH
        yield bundle_path(n, width), bundle(entries[start : start + width])


def bundle(entries: Sequence[bytes]) -> bytes:
    """One bundle."""
    if any(len(entry) > ENTRY_BYTES_MAX for entry in entries):
        raise ValueError(f"an entry of a bundle has at most {ENTRY_BYTES_MAX} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def entries_of(data: bytes) -> list[bytes]:
    """The entries of one bundle, at most 256; MalformedBundle."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        stop = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or stop > len(data) or len(found) == TILE_WIDTH:
            raise MalformedBundle("the lengths do not fit the bytes")
        found.append(data[at + 2 : stop])
        at = stop
    return found


def hashes_of(data: bytes) -> list[bytes]:
    """The hashes of one tile; MalformedBundle where it is not 1 to 256 of them."""
    count, rest = divmod(len(data), HASH_BYTES)
    if rest or not 1 <= count <= TILE_WIDTH:
        raise MalformedBundle("not a tile of hashes")
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


def paths(size: int) -> tuple[list[str], list[str]]:
    """The hash tiles and the entry bundles that a log of `size` entries consists of."""
    hash_tiles, level, count = [], 0, size
    while count:
        hash_tiles += [tile_path(level, n, width) for n, width in _widths(count)]
        level, count = level + 1, count // TILE_WIDTH
    return hash_tiles, [bundle_path(n, width) for n, width in _widths(size)]
