"""The nights of one session as its record tells them: what was sealed when, watched by whom, and how it ended.

Folded entry by entry like everything of the watch, so whoever has the record comes to the same nights. Only
counts and times stand in them: no names of persons, no bids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from archive.clock import SHANGHAI
from archive.journal.entry import Entry
from evaluation.session.state import Stage
from evaluation.witness.alarms import State

_ACTION = "evaluation:"
_COUNTED = {
    "acknowledged": "acknowledged",
    "order": "orders",
    "answer": "answers",
    "note": "remarks",
}
_COSIGNING = ("countersigned", "handover_offered", "handover")


@dataclass(frozen=True)
class Night:
    """One night of one session, from its sealing to its resumption or its end. `alarms`: how often each
    kind was raised."""

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
    cosigned: tuple[datetime, ...] = ()
    handovers: int = 0
    alarms: Mapping[str, int] = field(default_factory=dict)
    escalated: int = 0
    acknowledged: int = 0
    orders: int = 0
    answers: int = 0
    remarks: int = 0
    incidents: tuple[str, ...] = ()

    @property
    def month(self) -> str:
        """`2026-10`, in Shanghai."""
        return f"{self.sealed_at.astimezone(SHANGHAI):%Y-%m}"

    @property
    def longest_uncosigned(self) -> timedelta:
        """The longest time of the night without a countersignature."""
        moments = [self.sealed_at, *self.cosigned]
        if self.ended_at is not None:
            moments.append(self.ended_at)
        return max((b - a for a, b in pairwise(moments)), default=timedelta())

    def after(self, room: str, what: str, entry: Entry) -> Night:
        """The night after an entry `evaluation:<room>:<what>`."""
        data = entry.data
        if room == "session":
            match what:
                case "resumed":
                    kept = data["presence_kept"]
                    return replace(self, ended_at=entry.at, resumed=True, presence_kept=kept)
                case "presence_checked":
                    return replace(self, checks=self.checks + 1)
                case "member_missing":
                    return replace(self, checks=self.checks + 1, missing=self.missing + 1)
                case "incident":
                    return replace(self, incidents=(*self.incidents, data["kind"]))
            return replace(self, ended_at=entry.at) if data.get("stage") == Stage.VOID else self
        if what == "alarm" and data["state"] == State.RAISED:
            kind = data["alarm"]
            return replace(self, alarms={**self.alarms, kind: self.alarms.get(kind, 0) + 1})
        if what == "alarm" and data["state"] == State.ESCALATED:
            return replace(self, escalated=self.escalated + 1)
        if what in _COSIGNING:
            handovers = self.handovers + (what == "handover")
            return replace(self, cosigned=(*self.cosigned, entry.at), handovers=handovers)
        if what in _COUNTED:
            name = _COUNTED[what]
            return replace(self, **{name: getattr(self, name) + 1})
        return self


@dataclass(frozen=True)
class Nights:
    """All nights so far; the newest goes on while it has no end."""

    lot: str = ""
    host: str = ""
    nights: tuple[Night, ...] = ()

    def after(self, entry: Entry) -> Nights:
        room, _, what = entry.action.removeprefix(_ACTION).partition(":")
        data = entry.data
        if what == "scheduled":
            return replace(self, lot=data["lot"], host=data["host"])
        if what == "sealed_overnight":
            session = entry.stream.partition("/")[2]
            night = Night(session, self.lot, self.host, data["night"], entry.at, data["venues"])
            return replace(self, nights=(*self.nights, night))
        if self.nights and self.nights[-1].ended_at is None:
            night = self.nights[-1].after(room, what, entry)
            return replace(self, nights=(*self.nights[:-1], night))
        return self


def nights_of(entries: Iterable[Entry]) -> tuple[Night, ...]:
    """The nights that a session's record tells of."""
    found = Nights()
    for entry in entries:
        found = found.after(entry)
    return found.nights
