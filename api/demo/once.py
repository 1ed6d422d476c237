"""`bigloop demo --once`: the cohort from registration to archive, headless.

A worker takes the tasks that are due; when none is, the legal clock is moved to the next one. No
waiting time of the law is shortened: it is jumped over.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from api.commands.terminal import read_settings
from api.commands.verify import judges, verifiers
from api.demo import buying
from api.demo.acts.table import ACTS, first_acts
from api.demo.desks import desk
from api.demo.play import Play
from api.demo.progress import Progress, progress
from api.demo.province import Province
from api.desks.bank.client import of_folder
from api.desks.issuer.client import of_folder as issuers_of_folder
from api.flows.figures import figures
from api.handlers import handlers
from api.migrations import upgrade
from api.office import open_custodian, open_office
from api.settings import Environment, Settings
from archive.clock import DrivenClock
from archive.entropy import SeededEntropy
from archive.journal import service as journal
from archive.office import Office
from archive.tasks import service as tasks
from archive.tasks.service import Handler, Worker
from archive.verification.report import Verdict
from archive.verify import verify
from trading.parties.party import OrganisationKind

LOG_NAME = "bigloop.demo"


class DemoFailed(Exception):
    """An act or a task of the demo was refused: a defect, for the script asks for nothing unlawful."""


@contextmanager
def opened(settings: Settings, clock: DrivenClock, seed: int | str) -> Iterator[Office]:
    """The demo's office: a seeded source of entropy on a migrated database."""
    settings.data.mkdir(parents=True, exist_ok=True)
    upgrade(settings.url)
    office = open_office(settings, clock=clock, entropy=SeededEntropy(f"demo {seed}".encode()))
    try:
        yield office
    finally:
        office.connections.dispose()


def settings_of(data: Path, database_url: str, **more: Any) -> Settings:
    return read_settings(
        environment=Environment.DEMO,
        data=data,
        database_url=database_url,
        log_name=LOG_NAME,
        **more,
    )


def bank_folder(folder: Path) -> Path:
    """Where the demo's bank keeps its own things."""
    return folder / "desks" / "bank"


def furnish(folder: Path, seed: int, day: date, pool_size: int) -> None:
    """Tell a new issuers' desk its houses: the institutions of the seed's province."""
    province = Province(seed, day, pool_size)
    buying.furnish(folder, province.parties.of_kind(OrganisationKind.ISSUER))


def issuers_folder(folder: Path) -> Path:
    """Where the demo's issuers keep their own things."""
    return folder / "desks" / "issuer"


def run_until(
    office: Office, clock: DrivenClock, worker: Worker, shown: Progress, until: datetime | None
) -> int:
    """Work through the calendar, moving the clock, up to `until` (None: to its end); tasks done."""
    done = 0
    while True:
        while worker.run_one():
            done += 1
        with office.read() as db:
            due, waiting = tasks.next_due(db), tasks.waiting(db)
            failed = tasks.failed(db)
        if failed:
            raise DemoFailed("; ".join(f"{task.name} {task.args}: {task.error}" for task in failed))
        shown.at(clock.now(), done, waiting)
        if due is None or (until is not None and due > until):
            return done
        clock.move_to(due)


def export_plans(office: Office, folder: Path) -> None:
    """Write the documents of all confirmed seat plans, for `bigloop verify`."""
    folder.mkdir(exist_ok=True)
    with office.read() as db:
        for stream in journal.streams(db, "plan/"):
            for entry in journal.entries(db, stream):
                for document in entry.documents:
                    path = folder / f"{stream.replace('/', '-')}.json"
                    path.write_bytes(office.vault.get(document.sha256))


def once(
    seed: int,
    day: date,
    out: Path,
    *,
    sessions: int,
    pool_size: int,
    database_url: str = "",
    around: Callable[[Mapping[str, Handler]], Mapping[str, Handler]] = dict,
) -> dict[str, int | float]:
    """Play the cohort of `day` and verify what it leaves; the figures of the last line. `around` may
    wrap the handlers of all tasks (a benchmark's clock)."""
    began = time.monotonic()
    settings = settings_of(out / "data", database_url)
    clock = DrivenClock(datetime.fromisoformat("2000-01-01T00:00:00+00:00"))
    furnish(issuers_folder(out), seed, day, pool_size)
    with (
        desk("bank", bank_folder(out)),
        desk("issuer", issuers_folder(out)),
        opened(settings, clock, seed) as office,
        progress() as shown,
    ):
        bank = of_folder(bank_folder(out))
        issuers = issuers_of_folder(issuers_folder(out))
        custodian = open_custodian(settings, office)
        telephony = settings.data / "telephony"
        play = Play(
            office,
            custodian,
            seed,
            day,
            sessions,
            pool_size,
            bank=bank,
            issuers=issuers,
            houses=buying.houses(issuers_folder(out)),
            desk_folder=telephony,
        )
        clock.move_to(play.starts_at)
        play.set_up(first_acts(play))
        dossiers = out / "dossiers"
        dossiers.mkdir(parents=True, exist_ok=True)
        known = around(
            {**handlers(play.custodian, dossiers, bank, issuers=issuers), **play.handlers(ACTS)}
        )
        run_until(office, clock, Worker(office, known, "demo"), shown, None)
        (out / "trust.txt").write_text(office.log.verifier.vkey + "\n")
        export_plans(office, out / "plans")
        with office.read() as db:
            broken = journal.first_break_anywhere(db, office.log.verifier, office.vault)
        if broken:
            raise DemoFailed(f"the record does not hold together: {broken}")
        with office.read() as db:
            counted: dict[str, int | float] = dict(figures(db))
        sealed = sorted(dossiers.glob("lot-*"))
        verdicts = Counter(
            verify(path, [office.log.verifier], verifiers()).verdict for path in sealed
        )
        for path in sorted(dossiers.glob("session-*")):
            if verify(path, [office.log.verifier], {}, judges()).verdict is not Verdict.VALID:
                raise DemoFailed(f"the pictures of {path.name} do not hold")
        counted["dossiers"] = len(sealed)
        counted["verified"] = verdicts[Verdict.VALID]
    counted["seconds"] = round(time.monotonic() - began, 1)
    return counted
