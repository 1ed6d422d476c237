"""Trustees of the draw (受托人): bodies that each hold a key and give one output for each draw.

A notary's office, an audit office, a university: whoever the public believes not to be one with the
centre. The register says which key is whose, from when to when, who put it there and who confirmed
it. A new key is a new entry under a new id; entries are never changed, only revoked.

A key is taken with a proof that its holder has it: the VRF proof for `possession_alpha(id)`. Without
that, somebody could register another's key as his own, or one that nobody holds, and be silent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from archive.errors import Faults
from experts.vrf.verify import InvalidProof, verified_output

POSSESSION_TAG = b"bigloop.trustee.v1\x00"
VALID_DAYS_MAX = 5 * 366
NAME_CHARACTERS_MAX = 80
_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]")


@dataclass(frozen=True)
class Trustee:
    """One entry. `key` is the public key in hex; valid from `valid_from` until before
    `valid_until`; `confirmed_by` is empty while the second person has not confirmed it."""

    id: str
    name: str
    key: str
    valid_from: datetime
    valid_until: datetime
    registered_by: str
    confirmed_by: str = ""
    revoked_at: datetime | None = None

    def serves(self, at: datetime) -> bool:
        """Whether draws requested at this moment ask him."""
        return (
            bool(self.confirmed_by)
            and self.valid_from <= at < self.valid_until
            and self.revoked_at is None
        )


def possession_alpha(trustee_id: str) -> bytes:
    """What a key's holder proves that he holds it with."""
    return POSSESSION_TAG + trustee_id.encode("ascii")


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def is_proof(key: str, alpha: bytes, proof: bytes) -> bool:
    """Whether the proof is one for this key (hex) and input."""
    try:
        verified_output(bytes.fromhex(key), alpha, proof)
    except InvalidProof:
        return False
    return True


def check(trustee: Trustee, possession: bytes, faults: Faults) -> None:
    """Add every fault of an entry."""
    if not is_id(trustee.id):
        faults.add("/id", "experts.trustee.id", value=trustee.id[:40])
    if not 0 < len(trustee.name.strip()) <= NAME_CHARACTERS_MAX:
        faults.add("/name", "experts.trustee.name", characters_max=NAME_CHARACTERS_MAX)
    lasts = trustee.valid_until - trustee.valid_from
    if not timedelta(0) < lasts <= timedelta(days=VALID_DAYS_MAX):
        faults.add("/valid_until", "experts.trustee.validity", days_max=VALID_DAYS_MAX)
    if re.fullmatch("[0-9a-f]{64}", trustee.key) is None:
        faults.add("/key", "experts.trustee.key")
    elif is_id(trustee.id) and not is_proof(trustee.key, possession_alpha(trustee.id), possession):
        faults.add("/possession", "experts.trustee.possession")
