"""The figures that centres publish, by month and centre: projects hosted, guest seats given and
received, nights, relief from deposits, guarantees, archives.

Every figure is counted from the record of what happened, on its own day in Beijing time:

    hosted       projects with an evaluation that began then, at the host's centre
    given        seats that a centre gave to experts of an evaluation hosted elsewhere
    received     seats that other centres gave to an evaluation hosted here
    nights       nights over which an evaluation hosted here was sealed
    relieved     lots opened then of which less was charged than the law's most; `relief_*` are the
                 two metrics of `deposits.relief`, each under a name that says what is divided
    guarantees   restored when they were opened
    archives     dossiers sealed

Nothing counts before an opening is finished, so no figure says how many bid. Relief counts lots:
one lot is one project of `ProjectRelief`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from api.flows.published import opening_of, prefecture_of
from archive.clock import SHANGHAI
from archive.errors import Refusal
from archive.journal import service as journal
from deposits import service as deposits
from deposits.guarantees import service as guarantees
from deposits.lot import terms_of
from deposits.relief import ProjectRelief, Share, relief_ratio_amount, relief_ratio_projects
from evaluation.seating import service as seating
from evaluation.session import service as sessions
from evaluation.session.state import Stage as SessionStage
from trading.awards import service as awards
from trading.calendar.legal import legal_day
from trading.parties import service as parties
from trading.parties.party import Standing
from trading.projects import service as projects
from trading.projects.project import Lot, Notice

COUNTS = ("hosted", "given", "received", "nights", "guarantees", "archives")
ARCHIVED = "trading:lot:archived"
MONTHS_MAX = 120


@dataclass(frozen=True)
class Line:
    """The figures of one month or of one centre. A share of nothing is None."""

    key: str
    """`2026-10`, or the centre's id."""
    name: str
    hosted: int
    given: int
    received: int
    nights: int
    guarantees: int
    archives: int
    relieved: int
    relief_projects: Share | None
    relief_amount: Share | None


@dataclass(frozen=True)
class Statistics:
    """`months` without a gap, empty ones as zero; `centres` that have any figure, by id."""

    months: tuple[Line, ...]
    centres: tuple[Line, ...]


@dataclass
class _Tally:
    """What was counted, by (month, centre)."""

    centres: Collection[str]
    since: str
    until: str
    counts: dict[str, Counter[tuple[str, str]]] = field(
        default_factory=lambda: {name: Counter() for name in COUNTS}
    )
    relief: dict[tuple[str, str], list[ProjectRelief]] = field(default_factory=dict)

    def takes(self, at: datetime, centre: str) -> bool:
        month = month_of(at)
        is_within = (not self.since or month >= self.since) and (
            not self.until or month <= self.until
        )
        return is_within and centre in self.centres

    def add(self, name: str, at: datetime, centre: str, count: int = 1) -> None:
        if count and self.takes(at, centre):
            self.counts[name][month_of(at), centre] += count

    def places(self) -> set[tuple[str, str]]:
        return {place for counted in self.counts.values() for place in counted} | set(self.relief)

    def line(self, key: str, name: str, places: Iterable[tuple[str, str]]) -> Line:
        within = list(places)
        found = [relief for place in within for relief in self.relief.get(place, ())]
        summed = {name: sum(counted[p] for p in within) for name, counted in self.counts.items()}
        has_base = any(relief.base for relief in found)
        return Line(
            key=key,
            name=name,
            relieved=sum(bool(relief.saved) for relief in found),
            relief_projects=relief_ratio_projects(found) if found else None,
            relief_amount=relief_ratio_amount(found) if has_base else None,
            **summed,
        )


def statistics(db: Session, prefecture: str = "", since: str = "", until: str = "") -> Statistics:
    """The figures of the centres of a prefecture (of all), from the month `since` to `until`, both
    included (`2026-10`); without them from the first to the last month that has any figure."""
    names = {
        centre.id: centre.name
        for centre in parties.centres(db)
        if not prefecture or prefecture_of(centre.division_code) == prefecture
    }
    tally = _Tally(names, since, until)
    lots = {lot.id: lot for lot in projects.lots(db)}
    _count_sessions(db, tally, lots)
    sealed = awards.dossiers(db)
    for lot in lots.values():
        notice = lot.notice
        is_within = notice is not None and tally.takes(notice.opening_at, lot.centre_id)
        if notice is not None and is_within and opening_of(db, lot) is not None:
            _count_deposits(db, tally, lot, notice)
        if lot.id in sealed:
            _count_archive(db, tally, lot)
    places = tally.places()
    months = _months(
        since or min((month for month, _ in places), default=until),
        until or max((month for month, _ in places), default=since),
    )
    return Statistics(
        tuple(tally.line(m, m, [place for place in places if place[0] == m]) for m in months),
        tuple(
            tally.line(c, names[c], [place for place in places if place[1] == c])
            for c in sorted({centre for _, centre in places})
        ),
    )


def month_of(at: datetime) -> str:
    """`2026-10`, in Beijing time."""
    return f"{at.astimezone(SHANGHAI):%Y-%m}"


def _count_sessions(db: Session, tally: _Tally, lots: dict[str, Lot]) -> None:
    hosted: set[tuple[str, str]] = set()
    for session in sessions.sessions(db):
        at = session.state.starts_at
        if session.stage is SessionStage.VOID or at is None:
            continue
        project = lots[session.lot_id].project_id
        if (project, month_of(at)) not in hosted:
            hosted.add((project, month_of(at)))
            tally.add("hosted", at, session.centre_id)
        tally.add("nights", at, session.centre_id, len(session.state.nights))
        for seat in seating.seats_of(db, session.id):
            if seat.centre_id != session.centre_id:
                tally.add("given", at, seat.centre_id)
                tally.add("received", at, session.centre_id)


def _count_deposits(db: Session, tally: _Tally, lot: Lot, notice: Notice) -> None:
    """Guarantees, and what the deposit of a bidder in good standing came to."""
    opened_at = notice.opening_at
    tally.add("guarantees", opened_at, lot.centre_id, len(guarantees.guarantees(db, lot.id)))
    try:
        terms = terms_of(
            deposits.deposit_lot(db, lot.id), Standing.CLEAN, legal_day(notice.issued_at)
        )
    except Refusal:
        return  # a regime that knows no bid deposit has no relief from one
    relief = ProjectRelief(lot.id, terms.ceiling, min(terms.due, terms.ceiling))
    tally.relief.setdefault((month_of(opened_at), lot.centre_id), []).append(relief)


def _count_archive(db: Session, tally: _Tally, lot: Lot) -> None:
    sealed = [entry for entry in journal.entries(db, lot.subject) if entry.action == ARCHIVED]
    for entry in sealed:
        tally.add("archives", entry.at, lot.centre_id)


def _months(first: str, last: str) -> list[str]:
    """Every month from the first to the last; none where there is no first, and MONTHS_MAX at most."""
    found: list[str] = []
    while first and first <= last and len(found) < MONTHS_MAX:
        found.append(first)
        year, month = divmod(int(first[:4]) * 12 + int(first[5:]), 12)
        first = f"{year:04d}-{month + 1:02d}"
    return found
