"""kill -9 on the issuers' desk as a process, after each step it did and before anybody heard of it, and
before steps that it never heard of: quote, payment with underwriting, issue, restoring, confirmation,
demand, payment out. Whoever asked asks again; in the end everything was done, and once.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.desks import command_client
from api.desks.issuer.desk import Desk
from api.desks.issuer.local import IssuersAdapter
from archive.office import Office
from deposits.guarantees.demands import service as demands
from deposits.guarantees.slip import slip_bytes
from deposits.guarantees.states import Event, GuaranteeState
from deposits.issuers.desk import IssuerSilent
from tests.deposits.buying import ACCOUNT, BOUGHT_AT, CLAIM, DUE, VALID_TO, Hall, salt_of
from tests.deposits.makers import ACCOUNT_OF, CLEAN, TENDERER, TENDERER_ACTOR, make_lots
from trading.money import Money

S, E = GuaranteeState, Event
START_SECONDS_MAX = 60
STEPS = (
    "apply",
    "pay",
    "collect",
    "restore",
    "verify",
    "price_extension",
    "extend",
    "demand",
    "calls",
)


class Mortal:
    """The desk as a process that dies once at each of `steps`: `after` it did it and before it
    answered, else before it heard. It is started again at once, as its keeper would."""

    def __init__(self, folder: Path, steps: tuple[str, ...], *, after: bool) -> None:
        self.folder, self.left, self.fault = folder, set(steps), "deaf" if after else "mute"
        self._send = command_client.of_folder(folder, IssuerSilent)
        self.deaths = 0
        self.start()

    def start(self) -> None:
        address = self.folder / "address"
        address.unlink(missing_ok=True)
        words = [sys.executable, "-m", "api.cli", "desk", "issuer", "--data", str(self.folder)]
        self.child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        until = time.monotonic() + START_SECONDS_MAX
        while not address.exists():
            assert self.child.poll() is None, "it does not start"
            assert time.monotonic() < until
            time.sleep(0.02)

    def kill(self) -> None:
        os.kill(self.child.pid, signal.SIGKILL)
        assert self.child.wait() == -signal.SIGKILL

    def send(self, command: Mapping[str, Any]) -> Any:
        if command["do"] not in self.left:
            return self._send(command)
        self.left.remove(command["do"])
        self._send({"do": "fault", self.fault: 1})
        with pytest.raises(IssuerSilent):
            self._send(command)
        self.kill()
        self.deaths += 1
        with pytest.raises(IssuerSilent):  # nobody is there
            self._send(command)
        self.start()
        raise IssuerSilent("killed")


def insisting(act: Any, *asked: Any) -> Any:
    """As a person does who hears nothing."""
    try:
        return act(*asked)
    except IssuerSilent:
        return act(*asked)


@pytest.fixture
def desk(tmp_path: Path, houses: Path) -> Path:
    folder = tmp_path / "issuer"
    folder.mkdir()
    shutil.copyfile(houses / "keys.json", folder / "keys.json")
    return folder


@pytest.fixture(params=[True, pytest.param(False, marks=pytest.mark.soak)], ids=["after", "before"])
def mortal(request: pytest.FixtureRequest, desk: Path) -> Iterator[Mortal]:
    made = Mortal(desk, STEPS, after=request.param)
    yield made
    made.kill()


@pytest.mark.slow
@pytest.mark.parametrize("office", ["sqlite"], indirect=True)
def test_everything_is_done_once(office: Office, mortal: Mortal, desk: Path) -> None:
    hall = Hall(office, Desk(desk))  # its keys are needed here; what it does, the process does
    hall.register()
    hall.adapter = IssuersAdapter(mortal.send)
    (lot_id,) = make_lots(office, 30_000_000)
    quote = insisting(hall.apply, lot_id, CLEAN)
    own = (quote.order, quote.secret)
    insisting(hall.adapter.pay, *own, ACCOUNT_OF[CLEAN], BOUGHT_AT)
    later = BOUGHT_AT + timedelta(minutes=30)
    got = insisting(hall.adapter.collect, *own, later)
    assert got.state is S.ISSUED
    assert hall.adapter.collect(*own, later).document == got.document, "one document for ever"
    slip = slip_bytes(got.document, lot_id, TENDERER, CLEAN, salt_of(lot_id, CLEAN))
    hall.open(lot_id, {CLEAN: slip})
    hall.work()
    assert hall.states(lot_id) == {CLEAN: S.LODGED}
    hall.hours(1)
    assert hall.states(lot_id) == {CLEAN: S.VERIFIED}
    hall.hours(1)
    assert hall.states(lot_id) == {CLEAN: S.ACTIVE}
    hall.ask_longer(lot_id, VALID_TO + timedelta(days=30))
    hall.hours(1)
    price = hall.endorsement(lot_id).price
    assert price is not None
    hall.pay_longer(lot_id)
    hall.work()
    assert hall.states(lot_id) == {CLEAN: S.ACTIVE}
    hall.hours(1)
    assert hall.states(lot_id) == {CLEAN: S.EXTENDED}
    with office.write() as tx:
        record = hall.record(lot_id, CLEAN)
        demands.demand(tx, TENDERER_ACTOR, record.id, CLAIM, DUE, ACCOUNT)
    hall.work()
    hall.hours(1)
    hall.to(hall.clock.now() + timedelta(days=4))
    hall.hours(7)
    assert hall.states(lot_id) == {CLEAN: S.PAID_OUT}
    assert mortal.left == set()
    assert mortal.deaths == len(STEPS)
    books = Desk(desk).books
    assert (len(books.orders), len(books.claims), books.paid_out) == (1, 1, DUE.fen)
    assert Money(books.premiums) == quote.premium + price
    (order,) = books.orders.values()
    events = [step.event for step in order.life.steps]
    assert events == [
        E.APPLY, E.PAY, E.UNDERWRITE, E.ISSUE, E.LODGE, E.RESTORE, E.VERIFY, E.CONFIRM, E.EXTEND,
        E.DEMAND, E.PAY_OUT,
    ]  # fmt: skip
