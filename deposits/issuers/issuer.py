"""Institutions that may issue guarantees (保函开立机构): licence, forms, keys.

The registry is the trust list of this room: a signature counts only by a key that was valid on the
day of issue, of an institution that was licensed for that form on that day. All intervals are of
legal days, both ends included, as licences are printed. Listing prefers nobody: there is no rank,
and a tender file may name no institution (16号令 §11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from archive.errors import Fault, Faults
from archive.national import SM2_KEY_BYTES, is_sm2_signature
from archive.note import Verifier
from deposits.forms import GUARANTEES, DepositForm
from trading.identifiers import uscc_fault


class KeyAlgorithm(StrEnum):
    """By which a key signs; signatures of both have 64 bytes."""

    ED25519 = "ED25519"  # RFC 8032
    SM2 = "SM2"  # GB/T 32918.2, with SM3


PUBLIC_KEY_BYTES = {KeyAlgorithm.ED25519: 32, KeyAlgorithm.SM2: SM2_KEY_BYTES}


@dataclass(frozen=True)
class IssuerKey:
    """A public key and the days on which signatures by it count."""

    public_key: bytes
    valid_from: date
    valid_to: date
    algorithm: KeyAlgorithm = KeyAlgorithm.ED25519

    def is_valid_on(self, day: date) -> bool:
        return self.valid_from <= day <= self.valid_to

    def is_signature(self, data: bytes, signature: bytes) -> bool:
        if self.algorithm is KeyAlgorithm.SM2:
            return is_sm2_signature(self.public_key, data, signature)
        return Verifier("issuer", self.public_key).is_signature(data, signature)


@dataclass(frozen=True)
class Issuer:
    """`licence` is the number of the licence, valid `licensed_from` to `licensed_to`; `forms` are
    the guarantees that it covers. Without a key nothing that it signs counts."""

    uscc: str
    name: str
    forms: tuple[DepositForm, ...]
    licence: str
    licensed_from: date
    licensed_to: date
    keys: tuple[IssuerKey, ...]

    def is_licensed_on(self, day: date) -> bool:
        return self.licensed_from <= day <= self.licensed_to

    def keys_on(self, day: date) -> tuple[IssuerKey, ...]:
        return tuple(key for key in self.keys if key.is_valid_on(day))


def check_issuer(issuer: Issuer) -> None:
    """Refuse INVALID with every fault of a registration."""
    faults = Faults("deposits.issuer.invalid")
    if (fault := uscc_fault(issuer.uscc)) is not None:
        faults.extend((Fault("/uscc", fault.code, fault.params),))
    if not issuer.name.strip():
        faults.add("/name", "deposits.issuer.name")
    if not issuer.licence.strip():
        faults.add("/licence", "deposits.issuer.licence")
    if issuer.licensed_to < issuer.licensed_from:
        faults.add("/licensed_to", "deposits.issuer.days")
    if not issuer.forms or set(issuer.forms) - set(GUARANTEES):
        faults.add("/forms", "deposits.issuer.forms", forms=", ".join(issuer.forms))
    check_keys(faults, issuer.keys)
    faults.refuse()


def check_keys(faults: Faults, keys: Sequence[IssuerKey]) -> None:
    """Add the faults of keys below `/keys`."""
    for index, key in enumerate(keys):
        if len(key.public_key) != PUBLIC_KEY_BYTES[key.algorithm]:
            faults.add(
                f"/keys/{index}/public_key",
                "deposits.issuer.key_bytes",
                bytes=len(key.public_key),
                wanted=PUBLIC_KEY_BYTES[key.algorithm],
            )
        if key.valid_to < key.valid_from:
            faults.add(f"/keys/{index}/valid_to", "deposits.issuer.days")
    if len({key.public_key for key in keys}) < len(keys):
        faults.add("/keys", "deposits.issuer.key_twice")
