"""The room at work on a database: terms on request, guarantees from seal to release."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from archive.actor import SYSTEM, Actor, Role
from archive.clock import DrivenClock
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office
from archive.tasks.service import Worker
from deposits.guarantees import service as guarantees
from deposits.guarantees.document import read
from deposits.guarantees.states import GuaranteeState
from deposits.issuers import service as registry
from deposits.issuers.desk import NoIssuers
from deposits.issuers.issuer import IssuerKey
from deposits.lot import demand_of
from deposits.release import ReleaseCause
from deposits.service import deposit_lot, terms_for
from deposits.standing import DepositStanding, StandingKind
from deposits.synthetic import Flaw, issue, issue_faulty, promise_for
from tests.builders import STAFF, bidder
from tests.deposits.makers import (
    ALSO_CLEAN,
    BIDDERS,
    CLEAN,
    ISSUERS,
    LISTED,
    OPENING_ON,
    TENDERER_ACTOR,
    UNKNOWN,
    lodge,
    make_lots,
    open_lot,
    promises,
)
from trading.money import Money
from trading.objections import service as objections
from trading.objections.objection import ObjectionStage, Outcome
from trading.regime import Regime

ON_ONE_ENGINE = pytest.mark.parametrize("office", ["sqlite"], indirect=True)
"""For refusals that are decided before anything is stored."""
LARGE, SMALL = 30_000_000, 8_000_000
SIGNED_ON = date(2025, 9, 28)


def standing(office: Office, lot_id: str, uscc: str) -> DepositStanding:
    with office.read() as db:
        return guarantees.standing_of(db, lot_id, uscc, OPENING_ON)


def restored(office: Office, lot_id: str, contents: dict[str, bytes]) -> None:
    """Lodge, open and restore."""
    found = open_lot(office, lot_id, lodge(office, lot_id, contents))
    assert found == contents
    with office.write() as tx:
        guarantees.restore(tx, STAFF, lot_id, found)


def work(office: Office) -> int:
    return Worker(office, guarantees.handlers(NoIssuers()), "worker").run_all_due()


def move(office: Office, moment: datetime) -> None:
    assert isinstance(office.clock, DrivenClock)
    office.clock.move_to(moment)


def start(
    office: Office,
    lot_id: str,
    cause: ReleaseCause = ReleaseCause.CONTRACT,
    event_on: date = SIGNED_ON,
    winner_uscc: str = "",
) -> None:
    with office.write() as tx:
        guarantees.start_release(tx, STAFF, lot_id, cause, event_on, winner_uscc)


def states(office: Office, lot_id: str) -> dict[str, GuaranteeState]:
    with office.read() as db:
        return {r.bidder_uscc: r.state for r in guarantees.guarantees(db, lot_id)}


def actions(office: Office, stream: str) -> list[str]:
    with office.read() as db:
        return [e.action for e in journal.entries(db, stream) if e.action.startswith("deposits")]


def refused(code: str, kind: Kind) -> Any:
    def check(error: BaseException) -> bool:
        return isinstance(error, Refusal) and (error.code, error.kind) == (code, kind)

    return pytest.raises(Refusal, check=check)


class TestTerms:
    """Dali 2024; 民法典 第一千二百五十九条: who owes, by what is known of him."""

    def test_only_the_clean_are_exempt_from_a_small_project(self, office: Office) -> None:
        (lot_id,) = make_lots(office, SMALL)
        with office.read() as db:
            due = {u: terms_for(db, lot_id, u, OPENING_ON).due for u in BIDDERS}
        owed = Money.yuan(SMALL * 2 // 100)
        assert due == {CLEAN: Money(0), ALSO_CLEAN: Money(0), LISTED: owed, UNKNOWN: owed}

    def test_the_lots_of_a_project_count_together(self, office: Office) -> None:
        lots = make_lots(office, SMALL, SMALL)
        with office.read() as db:
            assert deposit_lot(db, lots[0]).tender_amount == Money.yuan(2 * SMALL)
            assert not terms_for(db, lots[0], CLEAN, OPENING_ON).exempt

    def test_asking_leaves_no_trace(self, office: Office) -> None:
        (lot_id,) = make_lots(office, SMALL)
        with office.read() as db:
            before = dump(office)
            terms_for(db, lot_id, CLEAN, OPENING_ON)
            guarantees.standing_of(db, lot_id, CLEAN, OPENING_ON)
        assert dump(office) == before

    @ON_ONE_ENGINE
    def test_before_the_notice_there_are_none(self, office: Office) -> None:
        with office.read() as db, refused("trading.lot.unknown", Kind.NOT_FOUND):
            terms_for(db, "no-lot", CLEAN, OPENING_ON)


def dump(office: Office) -> str:
    """Everything that the database holds, as text."""
    with office.connections.engine.connect() as connection:
        tables = sorted(sa.inspect(connection).get_table_names())
        rows = {
            t: sorted(map(repr, connection.execute(sa.text(f'SELECT * FROM "{t}"'))))
            for t in tables
        }
    return repr(rows)


class TestSecrecy:
    """招标投标法 第二十二条; 电子招标投标办法 第二十一条: who bids where is secret till the opening."""

    def test_before_the_opening_this_room_holds_nothing(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE)
        contents = promises(office, lot_id)
        lodge(office, lot_id, contents)
        with office.read() as db:
            assert guarantees.guarantees(db, lot_id) == ()
        text = dump(office)
        for content in contents.values():
            assert read(content).guarantee.number not in text

    @ON_ONE_ENGINE
    def test_nothing_can_be_restored_before_the_opening(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE)
        contents = promises(office, lot_id)
        with office.write() as tx, pytest.raises(Refusal) as early:
            guarantees.restore(tx, STAFF, lot_id, contents)
        assert early.value.kind is Kind.TOO_EARLY


class TestRestore:
    def test_rows_await_one_task_and_the_opening_does_not(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE)
        restored(office, lot_id, promises(office, lot_id))
        assert set(states(office, lot_id).values()) == {GuaranteeState.RESTORED}
        assert standing(office, lot_id, CLEAN).kind is StandingKind.PENDING
        assert actions(office, f"lot/{lot_id}") == ["deposits:guarantee:restored"] * 4
        assert work(office) == 1
        assert set(states(office, lot_id).values()) == {GuaranteeState.VERIFIED}
        assert standing(office, lot_id, CLEAN).is_fulfilled

    @ON_ONE_ENGINE
    def test_without_guarantees_there_is_nothing_to_do(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE)
        restored(office, lot_id, {})
        assert work(office) == 0
        assert standing(office, lot_id, CLEAN).kind is StandingKind.MISSING
        assert not standing(office, lot_id, CLEAN).is_fulfilled

    @ON_ONE_ENGINE
    def test_strangers_and_repetitions_are_refused(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE)
        contents = promises(office, lot_id)
        restored(office, lot_id, contents)
        with office.write() as tx:
            with refused("deposits.restore.twice", Kind.CONFLICT):
                guarantees.restore(tx, STAFF, lot_id, {CLEAN: contents[CLEAN]})
            with refused("deposits.restore.invalid", Kind.INVALID):
                guarantees.restore(tx, STAFF, lot_id, {ISSUERS[0].issuer.uscc: b"x"})
            with refused("archive.actor.role", Kind.FORBIDDEN):
                guarantees.restore(tx, bidder(CLEAN), lot_id, {})
            other = Actor("staff-9", frozenset({Role.STAFF}), centre_id="530102")
            with refused("trading.actor.centre", Kind.FORBIDDEN):
                guarantees.restore(tx, other, lot_id, {})

    def test_a_small_lot_asks_only_those_who_owe(self, office: Office) -> None:
        (lot_id,) = make_lots(office, SMALL)
        contents = promises(office, lot_id)
        assert set(contents) == {LISTED, UNKNOWN}
        restored(office, lot_id, contents)
        work(office)
        assert standing(office, lot_id, CLEAN).kind is StandingKind.EXEMPT
        assert standing(office, lot_id, LISTED).kind is StandingKind.VERIFIED


class TestVerification:
    """条例 第二十六条: the record says what was found and by which rules, with the document."""

    def test_faulty_ones_are_invalid_with_their_reasons_on_the_record(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE)
        contents = promises(office, lot_id)
        with office.read() as db:
            lot = deposit_lot(db, lot_id)
            demand = demand_of(lot, LISTED, terms_for(db, lot_id, LISTED, OPENING_ON))
        contents[LISTED] = issue_faulty(ISSUERS[1], demand, "N-1", Flaw.AMOUNT)
        contents[UNKNOWN] = b"\xff no guarantee at all"
        restored(office, lot_id, contents)
        work(office)
        short = standing(office, lot_id, LISTED)
        assert short.kind is StandingKind.INVALID
        assert [reason.code for reason in short.reasons] == ["deposits.check.amount"]
        unreadable = standing(office, lot_id, UNKNOWN)
        assert [reason.code for reason in unreadable.reasons] == ["deposits.check.readable"]
        with office.read() as db:
            entries = {
                entry.data["bidder"]: entry
                for entry in journal.entries(db, f"lot/{lot_id}")
                if entry.action in ("deposits:guarantee:verified", "deposits:guarantee:invalid")
            }
        assert {uscc: e.action.rpartition(":")[2] for uscc, e in entries.items()} == {
            CLEAN: "verified",
            LISTED: "invalid",
            UNKNOWN: "invalid",
            ALSO_CLEAN: "verified",
        }
        verdict = entries[LISTED]
        assert verdict.data["reasons"][0]["code"] == "deposits.check.amount"
        assert verdict.data["due_fen"] == 60_000_000
        assert {"deposit.rate_max", "guarantee.signed"} <= set(verdict.data["rules"])
        for uscc, entry in entries.items():
            (document,) = entry.documents
            assert office.vault.get(document.sha256) == contents[uscc]

    def test_calling_it_again_changes_nothing(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE)
        restored(office, lot_id, promises(office, lot_id))
        work(office)
        before = actions(office, f"lot/{lot_id}")
        with office.write() as tx:
            guarantees.verify_lot(tx, SYSTEM, lot_id)
        assert actions(office, f"lot/{lot_id}") == before

    def test_one_number_counts_once_within_a_lot(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE)
        contents = {}
        with office.read() as db:
            lot = deposit_lot(db, lot_id)
            for uscc in BIDDERS[:2]:
                demand = demand_of(lot, uscc, terms_for(db, lot_id, uscc, OPENING_ON))
                contents[uscc] = issue(ISSUERS[0], promise_for(ISSUERS[0], demand, "N-1"))
        restored(office, lot_id, contents)
        work(office)
        assert states(office, lot_id) == {
            BIDDERS[0]: GuaranteeState.VERIFIED,
            BIDDERS[1]: GuaranteeState.INVALID,
        }

    def test_one_number_counts_once_over_all_lots(self, office: Office) -> None:
        first, second = make_lots(office, LARGE, LARGE)
        with office.read() as db:
            made = {}
            for lot_id in (first, second):
                demand = demand_of(
                    deposit_lot(db, lot_id), CLEAN, terms_for(db, lot_id, CLEAN, OPENING_ON)
                )
                made[lot_id] = issue(ISSUERS[0], promise_for(ISSUERS[0], demand, "N-1"))
        halves = {lot_id: lodge(office, lot_id, {CLEAN: made[lot_id]}) for lot_id in made}
        for lot_id in made:
            contents = open_lot(office, lot_id, halves[lot_id])
            with office.write() as tx:
                guarantees.restore(tx, STAFF, lot_id, contents)
            work(office)
        assert states(office, first) == {CLEAN: GuaranteeState.VERIFIED}
        reused = standing(office, second, CLEAN)
        assert [reason.code for reason in reused.reasons] == ["deposits.check.reused"]

    def test_the_database_itself_refuses_a_number_twice(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE)
        restored(office, lot_id, promises(office, lot_id))
        work(office)
        with pytest.raises(IntegrityError), office.write() as tx:
            tx.db.execute(sa.text("UPDATE deposit_guarantee SET issuer_uscc='x', number='1'"))

    def test_the_rules_of_the_day_of_opening_count_however_late_it_runs(
        self, office: Office
    ) -> None:
        (lot_id,) = make_lots(office, LARGE)
        restored(office, lot_id, promises(office, lot_id))
        move(office, datetime(2029, 1, 1, tzinfo=UTC))  # licences and keys have run out
        work(office)
        assert set(states(office, lot_id).values()) == {GuaranteeState.VERIFIED}


class TestRelease:
    """招标投标法实施条例 第五十七条: within 5 days after the contract, winner and losers."""

    @pytest.fixture
    def lot_id(self, office: Office) -> str:
        (lot_id,) = make_lots(office, LARGE)
        restored(office, lot_id, promises(office, lot_id))
        work(office)
        return lot_id

    def test_the_clock_tells_the_days_it_counted(self, office: Office, lot_id: str) -> None:
        start(office, lot_id)
        with office.read() as db:
            entry = list(journal.entries(db, f"lot/{lot_id}"))[-1]
            assert {r.release_due_on for r in guarantees.guarantees(db, lot_id)} == {
                date(2025, 10, 9)
            }
        assert entry.action == "deposits:guarantee:release_due"
        assert entry.data["due_on"] == "2025-10-09"  # 1 to 8 October 2025 are off
        assert entry.data["counted"][0] == "2025-09-29"
        assert len(entry.data["guarantees"]) == 4

    def test_what_nobody_gives_back_is_given_back_on_the_last_day(
        self, office: Office, lot_id: str
    ) -> None:
        start(office, lot_id)
        move(office, datetime(2025, 10, 8, 15, 59, tzinfo=UTC))
        assert work(office) == 0
        move(office, datetime(2025, 10, 8, 16, 0, tzinfo=UTC))  # 0:00 of the 9th in Shanghai
        assert work(office) == 1
        assert set(states(office, lot_id).values()) == {GuaranteeState.RELEASED}
        assert standing(office, lot_id, CLEAN).kind is StandingKind.VERIFIED

    def test_by_hand_and_once(self, office: Office, lot_id: str) -> None:
        start(office, lot_id)
        with office.write() as tx:
            done = guarantees.release_lot(tx, TENDERER_ACTOR, lot_id, ReleaseCause.CONTRACT)
            assert len(done) == 4
            again = guarantees.release_lot(tx, STAFF, lot_id, ReleaseCause.CONTRACT)
            assert again == ()
        with office.read() as db:
            assert guarantees.unreleased(db, date(2030, 1, 1)) == ()

    def test_unreleased_counts_from_the_day_after_the_last(
        self, office: Office, lot_id: str
    ) -> None:
        start(office, lot_id)
        with office.read() as db:
            assert guarantees.unreleased(db, date(2025, 10, 8)) == ()
            on_time = guarantees.unreleased(db, date(2025, 10, 9))
            late = guarantees.unreleased(db, date(2025, 10, 11))
        assert [o.overdue_days for o in on_time] == [0] * 4
        assert [o.overdue_days for o in late] == [2] * 4
        assert [o.bidder_uscc for o in late] == sorted(BIDDERS)

    @ON_ONE_ENGINE
    def test_not_before_an_event(self, office: Office, lot_id: str) -> None:
        with office.write() as tx:
            with refused("deposits.release.not_started", Kind.CONFLICT):
                guarantees.release_lot(tx, STAFF, lot_id, ReleaseCause.CONTRACT)
            with refused("deposits.release.no_clock", Kind.CONFLICT):
                guarantees.start_release(
                    tx, STAFF, lot_id, ReleaseCause.AWARD, SIGNED_ON, BIDDERS[0]
                )
            with refused("deposits.release.winner_missing", Kind.INVALID):
                guarantees.start_release(tx, STAFF, lot_id, ReleaseCause.AWARD, SIGNED_ON)

    @ON_ONE_ENGINE
    def test_others_may_not(self, office: Office, lot_id: str) -> None:
        stranger = Actor("tenderer-2", frozenset({Role.TENDERER}), party_id=CLEAN)
        with office.write() as tx:
            with refused("trading.actor.party", Kind.FORBIDDEN):
                guarantees.release_lot(tx, stranger, lot_id, ReleaseCause.CONTRACT)
            with refused("archive.actor.role", Kind.FORBIDDEN):
                guarantees.release_lot(tx, bidder(CLEAN), lot_id, ReleaseCause.CONTRACT)

    @ON_ONE_ENGINE
    def test_a_later_event_does_not_move_the_clock(self, office: Office, lot_id: str) -> None:
        start(office, lot_id)
        start(office, lot_id, event_on=date(2025, 12, 1))
        with office.read() as db:
            due = {r.release_due_on for r in guarantees.guarantees(db, lot_id)}
        assert due == {date(2025, 10, 9)}

    def test_a_suspended_lot_releases_nothing_until_the_answer(
        self, office: Office, lot_id: str
    ) -> None:
        with office.write() as tx:
            objection = objections.raise_objection(
                tx, bidder(CLEAN), lot_id, ObjectionStage.OPENING, b"objection"
            )
        start(office, lot_id)
        with office.write() as tx, refused("trading.objection.suspended", Kind.CONFLICT):
            guarantees.release_lot(tx, STAFF, lot_id, ReleaseCause.CONTRACT)
        move(office, datetime(2025, 10, 8, 16, tzinfo=UTC))
        assert work(office) == 1  # asks again on the next day
        assert set(states(office, lot_id).values()) == {GuaranteeState.VERIFIED}
        with office.write() as tx:
            objections.answer_objection(
                tx, TENDERER_ACTOR, objection.id, Outcome.REJECTED, b"answer"
            )
        assert work(office) == 0
        move(office, datetime(2025, 10, 9, 16, tzinfo=UTC))
        assert work(office) == 1
        assert set(states(office, lot_id).values()) == {GuaranteeState.RELEASED}

    @ON_ONE_ENGINE
    def test_one_that_awaits_verification_holds_the_clock_up(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE)
        contents = promises(office, lot_id)
        restored(office, lot_id, contents)
        with office.write() as tx, refused("deposits.release.pending", Kind.CONFLICT):
            guarantees.start_release(tx, STAFF, lot_id, ReleaseCause.CONTRACT, SIGNED_ON)

    @ON_ONE_ENGINE
    def test_an_invalid_one_has_nothing_to_be_released(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE)
        restored(office, lot_id, {CLEAN: b"nothing"})
        work(office)
        start(office, lot_id)
        assert actions(office, f"lot/{lot_id}")[-1] == "deposits:guarantee:invalid"


class TestProcurement:
    """政府采购法实施条例 第三十三条: losers after the award, the winner after the contract."""

    def test_losers_first_and_the_winner_later(self, office: Office) -> None:
        (lot_id,) = make_lots(office, LARGE, regime=Regime.ZFCG)
        restored(office, lot_id, promises(office, lot_id))
        work(office)
        winner = BIDDERS[0]
        start(
            office,
            lot_id,
            cause=ReleaseCause.AWARD,
            event_on=date(2025, 9, 29),
            winner_uscc=winner,
        )
        start(office, lot_id, event_on=date(2025, 10, 20))
        with office.read() as db:
            due = {r.bidder_uscc: r.release_due_on for r in guarantees.guarantees(db, lot_id)}
        assert due == {u: date(2025, 10, 13) for u in BIDDERS[1:]} | {winner: date(2025, 10, 27)}
        with office.write() as tx:
            done = guarantees.release_lot(tx, STAFF, lot_id, ReleaseCause.AWARD)
        assert [record.bidder_uscc for record in done] == sorted(BIDDERS[1:])
        assert states(office, lot_id)[winner] is GuaranteeState.VERIFIED


class TestRegistry:
    def test_registered_ones_can_be_read_in_order_of_code(self, office: Office) -> None:
        with office.read() as db:
            listed = registry.issuers(db)
            assert registry.issuer(db, listed[0].uscc) == listed[0]
            with refused("deposits.issuer.unknown", Kind.NOT_FOUND):
                registry.issuer(db, CLEAN)
        assert [i.uscc for i in listed] == sorted(made.issuer.uscc for made in ISSUERS)
        assert {i.uscc: i for i in listed} == {made.issuer.uscc: made.issuer for made in ISSUERS}
        assert actions(office, "issuers") == ["deposits:issuer:registered"] * len(ISSUERS)

    @ON_ONE_ENGINE
    def test_twice_is_refused(self, office: Office) -> None:
        with office.write() as tx, refused("deposits.issuer.exists", Kind.CONFLICT):
            registry.register_issuer(tx, STAFF, ISSUERS[0].issuer)

    @ON_ONE_ENGINE
    def test_a_further_key(self, office: Office) -> None:
        uscc = ISSUERS[0].issuer.uscc
        key = IssuerKey(b"\7" * 32, date(2029, 1, 1), date(2030, 1, 1))
        with office.write() as tx:
            assert registry.add_key(tx, STAFF, uscc, key).keys[-1] == key
            with refused("deposits.issuer.invalid", Kind.INVALID):
                registry.add_key(tx, STAFF, uscc, key)
            with refused("archive.actor.role", Kind.FORBIDDEN):
                registry.add_key(tx, bidder(CLEAN), uscc, key)


class TestRepetition:
    """Same seed, same inputs: the same records on both databases."""

    def test_two_engines_keep_the_same_records(self, office: Office, twin: Office) -> None:
        found = []
        for one in (office, twin):
            (lot_id,) = make_lots(one, LARGE)
            restored(one, lot_id, promises(one, lot_id))
            work(one)
            with one.read() as db:
                found.append(guarantees.guarantees(db, lot_id))
        assert len(found[0]) == len(BIDDERS)
        assert found[0] == found[1]
