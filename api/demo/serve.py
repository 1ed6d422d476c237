"""`bigloop demo --serve`: the server on a running day.

The weeks before the day are played at once, then legal time runs `--rate` times as fast as real time
(four times that at night, when little happens), and after the last report it jumps from act to act:
to the day of a second, small cohort at the guests' centre, which is open for bids until then. It does not
jump while a guest is waited for: his patience is counted in legal time, and would be gone in no time.
Everything stands in the data folder: stopped or killed, it goes on from there.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import IO

from fastapi import FastAPI

from api.commands.serve import address_of, listen
from api.commands.serve import serve as serve_office
from api.commands.terminal import complain, log_to_stderr, say
from api.demo import buying
from api.demo.acts.night import hold
from api.demo.acts.table import ACTS, first_acts
from api.demo.desks import desk
from api.demo.guests import (
    accounts_text,
    answer_guests,
    guests,
    open_accounts,
    open_expert_account,
)
from api.demo.kept_clock import KeptClock
from api.demo.live import on_screen
from api.demo.once import bank_folder, furnish, issuers_folder, opened, settings_of
from api.demo.play import Play
from api.desks.bank.client import of_folder
from api.desks.issuer.client import of_folder as issuers_of_folder
from api.handlers import handlers
from api.office import open_custodian
from api.settings import Settings
from api.worker import anchor_once
from archive.clock import DrivenClock, SystemClock
from archive.journal import service as journal
from archive.office import Office
from archive.tasks import service as tasks
from archive.tasks.service import Worker

ANCHOR_SECONDS = 10
HOLD_SECONDS = 1
"""Between two prolongations of the leases on watches: so long at most a review that begins has nobody who keeps it."""
LOOK_SECONDS = 0.5
"""Between two looks whether somebody is drawn who can have the expert's account."""
AFTERWARDS_SECONDS = 0.5
"""Real time between two acts once the day is over."""
AFTER_FAILURE_SECONDS = 1.0
NIGHT_FACTOR = 4
BEFORE_OPENING = timedelta(minutes=15)
AFTER_UNSEALING = timedelta(hours=4)
"""From when to when of each evaluation day the legal clock runs; between them it jumps from act to act."""
WORKER = "demo"

_log = logging.getLogger("bigloop.demo")


@dataclass(frozen=True)
class Booking:
    """What a demo folder was made with; it keeps that for good. `runs` counts starts, so that a
    seeded source of entropy never repeats itself in one folder."""

    seed: int
    day: str
    sessions: int
    pool: int
    runs: int = 0


def _booking(folder: Path, arguments: argparse.Namespace) -> Booking:
    path = folder / "demo.json"
    try:
        found = Booking(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        found = Booking(
            arguments.seed, arguments.date.isoformat(), arguments.sessions, arguments.pool
        )
    booking = Booking(**{**asdict(found), "runs": found.runs + 1})
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(booking)), "utf-8")
    temporary.replace(path)
    return booking


