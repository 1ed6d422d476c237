"""Seat plans as the centres' staff see them: what was planned, how good it is, who has no seat, and
how the stations of each centre are used. A seat at a centre names neither its project nor its expert
(minimal call, 发改办法规〔2025〕807号); only the host knows which of its own lots still wait."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session

from api.flows.names import PLAN_TASK
from api.flows.places import is_abroad
from api.flows.seating import unseated
from archive import canonical
from archive.actor import Actor, Role
from archive.clock import SHANGHAI
from archive.errors import Faults, Reason
from archive.journal import service as journal
from archive.office import Tx
from archive.tasks.service import enqueue
from archive.vault import Vault
from evaluation.seating import service as seating
from evaluation.seating.booking import CentreSeat
from evaluation.seating.service import PlanLine
from evaluation.stations import service as stations
from evaluation.stations.slots import SLOTS_A_DAY, slots_on
from evaluation.stations.station import Closure, Equipment
from evaluation.venues import service as venues
from experts.draws import service as draws
from experts.draws.request import State
from experts.draws.service import Draw
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot

CONFIRMED = "evaluation:seats:confirmed"
PREFECTURE_DIGITS = 4
AHEAD = timedelta(days=366)
"""No day further away is planned."""


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
class Missing:
    """A committee member without a station, by seat, and why."""

    lot: Lot
    seat: str
    reason: Reason
    plan_id: str
    session_id: str

    @property
    def href(self) -> str:
        """Where the plan says why, and which rules collide."""
        return f"/centre/plans/{self.plan_id}?seat={self.session_id}.{self.seat}#why"


@dataclass(frozen=True)
class CentreLoad:
    """A centre's stations and the seats it gives."""

    id: str
    name: str
    division_code: str
    groups: Mapping[Equipment, int]
    """How many stations of each class."""
    seats: tuple[CentreSeat, ...]
    closed: tuple[Closure, ...] = ()
    """Of its booths, those out of use on the day or the next."""

    @property
    def stations(self) -> int:
        return sum(self.groups.values())

    @property
    def prefecture(self) -> str:
        """Where in the province; nothing for a venue of another."""
        return "" if is_abroad(self.division_code) else self.division_code[:PREFECTURE_DIGITS]


@dataclass(frozen=True)
class DayOfSeats:
    lots: tuple[LotSeats, ...]
    plans: tuple[PlanLine, ...]
    """The newest first."""
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
            assert draw is not None, "a plan serves a draw"
            found = [
                Missing(lot, waiting[e], r, plan.id, draw.id)
                for e, r in reasons.items()
                if e in waiting
            ]
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
        yield seating.plan(db, entry.data["plan"]), reasons


def loads(db: Session, day: date) -> tuple[CentreLoad, ...]:
    """Every centre that has stations, with the seats it gives on a day."""
    sizes: dict[str, Counter[Equipment]] = defaultdict(Counter)
    for group in stations.groups(db):
        sizes[group.centre_id][group.equipment] += group.stations
    slots = slots_on([day])
    closed: dict[str, list[Closure]] = defaultdict(list)
    for closure in stations.closures_in(db, slots[0], slots[-1] + SLOTS_A_DAY + 1):
        closed[closure.centre_id].append(closure)
    seats: dict[str, list[CentreSeat]] = defaultdict(list)
    for seat in seating.seats_in(db, slots[0], slots[-1]):
        shown = CentreSeat(seat.id, seat.equipment, seat.slots, seat.label)
        seats[seat.centre_id].append(shown)
    return tuple(
        CentreLoad(
            centre.id,
            centre.name,
            centre.division_code,
            sizes[centre.id],
            tuple(sorted(seats[centre.id], key=lambda seat: seat.id)),
            tuple(closed[centre.id]),
        )
        for centre in (*parties.centres(db), *venues.centres_abroad(db))
        if sizes[centre.id]
    )


def ask_plan(tx: Tx, actor: Actor, day: date) -> str:
    """Ask for the plan of a day; the id of the task that makes it. INVALID for a day that is over, or
    further away than anything is planned."""
    actor.must_be(Role.STAFF)
    today = tx.now.astimezone(SHANGHAI).date()
    if not today <= day <= today + AHEAD:
        faults = Faults("api.form.invalid")
        faults.add("/day", "api.seats.day", first=today.isoformat(), days=AHEAD.days)
        faults.refuse()
    return enqueue(tx, PLAN_TASK, {"day": day.isoformat()})
