"""Guarantees that are bought, restored, confirmed, extended, given back, demanded and paid, with an
issuers' desk that fails in every way it knows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.desks.declined import Declined
from api.desks.issuer.desk import Desk
from archive import canonical
from archive.actor import SYSTEM, Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Office
from archive.words import Language, render
from deposits.cash import service as cash
from deposits.grounds import Claim, Ground
from deposits.guarantees import service as guarantees
from deposits.guarantees.demands import service as demands
from deposits.guarantees.demands.demand import DemandState, GuaranteeDemand
from deposits.guarantees.restoring import service as restoring
from deposits.guarantees.slip import is_slip, parse_slip
from deposits.guarantees.states import Event, GuaranteeState
from deposits.issuers import service as registry
from deposits.issuers.desk import Restored, premium, read_notice
from deposits.refunds.extensions import service as extensions
from deposits.release import ReleaseCause
from deposits.standing import StandingKind
from tests.builders import STAFF, bidder
from tests.deposits import makers
from tests.deposits.buying import VALID_TO, Hall, hall_of
from tests.deposits.makers import (
    ALSO_CLEAN,
    BIDDERS,
    CLEAN,
    LISTED,
    OPENING_ON,
    TENDERER_ACTOR,
    UNKNOWN,
    make_lots,
)
from trading.calendar.legal import start_of
from trading.money import Money

LARGE = 30_000_000
DUE = Money.yuan(600_000)
S, E = GuaranteeState, Event
ON_ONE_ENGINE = pytest.mark.parametrize("office", ["sqlite"], indirect=True)
ACCOUNT = "6228000000001234"
CLAIM = Claim(Ground.REVOKED, "撤销投标的函(示例)".encode())


@pytest.fixture
def hall(office: Office, tmp_path: Path, houses: Path) -> Hall:
    folder = tmp_path / "issuer"
    folder.mkdir()
    (folder / "keys.json").write_bytes((houses / "keys.json").read_bytes())
    return hall_of(office, folder)


@pytest.fixture
def lot_id(hall: Hall) -> str:
    return make_lots(hall.office, LARGE)[0]


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


class TestFromApplicationToForce:
    """银行接口 2.4、2.5: cipher guarantee, restored after the opening, its file pushed."""

    def test_all_are_restored_verified_and_confirmed(self, hall: Hall, lot_id: str) -> None:
        slips = {uscc: hall.buy(lot_id, uscc) for uscc in BIDDERS}
        assert all(is_slip(slip) and len(slip) < 4096 for slip in slips.values())
        hall.open(lot_id, slips)
        assert set(hall.states(lot_id).values()) == {S.LODGED}
        hall.work()
        assert set(hall.states(lot_id).values()) == {S.ACTIVE}
        events = [step.event for step in hall.steps(lot_id, CLEAN)]
        assert events == [E.LODGE, E.RESTORE, E.VERIFY, E.CONFIRM]
        record = hall.record(lot_id, CLEAN)
        assert record.file is not None
        assert record.file.type == "application/pdf"
        assert record.notes == ()
        with hall.office.read() as db:
            standing = cash.standing_of(db, lot_id, CLEAN, OPENING_ON)
        assert standing.kind is StandingKind.VERIFIED

    def test_the_issuer_is_told_neither_lot_nor_beneficiary(self, hall: Hall, lot_id: str) -> None:
        """招标投标法 第二十二条."""
        hall.buy(lot_id, CLEAN)
        (order,) = hall.desk.books.orders.values()
        (command, *_) = hall.desk.db.execute("SELECT body FROM command").fetchall()
        for text in (repr(order), str(command)):
            assert lot_id not in text
            assert makers.TENDERER not in text

    @ON_ONE_ENGINE
    def test_prices_are_the_same_for_all_and_rounded_up(self, hall: Hall) -> None:
        for offer in hall.adapter.offers(makers.START):
            assert premium(offer, Money(1)) == offer.premium_min
            exact = Money(10_000 * 100_000_000)
            assert premium(offer, exact).fen == offer.permyriad * 100_000_000
            assert premium(offer, exact + Money(1)).fen == offer.permyriad * 100_000_000 + 1
        assert len({offer.minutes for offer in hall.adapter.offers(makers.START)}) == 1

    @ON_ONE_ENGINE
    def test_an_order_is_its_applicants_alone(self, hall: Hall, lot_id: str) -> None:
        quote = hall.apply(lot_id, CLEAN)
        assert hall.apply(lot_id, CLEAN) == quote
        assert len(hall.desk.books.orders) == 1
        with refused("api.issuer.declined"):
            hall.adapter.collect(quote.order, "0" * 48, makers.OPENING)
        with refused("api.issuer.declined"):
            hall.apply(lot_id, CLEAN, amount=DUE + Money(1))
        with refused("api.issuer.declined"):
            hall.apply(lot_id, UNKNOWN, amount=Money(0))
        command = hall.desk.db.execute("SELECT body FROM command").fetchone()[0]
        with pytest.raises(Declined):
            hall.desk.do({**json.loads(command), "commitment": "0" * 64, "fen": 2**60})

    @ON_ONE_ENGINE
    def test_an_unused_one_is_surrendered_and_cannot_be_restored(
        self, hall: Hall, lot_id: str
    ) -> None:
        slip = hall.buy(lot_id, CLEAN)
        quote = hall.apply(lot_id, CLEAN)
        assert hall.adapter.surrender(quote.order, quote.secret, makers.START) == quote.premium
        assert hall.desk.books.premiums == 0
        hall.open(lot_id, {CLEAN: slip})
        hall.work()
        assert hall.states(lot_id) == {CLEAN: S.INVALID}
        assert hall.codes(lot_id, CLEAN) == ["not_restored"]

    @ON_ONE_ENGINE
    def test_who_is_declined_has_his_premium_back(self, hall: Hall, lot_id: str) -> None:
        hall.desk.do({"do": "fault", "number": CLEAN, "what": "decline"})
        quote = hall.apply(lot_id, CLEAN)
        hall.adapter.pay(quote.order, quote.secret, ACCOUNT, makers.START)
        got = hall.adapter.collect(quote.order, quote.secret, makers.OPENING)
        assert (got.state, got.document, got.reason) == (S.CLOSED, b"", "credit")
        assert hall.desk.books.premiums == 0


@ON_ONE_ENGINE
class TestAmendment:
    """保函批改, before the opening: underwritten and issued like the first, and what was lodged last
    is what the issuer restores (招标投标法 第二十九条: a bid may be supplemented until the deadline)."""

    MORE, LATER = DUE + Money(1), VALID_TO + timedelta(days=31)

    def test_the_amended_one_is_restored_and_checked(self, hall: Hall, lot_id: str) -> None:
        short = hall.buy(lot_id, CLEAN, amount=DUE - Money(1), valid_to=OPENING_ON)
        quote = hall.apply(lot_id, CLEAN, amount=DUE - Money(1))
        now = hall.desk.books.now
        price = hall.adapter.amend(quote.order, quote.secret, DUE, self.LATER, now)
        assert price == hall.adapter.amend(quote.order, quote.secret, DUE, self.LATER, now)
        hall.adapter.pay(quote.order, quote.secret, ACCOUNT, now)
        got = hall.adapter.collect(quote.order, quote.secret, now)
        assert (got.state, got.is_amending) == (S.ISSUED, True)
        assert got.document.decode() in short.decode()
        paid = hall.desk.books.premiums
        hall.adapter.pay(quote.order, quote.secret, ACCOUNT, now)
        assert hall.desk.books.premiums == paid, "paid once"
        got = hall.adapter.collect(quote.order, quote.secret, now + timedelta(minutes=30))
        assert not got.is_amending
        assert hall.adapter.amend(quote.order, quote.secret, DUE, self.LATER, now) == Money(0)
        old = json.loads(short)
        slip = canonical.encode({**old, "cipher": json.loads(got.document)})
        hall.open(lot_id, {CLEAN: slip})
        hall.work()
        record = hall.record(lot_id, CLEAN)
        assert record.state is S.ACTIVE
        assert record.promise is not None
        assert (record.promise.amount, record.promise.valid_to) == (DUE, self.LATER)
        (order,) = hall.desk.books.orders.values()
        assert [step.event for step in order.life.steps].count(E.AMEND) == 1

    def test_one_that_was_not_lodged_lapses(self, hall: Hall, lot_id: str) -> None:
        """The cell that counts is the bidder's word; what he paid for more goes back."""
        slip = hall.buy(lot_id, CLEAN)
        paid = hall.desk.books.premiums
        hall.amend(lot_id, CLEAN, DUE + DUE)
        assert hall.desk.books.premiums == 2 * paid
        hall.open(lot_id, {CLEAN: slip})
        hall.work()
        record = hall.record(lot_id, CLEAN)
        assert record.state is S.ACTIVE
        assert record.promise is not None
        assert record.promise.amount == DUE
        assert hall.desk.books.premiums == paid

    def test_less_earlier_unissued_or_too_late_is_refused(self, hall: Hall, lot_id: str) -> None:
        quote = hall.apply(lot_id, CLEAN)
        own, now = (quote.order, quote.secret), hall.desk.books.now
        with refused("api.issuer.declined"):
            hall.adapter.amend(*own, self.MORE, VALID_TO, now)
        slip = hall.buy(lot_id, CLEAN)
        for amount, valid_to, order in (
            (DUE - Money(1), VALID_TO, own),
            (DUE, VALID_TO, own),
            (self.MORE, VALID_TO - timedelta(days=1), own),
            (self.MORE, VALID_TO, (quote.order, "0" * 48)),
        ):
            with refused("api.issuer.declined"):
                hall.adapter.amend(*order, amount, valid_to, now)
        asked = {"do": "amend", "order": quote.order, "secret": quote.secret, "fen": 2**53}
        with pytest.raises(Declined):
            hall.desk.do({**asked, "valid_to": VALID_TO.isoformat()})
        hall.adapter.amend(*own, self.MORE, VALID_TO, now)
        hall.adapter.amend(*own, self.MORE, self.LATER, now)  # not paid: the later word counts
        hall.adapter.pay(*own, ACCOUNT, now)
        with refused("api.issuer.declined"):
            hall.adapter.amend(*own, self.MORE + Money(1), self.LATER, now)
        hall.open(lot_id, {CLEAN: slip})
        hall.work()
        with refused("api.issuer.declined"):
            hall.adapter.amend(*own, self.MORE, self.LATER, hall.clock.now())
        assert hall.desk.books.premiums == quote.premium.fen, "what was not issued is paid back"

    def test_who_is_declined_keeps_what_he_has(self, hall: Hall, lot_id: str) -> None:
        slip = hall.buy(lot_id, CLEAN)
        paid = hall.desk.books.premiums
        hall.desk.do({"do": "fault", "number": CLEAN, "what": "decline"})
        assert hall.amend(lot_id, CLEAN, DUE + DUE) == slip
        assert hall.desk.books.premiums == paid
        quote = hall.apply(lot_id, CLEAN)
        got = hall.adapter.collect(quote.order, quote.secret, makers.OPENING)
        assert (got.state, got.reason) == (S.ISSUED, "credit")

    def test_all_that_was_paid_comes_back_with_the_guarantee(self, hall: Hall, lot_id: str) -> None:
        hall.buy(lot_id, CLEAN)
        hall.amend(lot_id, CLEAN, DUE + DUE)
        quote = hall.apply(lot_id, CLEAN)
        back = hall.adapter.surrender(quote.order, quote.secret, makers.OPENING)
        assert back == quote.premium + quote.premium
        assert hall.desk.books.premiums == 0

    def test_the_desk_reads_its_amendments_again(
        self, hall: Hall, lot_id: str, tmp_path: Path
    ) -> None:
        hall.buy(lot_id, CLEAN)
        hall.amend(lot_id, CLEAN, self.MORE, self.LATER)
        assert Desk(tmp_path / "issuer").books == hall.desk.books


