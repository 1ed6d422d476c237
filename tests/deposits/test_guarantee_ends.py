"""How guarantees end: given back, extended, expired."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from archive.actor import SYSTEM
from archive.errors import Kind
from archive.words import Language, render
from deposits.guarantees import service as guarantees
from deposits.guarantees.demands import service as demands
from deposits.guarantees.extending import service as extending
from deposits.guarantees.extending.endorsement import EndorsementState
from deposits.guarantees.service import ASKED_MAX
from deposits.guarantees.states import Event, GuaranteeState
from deposits.issuers.desk import extension_premium
from deposits.refunds.extensions import service as extensions
from deposits.release import ReleaseCause
from tests.builders import STAFF, bidder
from tests.deposits import makers
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
    CLEAN,
    OPENING_ON,
    TENDERER_ACTOR,
)
from trading.calendar.legal import start_of
from trading.money import Money

S, E = GuaranteeState, Event


class TestEnds:
    def test_given_back_and_closed_when_the_issuer_has_heard(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        with hall.office.write() as tx:
            guarantees.start_release(tx, STAFF, lot_id, ReleaseCause.TERMINATED, OPENING_ON)
            guarantees.release_lot(tx, STAFF, lot_id, ReleaseCause.TERMINATED)
        assert hall.states(lot_id) == {CLEAN: S.RELEASED}
        hall.silent = 1
        hall.work()
        assert hall.states(lot_id) == {CLEAN: S.RELEASED}
        hall.hours(1)
        assert hall.states(lot_id) == {CLEAN: S.CLOSED}
        (order,) = hall.desk.books.orders.values()
        assert order.life.state is S.CLOSED

    @ON_ONE_ENGINE
    def test_extended(self, hall: Hall, lot_id: str) -> None:
        """条例 第二十六条: 保证金有效期应当与投标有效期一致."""
        one(hall, lot_id)
        record = hall.record(lot_id, CLEAN)
        until = VALID_TO + timedelta(days=30)
        with refused("deposits.guarantee.extension", Kind.INVALID):
            hall.ask_longer(lot_id, VALID_TO)
        hall.ask_longer(lot_id, until)
        assert hall.record(lot_id, CLEAN).state is S.ACTIVE
        hall.pay_longer(lot_id)
        hall.work()
        after = hall.record(lot_id, CLEAN)
        assert after.state is S.EXTENDED
        assert after.promise is not None
        assert after.promise.valid_to == until
        assert after.document != record.document
        said = hall.adapter.verify(
            after.promise.issuer_uscc, after.promise.number, after.code, hall.clock.now()
        )
        assert said is not None
        assert (said.valid_to, said.sha256) == (until, after.document.sha256)

    @ON_ONE_ENGINE
    def test_an_issuer_that_does_not_extend_is_heard(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        until = VALID_TO + timedelta(days=30)
        hall.fault(CLEAN, "no_extension")
        for _ in range(2):
            hall.ask_longer(lot_id, until)
            (note,) = hall.record(lot_id, CLEAN).notes
            assert note.code == "deposits.note.not_extended"
            for language in Language:
                said = render(note, language)
                assert until.isoformat() in said
                assert "state:" not in said
                assert not said.startswith("[")
        hall.fault(CLEAN, "")
        hall.ask_longer(lot_id, until)
        hall.pay_longer(lot_id)
        hall.work()
        after = hall.record(lot_id, CLEAN)
        assert (after.state, after.notes) == (S.EXTENDED, ())

    @ON_ONE_ENGINE
    def test_an_extension_that_is_another_guarantee_is_refused(
        self, hall: Hall, lot_id: str
    ) -> None:
        one(hall, lot_id)
        record = hall.record(lot_id, CLEAN)
        hall.ask_longer(lot_id, VALID_TO + timedelta(days=30))
        price = hall.endorsement(lot_id).price
        assert price is not None
        hall.pay_longer(lot_id)
        (order,) = hall.desk.books.orders.values()
        offer = hall.desk.books.offers[order.issuer]
        assert extension_premium(offer, Money(order.amount - 1), 30) == price
        order.amount -= 1
        hall.work()
        after = hall.record(lot_id, CLEAN)
        assert replace(after, notes=()) == record
        assert [note.code for note in after.notes] == ["deposits.note.not_extended"]

    @ON_ONE_ENGINE
    def test_what_came_in_clear_is_verified_without_its_issuer(
        self, hall: Hall, lot_id: str
    ) -> None:
        hall.open(lot_id, makers.promises(hall.office, lot_id))
        hall.work()
        assert set(hall.states(lot_id).values()) == {S.VERIFIED}
        notes = [note.code for note in hall.record(lot_id, CLEAN).notes]
        assert notes == ["deposits.note.not_confirmed"]
        with hall.office.write() as tx, refused("deposits.guarantee.not_linked"):
            record = hall.record(lot_id, CLEAN)
            demands.demand(tx, TENDERER_ACTOR, record.id, CLAIM, DUE, ACCOUNT)


class TestWhatALaterEndCosts:
    """展期批单: priced by the issuer's table for each 30 days begun, paid by the bidder, signed anew."""

    UNTIL = VALID_TO + timedelta(days=31)

    def test_priced_paid_and_signed(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        before = hall.desk.books.premiums
        hall.ask_longer(lot_id, self.UNTIL)
        asked = hall.endorsement(lot_id)
        (order,) = hall.desk.books.orders.values()
        offer = next(o for o in hall.adapter.offers(makers.START) if o.issuer_uscc == order.issuer)
        wanted = Money(DUE.fen * offer.extension_permyriad * 2 // 10_000)
        assert (asked.state, asked.price) == (EndorsementState.QUOTED, wanted)
        assert hall.record(lot_id, CLEAN).state is S.ACTIVE
        hall.pay_longer(lot_id)
        hall.work()
        assert hall.endorsement(lot_id).state is EndorsementState.DONE
        assert hall.record(lot_id, CLEAN).state is S.EXTENDED
        assert hall.desk.books.premiums == before + wanted.fen
        with refused("deposits.endorsement.nothing"):
            hall.pay_longer(lot_id)

    @ON_ONE_ENGINE
    def test_an_answer_that_is_lost_pays_once(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        before = hall.desk.books.premiums
        hall.ask_longer(lot_id, self.UNTIL)
        price = hall.endorsement(lot_id).price
        assert price is not None
        hall.pay_longer(lot_id)
        record, number = hall.record(lot_id, CLEAN), hall.number(CLEAN)
        assert record.promise is not None
        issuer = record.promise.issuer_uscc
        for _ in range(2):  # done at the issuer's, and nobody here heard of it
            now = hall.clock.now()
            hall.adapter.extend(issuer, number, record.code, self.UNTIL, price, "1", now)
        hall.silent = 1
        hall.work()
        assert hall.endorsement(lot_id).state is EndorsementState.PAYING
        with refused("deposits.endorsement.state"):
            hall.ask_longer(lot_id, self.UNTIL + timedelta(days=1))
        hall.hours(1)
        assert hall.endorsement(lot_id).state is EndorsementState.DONE
        assert hall.desk.books.premiums == before + price.fen

    @ON_ONE_ENGINE
    def test_what_was_paid_is_asked_for_until_it_is_signed(self, hall: Hall, lot_id: str) -> None:
        """However long the issuer is silent: nobody else could take it up again."""
        one(hall, lot_id)
        hall.ask_longer(lot_id, self.UNTIL)
        hall.pay_longer(lot_id)
        hall.silent = ASKED_MAX + 2
        hall.hours(ASKED_MAX + 2)
        assert hall.silent == 0
        assert hall.endorsement(lot_id).state is EndorsementState.PAYING
        hall.hours(1)
        assert hall.endorsement(lot_id).state is EndorsementState.DONE

    @ON_ONE_ENGINE
    def test_another_price_than_the_tables_is_refused(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        hall.fault(CLEAN, "dear")
        hall.ask_longer(lot_id, self.UNTIL)
        assert hall.endorsement(lot_id).state is EndorsementState.REFUSED
        (note,) = hall.record(lot_id, CLEAN).notes
        assert note.params["why"] == "price"
        hall.fault(CLEAN, "")
        hall.ask_longer(lot_id, self.UNTIL)
        hall.fault(CLEAN, "dear")  # dearer than it had said
        hall.pay_longer(lot_id)
        hall.work()
        assert hall.endorsement(lot_id).state is EndorsementState.REFUSED
        assert hall.record(lot_id, CLEAN).state is S.ACTIVE

    @ON_ONE_ENGINE
    def test_unpaid_it_may_be_asked_for_another_day(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        hall.ask_longer(lot_id, self.UNTIL)
        hall.ask_longer(lot_id, VALID_TO + timedelta(days=30))
        (order,) = hall.desk.books.orders.values()
        offer = hall.desk.books.offers[order.issuer]
        assert hall.endorsement(lot_id).price == extension_premium(offer, DUE, 30)
        with refused("trading.actor.party", Kind.FORBIDDEN), hall.office.write() as tx:
            extending.pay(tx, bidder(ALSO_CLEAN), hall.record(lot_id, CLEAN).id)

    @ON_ONE_ENGINE
    def test_by_the_day(self, hall: Hall) -> None:
        for offer in hall.adapter.offers(makers.START):
            amount, each = Money(10_000), Money(offer.extension_permyriad)
            prices = [extension_premium(offer, amount, days) for days in (0, 1, 30, 31, 61)]
            assert prices == [Money(each.fen * n) for n in (0, 1, 1, 2, 3)]
            assert extension_premium(offer, Money(1), 1) == Money(1)


@ON_ONE_ENGINE
class TestAskedToExtend:
    """12号令 第四十条: whoever agrees to a longer validity extends his deposit; whoever refuses gets it
    back, and his bid is over."""

    def test_agree_or_refuse(self, hall: Hall, lot_id: str) -> None:
        hall.open(lot_id, {uscc: hall.buy(lot_id, uscc) for uscc in (CLEAN, ALSO_CLEAN)})
        hall.work()
        until = VALID_TO + timedelta(days=20)
        with hall.office.write() as tx:
            extensions.ask_extension(tx, TENDERER_ACTOR, lot_id, until, b"notice")
        for uscc, agrees in ((CLEAN, True), (ALSO_CLEAN, False)):
            with hall.office.write() as tx:
                extensions.answer_extension(tx, bidder(uscc), lot_id, agrees=agrees)
        hall.work()
        assert hall.states(lot_id) == {CLEAN: S.ACTIVE, ALSO_CLEAN: S.ACTIVE}, "not paid yet"
        hall.pay_longer(lot_id)
        hall.work()
        assert hall.states(lot_id) == {CLEAN: S.EXTENDED, ALSO_CLEAN: S.ACTIVE}
        promise = hall.record(lot_id, CLEAN).promise
        assert promise is not None
        assert promise.valid_to == until
        other = hall.record(lot_id, ALSO_CLEAN)
        assert other.release_cause is ReleaseCause.REFUSED
        assert other.release_due_on is not None
        assert hall.record(lot_id, CLEAN).release_due_on is None
        hall.to(start_of(other.release_due_on))
        assert hall.states(lot_id) == {CLEAN: S.EXTENDED, ALSO_CLEAN: S.CLOSED}

    def test_one_that_lasts_long_enough_stays(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        with hall.office.write() as tx:
            until = VALID_TO - timedelta(days=1)
            extensions.ask_extension(tx, TENDERER_ACTOR, lot_id, until, b"notice")
            extensions.answer_extension(tx, bidder(CLEAN), lot_id, agrees=True)
        hall.work()
        assert hall.states(lot_id) == {CLEAN: S.ACTIVE}


class TestTheLastDay:
    """民法典 第六百九十三条; 独立保函规定 第十一条: a guarantee is over when its period is over. The task
    table is the calendar, and each of its tasks bears to be run twice."""

    AFTER = start_of(VALID_TO + timedelta(days=1))

    def test_on_the_day_after_it_expires_and_is_closed(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        hall.to(self.AFTER - timedelta(minutes=1))
        assert hall.states(lot_id) == {CLEAN: S.ACTIVE}
        hall.to(self.AFTER)
        assert hall.states(lot_id) == {CLEAN: S.CLOSED}
        steps = hall.steps(lot_id, CLEAN)
        assert [step.event for step in steps[-2:]] == [E.EXPIRE, E.CLOSE]
        for _ in range(2):
            with hall.office.write() as tx:
                demands.end(tx, SYSTEM, hall.record(lot_id, CLEAN).id)
        assert hall.steps(lot_id, CLEAN) == steps

    @ON_ONE_ENGINE
    def test_an_extension_moves_the_day(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        until = VALID_TO + timedelta(days=30)
        hall.ask_longer(lot_id, until)
        hall.pay_longer(lot_id)
        hall.work()
        hall.to(self.AFTER)
        assert hall.states(lot_id) == {CLEAN: S.EXTENDED}
        hall.to(start_of(until + timedelta(days=1)))
        assert hall.states(lot_id) == {CLEAN: S.CLOSED}

    @ON_ONE_ENGINE
    @pytest.mark.parametrize("what", ["", "refuse"])
    def test_a_demand_of_the_last_day_is_answered_first(
        self, hall: Hall, lot_id: str, what: str
    ) -> None:
        one(hall, lot_id)
        hall.fault(CLEAN, what)
        hall.to(self.AFTER - timedelta(hours=1))
        demanded(hall, lot_id)
        hall.work()
        hall.to(self.AFTER)
        assert hall.states(lot_id) == {CLEAN: S.DEMANDED}
        for day in range(1, 6):
            hall.to(self.AFTER + timedelta(days=day))
        answer = E.REFUSE if what else E.PAY_OUT
        assert [step.event for step in hall.steps(lot_id, CLEAN)[-2:]] == [answer, E.CLOSE]

    @ON_ONE_ENGINE
    def test_what_is_over_already_is_closed_and_nothing_else(self, hall: Hall, lot_id: str) -> None:
        slips = {uscc: hall.buy(lot_id, uscc) for uscc in (CLEAN, ALSO_CLEAN)}
        hall.fault(ALSO_CLEAN, "forge")
        hall.open(lot_id, slips)
        hall.work()
        demanded(hall, lot_id)
        hall.work()
        hall.to(hall.clock.now() + timedelta(days=4))
        assert hall.states(lot_id) == {CLEAN: S.PAID_OUT, ALSO_CLEAN: S.INVALID}
        hall.to(self.AFTER)
        assert hall.states(lot_id) == {CLEAN: S.CLOSED, ALSO_CLEAN: S.INVALID}
