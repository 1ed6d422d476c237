"""An evaluation session as the rest of the house sees it, and the plan it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive.errors import Faults
from archive.journal.entry import DocumentRef
from evaluation.criteria import Method
from evaluation.session.rules import SessionRules, rules_on
from evaluation.session.state import Member, Stage, State
from trading.regime import ProjectKind, Regime

SEATS_MAX = 99
SLOTS_MAX = 60

Seat = tuple[str, str, str]
"""(seat code, expert id, centre id)."""


@dataclass(frozen=True)
class SessionPlan:
    """What is known before anybody arrives. `centre_id` is the host's; `criteria` the method of the
    tender file; `slots` half-days; `starts_at` None where the doors may open at any time; `region`
    the division whose rules hold, by default the host's; `id` the id under which seats were planned
    already, by default a new one."""

    lot_id: str
    draw_id: str
    centre_id: str
    regime: Regime
    criteria: Mapping[str, Any]
    members: tuple[Seat, ...]
    representatives: tuple[Seat, ...] = ()
    slots: int = 1
    overnight: bool = False
    starts_at: datetime | None = None
    kind: ProjectKind = ProjectKind.WORKS
    region: str = ""
    id: str = ""

    def check(self) -> None:
        """Refuse, with all faults, a plan whose seats do not fit together."""
        faults = Faults("evaluation.session.plan_invalid")
        seats = [*self.members, *self.representatives]
        if not self.members:
            faults.add("/members", "evaluation.session.nobody")
        if len(seats) > SEATS_MAX:
            faults.add("/members", "evaluation.session.too_many_seats", most=SEATS_MAX)
        for name, column in (
            ("evaluation.session.seat_twice", 0),
            ("evaluation.session.expert_twice", 1),
        ):
            codes = [seat[column] for seat in seats]
            for code in sorted({code for code in codes if codes.count(code) > 1}):
                faults.add("/members", name, seat=code)
        if not 0 < self.slots <= SLOTS_MAX:
            faults.add("/slots", "evaluation.session.slots", most=SLOTS_MAX)
        faults.refuse()

    def seats(self) -> tuple[Member, ...]:
        return (
            *(Member(seat, expert, centre) for seat, expert, centre in self.members),
            *(
                Member(seat, person, centre, is_representative=True)
                for seat, person, centre in self.representatives
            ),
        )


@dataclass(frozen=True)
class Session:
    """A session: its state, and what never changes about it. `report` is the signed report."""

    state: State
    draw_id: str
    kind: ProjectKind
    region: str
    slots: int
    method: Method
    created_at: datetime
    report: DocumentRef | None = None

    @property
    def id(self) -> str:
        return self.state.session_id

    @property
    def lot_id(self) -> str:
        return self.state.lot_id

    @property
    def centre_id(self) -> str:
        return self.state.host

    @property
    def stage(self) -> Stage:
        return self.state.stage

    @property
    def rules(self) -> SessionRules:
        """The rules of the day on which the session was scheduled."""
        return rules_on(self.state.ruled_on, self.state.regime, self.region)