class TestChecks:
    """Each failure of an issuer or a bidder is found, and named."""

    @ON_ONE_ENGINE
    @pytest.mark.parametrize(
        ("what", "codes"),
        [
            ("forge", ["signature"]),
            ("truncate", ["digest", "file_unreadable"]),
            ("md5", ["digest_weak"]),
            ("revoke", ["certificate_revoked"]),
            ("cancel", ["cancelled"]),
            ("lie", ["answer_differs"]),
        ],
    )
    def test_what_an_issuer_does_wrong(
        self, hall: Hall, lot_id: str, what: str, codes: list[str]
    ) -> None:
        slips = {uscc: hall.buy(lot_id, uscc) for uscc in (CLEAN, ALSO_CLEAN)}
        hall.fault(CLEAN, what)
        hall.open(lot_id, slips)
        hall.work()
        assert hall.states(lot_id) == {CLEAN: S.INVALID, ALSO_CLEAN: S.ACTIVE}
        assert hall.codes(lot_id, CLEAN) == codes
        for reason in hall.record(lot_id, CLEAN).reasons:
            for language in Language:
                assert not render(reason, language).startswith("[")

    @ON_ONE_ENGINE
    def test_one_fen_and_one_day(self, hall: Hall, lot_id: str) -> None:
        short = hall.buy(lot_id, CLEAN, amount=DUE - Money(1))
        early = hall.buy(lot_id, ALSO_CLEAN, valid_to=OPENING_ON + timedelta(days=89))
        exact = hall.buy(lot_id, LISTED, valid_to=OPENING_ON + timedelta(days=90))
        hall.open(lot_id, {CLEAN: short, ALSO_CLEAN: early, LISTED: exact})
        hall.work()
        assert hall.codes(lot_id, CLEAN) == ["amount"]
        assert hall.codes(lot_id, ALSO_CLEAN) == ["ends_early"]
        assert hall.states(lot_id)[LISTED] is S.ACTIVE

    @ON_ONE_ENGINE
    def test_a_slip_of_another_bidder_lot_or_salt(self, hall: Hall, lot_id: str) -> None:
        slip = hall.buy(lot_id, CLEAN)
        told = parse_slip(slip, lot_id, makers.TENDERER, UNKNOWN)
        assert told.code == "deposits.check.principal"  # type: ignore[union-attr]
        told = parse_slip(slip, "other", makers.TENDERER, CLEAN)
        assert told.code == "deposits.check.lot"  # type: ignore[union-attr]
        told = parse_slip(slip, lot_id, UNKNOWN, CLEAN)
        assert told.code == "deposits.check.beneficiary"  # type: ignore[union-attr]
        salted = slip.replace(b'"salt":"', b'"salt":"00')
        told = parse_slip(salted[:-4] + salted[-2:], lot_id, makers.TENDERER, CLEAN)
        assert told.code == "deposits.check.commitment"  # type: ignore[union-attr]
        assert parse_slip(slip[:-1], lot_id, makers.TENDERER, CLEAN).code == (  # type: ignore[union-attr]
            "deposits.check.readable"
        )
        hall.open(lot_id, {UNKNOWN: slip})
        hall.work()
        assert hall.codes(lot_id, UNKNOWN) == ["principal"]

    @ON_ONE_ENGINE
    def test_another_guarantee_than_was_promised(self, hall: Hall, lot_id: str) -> None:
        """The plain one must promise what the cipher did: an issuer that restores less is found."""
        slip = hall.buy(lot_id, CLEAN)
        hall.open(lot_id, {CLEAN: slip})
        order = next(iter(hall.desk.books.orders.values()))
        order.valid_from += timedelta(days=1)  # later than was signed before
        hall.work()
        assert hall.codes(lot_id, CLEAN) == ["differs"]

    @ON_ONE_ENGINE
    def test_roots_that_are_not_pinned(self, hall: Hall, lot_id: str, tmp_path: Path) -> None:
        stranger = Desk(tmp_path / "stranger")
        with hall.office.write() as tx:
            registry.pin_trust_list(tx, SYSTEM, stranger.houses.roots)
        one(hall, lot_id)
        assert hall.codes(lot_id, CLEAN) == ["certificate"]

    @ON_ONE_ENGINE
    @pytest.mark.parametrize("roots", ["", "x", "-----BEGIN CERTIFICATE-----\n"])
    def test_no_list_of_roots(self, hall: Hall, roots: str) -> None:
        with hall.office.write() as tx, refused("deposits.trust.form", Kind.INVALID):
            registry.pin_trust_list(tx, SYSTEM, roots)

    @ON_ONE_ENGINE
    def test_a_leaf_is_no_root(self, hall: Hall) -> None:
        from api.desks.issuer.papers import pem

        house = next(iter(hall.desk.houses.by_code.values()))
        with hall.office.write() as tx, refused("deposits.trust.no_authority", Kind.INVALID):
            registry.pin_trust_list(tx, SYSTEM, pem(house.certified.certificate))

    @ON_ONE_ENGINE
    def test_an_ofd_is_kept_and_its_seal_is_not_claimed(self, hall: Hall, lot_id: str) -> None:
        hall.open(lot_id, {CLEAN: hall.buy(lot_id, CLEAN)})
        whole = hall.adapter.restore

        def as_ofd(*args: object) -> Restored:
            return replace(whole(*args), media_type="application/ofd")  # type: ignore[arg-type]

        hall.adapter.restore = as_ofd  # type: ignore[method-assign,assignment]
        hall.work()
        record = hall.record(lot_id, CLEAN)
        assert record.state is S.ACTIVE
        assert [note.code for note in record.notes] == ["deposits.note.ofd_seal"]


