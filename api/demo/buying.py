"""Invented bidders that buy their guarantee: at the issuers' desk, not on the platform.

A bidder asks the issuer that his code leads him to, pays from his basic account, and collects the
guarantee once it is underwritten; the slip is what he seals beside his bid. Asked again he does the
same: the salt follows from the seed, the desk knows the order by its commitment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from api.desks.issuer.client import identity_of
from api.desks.issuer.houses import put_houses
from api.desks.issuer.local import IssuersAdapter
from api.flows.buying import month_end
from archive.errors import Refusal
from deposits.forms import DepositForm
from deposits.guarantees.slip import commitment, slip_bytes
from deposits.guarantees.states import GuaranteeState
from deposits.issuers.desk import Application, Quote
from deposits.issuers.issuer import Issuer
from deposits.service import deposit_lot, terms_for
from trading.calendar.legal import legal_day
from trading.parties import service as parties
from trading.parties.party import Organisation

_FORMS = {
    "银行": DepositForm.BANK,
    "保险": DepositForm.INSURANCE,
    "担保": DepositForm.SURETY,
}


def furnish(folder: Path, organisations: Sequence[Organisation]) -> None:
    """Tell a new desk who its houses are: the institutions of the province."""
    named = []
    for each in organisations:
        form = next(form for word, form in _FORMS.items() if word in each.name)
        named.append((each.uscc, each.name, form))
    put_houses(folder, named)


def houses(folder: Path) -> tuple[tuple[Issuer, ...], str]:
    """The houses with their public keys, and the roots, as the running desk says."""
    return identity_of(folder)


def choice(codes: Sequence[str], bidder: str) -> str:
    """The issuer that a bidder's code leads him to."""
    return sorted(codes)[sum(bidder.encode()) % len(codes)]


def apply(
    desk: IssuersAdapter, db: Session, seed: int, lot_id: str, bidder: str, now: datetime
) -> Quote | None:
    """Ask for what is due; None where nothing is."""
    terms = terms_for(db, lot_id, bidder, legal_day(now))
    if not terms.due:
        return None
    offers = [offer for offer in desk.offers(now) if offer.form in terms.forms]
    chosen = choice([offer.issuer_uscc for offer in offers], bidder)
    lot = deposit_lot(db, lot_id)
    asked = Application(
        issuer_uscc=chosen,
        commitment=commitment(lot_id, lot.beneficiary_uscc, bidder, _salt(seed, lot_id, bidder)),
        principal_uscc=bidder,
        principal_name=parties.organisation(db, bidder).name,
        amount=terms.due,
        valid_from=legal_day(now),
        valid_to=month_end(terms.valid_until),
    )
    return desk.apply(asked, now)


def buy(
    desk: IssuersAdapter, db: Session, seed: int, lot_id: str, bidder: str, now: datetime
) -> None:
    """Ask and pay."""
    quote = apply(desk, db, seed, lot_id, bidder, now)
    if quote is not None:
        account = parties.organisation(db, bidder).basic_account
        desk.pay(quote.order, quote.secret, account, now)


def slip(
    desk: IssuersAdapter, db: Session, seed: int, lot_id: str, bidder: str, now: datetime
) -> bytes:
    """The slip to seal, of a guarantee that was paid before."""
    quote = apply(desk, db, seed, lot_id, bidder, now)
    assert quote is not None, "a deposit is due"
    got = desk.collect(quote.order, quote.secret, now)
    if got.state is not GuaranteeState.ISSUED:
        raise Refusal("api.issuer.declined", {"why": got.reason or got.state})
    beneficiary = deposit_lot(db, lot_id).beneficiary_uscc
    return slip_bytes(got.document, lot_id, beneficiary, bidder, _salt(seed, lot_id, bidder))


def _salt(seed: int, lot_id: str, bidder: str) -> str:
    return hashlib.sha256(f"demo {seed} guarantee {lot_id} {bidder}".encode()).hexdigest()
