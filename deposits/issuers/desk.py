"""The issuers as this room sees them (保函开立机构): what is asked of them, and what they answer.

`IssuersDesk` is spoken over HTTP by `api.desks`; who answers is another house, and may be silent,
late, or wrong. Every command that does something carries a key, and is done once however often it
is heard. Before the opening the platform only carries questions of bidders to it and keeps nothing.

An issuer's call (通知) is signed by the issuer's registered key over canonical JSON:

    {"body": {"at", "format": "bigloop.issuer-notice.v1", "issuer", "key", "kind", "number",
              "reason", "reference"}, "signature": "<128 hex>"}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from archive import canonical
from archive.errors import Refusal
from deposits.forms import DepositForm
from deposits.guarantees.document import read_hex
from deposits.guarantees.slip import GuaranteeSlip
from deposits.guarantees.states import GuaranteeState
from trading.money import Money

EXTENSION_DAYS = 30
"""What a later end is priced by: so many days, each time they have begun."""
NOTICE_FORMAT = "bigloop.issuer-notice.v1"


class IssuerWhy(StrEnum):
    """Why an issuer says no, as far as it says it in words that are known here."""

    NO_ISSUER = "no_issuer"
    COMMITMENT = "commitment"
    TERMS = "terms"
    OTHER_TERMS = "other_terms"
    SECRET = "secret"  # noqa: S105 - a word
    NUMBER = "number"
    SALT = "salt"
    STATE = "state"
    EVENT = "event"
    CREDIT = "credit"
    DOCUMENT = "document"
    PRICE = "price"
    COMMAND = "unknown_command"


class IssuerSilent(Exception):
    """The issuer cannot be reached, or answers nonsense. Nothing is known of what it did."""


@dataclass(frozen=True)
class Offer:
    """What an issuer asks, the same of everybody: `permyriad` of the amount (万分比), at least
    `premium_min`; issued `minutes` after the payment. For each 30 days that have begun of a later end
    (展期) `extension_permyriad` of the amount."""

    issuer_uscc: str
    name: str
    form: DepositForm
    permyriad: int
    premium_min: Money
    minutes: int
    extension_permyriad: int = 0


def premium(offer: Offer, amount: Money) -> Money:
    """The price of a guarantee over `amount`, rounded up to a whole fen."""
    return max(offer.premium_min, Money(-(-amount.fen * offer.permyriad // 10_000)))


def extension_premium(offer: Offer, amount: Money, days: int) -> Money:
    """The price of `days` more, rounded up to a whole fen."""
    periods = -(-days // EXTENSION_DAYS)
    return Money(-(-amount.fen * offer.extension_permyriad * periods // 10_000))


@dataclass(frozen=True)
class Application:
    """What a bidder asks an issuer for. Neither lot nor beneficiary is named."""

    issuer_uscc: str
    commitment: str
    principal_uscc: str
    principal_name: str
    amount: Money
    valid_from: date
    valid_to: date


@dataclass(frozen=True)
class Quote:
    """The issuer's answer: with `secret` the applicant, and nobody else, goes on."""

    order: str
    secret: str
    premium: Money


@dataclass(frozen=True)
class Collected:
    """Where an order stands; `document` is the cipher guarantee once it is issued, the amended one
    where it was amended; `reason` why it, or its amendment, was declined."""

    state: GuaranteeState
    document: bytes
    reason: str
    is_amending: bool = False
    """An amendment is asked for and neither issued nor declined."""


@dataclass(frozen=True)
class Restored:
    """The plain guarantee (明文保函): the signed document, the printed form, the digests that the
    issuer states for it (by name of algorithm, hex), the code for asking online, and lists of
    revoked certificates (DER) as of the signing."""

    document: bytes
    file: bytes
    media_type: str
    digests: Mapping[str, str]
    code: str
    crls: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Confirmed:
    """What an issuer says of a guarantee that is asked for by number and code (验真)."""

    state: GuaranteeState
    amount: Money
    valid_to: date
    sha256: str
    """Of the signed document."""


@dataclass(frozen=True)
class DemandOrder:
    """A demand on a guarantee (索赔): the beneficiary's statement with its ground, and proof."""

    key: str
    issuer_uscc: str
    number: str
    code: str
    amount: Money
    ground: str
    statement: str
    proof_sha256: str
    to_account: str
    at: datetime


@dataclass(frozen=True)
class OrderLine:
    """One application as its issuer's own people see it; `asked` is an amendment that is not issued
    yet: amount and last day."""

    order: str
    state: GuaranteeState
    principal_uscc: str
    principal_name: str
    amount: Money
    premium: Money
    valid_to: date
    applied_at: datetime
    number: str
    asked: tuple[Money, date] | None = None


class NoticeKind(StrEnum):
    """What an issuer calls about."""

    PAID_OUT = "PAID_OUT"  # 已赔付
    REFUSED = "REFUSED"  # 拒赔


@dataclass(frozen=True)
class IssuerNotice:
    """A call of an issuer about one demand. `number` counts all its calls from 1 without a gap."""

    issuer_uscc: str
    number: int
    kind: NoticeKind
    key: str
    at: datetime
    reference: str
    reason: str
    signed_bytes: bytes
    signature: bytes


