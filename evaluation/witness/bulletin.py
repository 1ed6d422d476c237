"""The monthly bulletin of nights (隔夜评标见证通报): what the records of a month's nights say, by centre.

A night begins when all venues are sealed and belongs to the month of that moment in Shanghai. Only
counts and times stand in it: no names of persons, no bids. Everything follows from the sessions' records, so
a second reader comes to the same bulletin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from archive.clock import SHANGHAI
from archive.journal.entry import Entry, moment_text
from evaluation.session.state import Stage
from evaluation.witness.alarms import State

FORMAT = "bigloop.nights.v1"
_ACTION = "evaluation:"


@dataclass
class Night:
    """One night of one session, from its sealing to its resumption or its end."""

    session: str
    lot: str
    host: str
    number: int
    sealed_at: datetime
    venues: int
    ended_at: datetime | None = None
    resumed: bool = False
    checks: int = 0
    missing: int = 0
    presence_kept: bool = True
    cosigned: list[datetime] = field(default_factory=list)
    handovers: int = 0
    alarms: Counter[str] = field(default_factory=Counter)
    escalated: int = 0
    acknowledged: int = 0
    orders: int = 0
    answers: int = 0
    remarks: int = 0
    incidents: list[str] = field(default_factory=list)

    @property
    def month(self) -> str:
        return f"{self.sealed_at.astimezone(SHANGHAI):%Y-%m}"

    @property
    def longest_uncosigned(self) -> timedelta:
        """The longest time of the night without a countersignature."""
        moments = [self.sealed_at, *self.cosigned]
        if self.ended_at is not None:
            moments.append(self.ended_at)
        return max((b - a for a, b in pairwise(moments)), default=timedelta())


def nights_of(entries: Iterable[Entry]) -> list[Night]:
    """The nights that a session's record tells of."""
    nights: list[Night] = []
    lot = host = ""
    is_open = False
    for entry in entries:
        room, _, what = entry.action.removeprefix(_ACTION).partition(":")
        data = entry.data
        if what == "scheduled":
            lot, host = data["lot"], data["host"]
        elif what == "sealed_overnight":
            session = entry.stream.partition("/")[2]
            nights.append(Night(session, lot, host, data["night"], entry.at, data["venues"]))
            is_open = True
        elif is_open:
            _take(nights[-1], room, what, entry)
            is_open = nights[-1].ended_at is None
    return nights


def _take(night: Night, room: str, what: str, entry: Entry) -> None:
    data = entry.data
    if room == "session":
        if what == "resumed":
            night.ended_at, night.resumed = entry.at, True
            night.presence_kept = data["presence_kept"]
        elif what in ("presence_checked", "member_missing"):
            night.checks += 1
            night.missing += what == "member_missing"
        elif what == "incident":
            night.incidents.append(data["kind"])
        elif data.get("stage") == Stage.VOID:
            night.ended_at = entry.at
    elif what == "alarm":
        night.alarms[data["alarm"]] += data["state"] == State.RAISED
        night.escalated += data["state"] == State.ESCALATED
    elif what in ("countersigned", "handover_offered", "handover"):
        night.cosigned.append(entry.at)
        night.handovers += what == "handover"
    else:
        night.acknowledged += what == "acknowledged"
        night.orders += what == "order"
        night.answers += what == "answer"
        night.remarks += what == "note"


@dataclass(frozen=True)
class CentreLine:
    """What one centre's nights of a month come to."""

    centre: str
    nights: int
    sessions: int
    hours: int
    alarms: int
    by_kind: Mapping[str, int]
    unanswered: int
    """Alarms that nobody acknowledged."""
    escalated: int
    cosigned: int
    cosigned_late: int
    """Nights with a longer time without a countersignature than the limit."""
    presence_late: int
    missing: int
    handovers: int
    orders: int
    orders_unanswered: int
    incidents: int
    unfinished: int
    """Nights that did not end in a resumption."""


def by_centre(nights: Sequence[Night], month: str, cosign: timedelta) -> list[CentreLine]:
    """A line for each host that had a night in the month (`2026-10`), by its id."""
    mine = [night for night in nights if night.month == month]
    return [
        _line([n for n in mine if n.host == host], cosign)
        for host in sorted({n.host for n in mine})
    ]


def _line(nights: Sequence[Night], cosign: timedelta) -> CentreLine:
    alarms = sum((night.alarms for night in nights), Counter())
    raised = sum(alarms.values())
    lengths = [n.ended_at - n.sealed_at for n in nights if n.ended_at is not None]
    return CentreLine(
        centre=nights[0].host,
        nights=len(nights),
        sessions=len({night.session for night in nights}),
        hours=int(sum(lengths, timedelta()).total_seconds()) // 3600,
        alarms=raised,
        by_kind=dict(sorted((kind, count) for kind, count in alarms.items() if count)),
        unanswered=max(0, raised - sum(night.acknowledged for night in nights)),
        escalated=sum(night.escalated for night in nights),
        cosigned=sum(len(night.cosigned) for night in nights),
        cosigned_late=sum(night.longest_uncosigned > cosign for night in nights),
        presence_late=sum(not night.presence_kept for night in nights),
        missing=sum(night.missing for night in nights),
        handovers=sum(night.handovers for night in nights),
        orders=sum(night.orders for night in nights),
        orders_unanswered=sum(max(0, night.orders - night.answers) for night in nights),
        incidents=sum(len(night.incidents) for night in nights),
        unfinished=sum(not night.resumed for night in nights),
    )


def to_json(month: str, lines: Sequence[CentreLine], nights: Sequence[Night]) -> dict[str, Any]:
    """The bulletin as a document: the lines, and the nights they were made of."""
    return {
        "centres": [vars(line) | {"by_kind": dict(line.by_kind)} for line in lines],
        "format": FORMAT,
        "month": month,
        "nights": [
            {
                "alarms": dict(sorted((k, v) for k, v in night.alarms.items() if v)),
                "ended_at": moment_text(night.ended_at) if night.ended_at else None,
                "host": night.host,
                "lot": night.lot,
                "number": night.number,
                "resumed": night.resumed,
                "sealed_at": moment_text(night.sealed_at),
                "session": night.session,
            }
            for night in nights
            if night.month == month
        ],
    }
