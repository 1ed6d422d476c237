"""kill -9 between every two steps of giving deposits back: everything is paid once, nothing is half
booked.

A step is a transaction (killed before its commit, and after it) or a call of the bank (killed before
the bank hears it, and after it did it). A child process is killed at the n-th step of the way from
the due day to the last refund, for every n; another goes on, and then all must be as if nobody had
been killed. The bank is a desk with a database of its own, which is not killed here
(`tests/scenarios` kill whole demonstrations).
"""

from __future__ import annotations

import os
import shutil
import signal
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from api.desks.bank.desk import Desk
from api.desks.bank.local import BankAdapter
from archive.database import Connections
from archive.tasks.service import Worker
from deposits.cash import service as cash
from deposits.cash.holding import HoldingState
from deposits.ledger import service as books
from deposits.refunds.orders import service as orders
from tests.builders import make_office
from tests.deposits.conftest import copy_of
from tests.deposits.makers import CENTRE_ID, CLEAN, LISTED, make_lots
from tests.deposits.paying import Town
from trading.calendar.legal import start_of
from trading.money import Money

STEPS_MAX = 200
DAYS = 3


class Mortal:
    """Counts steps and dies at the last one; with 0 it lives."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def live(folder: Path, start: datetime, steps: int, number: int) -> None:
    """One life: the work of some days on the office and the bank in `folder`."""
    mortal = Mortal(steps)
    whole = Connections.write

    @contextmanager
    def write(self: Connections) -> Iterator[Session]:
        with whole(self) as session:
            yield session
            mortal.step()  # everything is written, nothing is committed
        mortal.step()  # committed, and nobody knows

    Connections.write = write  # type: ignore[method-assign]
    desk = Desk(folder / "bank")

    def send(command: Mapping[str, Any]) -> Any:
        mortal.step()
        answer = desk.do(dict(command))
        mortal.step()
        return answer

    url = f"sqlite:///{folder}/deposits.db"
    town = Town(make_office(folder, url, start, b"life %d" % number), desk)
    town.bank = BankAdapter(send)
    Worker(town.office, town.handlers, "test").begin_anew()
    town.work()
    town.days(DAYS)


def child(folder: Path, start: datetime, steps: int, number: int) -> int:
    """Live in a process of its own; its wait status."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            live(folder, start, steps, number)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


@pytest.fixture
def due(tmp_path: Path, sqlite_market: Path) -> tuple[Path, datetime, str]:
    """An office where two deposits are due today, with its bank's folder; (folder, now, lot)."""
    folder = tmp_path / "due"
    office = copy_of(sqlite_market, folder)
    town = Town(office, Desk(folder / "bank"))
    town.register()
    (lot_id,) = make_lots(office, 30_000_000)
    slips = {uscc: town.slip(lot_id, uscc) for uscc in (CLEAN, LISTED)}
    for slip in slips.values():
        town.pay(slip, Money.yuan(600_000))
    town.open(lot_id, {uscc: slip.to_bytes() for uscc, slip in slips.items()})
    town.work()
    town.days(1)
    town.contracted(lot_id, CLEAN)
    on = town.holding(lot_id, CLEAN).release_due_on
    assert on is not None
    town.clock.move_to(start_of(on))
    office.connections.dispose()
    return folder, start_of(on), lot_id


@pytest.mark.slow
@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.soak)])
def test_killed_between_every_two_steps(
    due: tuple[Path, datetime, str], tmp_path: Path, stride: int
) -> None:
    """Every seventh step each day, every one in the soak."""
    folder, start, lot_id = due
    killed = 0
    for steps in range(1, STEPS_MAX, stride):
        here = tmp_path / f"killed-{steps}"
        shutil.copytree(folder, here)
        status = child(here, start, steps, 1)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break  # it came to the end before its last step
        assert os.WTERMSIG(status) == signal.SIGKILL
        killed += 1
        must_hold(here, start)
        assert child(here, start, 0, 2) == 0, "the next life fails"
        must_be_over(here, start, lot_id)
        shutil.rmtree(here)
    else:
        raise AssertionError("the way has no end")
    assert killed * stride > 20, "hardly anybody was killed"
    must_be_over(here, start, lot_id)


def must_hold(folder: Path, start: datetime) -> None:
    """Right after a kill: the book is whole."""
    office = make_office(folder, f"sqlite:///{folder}/deposits.db", start, b"look")
    with office.read() as db:
        assert books.broken(db) == []
    office.connections.dispose()


def must_be_over(folder: Path, start: datetime, lot_id: str) -> None:
    """In the end: both are paid, once, and book and bank agree to the fen."""
    office = make_office(folder, f"sqlite:///{folder}/deposits.db", start, b"look")
    with office.read() as db:
        assert books.broken(db) == []
        held = cash.holdings(db, lot_id)
        assert [h.state for h in held] == [HoldingState.REFUNDED] * 2
        assert len(orders.payouts_of(db, [h.id for h in held])) == 2
        assert all(not account.balance for account in books.balances(db, CENTRE_ID))
        assert books.pending(db, CENTRE_ID) == []
    office.connections.dispose()
    totals = Desk(folder / "bank").do({"do": "totals"})
    assert (totals["payments"], totals["there"]) == (2, 0)