class IssuersDesk(Protocol):
    """Every call raises IssuerSilent where nothing certain came back, Refusal (CONFLICT) where the
    issuer says no."""

    def offers(self, now: datetime) -> tuple[Offer, ...]:
        """What can be bought, in no order of anybody's choice."""

    def apply(self, application: Application, now: datetime) -> Quote:
        """Ask for a guarantee; for the same commitment the same order."""

    def pay(self, order: str, secret: str, account: str, now: datetime) -> None:
        """What the applicant's own bank does: the premium comes from his account."""

    def collect(self, order: str, secret: str, now: datetime) -> Collected:
        """Where the order stands, and the guarantee once it is issued."""

    def amend(self, order: str, secret: str, amount: Money, valid_to: date, now: datetime) -> Money:
        """Ask for an issued guarantee over more, or for longer (批改), before the opening; what is
        to be paid for it, by `pay`. Collected like the first, and lodged anew: what was lodged last
        is what the issuer restores."""

    def surrender(self, order: str, secret: str, now: datetime) -> Money:
        """Give an unused guarantee back before the opening (退保); the premium that comes back."""

    def restore(self, slip: GuaranteeSlip, now: datetime) -> Restored:
        """The plain guarantee for a slip that opens the commitment."""

    def verify(self, issuer_uscc: str, number: str, code: str, now: datetime) -> Confirmed | None:
        """What the issuer knows of that number and code; None where it knows no such."""

    def price_extension(
        self, issuer_uscc: str, number: str, code: str, until: date, now: datetime
    ) -> Money:
        """What a later end costs (展期批单); nothing where it is not later."""

    def extend(
        self,
        issuer_uscc: str,
        number: str,
        code: str,
        until: date,
        price: Money,
        account: str,
        now: datetime,
    ) -> Restored:
        """The guarantee with a later end, for that price, which comes from the applicant's account;
        both or neither. Asked again it is the same and costs nothing more."""

    def release(self, issuer_uscc: str, number: str, code: str, now: datetime) -> None:
        """Tell that the beneficiary gives it back (解除)."""

    def demand(self, order: DemandOrder) -> None:
        """Demand payment. Received, not decided: the answer is a call."""

    def calls(self, issuer_uscc: str, after: int, now: datetime) -> tuple[bytes, ...]:
        """Its calls after number `after`, for whoever missed them."""

    def orders(self, issuer_uscc: str, now: datetime) -> tuple[OrderLine, ...]:
        """The applications of an issuer, for its own people."""


class NoIssuers:
    """An installation that has no issuers' desk: nothing can be bought, everything else waits."""

    def offers(self, now: datetime) -> tuple[Offer, ...]:
        return ()

    def apply(self, application: Application, now: datetime) -> Quote:
        raise IssuerSilent("no issuers are configured")

    def pay(self, order: str, secret: str, account: str, now: datetime) -> None:
        raise IssuerSilent("no issuers are configured")

    def collect(self, order: str, secret: str, now: datetime) -> Collected:
        raise IssuerSilent("no issuers are configured")

    def amend(self, order: str, secret: str, amount: Money, valid_to: date, now: datetime) -> Money:
        raise IssuerSilent("no issuers are configured")

    def surrender(self, order: str, secret: str, now: datetime) -> Money:
        raise IssuerSilent("no issuers are configured")

    def restore(self, slip: GuaranteeSlip, now: datetime) -> Restored:
        raise IssuerSilent("no issuers are configured")

    def verify(self, issuer_uscc: str, number: str, code: str, now: datetime) -> Confirmed | None:
        raise IssuerSilent("no issuers are configured")

    def price_extension(
        self, issuer_uscc: str, number: str, code: str, until: date, now: datetime
    ) -> Money:
        raise IssuerSilent("no issuers are configured")

    def extend(
        self,
        issuer_uscc: str,
        number: str,
        code: str,
        until: date,
        price: Money,
        account: str,
        now: datetime,
    ) -> Restored:
        raise IssuerSilent("no issuers are configured")

    def release(self, issuer_uscc: str, number: str, code: str, now: datetime) -> None:
        raise IssuerSilent("no issuers are configured")

    def demand(self, order: DemandOrder) -> None:
        raise IssuerSilent("no issuers are configured")

    def calls(self, issuer_uscc: str, after: int, now: datetime) -> tuple[bytes, ...]:
        raise IssuerSilent("no issuers are configured")

    def orders(self, issuer_uscc: str, now: datetime) -> tuple[OrderLine, ...]:
        raise IssuerSilent("no issuers are configured")


def notice_body(
    issuer_uscc: str,
    number: int,
    kind: NoticeKind,
    key: str,
    at: datetime,
    reference: str = "",
    reason: str = "",
) -> bytes:
    """The bytes that an issuer signs of a call."""
    return canonical.encode(
        {
            "format": NOTICE_FORMAT,
            "issuer": issuer_uscc,
            "number": number,
            "kind": kind,
            "key": key,
            "at": at.isoformat(),
            "reference": reference,
            "reason": reason,
        }
    )


def read_notice(content: bytes) -> IssuerNotice:
    """A call out of its canonical bytes. Refuses INVALID; nothing is verified yet."""
    fields = {"at", "format", "issuer", "key", "kind", "number", "reason", "reference"}
    try:
        value = canonical.decode(content)
        body = value["body"]
        if set(value) != {"body", "signature"} or set(body) != fields:
            raise ValueError("fields")
        if body["format"] != NOTICE_FORMAT or type(body["number"]) is not int:
            raise ValueError("format")
        at = datetime.fromisoformat(body["at"])
        if at.tzinfo is None or not 1 <= body["number"] < 2**53:
            raise ValueError("moment or number")
        return IssuerNotice(
            issuer_uscc=str(body["issuer"]),
            number=body["number"],
            kind=NoticeKind(body["kind"]),
            key=str(body["key"]),
            at=at,
            reference=str(body["reference"])[:64],
            reason=str(body["reason"])[:64],
            signed_bytes=canonical.encode(body),
            signature=read_hex(value["signature"], 64),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Refusal("deposits.call.form", {}) from error
