"""Demands on guarantees: paid, refused, called back by the issuer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from archive import canonical
from archive.actor import SYSTEM, Actor, Role
from archive.errors import Kind, Refusal
from deposits.grounds import Claim, Ground
from deposits.guarantees.demands import service as demands
from deposits.guarantees.demands.demand import DemandState
from deposits.guarantees.states import Event, GuaranteeState
from deposits.issuers.desk import read_notice
from tests.builders import STAFF
from tests.deposits.buying import (
    ACCOUNT,
    CLAIM,
    DUE,
    ON_ONE_ENGINE,
    VALID_TO,
    Hall,
    demanded,
    one,
    refused,
)
from tests.deposits.makers import (
    ALSO_CLEAN,
    BIDDERS,
    CLEAN,
    TENDERER_ACTOR,
    UNKNOWN,
)
from trading.calendar.legal import start_of
from trading.money import Money

S, E = GuaranteeState, Event


class TestDemands:
    """民法典、法释〔2016〕24号: an independent guarantee is paid against a complying demand."""

    def test_one_is_paid(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        made = demanded(hall, lot_id)
        assert hall.states(lot_id) == {CLEAN: S.DEMANDED}
        hall.work()
        hall.hours(6)
        assert hall.states(lot_id) == {CLEAN: S.DEMANDED}
        hall.to(hall.clock.now() + timedelta(days=3))
        assert hall.states(lot_id) == {CLEAN: S.PAID_OUT}
        with hall.office.read() as db:
            (found,) = demands.demands(db, lot_id=lot_id)
        assert (found.key, found.state, found.amount) == (made.key, DemandState.PAID_OUT, DUE)
        assert found.reference
        assert hall.desk.books.paid_out == DUE.fen
        with hall.office.write() as tx:
            demands.close(tx, STAFF, found.guarantee_id)
        assert hall.states(lot_id) == {CLEAN: S.CLOSED}

    @ON_ONE_ENGINE
    def test_one_is_refused_and_can_be_demanded_again(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        hall.fault(CLEAN, "refuse")
        demanded(hall, lot_id)
        hall.work()
        hall.to(hall.clock.now() + timedelta(days=4))
        assert hall.states(lot_id) == {CLEAN: S.REFUSED}
        with hall.office.read() as db:
            (found,) = demands.demands(db, lot_id=lot_id)
        assert (found.state, found.reason) == (DemandState.REFUSED, "discrepancy")
        hall.fault(CLEAN, "")
        demanded(hall, lot_id)
        hall.work()
        hall.to(hall.clock.now() + timedelta(days=4))
        assert hall.states(lot_id) == {CLEAN: S.PAID_OUT}

    @ON_ONE_ENGINE
    def test_sent_twice_it_is_paid_once(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        demanded(hall, lot_id)
        hall.work()
        (claim,) = hall.desk.books.claims.values()
        record = hall.record(lot_id, CLEAN)
        assert record.promise is not None
        hall.desk.do(
            {
                "do": "demand",
                "key": claim.key,
                "issuer": record.promise.issuer_uscc,
                "number": claim.number,
                "code": record.code,
                "fen": claim.amount,
                "ground": claim.ground,
                "proof": "0" * 64,
            }
        )
        hall.to(hall.clock.now() + timedelta(days=4))
        assert hall.desk.books.paid_out == DUE.fen

    @ON_ONE_ENGINE
    def test_who_and_what_is_refused(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        record = hall.record(lot_id, CLEAN)
        stranger = Actor("t", frozenset({Role.TENDERER}), party_id=UNKNOWN)

        def tried(actor: Actor = TENDERER_ACTOR, claim: Claim = CLAIM, **more: object) -> None:
            said = {"amount": DUE, "account": ACCOUNT} | more
            with hall.office.write() as tx:
                demands.demand(tx, actor, record.id, claim, **said)  # type: ignore[arg-type]

        with refused("deposits.demand.invalid", Kind.INVALID):
            tried(amount=DUE + Money(1))
        with refused("deposits.demand.invalid", Kind.INVALID):
            tried(amount=Money(0))
        with refused("deposits.demand.invalid", Kind.INVALID):
            tried(account="none")
        with refused("deposits.forfeit.invalid", Kind.INVALID):
            tried(claim=Claim(Ground.REVOKED, b""))
        with refused("deposits.forfeit.invalid", Kind.INVALID):
            tried(claim=Claim(Ground.NO_CONTRACT, b"he is no winner"))
        with pytest.raises(Refusal) as other:
            tried(actor=stranger)
        assert other.value.kind is Kind.FORBIDDEN
        assert hall.states(lot_id) == {CLEAN: S.ACTIVE}
        hall.clock.move_to(start_of(VALID_TO + timedelta(days=1)))
        with refused("deposits.demand.expired"):
            tried()
        with hall.office.write() as tx:
            demands.expire(tx, STAFF, record.id)
        with refused("deposits.guarantee.event"):
            tried()

    @ON_ONE_ENGINE
    def test_nothing_expires_before_its_day(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        hall.clock.move_to(start_of(VALID_TO))
        with hall.office.write() as tx, refused("deposits.guarantee.not_due", Kind.TOO_EARLY):
            demands.expire(tx, STAFF, hall.record(lot_id, CLEAN).id)


class TestCalls:
    """Callbacks: replayed, out of order, forged, of nobody's demand."""

    def called(self, hall: Hall, lot_id: str) -> bytes:
        """A demand is made and decided; its issuer's call."""
        one(hall, lot_id)
        demanded(hall, lot_id)
        hall.work()
        later = hall.clock.now() + timedelta(days=4)
        issuer = hall.houses[BIDDERS.index(CLEAN)].uscc
        (call,) = hall.adapter.calls(issuer, 0, later)
        hall.clock.move_to(later)
        return call

    @ON_ONE_ENGINE
    def test_once_and_never_again(self, hall: Hall, lot_id: str) -> None:
        call = self.called(hall, lot_id)
        with hall.office.write() as tx:
            demands.take_call(tx, SYSTEM, call)
        with hall.office.write() as tx, refused("deposits.call.replayed"):
            demands.take_call(tx, SYSTEM, call)
        assert hall.states(lot_id) == {CLEAN: S.PAID_OUT}

    @ON_ONE_ENGINE
    def test_forged_early_unknown_or_nonsense(self, hall: Hall, lot_id: str) -> None:
        from api.desks.issuer.papers import sign
        from deposits.issuers.desk import NoticeKind, notice_body

        call = self.called(hall, lot_id)
        told = read_notice(call)
        house = hall.desk.houses.by_code[told.issuer_uscc]

        def signed(number: int, key: str, **more: str) -> bytes:
            body = notice_body(told.issuer_uscc, number, NoticeKind.PAID_OUT, key, told.at, **more)
            signature = sign(house.algorithm, house.secret, body)
            value = {"body": canonical.decode(body), "signature": signature.hex()}
            return canonical.encode(value)

        tries = (
            (call.replace(b"PAID_OUT", b"REFUSED"), "deposits.call.signature", Kind.INVALID),
            (signed(2, told.key, reference="R"), "deposits.call.out_of_order", Kind.TOO_EARLY),
            (signed(1, "nobody's", reference="R"), "deposits.call.unknown", Kind.NOT_FOUND),
            (signed(1, told.key), "deposits.demand.bare_answer", Kind.INVALID),
            (b"{}", "deposits.call.form", Kind.INVALID),
            (call[:-1], "deposits.call.form", Kind.INVALID),
        )
        for content, code, kind in tries:
            with hall.office.write() as tx, refused(code, kind):
                demands.take_call(tx, SYSTEM, content)
        assert hall.states(lot_id) == {CLEAN: S.DEMANDED}

    @ON_ONE_ENGINE
    @pytest.mark.parametrize("lie", ["replay", "reverse"])
    def test_a_desk_that_calls_in_disorder_does_no_harm(
        self, hall: Hall, lot_id: str, lie: str
    ) -> None:
        """Two demands on guarantees of one issuer: a call that comes again, or before the one that
        it follows, does not keep the other from being heard."""
        slips = {
            uscc: hall.buy(lot_id, uscc, issuer_uscc=hall.houses[0].uscc)
            for uscc in (CLEAN, ALSO_CLEAN)
        }
        hall.open(lot_id, slips)
        hall.work()
        for uscc in slips:
            demanded(hall, lot_id, uscc)
        hall.desk.do({"do": "fault", "number": "calls", "what": lie})
        hall.work()
        hall.to(hall.clock.now() + timedelta(days=4))
        hall.hours(6)
        assert hall.states(lot_id) == {CLEAN: S.PAID_OUT, ALSO_CLEAN: S.PAID_OUT}
        assert [len(hall.steps(lot_id, uscc)) for uscc in slips] == [6, 6]
