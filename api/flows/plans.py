"""Seat plans as the centres' staff see them: what was planned, how good it is, who has no seat, and
how the stations of each centre are used. A seat at a centre names neither its project nor its expert
(minimal call, 发改办法规〔2025〕807号); only the host knows which of its own lots still wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from api.flows.names import PLAN_TASK
from api.flows.seating import unseated
from archive import canonical
from archive.actor import Actor, Role
from archive.clock import SHANGHAI
from archive.errors import Reason
from archive.journal import service as journal
from archive.office import Tx
from archive.tasks.service import enqueue
from archive.vault import Vault
from evaluation.seating import service as seating
from evaluation.seating.booking import CentreSeat
from evaluation.stations import service as stations
from experts.draws import service as draws
from experts.draws.request import State
from experts.draws.service import Draw
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot

CONFIRMED = "evaluation:seats:confirmed"


@dataclass(frozen=True)
class LotSeats:
    """A lot of the day, and how many of its committee have a station."""

    lot: Lot
    draw: Draw | None
    committee: int
    seated: int

    @property
    def can_be_seated(self) -> bool:
        return self.draw is not None and self.draw.state is State.SEATED


@dataclass(frozen=True)
class PlanLine:
    """A confirmed plan. `objective` and `bound` are the plan's own (`evaluation.seating.plan`): no
    plan costs less than the bound."""

    id: str
    at: datetime
    seats: int
    unseated: int
    objective: int
    bound: int
    method: str

    @property
    def gap_permille(self) -> int:
        """How much more than the bound it costs at most, in thousandths."""
        return (self.objective - self.bound) * 1000 // max(1, self.bound)


@dataclass(frozen=True)
class Missing:
    """A committee member without a station, by seat, and why."""

    lot: Lot
    seat: str
    reason: Reason


@dataclass(frozen=True)
class CentreLoad:
    """A centre's stations and the seats it gives."""

    id: str
    name: str
    division_code: str
    stations: int
    seats: tuple[CentreSeat, ...]


@dataclass(frozen=True)
class DayOfSeats:
    lots: tuple[LotSeats, ...]
    plans: tuple[PlanLine, ...]
    missing: tuple[Missing, ...]


def day_of_seats(db: Session, vault: Vault, actor: Actor, day: date) -> DayOfSeats:
    """The lots of the actor's centre that are reviewed from `day` on, with the plans that serve
    them; of all centres for an account that no centre binds."""
    lots: list[LotSeats] = []
    plans: dict[str, PlanLine] = {}
    missing: list[Missing] = []
    for lot in projects.lots(db, centre_id=actor.centre_id or None):
        if lot.notice is None or lot.notice.evaluation_at.astimezone(SHANGHAI).date() != day:
            continue
        made = draws.draws_of_lot(db, lot.id)
        draw = made[-1] if made else None
        members = len(draws.committee(db, draw.id)) if draw else 0
        waiting = {m.seat: m.seat_code for m in unseated(db, draw.id)} if draw else {}
        lots.append(LotSeats(lot, draw, members, members - len(waiting)))
        for plan, reasons in _plans_of(db, vault, draw):
            plans[plan.id] = plan
            found = [Missing(lot, waiting[e], r) for e, r in reasons.items() if e in waiting]
            missing = [m for m in missing if m.lot.id != lot.id] + sorted(
                found, key=lambda m: m.seat
            )
    newest = sorted(plans.values(), key=lambda plan: (plan.at, plan.id), reverse=True)
    return DayOfSeats(tuple(lots), tuple(newest), tuple(missing))


def _plans_of(
    db: Session, vault: Vault, draw: Draw | None
) -> Iterator[tuple[PlanLine, dict[str, Reason]]]:
    """The plans that gave this committee seats, oldest first, each with those it could not seat."""
    if draw is None:
        return
    for entry in journal.entries(db, f"session/{draw.id}"):
        if entry.action != CONFIRMED:
            continue
        (said,) = journal.entries(db, f"plan/{entry.data['plan']}", 0, 1)
        document = canonical.decode(vault.get(said.documents[0].sha256))
        reasons = {
            one["expert"]: Reason(one["code"], one["params"])
            for one in document["unseated"]
            if one["session"] == draw.id
        }
        data = said.data
        yield (
            PlanLine(
                entry.data["plan"],
                said.at,
                data["seats"],
                data["unseated"],
                data["objective"],
                data["bound"],
                data["method"],
            ),
            reasons,
        )


def loads(db: Session, day: date) -> tuple[CentreLoad, ...]:
    """Every centre that has stations, with the seats it gives on a day."""
    size: Counter[str] = Counter()
    for group in stations.groups(db):
        size[group.centre_id] += group.stations
    return tuple(
        CentreLoad(
            centre.id,
            centre.name,
            centre.division_code,
            size[centre.id],
            seating.seats_at(db, centre.id, [day]),
        )
        for centre in parties.centres(db)
        if size[centre.id]
    )


def ask_plan(tx: Tx, actor: Actor, day: date) -> str:
    """Ask for the plan of a day; the id of the task that makes it."""
    actor.must_be(Role.STAFF)
    return enqueue(tx, PLAN_TASK, {"day": day.isoformat()})
