"""The digests that stand in the record: SHA-256, by which everything is named, and SM3 beside it.

SM3 (GB/T 32905, ISO/IEC 10118-3) is what commercial cryptography rules in China ask for; trees and
names stay SHA-256, which verifiers everywhere know.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives import hashes


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sm3(data: bytes) -> str:
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize().hex()
