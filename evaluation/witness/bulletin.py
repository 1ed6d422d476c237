"""The monthly bulletin of nights (隔夜评标见证通报): what the records of a month's nights say, by centre.

A night begins when all venues are sealed and belongs to the month of that moment in Shanghai. Only
counts and times stand in it: no names of persons, no bids. Everything follows from the sessions' records, so
a second reader comes to the same bulletin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from archive.journal.entry import moment_text
from evaluation.witness.nights import Night

FORMAT = "bigloop.nights.v1"


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
    alarms = sum((Counter(night.alarms) for night in nights), Counter[str]())
    raised = sum(alarms.values())
    lengths = [n.ended_at - n.sealed_at for n in nights if n.ended_at is not None]
    return CentreLine(
        centre=nights[0].host,
        nights=len(nights),
        sessions=len({night.session for night in nights}),
        hours=int(sum(lengths, timedelta()).total_seconds()) // 3600,
        alarms=raised,
        by_kind=dict(sorted(alarms.items())),
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
                "alarms": dict(sorted(night.alarms.items())),
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
