"""Synthetic trustees, for demo, tests and benchmarks: keys that follow from a seed, invented bodies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from experts.draws.seed import alpha_of, value_digest
from experts.trustees.trustee import possession_alpha
from experts.vrf.prove import prove, public_key

BODIES = (
    ("demo-audit", "示例审计所"),
    ("demo-bar", "示例律师协会"),
    ("demo-notary", "示例公证处"),
    ("demo-press", "示例日报社"),
    ("demo-university", "示例大学"),
)
"""By id, which is the order in which a request names them."""


@dataclass(frozen=True)
class SyntheticTrustee:
    """A trustee with the secret that a real one would keep to itself."""

    id: str
    name: str
    secret: bytes

    @property
    def key(self) -> str:
        return public_key(self.secret).hex()

    @property
    def possession(self) -> bytes:
        return prove(self.secret, possession_alpha(self.id))

    def answer(self, request_hash: str, asking: int, public_value: str = "") -> bytes:
        """The proof of the output that is asked for."""
        return prove(self.secret, alpha_of(request_hash, asking, value_digest(public_value)))


def trustees(seed: bytes, count: int = len(BODIES)) -> tuple[SyntheticTrustee, ...]:
    """The first `count` bodies with their keys."""
    return tuple(
        SyntheticTrustee(
            trustee_id,
            name,
            hashlib.sha256(b"synthetic trustee\x00" + seed + trustee_id.encode()).digest(),
        )
        for trustee_id, name in BODIES[:count]
    )
