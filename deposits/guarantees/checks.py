"""The checks of a guarantee at the opening (保函核验), one named function each.

    1 readable         the document is a guarantee of version 1
    2 licensed         its issuer is registered and was licensed for this form on the day of issue
    3 key_valid        the issuer had a valid key on that day
    4 signature        one of those keys signed the very bytes
    5 beneficiary      the beneficiary is the tenderer
    6 principal        the principal is the bidder who lodged it
    7 lot              it names this lot
    8 amount           at least what is due; one fen short is short (条例 §26)
    9 validity         in force from the opening to the end of the bids' validity; one day short is
                       short (条例 §25, §26)
   10 single_use       the issuer's number stands for no other guarantee
   11 form             a form that the regime allows

Every check that can be made is made, so that a bidder learns all faults at once; a document that
cannot be read has that one fault. Checks that need a later answer of the issuer's own service
(验真) are not made here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from archive.errors import Reason
from deposits.forms import DepositForm
from deposits.guarantees.document import SignedGuarantee, read
from deposits.issuers.issuer import Issuer
from trading.money import Money


@dataclass(frozen=True)
class Demand:
    """What the lot asks of this bidder's guarantee; from `deposits.terms`."""

    lot_id: str
    beneficiary_uscc: str
    bidder_uscc: str
    due: Money
    forms: tuple[DepositForm, ...]
    opening_on: date
    valid_until: date


@dataclass(frozen=True)
class Case:
    """A guarantee that could be read, with all that is known of it. `issuer` is None where the
    registry has none by that code; `used_for` is the lot where the same number counts already."""

    signed: SignedGuarantee
    demand: Demand
    issuer: Issuer | None
    used_for: str = ""


@dataclass(frozen=True)
class Check:
    name: str
    rule_id: str
    fault: Callable[[Case], Reason | None]


def readable(document: bytes) -> SignedGuarantee | Reason:
    """Check 1, which all others need."""
    try:
        return read(document)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        return Reason("deposits.check.readable", {"detail": str(error)[:200]})


def licensed(case: Case) -> Reason | None:
    promise, issuer = case.signed.guarantee, case.issuer
    params = {"issuer": promise.issuer_uscc, "issued_on": promise.issued_on.isoformat()}
    if issuer is None:
        return Reason("deposits.check.issuer_unknown", params)
    if not issuer.is_licensed_on(promise.issued_on):
        return Reason("deposits.check.issuer_not_licensed", params)
    if promise.form not in issuer.forms:
        return Reason("deposits.check.issuer_form", params | {"form": promise.form})
    return None


def key_valid(case: Case) -> Reason | None:
    promise, issuer = case.signed.guarantee, case.issuer
    if issuer is None or issuer.keys_on(promise.issued_on):
        return None  # an unknown issuer is said once, by `licensed`
    return Reason(
        "deposits.check.key",
        {"issuer": promise.issuer_uscc, "issued_on": promise.issued_on.isoformat()},
    )


def signature(case: Case) -> Reason | None:
    promise, issuer = case.signed.guarantee, case.issuer
    if issuer is None:
        return None
    # A key outside its days still tells a forged document from a late one: `key_valid` says that.
    keys = issuer.keys_on(promise.issued_on) or issuer.keys
    if any(key.is_signature(case.signed.signed_bytes, case.signed.signature) for key in keys):
        return None
    return Reason("deposits.check.signature", {"issuer": promise.issuer_uscc})


def beneficiary(case: Case) -> Reason | None:
    found, wanted = case.signed.guarantee.beneficiary_uscc, case.demand.beneficiary_uscc
    if found == wanted:
        return None
    return Reason("deposits.check.beneficiary", {"found": found, "wanted": wanted})


def principal(case: Case) -> Reason | None:
    found, wanted = case.signed.guarantee.principal_uscc, case.demand.bidder_uscc
    if found == wanted:
        return None
    return Reason("deposits.check.principal", {"found": found, "wanted": wanted})


def lot(case: Case) -> Reason | None:
    found, wanted = case.signed.guarantee.lot_id, case.demand.lot_id
    if found == wanted:
        return None
    return Reason("deposits.check.lot", {"found": found, "wanted": wanted})


def amount(case: Case) -> Reason | None:
    found, due = case.signed.guarantee.amount, case.demand.due
    if found >= due:
        return None
    return Reason(
        "deposits.check.amount",
        {"found": found.in_yuan(), "due": due.in_yuan(), "short_fen": (due - found).fen},
    )


def validity(case: Case) -> Reason | None:
    promise, demand = case.signed.guarantee, case.demand
    params = {
        "from": promise.valid_from.isoformat(),
        "to": promise.valid_to.isoformat(),
        "opening": demand.opening_on.isoformat(),
        "until": demand.valid_until.isoformat(),
    }
    if promise.valid_from > demand.opening_on or promise.issued_on > demand.opening_on:
        return Reason("deposits.check.starts_late", params)
    if promise.valid_to < demand.valid_until:
        short = (demand.valid_until - promise.valid_to).days
        return Reason("deposits.check.ends_early", params | {"short_days": short})
    return None


def single_use(case: Case) -> Reason | None:
    if not case.used_for:
        return None
    return Reason(
        "deposits.check.reused",
        {"number": case.signed.guarantee.number, "lot": case.used_for},
    )


def form(case: Case) -> Reason | None:
    found, allowed = case.signed.guarantee.form, case.demand.forms
    if found in allowed:
        return None
    return Reason("deposits.check.form", {"found": found, "allowed": ", ".join(allowed)})


CHECKS = (
    Check("licensed", "guarantee.issuer_licensed", licensed),
    Check("key_valid", "guarantee.issuer_licensed", key_valid),
    Check("signature", "guarantee.signed", signature),
    Check("beneficiary", "guarantee.parties_match", beneficiary),
    Check("principal", "guarantee.parties_match", principal),
    Check("lot", "guarantee.parties_match", lot),
    Check("amount", "deposit.rate_max", amount),
    Check("validity", "deposit.valid_with_bid", validity),
    Check("single_use", "guarantee.single_use", single_use),
    Check("form", "deposit.forms", form),
)


def faults_of(case: Case) -> tuple[Reason, ...]:
    """All faults of a readable guarantee, in the order of the checks; empty where it holds."""
    return tuple(reason for check in CHECKS if (reason := check.fault(case)) is not None)
