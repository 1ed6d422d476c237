"""What a centre gave to sessions of others and took from them, month by month, with the fees of the
shared directory; and how many of its sessions ran in the big loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from api.flows.changes import lot_of
from api.flows.places import names as names_of_places
from archive.actor import Actor
from evaluation.accounts.account import Account, Use, accounts, loop_permille
from evaluation.seating import service as seating
from evaluation.stations import service as stations
from evaluation.stations.slots import Part, slot_of
from evaluation.venues import service as venues

MONTHS = 12


@dataclass(frozen=True)
class Partner:
    """Another centre, with the seats it got from this one and gave to it."""

    id: str
    name: str
    given: int
    received: int

    @property
    def balance(self) -> int:
        return self.given - self.received


@dataclass(frozen=True)
class GiveAndTake:
    """`months`: the oldest first. `loop_permille`: of the sessions hosted here, those with guest
    seats."""

    months: tuple[Account, ...]
    partners: tuple[Partner, ...]
    sessions: int
    loop_permille: int | None


def first_month(today: date) -> date:
    """The first day of the oldest month shown."""
    month = today.year * 12 + today.month - MONTHS
    return date(month // 12, month % 12 + 1, 1)


def give_and_take(db: Session, actor: Actor, today: date) -> GiveAndTake:
    """The accounts of the actor's centre over twelve months; of the whole province together for an
    account that no centre binds."""
    first, last = slot_of(first_month(today), Part.AM), slot_of(today, Part.NIGHT) + 30
    hosts: dict[str, str] = {}
    uses: list[Use] = []
    loop: set[str] = set()
    for seat in seating.seats_in(db, first, last):
        if seat.session_id not in hosts:
            hosts[seat.session_id] = lot_of(db, seat.session_id).centre_id
        uses.append(Use(hosts[seat.session_id], seat.centre_id, seat.slots))
        if hosts[seat.session_id] != seat.centre_id:
            loop.add(seat.session_id)
    for holding in stations.holdings(db, first, last):
        if holding.partner:  # another province's session sat here under an agreement
            use = Use(holding.partner, holding.group.centre_id, tuple(holding.slots))
            uses += [use] * holding.stations if use.slots else []
    own = actor.centre_id
    mine = [s for s, host in hosts.items() if own in ("", host)]
    found = accounts(uses, venues.fees(db), str if own else lambda _: "")
    return GiveAndTake(
        tuple(each for each in found if each.area == own),
        _partners(uses, own, names_of_places(db)),
        len(mine),
        loop_permille(sum(session in loop for session in mine), len(mine)),
    )


def _partners(uses: list[Use], own: str, names: Mapping[str, str]) -> tuple[Partner, ...]:
    given: Counter[str] = Counter(use.host_id for use in uses if use.guest_id == own)
    taken: Counter[str] = Counter(use.guest_id for use in uses if use.host_id == own)
    if not own:
        given = Counter(use.guest_id for use in uses)
        taken = Counter(use.host_id for use in uses)
    found = [
        Partner(centre, names.get(centre, centre), given[centre], taken[centre])
        for centre in {*given, *taken}
    ]
    return tuple(sorted(found, key=lambda each: (-(each.given + each.received), each.id)))
