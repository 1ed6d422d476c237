"""Synthetic issuers and guarantees for the demo, tests and benchmarks; nothing else imports this.

The institutions are the synthetic organisations of `trading.synthetic`; their keys are derived from
the seed: whoever knows the seed can sign, so none of them may ever stand in a real registry. The
same seed gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deposits.forms import DepositForm
from deposits.guarantees.checks import Demand
from deposits.guarantees.document import Guarantee, sign
from deposits.issuers.issuer import Issuer, IssuerKey
from trading.money import Money
from trading.parties.party import Organisation
from trading.synthetic import synthetic_uscc

LICENSED_FROM = date(2024, 1, 1)
LICENSED_TO = date(2028, 12, 31)
WORDING = "示例保函文本:凭受益人书面声明无条件支付。"
_FORMS = {
    "银行": DepositForm.BANK,
    "保险": DepositForm.INSURANCE,
    "担保": DepositForm.SURETY,
}
STRANGER = synthetic_uscc(6_999_999, "530102")
"""An organisation that is nobody's tenderer, bidder or issuer."""


@dataclass(frozen=True)
class DemoIssuer:
    """An issuer together with its private key."""

    issuer: Issuer
    key: Ed25519PrivateKey


def make_issuers(seed: bytes, organisations: Sequence[Organisation]) -> tuple[DemoIssuer, ...]:
    """A licensed issuer for each organisation, in the same order; the form by its name. ValueError
    where the name says none."""
    made = []
    for organisation in organisations:
        forms = tuple(form for word, form in _FORMS.items() if word in organisation.name)
        if not forms:
            raise ValueError(f"neither bank, insurer nor guarantee company: {organisation.name}")
        key = _key(seed, organisation.uscc)
        issuer = Issuer(
            uscc=organisation.uscc,
            name=organisation.name,
            forms=forms,
            licence=f"示例许可-{organisation.uscc[-8:-1]}",
            licensed_from=LICENSED_FROM,
            licensed_to=LICENSED_TO,
            keys=(IssuerKey(key.public_key().public_bytes_raw(), LICENSED_FROM, LICENSED_TO),),
        )
        made.append(DemoIssuer(issuer, key))
    return tuple(made)


def promise_for(by: DemoIssuer, demand: Demand, number: str) -> Guarantee:
    """The guarantee that just fulfils a demand: not a fen nor a day more."""
    return Guarantee(
        number=number,
        form=by.issuer.forms[0],
        issuer_uscc=by.issuer.uscc,
        principal_uscc=demand.bidder_uscc,
        beneficiary_uscc=demand.beneficiary_uscc,
        lot_id=demand.lot_id,
        amount=demand.due,
        issued_on=demand.opening_on - timedelta(days=7),
        valid_from=demand.opening_on,
        valid_to=demand.valid_until,
        wording_sha256=hashlib.sha256(WORDING.encode()).hexdigest(),
    )


def issue(by: DemoIssuer, guarantee: Guarantee) -> bytes:
    """The signed document."""
    return sign(guarantee, by.key.sign)


class Flaw(StrEnum):
    """A way to be faulty, named like the check that must find it."""

    READABLE = "readable"
    LICENSED = "licensed"
    KEY_VALID = "key_valid"
    SIGNATURE = "signature"
    BENEFICIARY = "beneficiary"
    PRINCIPAL = "principal"
    LOT = "lot"
    AMOUNT = "amount"
    VALIDITY = "validity"


def issue_faulty(by: DemoIssuer, demand: Demand, number: str, flaw: Flaw) -> bytes:
    """A document with exactly one flaw, by the smallest step that makes it one.

    LICENSED: a form that the issuer may not give. KEY_VALID: issued on the day before its key
    began (and, for the demo's issuers, before their licence). Others as their check says.
    """
    good = promise_for(by, demand, number)
    if flaw is Flaw.READABLE:
        return issue(by, good)[:-1]
    if flaw is Flaw.SIGNATURE:
        return sign(good, _key(b"another", number).sign)
    other_forms = [form for form in _FORMS.values() if form not in by.issuer.forms]
    other_lot = good.lot_id[:-1] + ("1" if good.lot_id.endswith("0") else "0")
    changed = {
        Flaw.LICENSED: replace(good, form=other_forms[0]),
        Flaw.KEY_VALID: replace(good, issued_on=by.issuer.keys[0].valid_from - timedelta(days=1)),
        Flaw.BENEFICIARY: replace(good, beneficiary_uscc=STRANGER),
        Flaw.PRINCIPAL: replace(good, principal_uscc=STRANGER),
        Flaw.LOT: replace(good, lot_id=other_lot),
        Flaw.AMOUNT: replace(good, amount=good.amount - Money(1)),
        Flaw.VALIDITY: replace(good, valid_to=good.valid_to - timedelta(days=1)),
    }
    return issue(by, changed[flaw])


def _key(seed: bytes, label: str) -> Ed25519PrivateKey:
    secret = hashlib.sha256(b"bigloop synthetic issuer\0" + seed + b"\0" + label.encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(secret)
