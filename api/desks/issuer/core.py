"""The books of the issuers that stand in for real ones: pure, one command after another.

Synthetic institutions for demonstrations and tests, never for money. They do what issuers of
electronic guarantees do: quote, take the premium, underwrite, issue a guarantee that names its lot by
a commitment alone, amend it, restore it after the opening, confirm it by number and code, extend it,
take it back, pay or refuse a demand, and call. And they fail like such: an answer is told wrongly, a
document forged, a guarantee cancelled, a demand refused, calls come twice or in the wrong order
(`fault`).

Each order goes through the states of `deposits.guarantees.states`. Time is what each command says,
for the desk has no legal clock of its own. The same commands in the same order give the same books;
what is signed is made outside (`api.desks.issuer.desk`), once, from the `Paper` that stands here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from api.desks.declined import Declined
from archive.clock import SHANGHAI
from archive.errors import Refusal
from deposits.forms import DepositForm
from deposits.guarantees.document import Guarantee
from deposits.guarantees.slip import Cipher, commitment
from deposits.guarantees.states import IN_FORCE, Event, GuaranteeState, Life, born, lived
from deposits.issuers.desk import IssuerWhy, NoticeKind, Offer, extension_premium, premium
from trading.money import Money

EXAMINES = timedelta(days=3)
"""How long a demand is looked at (URDG 758, article 20, gives five business days)."""
GROUNDS = frozenset({"REVOKED", "NO_CONTRACT", "CONDITIONS", "NO_PERFORMANCE", "TENDER_FILE"})
_S, _E, _W = GuaranteeState, Event, IssuerWhy


@dataclass(frozen=True)
class Terms:
    """What a guarantee promises, and the whole price of it."""

    amount: int
    valid_to: date
    premium: int


@dataclass
class Order:
    """One application and what became of it. `commitment` hides lot and beneficiary until the
    opening. `amount`, `premium` and `valid_to` are those in force; `earlier` were issued before
    them, `asked` is an amendment that is not issued yet."""

    number: str
    issuer: str
    commitment: str
    principal: str
    principal_name: str
    amount: int
    premium: int
    valid_from: date
    valid_to: date
    applied_at: datetime
    secret: str
    code: str
    life: Life
    issued_on: date | None = None
    issues_at: datetime | None = None
    payer: str = ""
    reason: str = ""
    lot: str = ""
    beneficiary: str = ""
    restored_at: datetime | None = None
    extensions: int = 0
    earlier: list[Terms] = field(default_factory=list)
    asked: Terms | None = None

    @property
    def terms(self) -> Terms:
        return Terms(self.amount, self.valid_to, self.premium)

    @terms.setter
    def terms(self, terms: Terms) -> None:
        self.amount, self.valid_to, self.premium = terms.amount, terms.valid_to, terms.premium

    @property
    def first(self) -> Terms:
        """Those of the application."""
        return (*self.earlier, self.terms)[0]


@dataclass
class Claim:
    """A demand that was received."""

    key: str
    number: str
    amount: int
    ground: str
    decides_at: datetime
    state: str = "RECEIVED"
    reason: str = ""


@dataclass
class Books:
    """Everything that the issuers know; `offers` are what they sell."""

    offers: dict[str, Offer] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    by_number: dict[str, str] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    calls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    """What goes wrong, by the guarantee's number."""
    premiums: int = 0
    paid_out: int = 0
    now: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    def do(self, command: Mapping[str, Any]) -> Any:
        """Do one command; its answer in plain values. Declined where the issuer says no; nothing is
        changed then."""
        if "at" in command:
            self.now = max(self.now, datetime.fromisoformat(command["at"]))
        self._tick()
        acts = {
            "offers": self._offers,
            "apply": self._apply,
            "pay": self._pay,
            "collect": self._collect,
            "amend": self._amend,
            "surrender": self._surrender,
            "restore": self._restore,
            "verify": self._verify,
            "price_extension": self._price_extension,
            "extend": self._extend,
            "release": self._release,
            "demand": self._demand,
            "calls": self._calls,
            "orders": self._orders,
            "fault": self._fault,
            "totals": self._totals,
        }
        act = acts.get(command["do"])
        if act is None:
            raise Declined(_W.COMMAND)
        try:
            return act(command)
        except Refusal as refusal:  # a step that the life does not know
            raise Declined(_W.EVENT) from refusal

    # --- Selling ------------------------------------------------------------------------------

    def _offers(self, _: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "issuer": offer.issuer_uscc,
                "name": offer.name,
                "form": offer.form.value,
                "permyriad": offer.permyriad,
                "premium_min": offer.premium_min.fen,
                "minutes": offer.minutes,
                "extension_permyriad": offer.extension_permyriad,
            }
            for _, offer in sorted(self.offers.items())
        ]

    def _apply(self, command: Mapping[str, Any]) -> dict[str, Any]:
        promise, issuer = str(command["commitment"]), str(command["issuer"])
        offer = self.offers.get(issuer)
        if offer is None:
            raise Declined(_W.NO_ISSUER)
        if len(promise) != 64 or set(promise) - set("0123456789abcdef"):
            raise Declined(_W.COMMITMENT)
        key = hashlib.sha256(f"{issuer} {promise}".encode()).hexdigest()[:24]
        known = self.orders.get(key)
        amount = int(command["fen"])
        if known is None:
            valid_from = date.fromisoformat(command["valid_from"])
            valid_to = date.fromisoformat(command["valid_to"])
            if amount <= 0 or amount >= 2**53 or valid_to < valid_from:
                raise Declined(_W.TERMS)
            mixed = hashlib.sha256(f"{key} {command.get('entropy', '')}".encode()).hexdigest()
            number = f"BH{self.now:%Y}{len(self.by_number) + 1:08d}"
            known = Order(
                number=number,
                issuer=issuer,
                commitment=promise,
                principal=str(command["principal"]),
                principal_name=str(command["name"])[:200],
                amount=amount,
                premium=premium(offer, Money(amount)).fen,
                valid_from=valid_from,
                valid_to=valid_to,
                applied_at=self.now,
                secret=mixed[:48],
                code=mixed[48:60],
                life=born(self.now),
            )
            self.orders[key] = known
            self.by_number[number] = key
        elif (known.principal, known.first.amount) != (str(command["principal"]), amount):
            raise Declined(_W.OTHER_TERMS)
        return {"order": key, "secret": known.secret, "premium": known.first.premium}

    def _own(self, command: Mapping[str, Any]) -> Order:
        found = self.orders.get(str(command["order"]))
        if found is None or found.secret != command["secret"]:
            raise Declined(_W.SECRET)
        return found

    def _pay(self, command: Mapping[str, Any]) -> dict[str, str]:
        order = self._own(command)
        if order.life.state is _S.APPLIED:
            order.life = lived(order.life, _E.PAY, self.now)
            order.payer = str(command["account"])[:40]
            self._paid(order, order.premium)
        elif order.asked is not None and order.issues_at is None:
            self._paid(order, order.asked.premium - order.premium)
        return {"state": order.life.state.value}

    def _paid(self, order: Order, fen: int) -> None:
        """It is looked at from now on."""
        self.premiums += fen
        order.issues_at = self.now + timedelta(minutes=self.offers[order.issuer].minutes)
        self._tick()

    def _amend(self, command: Mapping[str, Any]) -> dict[str, int]:
        """An issued guarantee for more, or for longer (批改), before it is restored; what is to be
        paid besides. Asked again for the same it is the same, also when it is issued; for other
        terms, as long as it is not paid, those count."""
        order = self._own(command)
        amount, valid_to = int(command["fen"]), date.fromisoformat(command["valid_to"])
        if order.life.state is not _S.ISSUED:
            raise Declined(_W.STATE)
        is_in_force = (amount, valid_to) == (order.amount, order.valid_to)
        if is_in_force and order.earlier and order.issues_at is None:
            order.asked = None
            return {"fen": 0}
        is_more = amount > order.amount or valid_to > order.valid_to
        if not is_more or amount < order.amount or valid_to < order.valid_to or amount >= 2**53:
            raise Declined(_W.TERMS)
        price = max(order.premium, premium(self.offers[order.issuer], Money(amount)).fen)
        asked = Terms(amount, valid_to, price)
        if asked != order.asked:
            if order.issues_at is not None:
                raise Declined(_W.OTHER_TERMS)
            order.asked, order.reason = asked, ""
            if price == order.premium:
                self._paid(order, 0)
        return {"fen": price - order.premium}

    def _collect(self, command: Mapping[str, Any]) -> dict[str, Any]:
        order = self._own(command)
        return {
            "state": order.life.state.value,
            "reason": order.reason,
            "number": order.number if order.issued_on else "",
            "is_amending": order.asked is not None,
        }

    def _surrender(self, command: Mapping[str, Any]) -> dict[str, int]:
        """Before the opening an applicant gives the guarantee back, and nobody else learns of it."""
        order = self._own(command)
        was_paid = order.life.state is not _S.APPLIED
        order.life = lived(order.life, _E.SURRENDER, self.now)
        back = order.premium if was_paid else 0
        if order.asked is not None and order.issues_at is not None:
            back = order.asked.premium
        order.asked = None
        self.premiums -= back
        return {"fen": back}

    def _tick(self) -> None:
        """Underwrite and issue what is due; decide demands that were looked at long enough."""
        for order in self.orders.values():
            if order.issues_at is not None and order.issues_at <= self.now:
                is_declined = self.faults.get(order.principal) == "decline"
                if order.life.state is _S.PAID:
                    self._underwrite(order, order.issues_at, is_declined)
                elif order.asked is not None:
                    self._underwrite_amended(order, order.asked, order.issues_at, is_declined)
                order.issues_at = None
        waiting = [c for c in self.claims.values() if c.state == "RECEIVED"]
        for claim in sorted(waiting, key=lambda c: (c.decides_at, c.key)):
            if claim.decides_at <= self.now:
                self._decide(claim)

    def _underwrite(self, order: Order, at: datetime, is_declined: bool) -> None:
        if is_declined:
            order.life = lived(order.life, _E.DECLINE, at)
            order.reason = _W.CREDIT
            self.premiums -= order.premium
            return
        order.life = lived(order.life, _E.UNDERWRITE, at)
        order.life = lived(order.life, _E.ISSUE, at, order.commitment)
        order.issued_on = at.astimezone(SHANGHAI).date()

    def _underwrite_amended(
        self, order: Order, asked: Terms, at: datetime, is_declined: bool
    ) -> None:
        """The amended guarantee is issued beside the earlier; which of them counts says the sealed
        cell. One that is declined leaves the guarantee as it was."""
        order.asked = None
        if is_declined:
            order.reason = _W.CREDIT
            self.premiums -= asked.premium - order.premium
            return
        order.life = lived(order.life, _E.AMEND, at, order.commitment)
        order.earlier.append(order.terms)
        order.terms = asked

    # --- After the opening --------------------------------------------------------------------

    def _numbered(self, command: Mapping[str, Any]) -> Order:
        found = self.orders.get(self.by_number.get(str(command["number"]), ""))
        if found is None or found.issuer != command["issuer"] or found.code != command["code"]:
            raise Declined(_W.NUMBER)
        return found

    def _restore(self, command: Mapping[str, Any]) -> dict[str, Any]:
        key = self.by_number.get(str(command["number"]), "")
        order = self.orders.get(key)
        if order is None or order.issuer != command["issuer"]:
            raise Declined(_W.NUMBER)
        lot, beneficiary = str(command["lot"]), str(command["beneficiary"])
        told = commitment(lot, beneficiary, str(command["bidder"]), str(command["salt"]))
        if told != order.commitment or order.principal != command["bidder"]:
            raise Declined(_W.SALT)
        if order.life.state is _S.ISSUED:
            self._settle_on(order, int(command["fen"]), date.fromisoformat(command["valid_to"]))
            life = lived(order.life, _E.LODGE, self.now)
            life = lived(life, _E.RESTORE, self.now, told)
            life = lived(life, _E.VERIFY, self.now)
            order.life = lived(life, _E.CONFIRM, self.now)
            order.lot, order.beneficiary, order.restored_at = lot, beneficiary, self.now
        elif order.lot != lot:
            raise Declined(_W.STATE)
        return {"number": order.number, "code": order.code}

    def _settle_on(self, order: Order, amount: int, valid_to: date) -> None:
        """What was lodged counts: what was paid for an amendment that was not goes back."""
        for terms in (order.terms, *order.earlier):
            if (terms.amount, terms.valid_to) == (amount, valid_to):
                break
        else:
            raise Declined(_W.TERMS)
        paid = order.asked.premium if order.asked and order.issues_at else order.premium
        self.premiums -= paid - terms.premium
        order.terms, order.asked, order.issues_at = terms, None, None

    def _verify(self, command: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            order = self._numbered(command)
        except Declined:
            return None
        lie = self.faults.get(order.number)
        state = _S.SURRENDERED if lie == "cancel" else order.life.state
        return {
            "number": order.number,
            "state": state.value,
            "fen": order.amount + (lie == "lie"),
            "valid_to": order.valid_to.isoformat(),
        }

    def _extended(self, command: Mapping[str, Any]) -> tuple[Order, date, int]:
        """(order, later end, what it costs)."""
        order, until = self._numbered(command), date.fromisoformat(command["until"])
        fault = self.faults.get(order.number)
        if order.life.state not in IN_FORCE or fault == "no_extension":
            raise Declined(_W.STATE)
        days = max(0, (until - order.valid_to).days)
        offer = self.offers[order.issuer]
        price = extension_premium(offer, Money(order.amount), days).fen
        return order, until, price + (price if fault == "dear" else 0)

    def _price_extension(self, command: Mapping[str, Any]) -> dict[str, int]:
        """What a later end costs; nothing is promised by it but the table of prices."""
        return {"fen": self._extended(command)[2]}

    def _extend(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """A later end for its price, which comes from the applicant's account in the same moment;
        asked again nothing more is taken."""
        order, until, price = self._extended(command)
        if until > order.valid_to:
            if int(command["fen"]) != price:
                raise Declined(_W.PRICE)
            self.premiums += price
            order.premium += price
            order.life = lived(order.life, _E.EXTEND, self.now, f"{order.number} {until}")
            order.valid_to = until
            order.extensions += 1
        return {"number": order.number, "code": order.code}

    def _release(self, command: Mapping[str, Any]) -> dict[str, str]:
        order = self._numbered(command)
        if order.life.state is not _S.CLOSED:
            order.life = lived(order.life, _E.RELEASE, self.now)
            order.life = lived(order.life, _E.CLOSE, self.now)
        return {}

    def _demand(self, command: Mapping[str, Any]) -> dict[str, str]:
        key = str(command["key"])
        known = self.claims.get(key)
        if known is None:
            order = self._numbered(command)
            proof = str(command["proof"])
            life = lived(order.life, _E.DEMAND, self.now, proof)
            known = Claim(
                key, order.number, int(command["fen"]), str(command["ground"]), self.now + EXAMINES
            )
            known.reason = self._discrepancy(order, known, proof)
            order.life, self.claims[key] = life, known
        return {"state": known.state}

    def _discrepancy(self, order: Order, claim: Claim, proof: str) -> str:
        """Why a demand does not comply, or nothing; looked at on the day of its coming."""
        if self.faults.get(order.number) == "refuse":
            return "discrepancy"
        if claim.ground not in GROUNDS:
            return "ground"
        if len(proof) != 64:
            return "proof"
        if not 0 < claim.amount <= order.amount:
            return "amount"
        if self.now.astimezone(SHANGHAI).date() > order.valid_to:
            return "expired"
        return ""

    def _decide(self, claim: Claim) -> None:
        order = self.orders[self.by_number[claim.number]]
        if claim.reason:
            claim.state = "REFUSED"
            order.life = lived(order.life, _E.REFUSE, claim.decides_at, claim.reason)
            self._call(order, claim, NoticeKind.REFUSED, "", claim.reason)
            return
        claim.state = "PAID_OUT"
        self.paid_out += claim.amount
        reference = f"PF{len(self.claims):08d}"
        order.life = lived(order.life, _E.PAY_OUT, claim.decides_at, reference)
        self._call(order, claim, NoticeKind.PAID_OUT, reference, "")

    def _call(
        self, order: Order, claim: Claim, kind: NoticeKind, reference: str, reason: str
    ) -> None:
        made = self.calls.setdefault(order.issuer, [])
        made.append(
            {
                "number": len(made) + 1,
                "kind": kind.value,
                "key": claim.key,
                "at": claim.decides_at.isoformat(),
                "reference": reference,
                "reason": reason,
            }
        )

    # --- Telling ------------------------------------------------------------------------------

    def _calls(self, command: Mapping[str, Any]) -> list[dict[str, Any]]:
        made = self.calls.get(str(command["issuer"]), [])
        lie = self.faults.get("calls")
        if lie == "replay":
            return made[:1] + made
        if lie == "reverse":
            return made[::-1]
        return made[int(command["after"]) :]

    def _orders(self, command: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "order": key,
                "state": order.life.state.value,
                "principal": order.principal,
                "name": order.principal_name,
                "fen": order.amount,
                "premium": order.premium,
                "valid_to": order.valid_to.isoformat(),
                "applied_at": order.applied_at.isoformat(),
                "number": order.number,
                "asked": [order.asked.amount, order.asked.valid_to.isoformat()]
                if order.asked
                else None,
            }
            for key, order in self.orders.items()
            if order.issuer == command["issuer"]
        ]

    def _fault(self, command: Mapping[str, Any]) -> dict[str, str]:
        """Fail on purpose from now on: `what` happens to `number` (a guarantee: `cancel`, `lie`,
        `forge`, `truncate`, `md5`, `revoke`, `refuse`, `no_extension`, `dear`; a bidder's code: `decline`;
        `calls`: `replay`, `reverse`); an empty `what` ends it."""
        self.faults[str(command["number"])] = str(command["what"])
        return {}

    def _totals(self, _: Mapping[str, Any]) -> dict[str, int]:
        """For auditors of a test."""
        return {
            "orders": len(self.orders),
            "premiums": self.premiums,
            "paid_out": self.paid_out,
            "claims": len(self.claims),
        }

    # --- What is to be signed -----------------------------------------------------------------

    def cipher(self, number: str) -> Cipher:
        """The guarantee as it is issued before the opening."""
        order = self.orders[self.by_number[number]]
        assert order.issued_on is not None, "issued"
        return Cipher(
            number=number,
            form=self.offers[order.issuer].form,
            issuer_uscc=order.issuer,
            principal_uscc=order.principal,
            commitment=order.commitment,
            amount=Money(order.amount),
            issued_on=order.issued_on,
            valid_from=order.valid_from,
            valid_to=order.valid_to,
        )

    def plain(self, number: str, wording_sha256: str) -> Guarantee:
        """The guarantee as it is restored, with the digest of its printed form."""
        order, cipher = self.orders[self.by_number[number]], self.cipher(number)
        return Guarantee(
            number=number,
            form=DepositForm(cipher.form),
            issuer_uscc=cipher.issuer_uscc,
            principal_uscc=cipher.principal_uscc,
            beneficiary_uscc=order.beneficiary,
            lot_id=order.lot,
            amount=cipher.amount,
            issued_on=cipher.issued_on,
            valid_from=cipher.valid_from,
            valid_to=cipher.valid_to,
            wording_sha256=wording_sha256,
        )
