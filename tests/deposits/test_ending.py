"""A tender that is given up after its opening: what bidders handed in goes back."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from api.flows import ending
from api.flows.names import FREE_TASK
from archive.tasks.service import Worker
from deposits.cash import service as cash
from deposits.cash.bank import NoBank
from deposits.cash.holding import HoldingState
from deposits.release import ReleaseCause
from tests.deposits.makers import (
    make_lots,
)
from tests.deposits.paying import LARGE, TENDERER, Town, opened
from trading.calendar.legal import legal_day


class TestATenderGivenUp:
    """招标投标法实施条例 第三十一条: what was taken is given back promptly, with interest."""

    def test_everything_held_goes_back_within_the_days_of_the_rule(self, town: Town) -> None:
        lot_id = opened(town)
        town.work()
        with town.office.write() as tx:
            ending.terminate(tx, TENDERER, lot_id, "示例终止公告".encode())
        town.work()
        with town.office.read() as db:
            held = cash.holdings(db, lot_id)
        assert held
        assert {each.release_cause for each in held} == {ReleaseCause.TERMINATED}
        ended = legal_day(town.clock.now())
        assert {each.release_due_on for each in held} == {ended + timedelta(days=5)}
        town.days(7)
        with town.office.read() as db:
            assert {h.state for h in cash.holdings(db, lot_id)} == {HoldingState.REFUNDED}

    def test_while_the_bank_has_not_answered_it_is_asked_again(self, town: Town) -> None:
        lot_id = opened(town)
        with town.office.write() as tx:
            ending.terminate(tx, TENDERER, lot_id, "示例终止公告".encode())
        silent = {**town.handlers, cash.ASK_TASK: cash.ask_task(NoBank())}
        Worker(town.office, silent, "test").run_all_due()
        with town.office.read() as db:
            assert {h.state for h in cash.holdings(db, lot_id)} == {HoldingState.ANNOUNCED}
        town.days(8)
        with town.office.read() as db:
            assert {h.state for h in cash.holdings(db, lot_id)} == {HoldingState.REFUNDED}

    def test_before_the_opening_nobody_is_looked_for(self, town: Town) -> None:
        (lot_id,) = make_lots(town.office, LARGE)
        with town.office.write() as tx:
            ending.terminate(tx, TENDERER, lot_id, "示例终止公告".encode())
            assert not tx.db.execute(
                sa.text("SELECT count(*) FROM task WHERE name = :name"), {"name": FREE_TASK}
            ).scalar_one()
