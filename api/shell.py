"""What the HTTP application holds while it runs, and how a request finds it."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from starlette.requests import HTTPConnection

from api.group_commit import GroupCommit
from api.identity.service import Limits
from api.lodging_desk import LodgingDesk
from api.office import open_bank, open_issuers, telephony_secret
from api.settings import Settings
from archive.clock import SystemClock
from archive.custody import Custodian
from archive.office import Office
from deposits.cash.bank import Bank
from deposits.issuers.desk import IssuersDesk
from evaluation.witness.keeping.service import Watches

READERS_MAX = 8
WRITERS_MAX_POSTGRESQL = 6
HASHERS_MAX = 2
"""Each password hash takes 19 MiB and a core."""


class Gate:
    """At most `limit` at a time, first come first served, and nobody waits in a thread.

    Without it forty requests that wait for SQLite's lock would hold all forty threads, and the
    one that has the lock would find none to go on in.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            weakref.WeakKeyDictionary()
        )

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        semaphore = self._by_loop.get(loop)
        if semaphore is None:
            semaphore = self._by_loop[loop] = asyncio.Semaphore(self._limit)
        async with semaphore:
            yield


@dataclass
class Shell:
    """One process of the application. `host` is real time, for signing in only."""

    office: Office
    settings: Settings
    custodian: Custodian
    host: SystemClock = field(default_factory=SystemClock)
    readers: Gate = field(default_factory=lambda: Gate(READERS_MAX))
    hashers: Gate = field(default_factory=lambda: Gate(HASHERS_MAX))
    writers: Gate = field(init=False)
    limits: Limits = field(init=False)
    lodgings: LodgingDesk = field(init=False)
    appends: GroupCommit = field(init=False)
    watches: Watches = field(default_factory=Watches)
    telephony_secret: bytes = field(init=False, repr=False)
    bank: Bank = field(init=False)
    issuers: IssuersDesk = field(init=False)

    def __post_init__(self) -> None:
        single = self.office.connections.is_sqlite
        self.writers = Gate(1 if single else WRITERS_MAX_POSTGRESQL)
        self.limits = Limits(
            idle=timedelta(minutes=self.settings.idle_minutes),
            length=timedelta(hours=self.settings.sign_in_hours),
            window=timedelta(minutes=self.settings.sign_in_window_minutes),
            failures_max=self.settings.sign_in_failures_max,
        )
        self.telephony_secret = telephony_secret(self.settings, self.office)
        self.bank = open_bank(self.settings)
        self.issuers = open_issuers(self.settings)
        self.lodgings = LodgingDesk(
            self.office, self.settings.lodging_tick_seconds, self.settings.lodgings_waiting_max
        )
        self.appends = GroupCommit(self.office)

    def real_now(self) -> datetime:
        return self.host.now()


def shell_of(connection: HTTPConnection) -> Shell:
    """The shell of the application that serves this request or socket."""
    return cast("Shell", connection.app.state.shell)
