"""Lives of guarantees beside their issuer's books, one random step after another.

On one side the pure core of the issuers' desk (`api.desks.issuer.core`), on the other the pure machine of
the platform (`deposits.guarantees`), with real signatures between them. They hear of each other only
through commands, slips, documents and calls, in any order and with what may not be in between. After
each step both sides must tell the same story, and every fen of premiums and payments be accounted for.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.desks.declined import Declined
from api.desks.issuer.core import Books
from archive.clock import SHANGHAI
from archive.errors import Reason, Refusal
from archive.journal.entry import DocumentRef
from deposits.forms import DepositForm
from deposits.grounds import Ground
from deposits.guarantees.checks import Answer, Case, Demand, faults_of, readable
from deposits.guarantees.demands import demand as demands
from deposits.guarantees.demands.demand import DemandState, GuaranteeDemand
from deposits.guarantees.document import SignedGuarantee, sign
from deposits.guarantees.record import (
    GuaranteeRecord,
    judged,
    moved,
    promise_of,
    released,
    with_clock,
)
from deposits.guarantees.slip import GuaranteeSlip, commitment, parse_slip, sign_cipher, slip_bytes
from deposits.guarantees.states import COUNTING, IN_FORCE, TRANSITIONS, Event, GuaranteeState, born
from deposits.issuers.desk import Confirmed, IssuerNotice, NoticeKind, Offer
from deposits.issuers.issuer import Issuer, IssuerKey
from deposits.release import ReleaseCause, release_due
from trading.money import Money
from trading.regime import Regime
from trading.synthetic import synthetic_uscc

LIVES = 24
CENTRE, LOT = "532901", "lot"
BENEFICIARY, ISSUER = synthetic_uscc(1, CENTRE), synthetic_uscc(2, CENTRE)
DUE, DAYS = Money(50_000_000), 30
START = datetime(2026, 10, 21, 1, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HOUSE = Issuer(
    ISSUER,
    "示例",
    (DepositForm.BANK,),
    "示例许可",
    date(2020, 1, 1),
    date(9000, 1, 1),
    (IssuerKey(KEY.public_key().public_bytes_raw(), date(2020, 1, 1), date(9000, 1, 1)),),
)
S, E = GuaranteeState, Event
ENDS = frozenset({S.CLOSED, S.INVALID})


@dataclass
class Life:
    """What the bidder, and later the platform, knows of one guarantee."""

    bidder: str
    salt: str
    order: str
    secret: str
    until: date
    paid: int = 0
    """Fen that the bidder has paid to the issuer and not got back."""
    extra: int = 0
    slip: bytes = b""
    record: GuaranteeRecord | None = None
    document: bytes = b""
    is_forged: bool = False
    demand: GuaranteeDemand | None = None
    demands: int = 0
    events: list[Event] = field(default_factory=list)


class Promises:
    """Lives, the issuer's books, and what must be so after every step."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.now = dice, START
        offer = Offer(ISSUER, "示例", DepositForm.BANK, 30, Money.yuan(200), 30, 5)
        self.books = Books({ISSUER: offer})
        self.lives: list[Life] = []
        self.born = self.kept_premiums = self.paid_out = self.taken = 0
        self.happened: Counter[str] = Counter()

    def step(self) -> None:
        self.now += timedelta(minutes=self.dice.choice((0, 1, 31, 240)))
        self.ask(do="totals")  # the issuer does what is due by now
        for each in self.lives:
            if each.record is None and self.books.orders[each.order].life.state is S.CLOSED:
                each.paid = each.extra = 0  # not underwritten
        if len(self.lives) < LIVES:
            self.bear()
        life = self.dice.choice(self.lives)
        if life.record is None:
            acts = [self.pay, self.collect, self.collect, self.amend, self.surrender, self.open]
        else:
            acts = [self.restore, self.verify, self.confirm, self.extend, self.give_back]
            acts += [self.claim, self.send, self.hear, self.last_day]
        self.dice.choice([*acts, self.forbidden])(life)
        self.check(life)
        self.bury(life)

    def ask(self, **command: Any) -> Any:
        """The issuer's answer, None where it says no."""
        try:
            return self.books.do({"at": self.now.isoformat(), **command})
        except Declined:
            self.happened["declined"] += 1
            return None

    def own(self, life: Life, do: str, **more: Any) -> Any:
        return self.ask(do=do, order=life.order, secret=life.secret, **more)

    def numbered(self, life: Life, do: str, **more: Any) -> Any:
        order = self.books.orders[life.order]
        return self.ask(do=do, issuer=ISSUER, number=order.number, code=order.code, **more)

    def move(self, life: Life, event: Event) -> None:
        assert life.record is not None
        life.record, made = moved(life.record, event, self.now, "d" * 64)
        life.events.append(made.event)
        self.happened[event] += 1

    # --- Before the opening -------------------------------------------------------------------

    def bear(self) -> None:
        self.born += 1
        bidder, salt = synthetic_uscc(100 + self.born, CENTRE), f"{self.born:064x}"
        amount = self.dice.choice((DUE.fen, DUE.fen, DUE.fen, DUE.fen - 1, DUE.fen + 1))
        today = self.now.astimezone(SHANGHAI).date()
        quote = self.ask(
            do="apply",
            issuer=ISSUER,
            commitment=commitment(LOT, BENEFICIARY, bidder, salt),
            principal=bidder,
            name="示例",
            fen=amount,
            valid_from=today.isoformat(),
            valid_to=(today + timedelta(days=DAYS)).isoformat(),
            entropy=f"{self.born}",
        )
        until = today + timedelta(days=self.dice.choice((DAYS - 5, DAYS, DAYS + 1)))
        life = Life(bidder, salt, quote["order"], quote["secret"], until)
        life.extra = quote["premium"]
        if self.dice.random() < 0.05:
            self.ask(do="fault", number=bidder, what="decline")
        self.lives.append(life)

    def pay(self, life: Life) -> None:
        """What is owed, once however often."""
        before = self.books.premiums
        if self.own(life, "pay", account="1") is None:
            return
        paid = self.books.premiums - before
        assert paid in (0, life.extra), "paid once, and what was said"
        life.paid, life.extra = life.paid + paid, life.extra - paid

    def collect(self, life: Life) -> None:
        """What is issued is sealed; a later one takes its place."""
        got = self.own(life, "collect")
        if got["state"] == S.ISSUED:
            cipher = self.books.cipher(got["number"])
            document = sign_cipher(cipher, KEY.sign)
            life.slip = slip_bytes(document, LOT, BENEFICIARY, life.bidder, life.salt)
            self.happened["sealed"] += 1

    def amend(self, life: Life) -> None:
        order = self.books.orders[life.order]
        more, days = self.dice.choice((-1, 0, 1, 10_000_000)), self.dice.choice((-1, 0, 0, 40))
        until = order.valid_to + timedelta(days=days)
        before = self.books.premiums
        said = self.own(life, "amend", fen=order.amount + more, valid_to=until.isoformat())
        assert self.books.premiums == before
        if said is not None:
            assert more >= 0
            assert days >= 0
            life.extra = 0 if order.issues_at else said["fen"]
            self.happened["amended"] += 1

    def surrender(self, life: Life) -> None:
        if self.dice.random() < 0.1 and (back := self.own(life, "surrender")) is not None:
            assert back["fen"] == life.paid
            life.paid, life.extra = 0, 0
            self.happened["surrendered"] += 1

    def open(self, life: Life) -> None:
        if not life.slip or self.dice.random() < 0.5:
            return
        life.document = life.slip
        born_ = born(self.now, E.LODGE)
        kept = DocumentRef("x", hashlib.sha256(life.slip).hexdigest(), len(life.slip), "x")
        name = f"g{self.born}-{life.bidder}"
        life.record = GuaranteeRecord(
            name, LOT, CENTRE, life.bidder, born_.state, kept, self.now, self.now
        )
        life.events.append(E.LODGE)
        self.happened[E.LODGE] += 1

    # --- After it -----------------------------------------------------------------------------

    def restore(self, life: Life) -> None:
        assert life.record is not None
        if life.record.state is not S.LODGED:
            return
        slip = parse_slip(life.slip, LOT, BENEFICIARY, life.bidder)
        assert isinstance(slip, GuaranteeSlip)
        cipher, before = slip.signed.cipher, self.books.premiums
        answer = self.ask(
            do="restore",
            issuer=ISSUER,
            number=cipher.number,
            lot=LOT,
            beneficiary=BENEFICIARY,
            bidder=life.bidder,
            salt=life.salt,
            fen=cipher.amount.fen,
            valid_to=cipher.valid_to.isoformat(),
        )
        life.paid -= before - self.books.premiums
        life.extra = 0
        if answer is None:  # surrendered
            why = Reason("deposits.check.not_restored", {"why": "event"})
            life.record, made = judged(life.record, None, (why,), self.now)
            life.events.append(made.event)
            return
        life.document = sign(self.books.plain(cipher.number, "0" * 64), KEY.sign)
        if self.dice.random() < 0.05:
            life.is_forged = True
            life.document = life.document.replace(b'"signature":"', b'"signature":"0')[:-3] + b'"}'
        life.record = replace(life.record, code=answer["code"])
        self.move(life, E.RESTORE)

    def confirmed(self, life: Life, document: bytes) -> Answer:
        said = self.numbered(life, "verify")
        day, sha256 = date.fromisoformat(said["valid_to"]), hashlib.sha256(document).hexdigest()
        told = Confirmed(S(said["state"]), Money(said["fen"]), day, sha256)
        return Answer(told, sha256)

    def verify(self, life: Life) -> None:
        record = life.record
        assert record is not None
        if record.state is not S.RESTORED:
            return
        signed = readable(life.document)
        slip = parse_slip(life.slip, LOT, BENEFICIARY, life.bidder)
        assert isinstance(slip, GuaranteeSlip)
        if isinstance(signed, Reason):
            life.record, made = judged(record, None, (signed,), self.now)
        else:
            opening = record.restored_at.astimezone(SHANGHAI).date()
            asked = Demand(
                LOT, BENEFICIARY, life.bidder, DUE, (DepositForm.BANK,), opening, life.until
            )
            answer = self.confirmed(life, life.document)
            case = Case(signed, asked, HOUSE, cipher=slip.signed, answer=answer)
            found = faults_of(case)
            promise = signed.guarantee
            fits = promise.amount >= DUE and promise.valid_to >= life.until
            fits = fits and promise.issued_on <= opening
            assert bool(found) == (life.is_forged or not fits), found
            life.record, made = judged(record, promise_of(promise), found, self.now)
        life.events.append(made.event)
        self.happened[made.event] += 1

    def confirm(self, life: Life) -> None:
        assert life.record is not None
        if life.record.state is S.VERIFIED:
            self.move(life, E.CONFIRM)

    def extend(self, life: Life) -> None:
        record = life.record
        assert record is not None
        if record.state not in IN_FORCE or record.promise is None:
            return
        until = record.promise.valid_to + timedelta(days=self.dice.randint(1, 20))
        asked, before = {"until": until.isoformat()}, self.books.premiums
        price = self.numbered(life, "price_extension", **asked)["fen"]
        assert self.numbered(life, "extend", **asked, fen=price - 1, account="1") is None
        assert self.books.premiums == before
        for _ in range(2):  # heard twice, it is paid once
            assert self.numbered(life, "extend", **asked, fen=price, account="1") is not None
        assert self.books.premiums == before + price
        life.paid += price
        number = record.promise.number
        life.document = sign(self.books.plain(number, "1" * 64), KEY.sign)
        signed = readable(life.document)
        assert isinstance(signed, SignedGuarantee)
        assert signed.guarantee.valid_to == until
        self.move(life, E.EXTEND)
        life.record = replace(life.record, promise=promise_of(signed.guarantee))  # type: ignore[type-var]

    def give_back(self, life: Life) -> None:
        record = life.record
        assert record is not None
        if record.state not in IN_FORCE or self.dice.random() < 0.5:
            return
        today = self.now.astimezone(SHANGHAI).date()
        due = release_due(Regime.ZTB, CENTRE, ReleaseCause.CONTRACT, today)
        life.record, made = released(with_clock(record, due), self.now)
        life.events.append(made.event)
        self.happened[E.RELEASE] += 1
        for _ in range(self.dice.randint(1, 2)):  # told twice, it is done once
            assert self.numbered(life, "release") is not None
        self.move(life, E.CLOSE)

    def claim(self, life: Life) -> None:
        record = life.record
        assert record is not None
        promise = record.promise
        if record.state not in {*IN_FORCE, S.REFUSED} or promise is None:
            return
        if self.now.astimezone(SHANGHAI).date() > promise.valid_to or self.dice.random() < 0.5:
            return
        life.demands += 1
        life.demand = GuaranteeDemand(
            key=f"{record.id}-{life.demands}",
            guarantee_id=record.id,
            lot_id=LOT,
            centre_id=CENTRE,
            bidder_uscc=life.bidder,
            issuer_uscc=ISSUER,
            number=promise.number,
            amount=Money(self.dice.randint(1, promise.amount.fen)),
            ground=Ground.REVOKED,
            rule_id="x",
            article="x",
            clause="",
            document_name="x",
            document_sha256="d" * 64,
            to_account="1",
            made_by="x",
            made_at=self.now,
        )
        self.move(life, E.DEMAND)

    def send(self, life: Life) -> None:
        made = life.demand
        if made is None or made.state not in (DemandState.MADE, DemandState.SENT):
            return
        ground = self.dice.choice(("REVOKED", "REVOKED", "none"))  # sent again, the first counts
        told = {"key": made.key, "fen": made.amount.fen, "ground": ground, "proof": "d" * 64}
        assert self.numbered(life, "demand", **told) is not None
        if made.state is DemandState.MADE:
            life.demand = demands.moved(made, DemandState.SENT)

    def hear(self, life: Life) -> None:
        """All calls since the last, in their order."""
        for call in self.ask(do="calls", issuer=ISSUER, after=self.taken):
            self.taken += 1
            assert call["number"] == self.taken
            about = next(x for x in self.lives if x.demand and x.demand.key == call["key"])
            kind = NoticeKind(call["kind"])
            told = IssuerNotice(
                ISSUER, self.taken, kind, call["key"], self.now,
                call["reference"], call["reason"], b"", b"",
            )  # fmt: skip
            assert about.demand is not None
            about.demand = demands.answered(about.demand, told)
            with pytest.raises(Refusal):
                demands.answered(about.demand, told)
            if kind is NoticeKind.PAID_OUT:
                self.paid_out += about.demand.amount.fen
            self.move(about, E.PAY_OUT if kind is NoticeKind.PAID_OUT else E.REFUSE)
            self.check(about)
        self.books.calls.get(ISSUER, [])[: self.taken] = [{}] * self.taken

    def last_day(self, life: Life) -> None:
        record = life.record
        assert record is not None
        if record.promise is None or record.state is S.INVALID:
            return
        if self.now.astimezone(SHANGHAI).date() <= record.promise.valid_to:
            return
        if record.state in IN_FORCE:
            self.move(life, E.EXPIRE)
        if (life.record or record).state not in (S.DEMANDED, *ENDS, S.RESTORED):
            self.move(life, E.CLOSE)

    def forbidden(self, life: Life) -> None:
        """What the table has not, another's secret, another's lot, a fen too much."""
        order = self.books.orders[life.order]
        wrong = self.dice.choice(
            (
                {"do": "surrender", "order": life.order, "secret": "0"},
                {"do": "amend", "order": life.order, "secret": "0", "fen": 1, "valid_to": "2030-01-01"},
                {"do": "release", "issuer": ISSUER, "number": order.number, "code": "0"},
                {"do": "demand", "issuer": ISSUER, "number": order.number, "code": "0", "key": "k", "fen": 1, "ground": "REVOKED", "proof": "d" * 64},
                {"do": "restore", "issuer": ISSUER, "number": order.number, "lot": "other", "beneficiary": BENEFICIARY, "bidder": life.bidder, "salt": life.salt, "fen": order.amount, "valid_to": order.valid_to.isoformat()},
            )
        )  # fmt: skip
        before, money = repr(order), (self.books.premiums, self.books.paid_out)
        assert self.ask(**wrong) is None
        assert (repr(order), self.books.premiums, self.books.paid_out) == (before, *money)
        if life.record is not None:
            event = self.dice.choice(list(E))
            if (life.record.state, event) not in TRANSITIONS:
                with pytest.raises(Refusal):
                    moved(life.record, event, self.now, "d" * 64)
                self.happened["refused"] += 1

    # --- What must be so ----------------------------------------------------------------------

    def check(self, life: Life) -> None:
        order, record = self.books.orders[life.order], life.record
        steps = order.life.steps
        for one, two in pairwise(steps):
            assert one.at <= two.at
            assert TRANSITIONS[one.state, two.event] is two.state
        owed = sum(x.paid for x in self.lives)
        assert self.books.premiums == self.kept_premiums + owed, "premiums"
        waiting = [c for c in self.books.claims.values() if c.state == "PAID_OUT"]
        assert sum(c.amount for c in waiting) <= self.books.paid_out
        if record is None:
            return
        state = GuaranteeState(record.state)
        path = born(START, E.LODGE).state
        for event in life.events[1:]:
            path = TRANSITIONS[path, event]
        assert path is state
        assert life.events.count(E.PAY_OUT) <= 1
        if state in IN_FORCE:
            assert order.life.state in IN_FORCE, "in force on both sides"
            assert record.promise is not None
            assert (order.amount, order.valid_to) == (
                record.promise.amount.fen,
                record.promise.valid_to,
            )
        if state is S.PAID_OUT:
            assert order.life.state is S.PAID_OUT
        if order.life.state is S.PAID_OUT:
            assert state in COUNTING
            assert E.DEMAND in life.events
        if life.demand is not None and life.demand.state is DemandState.PAID_OUT:
            assert life.demand.amount.fen <= order.amount

    def bury(self, life: Life) -> None:
        """A life that is over leaves the books, with what the issuer keeps of it."""
        order = self.books.orders[life.order]
        if life.record is None and order.life.state not in (S.SURRENDERED, S.CLOSED):
            return
        if life.record is not None and life.record.state not in ENDS:
            return
        if life.record is None and order.life.state is S.CLOSED:
            self.happened["not underwritten"] += 1
        if life.record is not None and life.record.state is S.CLOSED:
            self.happened["closed"] += 1
        self.kept_premiums += life.paid
        self.lives.remove(life)
        del self.books.orders[life.order]
        for key in [k for k, c in self.books.claims.items() if c.number == order.number]:
            del self.books.claims[key]

    def check_all(self) -> None:
        """Every payment was called, once what was called has been heard."""
        self.hear(self.lives[0])
        assert self.books.paid_out == self.paid_out
