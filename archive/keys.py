"""Private keys on disk: made once, readable by the owner alone, kept outside the database."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive.entropy import Entropy
from archive.note import Signer


def secret_file(path: Path, entropy: Entropy, count: int = 32) -> bytes:
    """The secret bytes in `path`, made on first use with mode 0600."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = entropy.bytes(count)
    # A link fails where the file exists: of two processes that start together one makes the key.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        return path.read_bytes()
    finally:
        temporary.unlink()
    return secret


def note_signer(path: Path, name: str, entropy: Entropy) -> Signer:
    """The Ed25519 key whose 32-byte seed is kept in `path`, under the key name `name`."""
    return Signer(name, Ed25519PrivateKey.from_private_bytes(secret_file(path, entropy)))
