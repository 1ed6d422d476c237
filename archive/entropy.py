"""Where unpredictable bytes come from: ids, salts and keys ask here, nobody else does.

`SystemEntropy` is the operating system's. `SeededEntropy` repeats itself for demos and tests and
must never serve production: `api.settings` refuses it there.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from typing import Protocol


class Entropy(Protocol):
    def bytes(self, count: int) -> bytes: ...

    def child(self, label: str) -> Entropy:
        """A source of its own for one purpose, so that the order in which different purposes ask
        does not matter to a seeded source."""


class SystemEntropy:
    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)

    def child(self, label: str) -> Entropy:
        return self


class SeededEntropy:
    """SHA-256(key ‖ counter) blocks; the same seed and the same questions give the same bytes."""

    def __init__(self, seed: bytes) -> None:
        self._key = hashlib.sha256(b"bigloop seeded entropy\0" + seed).digest()
        self._counter = 0
        self._lock = threading.Lock()

    def bytes(self, count: int) -> bytes:
        out = b""
        with self._lock:
            while len(out) < count:
                block = self._key + self._counter.to_bytes(8, "big")
                out += hashlib.sha256(block).digest()
                self._counter += 1
        return out[:count]

    def child(self, label: str) -> SeededEntropy:
        return SeededEntropy(self._key + label.encode())
