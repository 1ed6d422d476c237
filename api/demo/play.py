"""The play: one cohort, its people, and the table of their acts.

The invented people act through the task table like everything else that happens later: an act is a
task with a due moment in legal time, and asks for the acts that follow it in its own transaction. So
a play that was killed goes on where it stopped, and `--once` is nothing but a worker that moves the
legal clock to the next due task. What people do goes through the same flows and services as in the
pages; no rule is bent for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from api.demo.province import POOL_SIZE, REGISTRAR, Province
from api.demo.script import (
    TENDERS,
    LotScript,
    Moments,
    ProjectScript,
    at,
    cohort,
    host_of,
    moments,
    tenders,
)
from api.demo.telephony import Telephony, line_of
from api.desks.bank.local import BankAdapter
from api.desks.issuer.local import IssuersAdapter
from api.flows import calling
from api.flows.names import PLACES_TASK
from archive.clock import Clock
from archive.custody import Custodian
from archive.entropy import SeededEntropy
from archive.office import Office, Tx
from archive.tasks.service import Handler, Write, enqueue
from deposits.issuers.issuer import Issuer
from evaluation.witness.media import service as media
from experts.invitations.calls import service as calls
from experts.invitations.course.service import CALL_TASK
from trading.calendar.legal import calendar

PREFIX = "demo."
TENDERS_AFTER = timedelta(days=14)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
Act: TypeAlias = "Callable[[Play, Mapping[str, Any]], Write]"


@dataclass
class Play:
    office: Office
    custodian: Custodian
    seed: int
    day: date
    sessions: int
    """How many sessions the cohort has, about."""
    pool_size: int = POOL_SIZE
    has_tenders: bool = False
    """Whether a second, small cohort follows at the guests' centre: what is open for bids while the
    first one is evaluated."""
    bank: BankAdapter | None = None
    """The bank's desk; without it nobody pays in cash."""
    issuers: IssuersAdapter | None = None
    """The issuers' desk; without it guarantees are signed by invented issuers and lodged in clear."""
    houses: tuple[tuple[Issuer, ...], str] | None = None
    """The desk's houses and the roots of their certificates, as it says."""
    desk_folder: Path | None = None
    """Where the telephony desk keeps its database; None: only as long as this play."""
    host: Clock | None = None
    """Real time, by which leases run where a server goes on; None: legal time, so that a second run writes the same."""
    screen: Callable[[media.Name, bytes], None] | None = None
    """Where pieces of film are shown to whoever watches (`api.demo.live`); None: there is no server."""
    patient_until: datetime = LONG_AGO
    """Until when a guest is being waited for (`api.demo.patience`)."""

    @property
    def host_now(self) -> datetime:
        return (self.host or self.office.clock).now()

    @cached_property
    def telephony(self) -> Telephony:
        return Telephony(self.office, self.seed, self.desk_folder)

    @cached_property
    def moments(self) -> Moments:
        return moments(self.day, calendar())

    @cached_property
    def tender_day(self) -> date:
        """The evaluation day of the second cohort: its notices stand before the first one's day, and
        its bids are due after that."""
        day = self.day + TENDERS_AFTER
        while not calendar().is_workday(day):
            day += timedelta(days=1)
        return day

    @cached_property
    def tender_moments(self) -> Moments:
        return moments(self.tender_day, calendar())

    def when(self, args: Mapping[str, Any]) -> Moments:
        """The moments of the cohort to which an act's lot or project belongs; an act for a whole
        cohort names it."""
        key = args.get("key") or args.get("project") or args.get("cohort", "")
        return self.tender_moments if key.startswith(TENDERS) else self.moments

    @cached_property
    def province(self) -> Province:
        return Province(self.seed, self.first_day, self.pool_size)

    @property
    def first_day(self) -> date:
        """The day on which the province is set up: the one before the first registration."""
        return self.moments.registration.date() - timedelta(days=1)

    @property
    def starts_at(self) -> datetime:
        return at(self.first_day, 12)

    @cached_property
    def script(self) -> Mapping[str, tuple[ProjectScript, LotScript]]:
        """By key of the lot."""
        projects = cohort(self.seed, self.day, self.province.cast, self.sessions)
        if self.has_tenders:
            projects += tenders(self.seed, self.tender_day, self.province.cast, host_of(projects))
        return {lot.key: (project, lot) for project in projects for lot in project.lots}

    @cached_property
    def key_of_name(self) -> Mapping[str, str]:
        return {lot.name: key for key, (_, lot) in self.script.items()}

    @cached_property
    def projects(self) -> Mapping[str, ProjectScript]:
        return {project.key: project for project, _ in self.script.values()}

    def lot(self, args: Mapping[str, Any]) -> tuple[ProjectScript, LotScript]:
        return self.script[args["key"]]

    def half(self, key: str, bidder: str) -> bytes:
        """The half that a bidder's own computer keeps for one lot. Asked again it is the same, so
        the demo stores no secret of a bidder anywhere."""
        return SeededEntropy(f"demo {self.seed} half {key} {bidder}".encode()).bytes(32)

    def later(self, tx: Tx, act: str, args: Mapping[str, Any], due_at: datetime) -> None:
        """Ask for an act of somebody."""
        enqueue(tx, PREFIX + act, args, due_at)

    def set_up(self, acts: Iterable[tuple[str, Mapping[str, Any], datetime]]) -> None:
        """Install the province and put the first acts on the calendar, in one transaction."""
        with self.office.write() as tx:
            self.province.install(tx, self.houses)
            lines = {e.id: line_of(n) for n, e in enumerate(self.province.experts)}
            calls.set_lines(tx, REGISTRAR, lines)
            for act, args, due_at in acts:
                self.later(tx, act, args, due_at)

    def handlers(self, acts: Mapping[str, Act]) -> dict[str, Handler]:
        """The acts as task handlers, and those tasks of the product that go through the telephone."""

        def handler(act: Act) -> Handler:
            return lambda _office, args: act(self, args)

        return {
            **{PREFIX + name: handler(act) for name, act in acts.items()},
            CALL_TASK: calls.call_task(self.telephony, calling.invitation_text),
            PLACES_TASK: calling.places_task(self.telephony),
        }
