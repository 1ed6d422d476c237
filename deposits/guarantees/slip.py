"""A guarantee that names neither lot nor beneficiary (密文保函), and the slip that opens it.

The bidder's browser makes a salt and commits to lot and beneficiary; the issuer is told the
commitment instead, and signs it. What is sealed beside the bid is the slip:

    commitment = SHA-256 of canonical JSON {"beneficiary": "<uscc>", "bidder": "<uscc>",
                 "format": "bigloop.guarantee-commitment.v1", "lot": "…", "salt": "<64 hex>"}
    cipher     = {"body": {"amount_fen", "commitment", "form", "format", "issued_on", "issuer",
                 "number", "principal", "valid_from", "valid_to"}, "format":
                 "bigloop.guarantee-cipher.v1", "signature": "<128 hex>"}
    slip       = {"beneficiary", "bidder", "cipher": {…}, "format": "bigloop.guarantee-slip.v1",
                 "lot", "salt"}

all canonical JSON. After the opening the issuer is shown the slip, sees that it opens his
commitment, and gives the plain guarantee (明文保函) for it.

A salt of 32 random bytes hides the lot from everybody who does not know it; that nobody can open a
commitment to two lots follows from SHA-256. What the issuer knows all the same: the bidder, the
amount, and the month in which the validity ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from archive import canonical
from archive.errors import Reason
from deposits.forms import GUARANTEES, DepositForm
from deposits.guarantees.document import (
    NUMBER_CHARACTERS_MAX,
    read_amount,
    read_day,
    read_hex,
    read_text,
    read_uscc,
)
from trading.money import Money

COMMITMENT_FORMAT = "bigloop.guarantee-commitment.v1"
CIPHER_FORMAT = "bigloop.guarantee-cipher.v1"
SLIP_FORMAT = "bigloop.guarantee-slip.v1"
_BODY = {
    "amount_fen",
    "commitment",
    "form",
    "format",
    "issued_on",
    "issuer",
    "number",
    "principal",
    "valid_from",
    "valid_to",
}


@dataclass(frozen=True)
class Cipher:
    """What an issuer promises to whom a commitment will name. Days are legal days, both included."""

    number: str
    form: DepositForm
    issuer_uscc: str
    principal_uscc: str
    commitment: str
    amount: Money
    issued_on: date
    valid_from: date
    valid_to: date

    def to_bytes(self) -> bytes:
        """The bytes that the issuer signs."""
        return canonical.encode(
            {
                "format": CIPHER_FORMAT,
                "number": self.number,
                "form": self.form,
                "issuer": self.issuer_uscc,
                "principal": self.principal_uscc,
                "commitment": self.commitment,
                "amount_fen": self.amount.fen,
                "issued_on": self.issued_on.isoformat(),
                "valid_from": self.valid_from.isoformat(),
                "valid_to": self.valid_to.isoformat(),
            }
        )


@dataclass(frozen=True)
class SignedCipher:
    """A cipher guarantee as read; nothing is verified yet."""

    cipher: Cipher
    signed_bytes: bytes
    signature: bytes


@dataclass(frozen=True)
class GuaranteeSlip:
    """What opens a cipher guarantee."""

    lot_id: str
    beneficiary_uscc: str
    bidder_uscc: str
    salt: str
    signed: SignedCipher


def commitment(lot_id: str, beneficiary_uscc: str, bidder_uscc: str, salt: str) -> str:
    """SHA-256 in hex of what is committed to."""
    said = {
        "format": COMMITMENT_FORMAT,
        "lot": lot_id,
        "beneficiary": beneficiary_uscc,
        "bidder": bidder_uscc,
        "salt": salt,
    }
    return hashlib.sha256(canonical.encode(said)).hexdigest()


def sign_cipher(cipher: Cipher, sign_bytes: Callable[[bytes], bytes]) -> bytes:
    """The cipher guarantee as the issuer hands it out."""
    body = cipher.to_bytes()
    value = {
        "format": CIPHER_FORMAT,
        "body": canonical.decode(body),
        "signature": sign_bytes(body).hex(),
    }
    return canonical.encode(value)


def slip_bytes(
    document: bytes, lot_id: str, beneficiary_uscc: str, bidder_uscc: str, salt: str
) -> bytes:
    """The slip of a cipher guarantee, as the bidder seals it."""
    return canonical.encode(
        {
            "format": SLIP_FORMAT,
            "cipher": canonical.decode(document),
            "lot": lot_id,
            "beneficiary": beneficiary_uscc,
            "bidder": bidder_uscc,
            "salt": salt,
        }
    )


def is_slip(content: bytes) -> bool:
    """Whether an opened content claims to be a slip; all else is a guarantee in clear, or nothing."""
    try:
        value = canonical.decode(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("format") == SLIP_FORMAT


def parse_slip(
    content: bytes, lot_id: str, beneficiary_uscc: str, bidder: str
) -> GuaranteeSlip | Reason:
    """The slip of an opened content, or why it is none: unreadable, of another lot, beneficiary or
    bidder, or with a salt that does not open the commitment."""
    try:
        slip = _read(content)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        return Reason("deposits.check.readable", {"detail": str(error)[:200]})
    if slip.lot_id != lot_id:
        return Reason("deposits.check.lot", {"found": slip.lot_id, "wanted": lot_id})
    if slip.beneficiary_uscc != beneficiary_uscc:
        params = {"found": slip.beneficiary_uscc, "wanted": beneficiary_uscc}
        return Reason("deposits.check.beneficiary", params)
    if slip.bidder_uscc != bidder:
        return Reason("deposits.check.principal", {"found": slip.bidder_uscc, "wanted": bidder})
    opened = commitment(slip.lot_id, slip.beneficiary_uscc, slip.bidder_uscc, slip.salt)
    if opened != slip.signed.cipher.commitment:
        return Reason("deposits.check.commitment", {"number": slip.signed.cipher.number})
    return slip


def read_cipher(value: Any) -> SignedCipher:
    """A cipher guarantee from its decoded document; ValueError where it is none."""
    if not isinstance(value, dict) or set(value) != {"body", "format", "signature"}:
        raise ValueError("not the fields of a cipher guarantee")
    body = value["body"]
    if value["format"] != CIPHER_FORMAT or not isinstance(body, dict) or set(body) != _BODY:
        raise ValueError("not a cipher guarantee of version 1")
    if body["format"] != CIPHER_FORMAT:
        raise ValueError("body of another format")
    cipher = Cipher(
        number=read_text(body, "number", NUMBER_CHARACTERS_MAX),
        form=DepositForm(read_text(body, "form")),
        issuer_uscc=read_uscc(body, "issuer"),
        principal_uscc=read_uscc(body, "principal"),
        commitment=read_hex(body["commitment"], 32).hex(),
        amount=read_amount(body["amount_fen"]),
        issued_on=read_day(body, "issued_on"),
        valid_from=read_day(body, "valid_from"),
        valid_to=read_day(body, "valid_to"),
    )
    if cipher.form not in GUARANTEES:
        raise ValueError(f"no guarantee: {cipher.form}")
    if cipher.valid_to < cipher.valid_from:
        raise ValueError("ends before it begins")
    return SignedCipher(cipher, canonical.encode(body), read_hex(value["signature"], 64))


def _read(content: bytes) -> GuaranteeSlip:
    value = canonical.decode(content)
    fields = {"beneficiary", "bidder", "cipher", "format", "lot", "salt"}
    if not isinstance(value, dict) or set(value) != fields or value["format"] != SLIP_FORMAT:
        raise ValueError("not the fields of a slip")
    return GuaranteeSlip(
        lot_id=read_text(value, "lot"),
        beneficiary_uscc=read_uscc(value, "beneficiary"),
        bidder_uscc=read_uscc(value, "bidder"),
        salt=read_hex(value["salt"], 32).hex(),
        signed=read_cipher(value["cipher"]),
    )
