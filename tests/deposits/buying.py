"""Bidders that buy guarantees, for the tests of this room: the issuers' desk in the same process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.desks.issuer.desk import Desk
from api.desks.issuer.local import IssuersAdapter
from archive.actor import SYSTEM
from archive.clock import DrivenClock
from archive.errors import Kind, Refusal
from archive.office import Office
from archive.tasks import service as tasks
from archive.tasks.service import Handler, Worker
from deposits.grounds import Claim, Ground
from deposits.guarantees import service as guarantees
from deposits.guarantees.demands import service as demands
from deposits.guarantees.demands.demand import GuaranteeDemand
from deposits.guarantees.document import GUARANTEE
from deposits.guarantees.extending import service as extending
from deposits.guarantees.extending.endorsement import Endorsement
from deposits.guarantees.record import GuaranteeRecord
from deposits.guarantees.restoring import service as restoring
from deposits.guarantees.slip import commitment, slip_bytes
from deposits.guarantees.states import GuaranteeState, Step
from deposits.issuers import service as registry
from deposits.issuers.desk import Application, IssuersDesk, IssuerSilent, Quote
from deposits.issuers.issuer import Issuer
from deposits.service import deposit_lot, terms_for
from tests.builders import STAFF, bidder
from tests.deposits import makers
from tests.deposits.makers import (
    ACCOUNT_OF,
    BIDDERS,
    CLEAN,
    OPENING,
    OPENING_ON,
    TENDERER_ACTOR,
)
from trading.money import Money
from trading.opening import service as opening

BOUGHT_AT = OPENING - timedelta(days=2)
VALID_TO = OPENING_ON + timedelta(days=105)
LARGE = 30_000_000
DUE = Money.yuan(600_000)
ON_ONE_ENGINE = pytest.mark.parametrize("office", ["sqlite"], indirect=True)
ACCOUNT = "6228000000001234"
CLAIM = Claim(Ground.REVOKED, "撤销投标的函(示例)".encode())


def salt_of(lot_id: str, uscc: str) -> str:
    return hashlib.sha256(f"guarantee {lot_id} {uscc}".encode()).hexdigest()


@dataclass
class Hall:
    """An office and its issuers; what people do around a guarantee."""

    office: Office
    desk: Desk
    adapter: IssuersDesk = field(init=False)
    silent: int = 0
    """So many of the next commands get no answer."""

    def __post_init__(self) -> None:
        self.adapter = IssuersAdapter(self._send)

    def _send(self, command: Mapping[str, Any]) -> Any:
        if self.silent > 0:
            self.silent -= 1
            raise IssuerSilent("on purpose")
        return self.desk.do(dict(command))

    def register(self) -> None:
        with self.office.write() as tx:
            for issuer in self.desk.issuers:
                registry.register_issuer(tx, SYSTEM, issuer)
            registry.pin_trust_list(tx, SYSTEM, self.desk.houses.roots)

    @property
    def clock(self) -> DrivenClock:
        assert isinstance(self.office.clock, DrivenClock)
        return self.office.clock

    @property
    def houses(self) -> tuple[Issuer, ...]:
        return self.desk.issuers

    def apply(self, lot_id: str, uscc: str, **change: Any) -> Quote:
        with self.office.read() as db:
            lot = deposit_lot(db, lot_id)
            due = terms_for(db, lot_id, uscc, OPENING_ON).due
        promise = commitment(lot_id, lot.beneficiary_uscc, uscc, salt_of(lot_id, uscc))
        asked: dict[str, Any] = {
            "issuer_uscc": self.houses[BIDDERS.index(uscc)].uscc,
            "commitment": promise,
            "principal_uscc": uscc,
            "principal_name": "示例",
            "amount": due,
            "valid_from": BOUGHT_AT.date(),
            "valid_to": VALID_TO,
        } | change
        return self.adapter.apply(Application(**asked), BOUGHT_AT)

    def buy(self, lot_id: str, uscc: str, **change: Any) -> bytes:
        """Apply, pay and collect; the slip."""
        quote = self.apply(lot_id, uscc, **change)
        self.adapter.pay(quote.order, quote.secret, ACCOUNT_OF[uscc], BOUGHT_AT)
        later = self.desk.books.now + timedelta(minutes=30)
        got = self.adapter.collect(quote.order, quote.secret, later)
        assert got.state is GuaranteeState.ISSUED, got
        with self.office.read() as db:
            beneficiary = deposit_lot(db, lot_id).beneficiary_uscc
        return slip_bytes(got.document, lot_id, beneficiary, uscc, salt_of(lot_id, uscc))

    def amend(self, lot_id: str, uscc: str, amount: Money, valid_to: date = VALID_TO) -> bytes:
        """Ask for an amendment, pay and collect; the slip."""
        quote, now = self.apply(lot_id, uscc), self.desk.books.now
        self.adapter.amend(quote.order, quote.secret, amount, valid_to, now)
        self.adapter.pay(quote.order, quote.secret, ACCOUNT_OF[uscc], now)
        got = self.adapter.collect(quote.order, quote.secret, now + timedelta(minutes=30))
        assert not got.is_amending, got
        with self.office.read() as db:
            beneficiary = deposit_lot(db, lot_id).beneficiary_uscc
        return slip_bytes(got.document, lot_id, beneficiary, uscc, salt_of(lot_id, uscc))

    def number(self, uscc: str) -> str:
        """The number of the guarantee that a bidder bought last."""
        return [o.number for o in self.desk.books.orders.values() if o.principal == uscc][-1]

    def fault(self, uscc: str, what: str) -> None:
        self.desk.do({"do": "fault", "number": self.number(uscc), "what": what})

    def open(self, lot_id: str, contents: Mapping[str, bytes]) -> None:
        """Bids and guarantees are lodged and opened, and the guarantees handed over."""
        makers.open_lot(self.office, lot_id, makers.lodge(self.office, lot_id, contents))
        with self.office.write() as tx:
            found = opening.envelopes(tx.db, lot_id, GUARANTEE)
            assert found == dict(contents)
            guarantees.restore(tx, STAFF, lot_id, found)

    @property
    def handlers(self) -> dict[str, Handler]:
        return {
            **guarantees.handlers(self.adapter),
            **restoring.handlers(self.adapter),
            **extending.handlers(self.adapter),
            **demands.handlers(self.adapter),
        }

    def work(self) -> None:
        """Everything that is due now."""
        Worker(self.office, self.handlers, "test").run_all_due(1000)
        with self.office.read() as db:
            assert not tasks.failed(db), tasks.failed(db)

    def hours(self, count: int) -> None:
        """So many hours pass, each with its work."""
        for _ in range(count):
            self.clock.move_to(self.clock.now() + timedelta(hours=1))
            self.work()

    def to(self, moment: datetime) -> None:
        self.clock.move_to(moment)
        self.work()

    def record(self, lot_id: str, uscc: str) -> GuaranteeRecord:
        with self.office.read() as db:
            found = guarantees.guarantees(db, lot_id)
        return next(r for r in found if r.bidder_uscc == uscc)

    def ask_longer(self, lot_id: str, until: date, uscc: str = CLEAN) -> None:
        """The tenderer asks for a later end; the issuer has heard it."""
        with self.office.write() as tx:
            extending.extend(tx, TENDERER_ACTOR, self.record(lot_id, uscc).id, until)
        self.work()

    def pay_longer(self, lot_id: str, uscc: str = CLEAN) -> None:
        with self.office.write() as tx:
            extending.pay(tx, bidder(uscc), self.record(lot_id, uscc).id)

    def endorsement(self, lot_id: str, uscc: str = CLEAN) -> Endorsement:
        with self.office.read() as db:
            record = self.record(lot_id, uscc)
            return extending.endorsements(db, [record.id])[record.id]

    def states(self, lot_id: str) -> dict[str, GuaranteeState]:
        with self.office.read() as db:
            return {r.bidder_uscc: r.state for r in guarantees.guarantees(db, lot_id)}

    def steps(self, lot_id: str, uscc: str) -> tuple[Step, ...]:
        with self.office.read() as db:
            return guarantees.life(db, self.record(lot_id, uscc).id).steps

    def codes(self, lot_id: str, uscc: str) -> list[str]:
        reasons = self.record(lot_id, uscc).reasons
        return [reason.code.removeprefix("deposits.check.") for reason in reasons]


def hall_of(office: Office, folder: Path) -> Hall:
    made = Hall(office, Desk(folder))
    made.register()
    return made


def one(hall: Hall, lot_id: str, uscc: str = CLEAN) -> None:
    """One bidder buys a guarantee, which is opened and verified."""
    hall.open(lot_id, {uscc: hall.buy(lot_id, uscc)})
    hall.work()


def demanded(hall: Hall, lot_id: str, uscc: str = CLEAN, amount: Money = DUE) -> GuaranteeDemand:
    with hall.office.write() as tx:
        record = hall.record(lot_id, uscc)
        return demands.demand(tx, TENDERER_ACTOR, record.id, CLAIM, amount, ACCOUNT)


def refused(code: str, kind: Kind = Kind.CONFLICT) -> Any:
    def check(error: BaseException) -> bool:
        return isinstance(error, Refusal) and (error.code, error.kind) == (code, kind)

    return pytest.raises(Refusal, check=check)
