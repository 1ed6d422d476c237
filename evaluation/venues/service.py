"""The shared directory at work: published by the centres (发改办法规〔2025〕807号 三), on the record of
the stations, so that everybody can say what was offered when a seat was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Faults
from archive.office import Tx
from evaluation.stations import service as stations
from evaluation.venues import queries, sheet
from evaluation.venues.tables import from_domain
from evaluation.venues.venue import Venue, check
from trading.acting import must_serve
from trading.money import Money
from trading.parties.party import Centre
from trading.spreadsheet import Dry

PROVINCE = "53"


def publish(tx: Tx, actor: Actor, venues: Sequence[Venue], province: str = PROVINCE) -> int:
    """Put entries into the directory, new or instead of the old ones; all or none. Their
    opening hours hold at once for every plan to come. INVALID with all
    faults, FORBIDDEN for another centre's entry."""
    actor.must_be(Role.STAFF, Role.OPERATOR, Role.SYSTEM)
    faults = Faults("evaluation.venue.invalid")
    for index, venue in enumerate(venues):
        check(venue, province, faults, f"/{index}")
    faults.refuse()
    for venue in venues:
        must_serve(actor, venue.id)
    queries.put(tx.db, [from_domain(venue, tx.now, actor.id) for venue in venues])
    stations.set_opening(tx, {venue.id: venue.opening for venue in venues})
    document = tx.vault.put("venues.csv", "text/csv", sheet.write(venues))
    tx.record(
        stations.STREAM, "evaluation:venues:published", actor, {"venues": len(venues)}, (document,)
    )
    return len(venues)


def try_sheet(actor: Actor, content: bytes, province: str = PROVINCE) -> Dry[Venue]:
    """What `publish_sheet` would put in, and every fault by its row. FORBIDDEN as there."""
    dry = sheet.read(content, province)
    for venue in dry.rows:
        must_serve(actor, venue.id)
    return dry


def publish_sheet(tx: Tx, actor: Actor, content: bytes, province: str = PROVINCE) -> int:
    """The same from a table. Refuses INVALID with every fault by its row."""
    dry = sheet.read(content, province)
    dry.refuse("evaluation.venue.invalid")
    return publish(tx, actor, dry.rows, province)


def directory(db: Session) -> tuple[Venue, ...]:
    """All entries, by id."""
    return tuple(row.to_domain() for row in queries.all_rows(db))


def entry(db: Session, venue_id: str) -> Venue | None:
    """One entry."""
    row = queries.row(db, venue_id)
    return row.to_domain() if row else None


def abroad(db: Session, province: str = PROVINCE) -> tuple[Venue, ...]:
    """The entries of other provinces, whatever day their agreement holds."""
    return tuple(venue for venue in directory(db) if venue.province != province)


def centres_abroad(db: Session) -> list[Centre]:
    """The same as centres, as the planner and the pages know those of the own province."""
    return [
        Centre(venue.id, venue.name, venue.division, "", venue.lon, venue.lat)
        for venue in abroad(db)
    ]


def fees(db: Session) -> Mapping[str, Money]:
    """What each venue asks for half a day of one seat."""
    return {venue.id: venue.fee for venue in directory(db)}
