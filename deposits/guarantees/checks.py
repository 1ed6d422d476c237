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
   12 endorsed         the plain guarantee promises what the cipher of before the opening did, which
                       the issuer signed too
   13 digest           the printed form is the one whose SHA-256 the signed document binds; a digest
                       by MD5 or SHA-1 alone is none
   14 printed          its signature is over the whole file, by a certificate of the issuer that
                       leads to a pinned root, in force and not revoked at the time of signing
   15 confirmed        the issuer, asked by number and code, knows it as in force (验真); where it
                       has not been asked or is silent, that stands out and is no fault

Every check that can be made is made, so that a bidder learns all faults at once; a document that
cannot be read has that one fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from archive.errors import Reason
from deposits.forms import DepositForm
from deposits.guarantees.document import SignedGuarantee, read
from deposits.guarantees.pdf import PDF, FileFinding
from deposits.guarantees.slip import SignedCipher
from deposits.guarantees.states import GuaranteeState
from deposits.issuers.desk import Confirmed
from deposits.issuers.issuer import Issuer
from trading.money import Money

STANDING_AT_ISSUER = frozenset(
    {GuaranteeState.ISSUED, GuaranteeState.RESTORED, GuaranteeState.ACTIVE, GuaranteeState.EXTENDED}
)
"""The states in an issuer's books in which a guarantee binds it."""


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
    cipher: SignedCipher | None = None
    printed: Printed | None = None
    answer: Answer | None = None


@dataclass(frozen=True)
class Printed:
    """A printed form with what was found about it; `sha256` of the bytes that are here, `stated` what
    the issuer stated as its digests, by algorithm (empty where it stated none)."""

    sha256: str
    bytes: int
    finding: FileFinding
    stated: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What the issuer said when asked; `confirmed` is None where it knows no such guarantee.
    `sha256` is the digest of the document that is here."""

    confirmed: Confirmed | None
    sha256: str


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


def endorsed(case: Case) -> Reason | None:
    if case.cipher is None:
        return None
    plain, cipher = case.signed.guarantee, case.cipher.cipher
    keys = case.issuer.keys if case.issuer else ()
    if keys and not any(
        key.is_signature(case.cipher.signed_bytes, case.cipher.signature) for key in keys
    ):
        return Reason("deposits.check.cipher_signature", {"number": cipher.number})
    pairs = {
        "number": (plain.number, cipher.number),
        "form": (plain.form, cipher.form),
        "issuer": (plain.issuer_uscc, cipher.issuer_uscc),
        "principal": (plain.principal_uscc, cipher.principal_uscc),
        "amount": (plain.amount, cipher.amount),
        "issued_on": (plain.issued_on, cipher.issued_on),
        "valid_from": (plain.valid_from, cipher.valid_from),
        "valid_to": (plain.valid_to, cipher.valid_to),
    }
    differing = [name for name, (now, before) in pairs.items() if now != before]
    if not differing:
        return None
    return Reason("deposits.check.differs", {"fields": ", ".join(differing)})


def digest(case: Case) -> Reason | None:
    if case.printed is None:
        return None
    stated = {name.lower().replace("-", ""): value for name, value in case.printed.stated.items()}
    if stated and "sha256" not in stated:
        return Reason("deposits.check.digest_weak", {"found": ", ".join(sorted(stated))[:60]})
    wanted = case.signed.guarantee.wording_sha256
    if case.printed.sha256 == wanted == stated.get("sha256", wanted).lower():
        return None
    return Reason(
        "deposits.check.digest",
        {"found": case.printed.sha256, "wanted": wanted, "bytes": case.printed.bytes},
    )


def printed(case: Case) -> Reason | None:
    if case.printed is None:
        return None
    finding = case.printed.finding
    if finding.faults:
        return finding.faults[0]
    issuer_uscc = case.signed.guarantee.issuer_uscc
    if finding.media_type == PDF and finding.signer != issuer_uscc:
        params = {"found": finding.signer[:60], "wanted": issuer_uscc}
        return Reason("deposits.check.certificate_of_another", params)
    return None


def confirmed(case: Case) -> Reason | None:
    return None if case.answer is None else answered(case.signed, case.answer)


def answered(signed: SignedGuarantee, answer: Answer) -> Reason | None:
    """What is wrong with a guarantee by its issuer's own word."""
    said, promise = answer.confirmed, signed.guarantee
    if said is None:
        return Reason("deposits.check.unknown_to_issuer", {"number": promise.number})
    if said.state not in STANDING_AT_ISSUER:
        params = {"number": promise.number, "state": said.state}
        return Reason("deposits.check.cancelled", params)
    same = (said.amount, said.valid_to, said.sha256)
    if same != (promise.amount, promise.valid_to, answer.sha256):
        return Reason("deposits.check.answer_differs", {"number": promise.number})
    return None


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
    Check("endorsed", "guarantee.endorsed", endorsed),
    Check("digest", "guarantee.file_digest", digest),
    Check("printed", "guarantee.signed", printed),
    Check("confirmed", "guarantee.confirmed", confirmed),
)


def faults_of(case: Case) -> tuple[Reason, ...]:
    """All faults of a readable guarantee, in the order of the checks; empty where it holds."""
    return tuple(reason for check in CHECKS if (reason := check.fault(case)) is not None)
