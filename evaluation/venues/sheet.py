"""The directory as a table (`trading.spreadsheet`): one row a venue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evaluation.stations.opening import read_opening
from evaluation.venues.venue import Coverage, Venue, Zone, check
from trading import spreadsheet
from trading.money import Money
from trading.spreadsheet import NO, YES, Cells, Dry

COLUMNS = (
    "id",
    "name",
    "province",
    "stations",
    "opening",
    "overnight",
    "fee",
    "meals",
    "lodging",
    "way",
    "zones",
    "coverages",
    "agreement",
    "agreement_from",
    "agreement_until",
    "division",
    "lon",
    "lat",
)


def read(content: bytes, own_province: str) -> Dry[Venue]:
    """All rows, with all faults; nothing is stored."""
    seen: set[str] = set()

    def row_of(cells: Cells) -> Venue | None:
        venue = _venue(cells)
        if venue is not None:
            check(venue, own_province, cells.faults)
            if venue.id in seen:
                cells.fault("id", "evaluation.venue.twice", venue=venue.id)
            seen.add(venue.id)
        return venue

    return spreadsheet.read(
        content, COLUMNS, row_of, headings=spreadsheet.headings_of(COLUMNS, "evaluation.column")
    )


def _venue(cells: Cells) -> Venue | None:
    """The entry of a row; None where a cell cannot even be read."""
    opening = cells.parsed("opening", read_opening, "evaluation.venue.opening")
    fee = cells.parsed("fee", lambda typed: Money.yuan(typed or "0"), "trading.table.number")
    lon, lat = (
        cells.parsed(name, lambda typed: float(typed or 0), "trading.table.number")
        for name in ("lon", "lat")
    )
    stations, overnight = cells.whole("stations"), cells.is_yes("overnight")
    zones, coverages = cells.codes("zones", Zone), cells.codes("coverages", Coverage)
    first, last = cells.day("agreement_from"), cells.day("agreement_until")
    texts = {
        name: cells.text(name)
        for name in ("id", "name", "province", "meals", "lodging", "way", "agreement", "division")
    }
    if cells.faults or opening is None or fee is None or lon is None or lat is None:
        return None
    return Venue(
        stations=stations,
        opening=opening,
        overnight=overnight,
        fee=fee,
        zones=zones,
        coverages=coverages,
        agreement_from=first,
        agreement_until=last,
        lon=lon,
        lat=lat,
        **texts,
    )


def write(venues: Iterable[Venue]) -> bytes:
    """The same table, one row a venue."""
    return spreadsheet.write(COLUMNS, (_row(venue) for venue in venues))


def _row(venue: Venue) -> Sequence[str]:
    return (
        venue.id,
        venue.name,
        venue.province,
        str(venue.stations),
        venue.opening.text,
        YES if venue.overnight else NO,
        venue.fee.in_yuan(),
        venue.meals,
        venue.lodging,
        venue.way,
        " ".join(zone.value for zone in Zone if zone in venue.zones),
        " ".join(each.value for each in Coverage if each in venue.coverages),
        venue.agreement,
        venue.agreement_from.isoformat() if venue.agreement_from else "",
        venue.agreement_until.isoformat() if venue.agreement_until else "",
        venue.division,
        f"{venue.lon:g}" if venue.division else "",
        f"{venue.lat:g}" if venue.division else "",
    )
