"""Where somebody may sit: the province's centres, and venues of other provinces by their entries in the
shared directory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlmodel import Session

from archive.errors import Fault
from evaluation.venues import service as venues
from trading.divisions import yunnan
from trading.parties import service as parties
from trading.parties.party import Centre


def names(db: Session) -> Mapping[str, str]:
    """The names of all centres and venues, by id."""
    abroad = {venue.id: venue.name for venue in venues.abroad(db)}
    return abroad | {centre.id: centre.name for centre in parties.centres(db)}


def place(db: Session, centre_id: str) -> Centre:
    """A centre or a venue of another province; NOT_FOUND."""
    found = (venue for venue in venues.centres_abroad(db) if venue.id == centre_id)
    return next(found, None) or parties.centre(db, centre_id)


def is_abroad(division_code: str) -> bool:
    """Whether a place lies in another province."""
    return division_code not in yunnan()


def guest_faults(db: Session, host_id: str, guests: tuple[str, ...], on: date) -> list[Fault]:
    """What is wrong with the guest centres that a lot names: one that there is not, a venue of another
    province without an agreement in force, the host itself."""
    own = {centre.id for centre in parties.centres(db)}
    offered = {v.id for v in venues.abroad(db) if v.is_offered(on, venues.PROVINCE)}
    found = []
    for index, guest in enumerate(guests):
        if guest == host_id:
            found.append(Fault(f"/guests/{index}", "api.flows.guest_is_host"))
        elif guest not in own and guest not in offered:
            found.append(
                Fault(f"/guests/{index}", "api.flows.guest_unknown", {"guest": guest[:40]})
            )
    return found