@dataclass
class Driver:
    """The thread beside the server: does what is due and drives the legal clock."""

    office: Office
    clock: DrivenClock
    play: Play
    worker: Worker
    rate: int
    _stop: threading.Event
    _served: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Until told to stop. What fails (a lost database) is logged and tried again."""
        prepared, has_expert = False, False
        anchored = looked = held = time.monotonic()
        while not self._stop.is_set():
            try:
                if not prepared:
                    self._prepare()
                    prepared = True
                self.step()
                if not has_expert and time.monotonic() - looked >= LOOK_SECONDS:
                    looked = time.monotonic()
                    has_expert = open_expert_account(self.office, self._host)
                if time.monotonic() - held >= HOLD_SECONDS:
                    held = time.monotonic()
                    hold(self.play)
                if time.monotonic() - anchored >= ANCHOR_SECONDS:
                    anchored = time.monotonic()
                    anchor_once(self.office)
            except Exception:
                _log.exception("the demo's people failed; they try again")
                self._stop.wait(AFTER_FAILURE_SECONDS)

    @cached_property
    def _host(self) -> str:
        return guests(self.play)[0].centre_id

    def _prepare(self) -> None:
        with self.office.read() as db:
            is_new = journal.latest_moment(db) is None
        if is_new:
            self.play.set_up(first_acts(self.play))
        open_accounts(self.office, self.play)
        self.worker.begin_anew()

    def step(self) -> None:
        """One task that is due; where there is none, legal time goes on: it runs, or it jumps."""
        if self.worker.run_one():
            return
        answer_guests(self.office, self.play, self._served)
        when, now = self.play.moments, self.clock.now()
        if self.play.has_tenders and now >= when.unseal + AFTER_UNSEALING:
            when = self.play.tender_moments
        live_from = when.opening - BEFORE_OPENING
        live_until = when.unseal + AFTER_UNSEALING
        is_live = live_from <= now < live_until or now < self.play.patient_until
        with self.office.read() as db:
            due = tasks.next_due(db)
        if due is not None and due <= now and now < live_from:
            self._stop.wait(0.2)  # a task that failed waits for its next attempt
        elif is_live:
            night = when.seal + timedelta(hours=2) <= now < when.unseal - timedelta(minutes=30)
            self.clock.set_rate(self.rate * NIGHT_FACTOR if night else self.rate)
            self._stop.wait(0.2)
        elif now < live_from:
            self.clock.set_rate(0)
            if now >= self.play.moments.opening:
                self._stop.wait(AFTERWARDS_SECONDS)
            self.clock.move_to(min(due or live_from, live_from))
        elif due is not None and due > now:
            self.clock.set_rate(0)
            self._stop.wait(AFTERWARDS_SECONDS)
            self.clock.move_to(due)
        else:
            self.clock.set_rate(1)
            self._stop.wait(1)


def serve(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    log_to_stderr()
    folder: Path = arguments.data
    settings = settings_of(
        folder,
        arguments.database_url,
        host=arguments.host,
        port=arguments.port,
        embedded_worker=False,
        outside_witnesses="",  # nobody would ask them: the people of the play keep the watch
        bank_desk=bank_folder(folder),
        issuers_desk=issuers_folder(folder),
        shutdown_seconds=0,  # nobody's work is lost: what was acknowledged is committed
    )
    listener = listen(settings.host, settings.port)
    if listener is None:
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    lock = _locked(folder)
    if lock is None:
        listener.close()
        complain(f"{folder}: 另一演示正在使用该目录 / another demonstration runs on this folder")
        return 1
    with lock:
        return _serve(arguments, settings, listener)


def _locked(folder: Path) -> IO[str] | None:
    """The folder's lock, held while it is open and let go with the process; None where another
    demonstration holds it: two clocks and two casts in one province would be a play of their own."""
    lock = (folder / "demo.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _serve(arguments: argparse.Namespace, settings: Settings, listener: socket.socket) -> int:
    folder: Path = arguments.data
    booking = _booking(folder, arguments)
    clock = KeptClock(folder / "legal-time", datetime(2000, 1, 1, tzinfo=UTC))
    furnish(issuers_folder(folder), booking.seed, date.fromisoformat(booking.day), booking.pool)
    with (
        desk("bank", bank_folder(folder)),
        desk("issuer", issuers_folder(folder)),
        closing(clock),
        opened(settings, clock, f"{booking.seed} run {booking.runs}") as office,
    ):
        bank = of_folder(bank_folder(folder))
        issuers = issuers_of_folder(issuers_folder(folder))
        custodian = open_custodian(settings, office)
        play = Play(
            office,
            custodian,
            booking.seed,
            date.fromisoformat(booking.day),
            booking.sessions,
            booking.pool,
            has_tenders=True,
            bank=bank,
            issuers=issuers,
            houses=buying.houses(issuers_folder(folder)),
            desk_folder=settings.data / "telephony",
            host=SystemClock(),
        )
        with office.read() as db:
            clock.move_to(journal.latest_moment(db) or play.starts_at)
        known = {
            **handlers(custodian, settings.dossiers, bank, issuers=issuers),
            **play.handlers(ACTS),
        }

        @contextmanager
        def people(app: FastAPI) -> Iterator[None]:
            stop = threading.Event()
            worker = Worker(office, known, WORKER)
            driver = Driver(office, clock, play, worker, arguments.rate, stop)
            thread = threading.Thread(target=driver.run, name="demo-people", daemon=True)
            with on_screen(play, app):
                thread.start()
                try:
                    yield
                finally:
                    stop.set()
                    thread.join(0.2)  # a killed task is taken up again; nobody waits for it

        say(accounts_text(address_of(listener), play))
        serve_office(office, settings, listener, also=people)
    return 0
