"""The electronic guarantee (电子保函) as a document, version 1.

    {"body": {"amount_fen": …, "beneficiary": "<uscc>", "form": "BANK|INSURANCE|SURETY",
              "format": "bigloop.guarantee.v1", "issued_on": "2026-10-12", "issuer": "<uscc>",
              "lot": "…", "number": "…", "principal": "<uscc>", "valid_from": "…",
              "valid_to": "…", "wording_sha256": "…"},
     "format": "bigloop.guarantee.v1", "signature": "<128 hex digits>"}

as canonical JSON (RFC 8785 without floats). The signature is the issuer's Ed25519 signature over
the canonical bytes of `body`, which name their own format, so that it can stand for nothing else.
Signing a concatenation of values, as some deployed interfaces do, is ambiguous and not done here.

`wording_sha256` binds the printed form (保函文本): the very PDF or OFD file where the issuer hands one
out with it. The signature may be of SM2 instead; which, the issuer's registered key says. This module
knows no registry: whose key it was is judged by `deposits.guarantees.checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from archive import canonical
from deposits.forms import GUARANTEES, DepositForm
from trading.identifiers import is_uscc
from trading.money import Money

FORMAT = "bigloop.guarantee.v1"
GUARANTEE = "guarantee"
"""Kind of a sealed cell that holds a guarantee."""
GUARANTEE_BYTES_MAX = 16 * 1024
NUMBER_CHARACTERS_MAX = 64
_BODY = {
    "amount_fen",
    "beneficiary",
    "form",
    "format",
    "issued_on",
    "issuer",
    "lot",
    "number",
    "principal",
    "valid_from",
    "valid_to",
    "wording_sha256",
}


@dataclass(frozen=True)
class Guarantee:
    """What an issuer promises. `valid_from` and `valid_to` are legal days, both included;
    `wording_sha256` is the digest of the full text (保函文本) in hex."""

    number: str
    form: DepositForm
    issuer_uscc: str
    principal_uscc: str
    beneficiary_uscc: str
    lot_id: str
    amount: Money
    issued_on: date
    valid_from: date
    valid_to: date
    wording_sha256: str


@dataclass(frozen=True)
class SignedGuarantee:
    """A guarantee as read from a document; nothing is verified yet."""

    guarantee: Guarantee
    signed_bytes: bytes
    signature: bytes


def body_bytes(guarantee: Guarantee) -> bytes:
    """The bytes that the issuer signs."""
    return canonical.encode(
        {
            "format": FORMAT,
            "number": guarantee.number,
            "form": guarantee.form,
            "issuer": guarantee.issuer_uscc,
            "principal": guarantee.principal_uscc,
            "beneficiary": guarantee.beneficiary_uscc,
            "lot": guarantee.lot_id,
            "amount_fen": guarantee.amount.fen,
            "issued_on": guarantee.issued_on.isoformat(),
            "valid_from": guarantee.valid_from.isoformat(),
            "valid_to": guarantee.valid_to.isoformat(),
            "wording_sha256": guarantee.wording_sha256,
        }
    )


def sign(guarantee: Guarantee, sign_bytes: Callable[[bytes], bytes]) -> bytes:
    """The document; `sign_bytes` is the issuer's Ed25519 signature function."""
    body = body_bytes(guarantee)
    return canonical.encode(
        {
            "format": FORMAT,
            "body": canonical.decode(body),
            "signature": sign_bytes(body).hex(),
        }
    )


def read(document: bytes) -> SignedGuarantee:
    """The guarantee of a document; ValueError where it is not one of version 1.

    Strict: the canonical spelling only, no unknown fields, real days in order, a positive amount,
    well-formed identifiers. So two readers can never understand one document differently.
    """
    if len(document) > GUARANTEE_BYTES_MAX:
        raise ValueError(f"{len(document)} bytes")
    value = canonical.decode(document)
    if not isinstance(value, dict) or set(value) != {"body", "format", "signature"}:
        raise ValueError("not the fields of a guarantee document")
    body = value["body"]
    if value["format"] != FORMAT or not isinstance(body, dict) or set(body) != _BODY:
        raise ValueError("not a guarantee of version 1")
    if body["format"] != FORMAT:
        raise ValueError("body of another format")
    guarantee = Guarantee(
        number=read_text(body, "number", NUMBER_CHARACTERS_MAX),
        form=DepositForm(read_text(body, "form")),
        issuer_uscc=read_uscc(body, "issuer"),
        principal_uscc=read_uscc(body, "principal"),
        beneficiary_uscc=read_uscc(body, "beneficiary"),
        lot_id=read_text(body, "lot"),
        amount=read_amount(body["amount_fen"]),
        issued_on=read_day(body, "issued_on"),
        valid_from=read_day(body, "valid_from"),
        valid_to=read_day(body, "valid_to"),
        wording_sha256=read_hex(body["wording_sha256"], 32).hex(),
    )
    if guarantee.form not in GUARANTEES:
        raise ValueError(f"no guarantee: {guarantee.form}")
    if guarantee.valid_to < guarantee.valid_from:
        raise ValueError("ends before it begins")
    return SignedGuarantee(guarantee, canonical.encode(body), read_hex(value["signature"], 64))


def read_text(body: dict[str, Any], field: str, characters_max: int = 64) -> str:
    """These `read_…` give a field of a decoded document, or raise ValueError."""
    text = body[field]
    if not isinstance(text, str) or not 0 < len(text) <= characters_max:
        raise ValueError(f"{field} is no text of up to {characters_max} characters")
    return text


def read_uscc(body: dict[str, Any], field: str) -> str:
    text = read_text(body, field)
    if not is_uscc(text):
        raise ValueError(f"{field} is no unified social credit code")
    return text


def read_amount(fen: Any) -> Money:
    if isinstance(fen, bool) or not isinstance(fen, int) or fen <= 0:
        raise ValueError("amount is no positive number of fen")
    return Money(fen)


def read_day(body: dict[str, Any], field: str) -> date:
    text = read_text(body, field)
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError(f"{field} is not written YYYY-MM-DD")
    return day


def read_hex(text: Any, count: int) -> bytes:
    if not isinstance(text, str) or len(text) != 2 * count or text != text.lower():
        raise ValueError(f"not {count} bytes in lower-case hex")
    return bytes.fromhex(text)
