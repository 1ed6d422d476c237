"""The two hash functions that a draw may use: SHA-256 (FIPS 180-4) and SM3 (GB/T 32905-2016).

Which one is a rule (`draw.hash`), and the request names it in its algorithm. It makes pseudonyms,
leaves, the pool's tree, the seed and the lottery; the hash of the request itself and the chain of
steps are the record's, and those are SHA-256 always. Trustees' outputs are RFC 9381's, with SHA-512.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TypeAlias

from cryptography.hazmat.primitives import hashes

Hash: TypeAlias = Callable[[bytes], bytes]
"""Bytes to a digest of 32 bytes."""

DIGEST_BYTES = 32


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def sm3(data: bytes) -> bytes:
    """By `cryptography`, which brings its own OpenSSL: the system's may have been built without."""
    context = hashes.Hash(hashes.SM3())
    context.update(data)
    return context.finalize()


SUITES: Mapping[str, Hash] = {"sha256": sha256, "sm3": sm3}

ALGORITHMS: Mapping[str, Hash] = {
    f"bigloop.draw.{name}.v1": function for name, function in SUITES.items()
}
"""By the name that a request gives its algorithm."""


def algorithm_of(name: str) -> str:
    """The algorithm with this hash; KeyError for an unknown one."""
    assert name in SUITES, name
    return f"bigloop.draw.{name}.v1"
