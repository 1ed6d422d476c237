"""Passwords as Argon2id hashes (RFC 9106, the parameters OWASP recommends for 19 MiB).

`is_right` takes the same time for an account that does not exist (`hashed=None`): it checks against
a hash of nothing that anybody knows.
"""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from archive.entropy import Entropy

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
SALT_BYTES = 16


def hashed(password: str, entropy: Entropy) -> str:
    """The hash to keep; the salt comes from `entropy`."""
    return _HASHER.hash(password, salt=entropy.bytes(SALT_BYTES))


def is_right(password: str, kept: str | None) -> bool:
    try:
        _HASHER.verify(kept or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))