class TestSilence:
    @ON_ONE_ENGINE
    def test_a_silent_issuer_is_asked_again(self, hall: Hall, lot_id: str) -> None:
        slip = hall.buy(lot_id, CLEAN)
        hall.open(lot_id, {CLEAN: slip})
        hall.silent = 2
        hall.work()
        assert hall.states(lot_id) == {CLEAN: S.LODGED}
        hall.hours(1)
        assert hall.states(lot_id) == {CLEAN: S.LODGED}
        hall.hours(1)
        assert hall.states(lot_id) == {CLEAN: S.ACTIVE}

    @ON_ONE_ENGINE
    def test_a_confirmation_that_comes_late_or_says_no(self, hall: Hall, lot_id: str) -> None:
        slips = {uscc: hall.buy(lot_id, uscc) for uscc in (CLEAN, ALSO_CLEAN)}
        hall.open(lot_id, slips)
        told = hall.adapter.verify
        silent = [True]

        def sometimes(*args: object) -> object:
            if silent[0]:
                hall.silent = 1
            return told(*args)  # type: ignore[arg-type]

        hall.adapter.verify = sometimes  # type: ignore[method-assign,assignment]
        hall.work()
        assert set(hall.states(lot_id).values()) == {S.VERIFIED}
        assert [n.code for n in hall.record(lot_id, CLEAN).notes] == ["deposits.note.silent"]
        silent[0] = False
        hall.fault(ALSO_CLEAN, "cancel")
        hall.hours(1)
        assert hall.states(lot_id) == {CLEAN: S.ACTIVE, ALSO_CLEAN: S.INVALID}
        assert hall.record(lot_id, CLEAN).notes == ()

    @ON_ONE_ENGINE
    def test_no_clock_starts_while_one_is_not_restored(self, hall: Hall, lot_id: str) -> None:
        hall.open(lot_id, {CLEAN: hall.buy(lot_id, CLEAN)})
        with hall.office.write() as tx, refused("deposits.release.pending"):
            guarantees.start_release(tx, STAFF, lot_id, ReleaseCause.TERMINATED, OPENING_ON)


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
        from archive import canonical
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
        with hall.office.write() as tx, refused("deposits.guarantee.extension", Kind.INVALID):
            restoring.extend(tx, TENDERER_ACTOR, record.id, VALID_TO)
        with hall.office.write() as tx:
            restoring.extend(tx, TENDERER_ACTOR, record.id, until)
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
        record = hall.record(lot_id, CLEAN)
        until = VALID_TO + timedelta(days=30)

        def ask() -> None:
            with hall.office.write() as tx:
                restoring.extend(tx, TENDERER_ACTOR, record.id, until)
            hall.work()

        hall.fault(CLEAN, "no_extension")
        for _ in range(2):
            ask()
            (note,) = hall.record(lot_id, CLEAN).notes
            assert note.code == "deposits.note.not_extended"
            for language in Language:
                said = render(note, language)
                assert until.isoformat() in said
                assert "state:" not in said
                assert not said.startswith("[")
        hall.fault(CLEAN, "")
        ask()
        after = hall.record(lot_id, CLEAN)
        assert (after.state, after.notes) == (S.EXTENDED, ())

    @ON_ONE_ENGINE
    def test_an_extension_that_is_another_guarantee_is_refused(
        self, hall: Hall, lot_id: str
    ) -> None:
        one(hall, lot_id)
        record = hall.record(lot_id, CLEAN)
        with hall.office.write() as tx:
            restoring.extend(tx, TENDERER_ACTOR, record.id, VALID_TO + timedelta(days=30))
        hall.desk.books.orders[next(iter(hall.desk.books.orders))].amount -= 1
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
        with hall.office.write() as tx:
            until = VALID_TO + timedelta(days=30)
            restoring.extend(tx, TENDERER_ACTOR, hall.record(lot_id, CLEAN).id, until)
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


class TestDeskAlone:
    @ON_ONE_ENGINE
    def test_started_again_it_stands_where_it_stood(self, hall: Hall, lot_id: str) -> None:
        one(hall, lot_id)
        before = hall.desk
        again = Desk(hall.desk.folder)
        assert again.books == before.books
        record = hall.record(lot_id, CLEAN)
        assert record.promise is not None
        asked = {
            "do": "verify",
            "issuer": record.promise.issuer_uscc,
            "number": record.promise.number,
            "code": record.code,
        }
        assert again.do(dict(asked)) == before.do(dict(asked))

    def test_its_keys_are_for_itself(self, houses: Path, hall: Hall) -> None:
        assert (houses / "keys.json").stat().st_mode & 0o077 == 0
        said = str(hall.desk.identity())
        for house in hall.desk.houses.by_code.values():
            assert house.secret.hex() not in said
            assert house.certified.key.hex() not in said
