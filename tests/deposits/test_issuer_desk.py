"""Guarantees that are bought, amended, restored and confirmed, with an issuers' desk that fails in every way
it knows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from api.desks.declined import Declined
from api.desks.issuer.desk import Desk
from archive import canonical
from archive.actor import SYSTEM
from archive.errors import Kind
from archive.tasks.service import Worker
from archive.words import Language, render
from deposits.cash import service as cash
from deposits.guarantees import service as guarantees
from deposits.guarantees.slip import is_slip, parse_slip
from deposits.guarantees.states import Event, GuaranteeState
from deposits.issuers import service as registry
from deposits.issuers.desk import Restored, premium
from deposits.release import ReleaseCause
from deposits.standing import StandingKind
from tests.builders import STAFF
from tests.deposits import makers
from tests.deposits.buying import (
    ACCOUNT,
    DUE,
    ON_ONE_ENGINE,
    VALID_TO,
    Hall,
    one,
    refused,
)
from tests.deposits.makers import (
    ALSO_CLEAN,
    BIDDERS,
    CLEAN,
    LISTED,
    OPENING_ON,
    UNKNOWN,
)
from trading.money import Money

S, E = GuaranteeState, Event


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
    def test_an_issuer_sees_what_he_restored_before_it_is_judged(
        self, hall: Hall, lot_id: str
    ) -> None:
        hall.open(lot_id, {CLEAN: hall.buy(lot_id, CLEAN)})
        assert Worker(hall.office, hall.handlers, "test").run_one()
        record = hall.record(lot_id, CLEAN)
        assert record.promise is not None
        assert (record.state, record.promise.number) == (S.RESTORED, hall.number(CLEAN))
        with hall.office.read() as db:
            assert guarantees.guarantees_of(db, issuer_uscc=record.promise.issuer_uscc) == (record,)
            stranger = hall.houses[BIDDERS.index(ALSO_CLEAN)].uscc
            assert guarantees.guarantees_of(db, issuer_uscc=stranger) == ()
        hall.work()
        assert hall.states(lot_id) == {CLEAN: S.ACTIVE}

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
