"""What has gone wrong with a confirmed day, as a value that goes into a task and onto the record.

STATION   a booth is out of use from a slot on, until another
CENTRE    all booths of a centre are
EXPERT    a session's committee has changed: who left gives his seat up, who came needs one
OVERRUN   a session holds its seats longer, with a night among the slots overnight
URGENT    a session that nobody planned for needs seats
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from archive.errors import Faults
from evaluation.stations.station import Closure, StationGroup

REASON_LENGTH_MAX = 200
SLOTS_MAX = 30


class Kind(StrEnum):
    STATION = "STATION"
    CENTRE = "CENTRE"
    EXPERT = "EXPERT"
    OVERRUN = "OVERRUN"
    URGENT = "URGENT"


@dataclass(frozen=True)
class Trouble:
    """`centre_id`, `label`: which booth, or which centre. `session_id`: which session. `first`,
    `until`: the slots from which and before which it holds; for an overrun, `until` alone counts."""

    kind: Kind
    reason: str
    first: int
    until: int
    centre_id: str = ""
    label: str = ""
    session_id: str = ""

    @property
    def closes(self) -> bool:
        return self.kind in (Kind.STATION, Kind.CENTRE)

    def check(self) -> None:
        """Refuse with every fault of the description."""
        faults = Faults("evaluation.seat.trouble_invalid")
        if not 0 < len(self.reason) <= REASON_LENGTH_MAX:
            faults.add("/reason", "evaluation.station.closure_reason", length_max=REASON_LENGTH_MAX)
        if not self.first < self.until <= self.first + SLOTS_MAX:
            faults.add("/until", "evaluation.seat.trouble_slots", slots_max=SLOTS_MAX)
        if self.closes and not self.centre_id:
            faults.add("/centre_id", "evaluation.seat.trouble_where")
        if self.kind is Kind.STATION and not self.label:
            faults.add("/label", "evaluation.seat.trouble_where")
        if not self.closes and not self.session_id:
            faults.add("/session_id", "evaluation.seat.trouble_whose")
        faults.refuse()

    def closures(self, groups: list[StationGroup]) -> list[Closure]:
        """The closures that it brings, not yet on the record."""
        if not self.closes:
            return []
        wanted = [
            label
            for group in groups
            if group.centre_id == self.centre_id
            for label in group.labels
            if self.kind is Kind.CENTRE or label == self.label
        ]
        return [
            Closure("", self.centre_id, label, self.first, self.until, self.reason)
            for label in wanted
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": str(self.kind),
            "reason": self.reason,
            "first": self.first,
            "until": self.until,
            "centre_id": self.centre_id,
            "label": self.label,
            "session_id": self.session_id,
        }


def from_json(value: Mapping[str, Any]) -> Trouble:
    return Trouble(**{**value, "kind": Kind(value["kind"])})
